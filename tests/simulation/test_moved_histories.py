"""Histories of ends and dates that move, go and come back, against the oracle of moved properties.

With ENGINE_MOVED_SEED=any text it tells other histories than those of every day.
"""

import os
from functools import cache
from random import Random

from engine.core.book import RuleBook
from tests.support.examples import so_many
from tests.support.journeys import loaded
from tests.support.moved_oracle import Found, Oracle
from tests.support.moved_shop import DAY, EVENTS, START, Edited, Terms, history, terms
from tests.support.reopened import Reopened

BOOKS, HISTORIES = 12, 6
SEED = os.environ.get("ENGINE_MOVED_SEED", "")
AFTERWARDS = 500 * DAY


def book(made: Terms) -> RuleBook:
    return loaded(made.text, made.policy, EVENTS)


def told(engine: Reopened, oracle: Oracle) -> list[Found]:
    """What the engine has decided, without what was over."""
    found = [
        Found(one.at, one.rule, one.occurrence, one.outcome.value) for one in engine.outcomes if one.rule != "others"
    ]
    return [one for one in found if one.outcome != "expired" or one in oracle.found]


def test_ends_and_dates_that_move_are_announced_as_they_are_known() -> None:
    """72 histories: late, repeated and out of order, with and without lateness; every other one has edits."""
    for number in range(so_many(BOOKS)):
        made, books = terms(Random(f"moved {SEED} {number}")), cache(book)
        for place in range(HISTORIES):
            name = f"moved {SEED} {number} {place}"
            random = Random(name)
            engine, oracle = Reopened(books(made), random, START), Oracle(made, START)
            happened = history(random, made, edits=place % 2 == 1)
            for one in happened:
                if isinstance(one, Edited):
                    engine.adopt(books(one.terms), one.arrives)
                    oracle.adopt(one.terms, one.arrives)
                else:
                    engine.hear(one.event, one.arrives)
                    oracle.hear(one.event, one.arrives)
            end = happened[-1].arrives + AFTERWARDS
            engine.pass_to(end)
            oracle.pass_to(end)
            assert sorted(told(engine, oracle)) == sorted(oracle.found), name
