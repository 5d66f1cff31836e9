"""Outreach leaves the outbox when all that its commit decided is known to be published, and not before."""

from collections.abc import Sequence

import pytest
from hypothesis import given, strategies as st

from engine.adapters.memory import MemoryStore
from engine.ports import OUTREACH, UNLIMITED, Commit, Entry, Meta
from engine.worker.partition import Partition
from engine.worker.relay import Relay
from tests.support.books import Plain, book

Ids = Sequence[str]


class SlowTopic:
    """An OutreachSink that says of one outreach after the other that it is durable, when told to."""

    def __init__(self, there: Ids = ()) -> None:
        self.there = list(there)
        self.under_way: list[str] = []
        self._durable: list[str] = []

    def published(self, partition: int) -> set[str]:
        return set(self.there)

    def publish(self, partition: int, entries: Sequence[Entry]) -> None:
        self.under_way += [entry.id for entry in entries]

    largest = UNLIMITED

    def refused(self, partition: int) -> list[tuple[Entry, str]]:
        return []

    def settle(self, *ids: str) -> None:
        for identity in ids:
            self.under_way.remove(identity)
            self.there.append(identity)
            self._durable.append(identity)

    def delivered(self, partition: int) -> list[str]:
        told, self._durable = self._durable, []
        return told

    def flush(self) -> None:
        self.settle(*list(self.under_way))

    def close(self) -> None:
        pass


class Shop:
    """A partition whose commits are made by hand, and its relay."""

    def __init__(self, store: MemoryStore, topic: SlowTopic) -> None:
        self.store = store
        self.topic = topic
        self.partition = Partition(0, book(), store, Plain())
        self.outbox = self.partition.outbox
        self.relay = Relay(0, store, self.outbox, {OUTREACH: topic})

    def decide(self, *ids: str) -> int:
        """A commit that decides these, and trims what can go."""
        before = self.partition.meta
        after = Meta(seq=before.seq + 1, mark=before.mark)
        entries = [Entry(identity, identity.encode()) for identity in ids]
        holding = self.partition.holding
        commit = Commit(holding.seal, after, outbox=entries, trim=list(self.outbox.done))
        holding.seal, holding.meta = self.store.commit(0, commit), after
        self.outbox.done.clear()
        self.relay.publish(after.seq, entries)
        return after.seq

    def waiting(self) -> dict[int, list[str]]:
        return {seq: [entry.id for entry in entries] for seq, entries in self.store.outbox(0).items()}


@pytest.fixture
def shop() -> Shop:
    return Shop(MemoryStore(), SlowTopic())


def test_a_commit_stays_whole_until_its_last_outreach_is_durable(shop: Shop) -> None:
    first = shop.decide("o-1", "o-2")
    shop.topic.settle("o-2")
    shop.decide()
    shop.decide()
    assert shop.waiting() == {first: ["o-1", "o-2"]}
    shop.topic.settle("o-1")
    shop.relay.collect()
    shop.decide()
    assert shop.waiting() == {}


def test_an_outreach_decided_again_while_it_is_under_way_is_published_once(shop: Shop) -> None:
    shop.decide("o-1", "o-2", "o-1")
    second = shop.decide("o-3", "o-1")
    assert shop.topic.under_way == ["o-1", "o-2", "o-3"]
    shop.topic.settle("o-2", "o-3")
    shop.relay.collect()
    shop.decide()
    assert list(shop.waiting()) == [second]
    shop.relay.finish()
    shop.decide()
    assert shop.waiting() == {}


def test_what_is_on_the_topic_already_is_not_published_again_and_leaves_the_outbox(shop: Shop) -> None:
    shop.decide("o-1", "o-2")
    shop.decide("o-3")
    after_crash = Shop(shop.store, SlowTopic(there=["o-1", "o-3"]))
    assert after_crash.relay.recover() == 1
    assert after_crash.topic.under_way == ["o-2"]
    after_crash.decide()
    assert after_crash.waiting() == {1: ["o-1", "o-2"]}
    after_crash.relay.finish()
    after_crash.decide()
    assert after_crash.waiting() == {}


def test_what_comes_after_many_that_are_missing_is_still_known_to_be_there(shop: Shop) -> None:
    shop.decide("o-1", "o-2", "o-3")
    shop.decide("o-4")
    after_crash = Shop(shop.store, SlowTopic(there=["o-4"]))
    assert after_crash.relay.recover() == 3
    assert after_crash.topic.under_way == ["o-1", "o-2", "o-3"]


@given(st.lists(st.one_of(st.lists(st.sampled_from("abcdef"), max_size=4), st.integers(0, 5)), max_size=30))
def test_whatever_is_not_durable_is_in_the_outbox_and_in_the_end_nothing_is(steps: list[list[str] | int]) -> None:
    shop = Shop(MemoryStore(), SlowTopic())
    for step in steps:
        if isinstance(step, list):
            shop.decide(*step)
        else:
            shop.topic.settle(*shop.topic.under_way[:step])
            shop.relay.collect()
        waiting = {identity for ids in shop.waiting().values() for identity in ids}
        assert set(shop.topic.under_way) <= waiting
    shop.relay.finish()
    shop.decide()
    assert shop.waiting() == {}


def test_every_commit_is_trimmed_once(shop: Shop) -> None:
    for number in range(20):
        shop.decide(*(f"o-{number}-{place}" for place in range(number % 4)))
    shop.relay.finish()
    trimmed = list(shop.outbox.done)
    assert len(trimmed) == len(set(trimmed)) == 15
