"""Segments under allowed lateness against their oracle: kept levels, segments that read others, events in any order."""

from collections.abc import Callable
from random import Random

from engine.testing import Simulator
from tests.support.books import HOUR, START
from tests.support.drive import Customers
from tests.support.examples import so_many
from tests.support.journeys import loaded
from tests.support.late_segments import Arrival, LateOracle, Said, arrivals, late_groups
from tests.support.segment_oracle import book_of, history

BOOKS, HISTORIES = 60, 12
END = START + 90 * HOUR


def sometimes(random: Random) -> Callable[[], bool]:
    return lambda: random.random() < 0.3


def told(customers: Customers) -> list[Said]:
    heard = [(one.event.properties, one) for one in customers.outreach if one.event]
    return [Said(said["segment"], said["old"], said["new"], one.moment, one.at) for said, one in heard]


def heard(random: Random, customers: Customers, oracle: LateOracle, arrived: list[Arrival]) -> None:
    for one in arrived:
        if not one.alone:
            customers.until(one.at)
            oracle.pass_time(one.at)
        customers.tell(one.event)
        oracle.tell(one.event)
    customers.until(END)
    oracle.pass_time(END)


def test_lateness_holds_what_time_alone_does_and_nothing_else() -> None:
    """720 histories: every move, the moment it is of, and when it is told."""
    for number in range(so_many(BOOKS)):
        chosen = Random(f"late {number}")
        made, lateness = late_groups(chosen), chosen.choice((HOUR, 3 * HOUR, 3 * HOUR + 1))
        book = book_of(made, lateness)
        for place in range(HISTORIES):
            name = f"late {number} {place}"
            random = Random(name)
            arrived = arrivals(random, history(random), lateness)
            customers = Customers(book, reload=sometimes(Random(name)), shortly=sometimes(Random(name)))
            oracle = LateOracle(made, lateness)
            heard(random, customers, oracle, arrived)
            assert told(customers) == oracle.moves, name


SEGMENTS = """
segments:
  - {{ id: here, if: 'events.visit.count("2h") >= 1' }}
  - {{ id: tier, levels: {{ low: {low}, high: 'events.buy.count("1h") >= 1' }}{more} }}
rules: [{{ id: r, when: {{ segment: tier, moves: any }}, send: note }}]
"""


def moved(low: str, more: str, *said: str) -> list[str]:
    text = SEGMENTS.format(low=low, more=more)
    there = Simulator(loaded(text, "allowed_lateness: 3h\nfresh_for: off\n"), strict=True)
    for each in said:
        at, type_ = each.split()
        there.event(type_, at)
    there.run("2d")
    return [
        f"{(one.moment - there.start) / HOUR:g}h {one.event.properties['new']}" for one in there.outreach if one.event
    ]


def test_who_has_come_into_a_level_by_an_event_comes_in_once_though_what_the_segment_reads_has_ended_before() -> None:
    assert moved("segments.here", "", "0h visit", "2h30m buy") == ["0h low", "2.5h high", "3.5h none"]


def test_a_level_is_kept_for_what_was_done_when_it_ended_though_newer_events_are_known() -> None:
    told = moved("events.buy.count() >= 99", ", keep: 2h", "0h buy", "2h buy", "4h30m buy")
    assert told == ["0h high", "4h none", "4.5h high", "6.5h none"]


def test_who_comes_in_by_an_event_is_told_at_once_though_time_might_have_changed_something_before() -> None:
    """The visit leaves its window at 2h, which changes nothing: the purchase alone brings the customer in."""
    busy = "events.visit.count('2h') + 2 * events.buy.count('5h') >= 2"
    text = f'segments: [{{ id: busy, if: "{busy}" }}]\nrules: [{{ id: r, when: {{ segment: busy }}, send: note }}]\n'
    there = Simulator(loaded(text, "allowed_lateness: 3h\nfresh_for: off\n"), strict=True)
    there.event("visit", "0h")
    there.event("buy", "2h30m")
    there.run("2d")
    assert [(one.moment - there.start) / HOUR for one in there.outreach] == [2.5]
    assert [(one.at - there.start) / HOUR for one in there.outreach] == [2.5]
