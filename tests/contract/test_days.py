"""Days that pass while nobody runs: whoever opens a partition then fires what became due, each once."""

from itertools import islice

import pytest

from engine.core.triggers.inactivity import Inactivity
from engine.ports import Record, StateStore
from engine.wire.records import decode_outreach
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import DAY, HOUR, START, Plain, book, event, rule

MISSED = book(rule(Inactivity("missed", of=frozenset({"visit"}), after=3 * DAY)))
CUSTOMERS = [f"c-{number}" for number in range(48)]
"""One visits every hour of two days."""


def opened(store: StateStore, page: int = 10) -> Partition:
    return Partition(0, MISSED, store, Plain(), live=True, page=page)


def visits(partition: Partition) -> None:
    """Each in a batch of its own, so that looks are written on many days."""
    for number, customer in enumerate(CUSTOMERS):
        at = START + number * HOUR
        record = Record("events", 0, number + 1, None, timestamp=at)
        list(partition.process([Arrival(record, at, event("visit", at, customer=customer))], at))


def fired(store: StateStore) -> list[tuple[str, int]]:
    """(customer, moment) of all outreach, in the order of decision."""
    entries = [entry for entries in store.outbox(0).values() for entry in entries]
    return [(one.customer, one.moment) for one in (decode_outreach(entry.value) for entry in entries)]


@pytest.mark.parametrize("days", [4, 9, 40])
def test_everybody_who_became_due_is_told_once_and_at_their_moment(store: StateStore, days: int) -> None:
    visits(opened(store))
    clock = START + days * DAY
    for _ in range(2):  # the second finds nothing to do
        partition = opened(store)
        list(partition.advance(clock, clock))
    due = [(customer, START + number * HOUR + 3 * DAY) for number, customer in enumerate(CUSTOMERS)]
    assert fired(store) == [one for one in due if one[1] <= clock]
    assert min(store.days(0), default=clock // DAY) >= clock // DAY


def test_who_is_due_still_later_is_found_by_the_owner_after_the_next_one(store: StateStore) -> None:
    visits(opened(store))
    for day in (1, 4, 4, 30):
        clock = START + day * DAY
        list(opened(store).advance(clock, clock))
    assert [customer for customer, _ in fired(store)] == CUSTOMERS


def test_an_owner_that_ends_in_the_middle_of_what_was_due_leaves_the_rest_to_the_next(store: StateStore) -> None:
    visits(opened(store))
    clock = START + 20 * DAY
    for pages in range(1, 4):  # each comes by the looks first that those before it had
        list(islice(results(opened(store).advance(clock, clock)), pages))
    assert [customer for customer, _ in fired(store)] == CUSTOMERS[:30]
    list(opened(store).advance(clock, clock))
    assert [customer for customer, _ in fired(store)] == CUSTOMERS
