"""A plan says what a change of points does to the customers who have some."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.adapters.memory import MemoryStore
from engine.core.book import RuleBook
from engine.model import Event
from engine.plan.build import Plan
from engine.plan.classify import Kind, point_changes
from engine.plan.live import Side
from engine.plan.report import tables
from engine.ports import Record
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import DAY, START, Plain
from tests.support.plans import plan_of
from tests.support.points_shop import PLAIN, buy, shop, take

PLAIN_NOTE = "{% block subject %}Hello{% endblock %}{% block text %}Dear customer{% endblock %}\n"


def lived(book: RuleBook, events: Sequence[Event], until: int) -> MemoryStore:
    store = MemoryStore()
    partition = Partition(0, book, store, Plain())
    arrivals = [Arrival(Record("e", 0, place + 1, None), one.time, one) for place, one in enumerate(events)]
    for _ in (*results(partition.process(arrivals)), *results(partition.advance(until))):
        pass
    return store


def planned(store: MemoryStore, old: RuleBook, new: RuleBook) -> Plan:
    sides = [Side(each, Plain(), {}) for each in (old, new)]
    return plan_of(store, sides[0], sides[1])


def test_a_shorter_expiry_says_how_many_points_end_sooner(tmp_path: Path) -> None:
    old, new = shop(tmp_path / "a", PLAIN), shop(tmp_path / "b", PLAIN.replace("365d", "100d"))
    events = [buy(0, 50), buy(1, 30, customer="c-2"), take(2, 20), buy(300, 7, customer="c-3")]
    plan = planned(lived(old, events, START + 310 * DAY), old, new)
    assert plan.sum_of("points_sooner").new == plan.sum_of("points_sooner.stars").new == 7
    assert [(one.rule, one.kind) for one in plan.points] == [("stars", Kind.REARMS)]
    assert any(row[0] == "points that end sooner" for table in tables(plan) for row in table.rows)
    assert planned(lived(new, events, START + 310 * DAY), new, old).sum_of("points_sooner").new == 0


@pytest.mark.parametrize(
    ("points", "kinds"),
    [
        (PLAIN, []),
        (PLAIN.replace("- id: stars", "- id: stars\n    why: Because."), []),
        (PLAIN.replace("points: 10", "points: 11"), [("stars", Kind.GUARD)]),
        (PLAIN.replace("within: 90d", "within: 91d"), [("stars", Kind.GUARD)]),
        (PLAIN.replace("after: 365d", "after: 366d"), [("stars", Kind.REARMS)]),
        (PLAIN.replace("id: stars", "id: coins"), [("coins", Kind.NEW), ("stars", Kind.REMOVED)]),
        (PLAIN.replace("id: stars", "id: coins\n    was: [stars]"), []),
    ],
)
def test_a_change_of_points_is_what_it_does(tmp_path: Path, points: str, kinds: list[tuple[str, Kind]]) -> None:
    old = shop(tmp_path / "a", PLAIN, note=PLAIN_NOTE)
    new = shop(tmp_path / "b", points, note=PLAIN_NOTE)
    assert [(one.rule, one.kind) for one in point_changes(old, new)] == kinds
