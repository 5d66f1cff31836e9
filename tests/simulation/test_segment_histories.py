"""Whole histories of segments against the oracle: every move, its instant and its order, to the millisecond."""

from collections.abc import Callable
from random import Random

import pytest

from engine.core.scope import level_of, segment_time
from tests.support.books import HOUR, START
from tests.support.drive import Customers
from tests.support.examples import so_many
from tests.support.segment_oracle import Group, Move, Oracle, book_of, groups, history

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
            customers, oracle = Customers(book, reload=sometimes(random)), Oracle(made)
            for event in told:
                customers.tell(event)
                oracle.tell(event)
            customers.until(END)
            oracle.pass_time(END)
            agree(customers, oracle, made, f"part {part}, book {number}, history {seed}")
