"""Histories of customers who make events for each other, back and forth, against the oracle of chains.

With ENGINE_CHAIN_SEED=any text it tells other histories than those of every day.
"""

import os
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from random import Random

import msgspec

from engine.ports import OUTREACH, Entry
from tests.support import town
from tests.support.chain_oracle import Found, Made, Oracle
from tests.support.chain_rules import Terms, history, terms
from tests.support.examples import so_many
from tests.support.oracle import instant
from tests.support.town_rules import HALF, START

BOOKS, HISTORIES = 12, 4
SEED = os.environ.get("ENGINE_CHAIN_SEED", "")
AFTERWARDS = 600


def moment(at: int) -> Fraction:
    return Fraction(at - START, HALF)


class Chain(town.Town):
    """`made`: every event for another customer, once."""

    def __init__(self, projects: town.Projects, made: Terms, random: Random) -> None:
        self.made: list[Made] = []
        super().__init__(projects, made, random)

    def _receive(self, entry: Entry) -> None:
        if entry.destination != OUTREACH:
            said = msgspec.json.decode(entry.value)
            self.made.append(Made(said["customer"], said["type"], moment(instant(said["time"])), said["properties"]))
        super()._receive(entry)

    @property
    def decisions(self) -> list[Found]:
        return [Found(moment(one.at), one.customer, one.rule, one.outcome.value) for one in self.outcomes]


def test_what_customers_make_for_each_other_comes_and_comes_back_once(tmp_path: Path) -> None:
    """48 histories of three customers: everything twice, late, with and without lateness, with erasures in between."""
    for number in range(so_many(BOOKS)):
        random = Random(f"chains {SEED} {number}")
        made = terms(random)
        shop = cache(partial(town.project, tmp_path / str(number)))
        for place in range(HISTORIES):
            name = f"chains {SEED} {number} {place}"
            chosen = Random(name)
            engine, oracle = Chain(shop, made, chosen), Oracle(made)
            end = AFTERWARDS
            for one in history(chosen):
                engine.happen(one)
                oracle.happen(one)
                end = int(one.arrives) + AFTERWARDS
            engine.pass_to(START + end * HALF)
            oracle.pass_to(end)
            assert sorted(engine.decisions) == sorted(oracle.found), name
            assert sorted(engine.made, key=str) == sorted(oracle.made, key=str), name
            assert sorted(engine.lost) == sorted((one, "unknown-customer") for one in oracle.lost), name
