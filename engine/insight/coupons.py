"""Looks up issued coupons in archives, for `engine coupons verify`.

Outcomes name what they have issued. What a worker decided that was killed before its commit is decided again: then the
archive has the outcome twice, with two codes if the secret was changed in between, and the later one is what counts.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from engine.insight.archive.reading import open_tables

_LOOK_ALIKE: Final = str.maketrans("018", "OIB", " -_")
"""Characters that no drawn part has, and customers type; and those that they leave out."""
_ISSUED: Final = """
    WITH issued AS (
        SELECT *, json_extract_string(coupons, '$.' || coupon || '.code') AS code,
            json_extract_string(coupons, '$.' || coupon || '.valid_until')::TIMESTAMPTZ AS valid_until
        FROM (SELECT *, unnest(json_keys(coupons)) AS coupon FROM outcomes WHERE coupons IS NOT NULL)
        QUALIFY 1 = row_number() OVER (
            PARTITION BY customer, outreach, coupon ORDER BY decided_at DESC, topic_offset DESC
        )
    )
    SELECT code, coupon, customer, rule, coalesce(step, ''), outreach, epoch_ms(decided_at), epoch_ms(valid_until)
    FROM issued WHERE translate(upper(code), '018 -_', 'OIB') = ? ORDER BY decided_at
"""


class Issued(NamedTuple):
    """A coupon that a customer has got. Instants in epoch ms."""

    code: str
    coupon: str
    customer: str
    rule: str
    step: str
    outreach: str
    at: int
    valid_until: int


class FoundCode(NamedTuple):
    """`until`: the newest decision of the archives, epoch ms; 0: they have none."""

    issued: list[Issued]
    until: int


def find_code(folders: Sequence[Path], code: str) -> FoundCode:
    """Who has got this code, the oldest first: more than one only by a chance that docs/coupons.md puts into numbers.

    Raises ArchiveBroken.
    """
    with open_tables(folders) as connection:
        rows = connection.execute(_ISSUED, [code.upper().translate(_LOOK_ALIKE)]).fetchall()
        newest = connection.execute("SELECT coalesce(epoch_ms(max(decided_at)), 0) FROM outcomes").fetchone()
    return FoundCode([Issued(*row) for row in rows], newest[0] if newest else 0)
