"""Histories of a town against its oracle: referrals, cancelled orders, refunds, tiers, guests, erasures, edits.

With ENGINE_TOWN_SEED=any text it tells other histories than those of every day.
"""

import os
from collections import defaultdict
from functools import cache
from pathlib import Path
from random import Random

import pytest

from engine.testing.project import Project
from tests.support import town
from tests.support.examples import so_many
from tests.support.town_facts import Found, ms
from tests.support.town_oracle import Town
from tests.support.town_rules import Terms, history, terms

BOOKS, HISTORIES = 20, 12
SEED = os.environ.get("ENGINE_TOWN_SEED", "")
AFTERWARDS = 300
CHANGES = {0: "edits", 3: "roll-out"}
"""Of every sixth history."""


def told(found: list[Found]) -> list[Found]:
    """In order, and without the codes of coupons."""
    return sorted(one._replace(coupon=one.coupon and (one.coupon[0], "")) for one in found)


def but(unsaid: set[tuple[str, str]], found: list[Found]) -> list[Found]:
    """Without what the documents leave open."""
    return [one for one in found if (one.rule, one.customer) not in unsaid]


def written(folder: Path) -> town.Projects:
    """Compiles each book once."""

    @cache
    def project(made: Terms) -> Project:
        return town.project(folder / str(project.cache_info().currsize), made)

    return project


def runs_of_codes(engine: list[Found], oracle: list[Found]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """The runs that showed a code, and the codes of a run. A message is known by all but its code."""
    shown: dict[Found, list[str]] = defaultdict(list)
    for one in oracle:
        if one.coupon:
            shown[told([one])[0]].append(one.coupon[1])
    runs, codes = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for one in engine:
        of = shown[told([one])[0]] if one.coupon else []
        if one.coupon and len(of) == 1:  # else two runs show a code at one moment
            runs[one.coupon[1]].add(f"{one.customer} {of[0]}")
            codes[f"{one.customer} {of[0]}"].add(one.coupon[1])
    return runs, codes


@pytest.mark.parametrize("part", range(2))
def test_a_town_comes_out_as_the_documents_say(tmp_path: Path, part: int, capsys: pytest.CaptureFixture[str]) -> None:
    """480 histories of four customers each: everything twice, some late, with and without lateness, and processes that
    die before commits, or after them without their answer.

    The rules of every sixth are edited, and of another sixth tried with some customers first.
    """
    compared = decisions = 0
    for number in range(so_many(BOOKS)):
        random = Random(f"town {SEED} {part} {number}")
        made = terms(random)
        projects = written(tmp_path / str(number))
        for place in range(HISTORIES):
            name = f"town {SEED} {part} {number} {place}"
            chosen = Random(name)
            engine = town.Town(projects, made, chosen)
            oracle = Town(made, engine.has_new)
            for one in history(chosen, made, CHANGES.get(place % 6, "")):
                engine.happen(one)
                oracle.happen(one)
            end = oracle.now + AFTERWARDS
            engine.pass_to(ms(end))
            oracle.pass_to(end)
            assert told(but(oracle.unsaid, engine.found)) == told(but(oracle.unsaid, oracle.found)), name
            assert sorted(engine.lost) == sorted(oracle.lost), name
            runs, codes = runs_of_codes(engine.found, oracle.found)
            assert all(len(each) == 1 for each in (*runs.values(), *codes.values())), name
            compared, decisions = compared + 1, decisions + len(oracle.found)
    with capsys.disabled():
        print(f"\ncompared {compared} histories with {decisions:,} decisions")
