"""Whole histories of segments against the oracle: every move, its instant and its order, to the millisecond."""

from collections.abc import Callable
from itertools import pairwise
from random import Random

import pytest

from engine.core.book import RuleBook
from engine.core.scope import level_of, segment_time
from engine.core.segments.model import MOVE_TYPES
from engine.core.state.codec import encode_state
from engine.model import Event
from tests.support.books import DAY, HOUR, START
from tests.support.drive import Customers, through_crashes
from tests.support.examples import so_many
from tests.support.segment_oracle import Asked, Group, Move, Oracle, book_of, groups, history

BOOKS, HISTORIES = 60, 35
END = START + 75 * HOUR


def moves(customers: Customers) -> list[Move]:
    """What the rules heard of."""
    told = [(one.event.properties, one.moment) for one in customers.outreach if one.event]
    return [(said["segment"], said["old"], said["new"], at) for said, at in told]


def sometimes(random: Random) -> Callable[[], bool]:
    return lambda: random.random() < 0.3


def agree(customers: Customers, oracle: Oracle, made: list[Group], seed: str) -> None:
    assert moves(customers) == oracle.moves, seed
    state = customers.states["c-1"]
    for group in made:
        names = ("none", *(name for name, _ in group.levels))
        assert level_of(state, group.id) == names[oracle.at[group.id].rank], seed
        if group.keep:
            assert (segment_time(state, group.id, "kept_until") or 0) == oracle.at[group.id].kept, seed


@pytest.mark.parametrize("part", range(10))
def test_customers_move_exactly_when_their_histories_say(part: int) -> None:
    """21,000 histories, with segments that nobody chose."""
    for number in range(so_many(BOOKS)):
        chosen = Random(f"segments {part} {number}")
        made = groups(chosen)
        book = book_of(made)
        for _ in range(HISTORIES):
            seed = chosen.random()
            random = Random(seed)
            told = history(random)
            customers = Customers(book, reload=sometimes(random), shortly=sometimes(random))
            oracle = Oracle(made)
            for event in told:
                customers.tell(event)
                oracle.tell(event)
            customers.until(END)
            oracle.pass_time(END)
            agree(customers, oracle, made, f"part {part}, book {number}, history {seed}")


def test_batches_crashes_and_reloads_change_no_move() -> None:
    """Through a partition and its store, which dies before and after commits."""
    for number in range(so_many(120)):
        random = Random(f"partition {number}")
        made = groups(random)
        told, book = history(random), book_of(made)
        customers = Customers(book)
        for event in told:
            customers.tell(event)
        fired = through_crashes(random, book, told, END, cache_size=1)
        assert fired == customers.until(END).fired, f"partition {number}"


def test_moves_that_nothing_hears_are_counted_as_others_are() -> None:
    """Whatever way an event takes: the same states, byte by byte, whether an event is made of every move or of none."""
    for number in range(so_many(300)):
        random = Random(f"unheard {number}")
        made = groups(random)
        heard = book_of(made, random.choice((0, 3 * HOUR)))
        book = RuleBook((), heard.catalog, heard.policy, segments=tuple(heard.segments.values()))
        assert book.eventless == book.segments.keys()
        told, new = history(random), random.random() < 0.3
        ways = [Customers(one, shortly=way) for one in (book, book.telling()) for way in (always, sometimes(random))]
        books = [way.book for way in ways]
        oracle = Oracle(made)
        for place, event in enumerate(told):
            oracle.tell(event)
            if new and place in (0, len(told) // 2):  # the segments come when half has happened
                for way, own in zip(ways, books, strict=True):
                    way.meet(own if place else RuleBook((), heard.catalog, heard.policy))
            states = {encode_state(way.tell(event).states["c-1"]) for way in ways}
            assert len(states) == 1, f"unheard {number}"
        oracle.pass_time(END)
        state, *others = [way.until(END).states["c-1"] for way in ways]
        assert all(encode_state(other) == encode_state(state) for other in others), f"unheard {number}"
        if not (book.policy.allowed_lateness or new):
            counted = sum(state.events[type_].count for type_ in MOVE_TYPES if type_ in state.events)
            assert counted == len(oracle.moves), f"unheard {number}"


def always() -> bool:
    return True


ONE_WINDOW = Group("s0", [("in", Asked('events.visit.count("5h") >= 1', bool))], plain=True)
LATENESS = 3 * HOUR


def leavings(visits: list[int], away: int) -> list[int]:
    """When a customer with these visits leaves, counting only absences of at least that long."""
    moments = sorted(visits)
    found = [before + 5 * HOUR for before, after in pairwise(moments) if after - before >= 5 * HOUR + away]
    return [*found, moments[-1] + 5 * HOUR]


def test_disorder_within_the_allowed_lateness_tells_no_move_that_whole_histories_do_not_have() -> None:
    """Nor is one left out, but of customers who were back within the lateness."""
    book = book_of([ONE_WINDOW], LATENESS)
    for number in range(so_many(400)):
        random = Random(f"late {number}")
        visits = [START + random.randint(0, 60) * HOUR for _ in range(random.randint(1, 8))]
        delayed = [(at + random.randint(0, 2) * HOUR, at) for at in visits]
        customers = Customers(book, reload=sometimes(random))
        customers.tell(*(Event(f"e{place}", "visit", "c-1", at) for place, (_, at) in enumerate(sorted(delayed))))
        told = [(new, at) for _, _, new, at in moves(customers.until(END))]
        left = [at for new, at in told if new == "none"]
        assert set(leavings(visits, LATENESS)) <= set(left) <= set(leavings(visits, 0)), f"late {number}"
        assert [new for new, _ in told] == ["in", "none"] * len(left), f"late {number}"


def test_a_late_event_moves_nobody_at_a_moment_that_is_over() -> None:
    """Without `keep`: nobody was out at 4, as nobody knew of that visit."""
    book = book_of([Group("s0", [("in", Asked('events.visit.count("5h") == 2', bool))], plain=True)], LATENESS)
    hours = (("visit", 0), ("visit", 1), ("person", 6), ("visit", 4))
    told = [Event(f"e{at}", type_, "c-1", START + at * HOUR) for type_, at in hours]
    there = Customers(book).tell(*told).until(END)
    assert [(new, (at - START) // HOUR) for _, _, new, at in moves(there)] == [("in", 1), ("none", 6)]


LOST = 2419
"""A history in which a level was lost as lateness held a look at the very event that had renewed it."""


def test_disorder_within_the_allowed_lateness_takes_no_kept_level_sooner_than_whole_histories_do() -> None:
    """Nor later than by the lateness, for customers who came in at the same moments."""
    compared = 0
    for number in (*range(so_many(200)), LOST):
        random = Random(f"kept {number}")
        visits = sorted(START + random.randint(0, 3600) * HOUR // 60 for _ in range(random.randint(1, 8)))
        told = [Event(f"e{place}", "visit", "c-1", at + place) for place, at in enumerate(visits)]
        delayed = sorted(told, key=lambda one: one.time + random.randint(0, 3) * (HOUR - 1))
        levels = [("low", Asked('events.visit.count("5h") >= 1', bool))]
        levels += [("high", Asked('events.visit.count("7h") >= 2', bool))] if random.random() < 0.5 else []
        group = Group("s0", levels, plain=False, keep=random.choice((3, 9, 14)) * HOUR)
        whole = moves(Customers(book_of([group])).tell(*told).until(END + DAY))
        late = Customers(book_of([group], LATENESS), reload=sometimes(random)).tell(*delayed)
        found = moves(late.until(END + DAY))
        if ups(whole) == ups(found):
            compared += 1
            assert [one[:3] for one in found] == [one[:3] for one in whole], f"kept {number}"
            delays = [one[3] - wanted[3] for one, wanted in zip(found, whole, strict=True)]
            assert all(0 <= delay <= LATENESS for delay in delays), f"kept {number}"
    assert compared > so_many(200) // 3


def ups(told: list[Move]) -> list[Move]:
    heights = ("none", "low", "high")
    return [one for one in told if heights.index(one[2]) > heights.index(one[1])]
