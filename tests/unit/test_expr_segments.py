"""Segments and `now` in expressions: what they give, and what is wrong with some of them."""

import pytest

from engine.core.catalog import Catalog, SegmentForm
from engine.core.expr import compile_expression
from engine.core.scope import Scope
from engine.core.state.model import IN, Membership, State
from tests.support.expressions import CATALOG, DAY, NOON

SHOP = Catalog(
    events=CATALOG.events,
    profile=CATALOG.profile,
    segments={
        "active": SegmentForm(),
        "tier": SegmentForm(("silver", "gold", "black"), True),
        "rank": SegmentForm(("a",)),
    },
)
LIES_IN_GOLD = State(
    segments={
        "active": Membership(IN, NOON - DAY, moves=1),
        "tier": Membership("gold", NOON - 2 * DAY, next="silver", kept=NOON + DAY),
    },
    profile={"trial_ends_at": NOON + DAY},
)


def value(text: str, state: State = LIES_IN_GOLD) -> object:
    compiled, problems = compile_expression(text, SHOP, frozenset(), value=True)
    assert compiled, problems
    return compiled.test(Scope(state, None, NOON))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("segments.active", True),
        ("not segments.active", False),
        ("segments.tier", "gold"),
        ("segments.tier.next", "silver"),
        ("segments.rank", "none"),
        ("segments.tier >= 'silver'", True),
        ("segments.tier > 'gold'", False),
        ("'black' > segments.tier", True),
        ("segments.tier == 'gold' and segments.tier != 'none'", True),
        ("segments.tier.next < segments.tier", True),
        ("segments.tier in ['gold', 'none']", True),
        ("segments.rank == 'none'", True),
        ("segments.tier.since < now", True),
        ("segments.tier.kept_until > now", True),
        ("segments.rank.since < now", False),
        ("segments.rank.since == null", True),
        ("profile.trial_ends_at > now", True),
        ("now >= '2026-01-01'", True),
        ("now == '2026-01-01T12:00:00Z'", True),
    ],
)
def test_where_a_customer_stands_can_be_asked(text: str, expected: object) -> None:
    assert value(text) == expected


def test_a_customer_of_whom_nothing_is_known_is_outside() -> None:
    assert [
        value(text, State()) for text in ("segments.active", "segments.tier", "segments.tier.kept_until == null")
    ] == [
        False,
        "none",
        True,
    ]


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("segments.lively", "unknown-segment", "lively"),
        ("segments", "unknown-segment", "segments"),
        ("segments.tier", "level-alone", "segments.tier"),
        ("segments.active or segments.tier.next", "level-alone", "segments.tier.next"),
        ("segments.tier == 'bronze'", "unknown-level", "'bronze'"),
        ("segments.tier in ['bronze']", "unknown-level", "'bronze'"),
        ("segments.tier == profile.country", "type-mismatch", "profile.country"),
        ("segments.tier > segments.rank", "type-mismatch", "segments.tier > segments.rank"),
        ("segments.active > 'in'", "type-mismatch", "segments.active > 'in'"),
        ("segments.rank.next == 'a'", "unknown-property", "next"),
        ("segments.active.kept_until < now", "unknown-property", "kept_until"),
        ("segments.tier.height > 1", "unknown-property", "height"),
        ("segments.tier.since.year > 1", "unknown-property", "year"),
        ("now", "type-mismatch", "now"),
        ("now.hour > 3", "unknown-property", "hour"),
        ("now > 3", "type-mismatch", "now > 3"),
        ("now in profile.tags", "type-mismatch", "now"),
        ("now - segments.tier.since > 3", "type-mismatch", "now"),
    ],
)
def test_what_cannot_be_asked_is_pointed_at(text: str, code: str, part: str) -> None:
    compiled, problems = compile_expression(text, SHOP, frozenset())
    problem = problems[0]
    assert compiled is None
    assert (problem.code, text[problem.offset : problem.offset + problem.length]) == (code, part)
