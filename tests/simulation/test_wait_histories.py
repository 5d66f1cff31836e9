"""Histories of journeys that read points and wait for them, and for clicks, against the oracle.

With ENGINE_WAITS_SEED=any text it tells other histories than those of every day.
"""

import os
from functools import cache
from random import Random

from engine.core.book import RuleBook
from engine.model import Event
from tests.support.examples import so_many
from tests.support.journeys import loaded
from tests.support.reopened import Reopened
from tests.support.town_rules import HALF, START
from tests.support.waits_oracle import Found, Oracle
from tests.support.waits_shop import EVENTS, Terms, Told, history, terms

BOOKS, HISTORIES = 12, 6
SEED = os.environ.get("ENGINE_WAITS_SEED", "")
AFTERWARDS = 200
ENDINGS = ("completed", "exited", "goal_reached")


def book(made: Terms) -> RuleBook:
    return loaded(made.text, made.policy, EVENTS)


def event(one: Told, engine: Reopened, oracle: Oracle) -> Event:
    """A click has the id of the message that it is in."""
    properties = one.properties
    if one.type == "outreach_clicked":
        about = oracle.clicked(one)
        ids = [each.outreach for each in engine.outcomes if each.outreach and (each.occurrence, each.step) == about]
        properties = {"outreach": ids[0] if ids else "of another rule"}
    return Event(one.id, one.type, "c-1", one.time, properties)


def told(engine: Reopened) -> list[Found]:
    """What the engine has decided, without goals that are reached after the run."""
    found, over = list[Found](), set[str]()
    for one in engine.outcomes:
        at, rest = divmod(one.at - START, HALF)
        assert rest == 0, one
        is_end = one.outcome.value in ENDINGS
        if not (is_end and one.occurrence in over):
            found.append(Found(at, one.occurrence, "" if is_end else one.step, one.outcome.value))
        over |= {one.occurrence} if is_end else set()
    return found


def test_journeys_go_on_as_points_come_and_go() -> None:
    """72 histories of points that end, are spent and given back while journeys wait: late, and with lateness."""
    for number in range(so_many(BOOKS)):
        made, books = terms(Random(f"waits {SEED} {number}")), cache(book)
        for place in range(HISTORIES):
            name = f"waits {SEED} {number} {place}"
            random = Random(name)
            engine, oracle = Reopened(books(made), random, START), Oracle(made)
            for one in history(random):
                engine.pass_to(START + one.arrives * HALF)
                oracle.pass_to(one.arrives)
                engine.hear(event(one, engine, oracle), START + one.arrives * HALF)
                oracle.hear(one)
            end = oracle.now + AFTERWARDS
            engine.pass_to(START + end * HALF)
            oracle.pass_to(end)
            assert sorted(told(engine)) == sorted(oracle.found), name
