"""Histories of a shop's messages against the oracle of guards: nights, caps, consent, experiments, zones, edits.

With ENGINE_GUARD_SEED=any text it tells other histories than those of every day.
"""

import os
from collections.abc import Callable
from functools import cache
from random import Random

from engine.core.book import RuleBook
from tests.support.examples import so_many
from tests.support.guard_oracle import Found, Oracle
from tests.support.guard_shop import DAY, EVENTS, Drawn, Edited, Terms, Told, history
from tests.support.journeys import loaded
from tests.support.reopened import Reopened

BOOKS, HISTORIES = 18, 12
SEED = os.environ.get("ENGINE_GUARD_SEED", "")
AFTERWARDS = 20 * DAY


def test_guards_stop_and_hold_what_the_documents_say() -> None:
    """216 histories, everything twice, some late. Every other one has edits of the rules, every third an outage."""
    for number in range(so_many(BOOKS)):
        drawn = Drawn(Random(f"guards {SEED} {number}"))
        made, books = drawn.terms(), cache(book)
        for place in range(HISTORIES):
            name = f"guards {SEED} {number} {place}"
            chosen = drawn.random = Random(name)
            happened = history(chosen, drawn, made, edits=place % 2 == 1, outage=place % 3 == 2)
            engine, oracle = told(happened, made, books, chosen, live=place % 3 == 2)
            assert sorted(found(engine)) == sorted(oracle.found), name


def book(terms: Terms) -> RuleBook:
    return loaded(terms.text, terms.policy, EVENTS)


def told(
    happened: list[Told | Edited], made: Terms, books: Callable[[Terms], RuleBook], random: Random, *, live: bool
) -> tuple[Reopened, Oracle]:
    events = [one.event for one in happened if isinstance(one, Told)]
    start = min(event.time for event in events) - DAY
    engine, oracle = Reopened(books(made), random, start, live), Oracle(made, events[0].customer, start)
    for one in happened:
        if isinstance(one, Told):
            engine.hear(one.event, one.arrives, one.wall)
            oracle.hear(one.event, one.arrives, one.wall)
        else:
            engine.adopt(books(one.terms), one.arrives)
            oracle.adopt(one.terms, one.arrives)
    engine.pass_to(happened[-1].arrives + AFTERWARDS)
    oracle.pass_to(happened[-1].arrives + AFTERWARDS)
    return engine, oracle


def found(engine: Reopened) -> list[Found]:
    return [
        Found(one.at, one.rule, one.occurrence, one.outcome.value, "".join(one.exposed.values()))
        for one in engine.outcomes
    ]
