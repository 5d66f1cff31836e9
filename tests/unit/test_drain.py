"""In which order a reshard reads what workers have left in several partitions."""

import random
from collections.abc import Iterable, Iterator, Mapping
from copy import copy

import pytest

from engine.adapters.memory import MemoryRecords, MemorySink, MemoryStore
from engine.core.book import RuleBook
from engine.core.catalog import Catalog, EventType, Source
from engine.core.policy import Policy
from engine.operate.drain import Drain, in_order_of_arrival
from engine.operate.positions import positions
from engine.ports import Place, Record
from engine.wire.decode import Decoder
from engine.wire.partitioner import murmur2_partition
from engine.worker.context import Rules, WorkerContext
from engine.worker.values import read_value, state_of
from tests.support.books import Plain
from tests.support.drive import Crash, CrashingStore

NOW = 1_767_225_600_000
BEFORE = 3
"""Partitions of the store."""
Log = dict[Place, list[int]]
"""When each record arrived, by place; 0: the marker of a transaction, which nobody is given."""


class Topics:
    """A TopicReader of records that hold nothing."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.most = 0
        """Records of the largest answer."""

    def read(self, spans: Mapping[Place, tuple[int, int]]) -> Iterator[Record]:
        found = [
            Record(topic, number, offset + 1, None, None, self.log[topic, number][offset])
            for (topic, number), (start, end) in spans.items()
            for offset in range(start, end)
            if self.log[topic, number][offset]
        ]
        self.most = max(self.most, len(found))
        return iter(found)

    def bounds(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        return {place: (0, len(self.log[place])) for place in places}

    def since(self, places: Iterable[Place], moment: int) -> dict[Place, int]:
        return {place: next((n for n, at in enumerate(self.log[place]) if at >= moment), 0) for place in places}

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("read_ahead", [1, 4, 40, 1_000])
@pytest.mark.parametrize("seed", range(5))
def test_what_came_first_counts_first_however_little_is_read_ahead(seed: int, read_ahead: int) -> None:
    chance = random.Random(seed)
    log: Log = {
        (topic, number): sorted(chance.randrange(1, 500) for _ in range(chance.randrange(80)))
        for topic in ("shop", "web")
        for number in range(4)
    }
    topics = Topics(log)
    spans = {place: (min(3, end), end) for place, (_, end) in topics.bounds(log).items()}
    found = list(in_order_of_arrival(topics, spans, read_ahead))
    assert [one.timestamp for one in found] == sorted(at for times in log.values() for at in times[3:])
    assert topics.most <= max(read_ahead, len(log))


def test_the_markers_of_transactions_hold_nobody_up() -> None:
    topics = Topics({("shop", 0): [0, 0, 0, 7, 0], ("shop", 1): [5, 9]})
    found = in_order_of_arrival(topics, topics.bounds(topics.log), 2)
    assert [one.timestamp for one in found] == [5, 7, 9]


def test_a_drain_that_dies_after_any_commit_is_finished_by_the_next() -> None:
    """Three partitions have become four or five. Each event counts once, and all have read the same in the end."""
    keys = [f"c-{number}" for number in range(20)]
    for grown in (4, 5):
        log = logged(keys, grown)
        for at in range(1, 200):
            store = CrashingStore()
            drain(store, {place: some[:5] for place, some in log.items() if place[1] < BEFORE}, BEFORE)  # as workers do
            store.crashes.extend([*[""] * at, "before" if at % 2 else "after"])
            died = False
            try:
                drain(store, log, grown)
            except Crash:
                died = True
                drain(store, log, grown)
            assert counted(store) == dict.fromkeys(keys, 4)
            ends = {(topic, number): len(values) for (topic, number), values in log.items()}
            metas = [store.meta(number) for number in range(BEFORE)]
            assert all(positions(metas, *place) == {end} for place, end in ends.items())
            if not died:
                break
        assert at > 10


def logged(keys: list[str], grown: int) -> dict[Place, list[Record]]:
    """Of each customer four events, two by the old number of partitions and two by the new one."""
    log: dict[Place, list[Record]] = {("shop", number): [] for number in range(grown)}
    for number, count in enumerate((BEFORE, BEFORE, grown, grown)):
        for key in keys:
            place = "shop", murmur2_partition(key.encode(), count)
            value = f'{{"id":"{key}-{number}","type":"visit","customer":"{key}","time":{NOW}}}'.encode()
            own = log[place]
            own.append(Record(*place, len(own) + 1, value, key.encode(), NOW + number))
    return log


class Kept(Topics):
    """A TopicReader of whole records."""

    def __init__(self, records: dict[Place, list[Record]]) -> None:
        super().__init__({place: [one.timestamp for one in some] for place, some in records.items()})
        self.records = records

    def read(self, spans: Mapping[Place, tuple[int, int]]) -> Iterator[Record]:
        return iter([copy(one) for place, (start, end) in spans.items() for one in self.records[place][start:end]])


def drain(store: MemoryStore, log: dict[Place, list[Record]], grown: int) -> None:
    catalog = Catalog(events={"visit": EventType("visit")})
    book = RuleBook((), catalog, Policy(dedupe=0))
    rules = Rules(book, Plain(), {"shop": Decoder(Source("shop", "shop"), catalog)})
    context = WorkerContext(
        store, MemorySink(), MemoryRecords(), MemoryRecords(), lambda: NOW + 9, partitions=BEFORE, page=10
    )
    Drain(context, rules, Kept(log), ["shop"], {"shop": "id"}, grown, murmur2_partition, batch=15).run()


def counted(store: MemoryStore) -> dict[str, int]:
    """How many events each customer has, wherever they are."""
    found: dict[str, int] = {}
    for number in range(BEFORE):
        customers, _ = store.customers(number, "", 1_000)
        for customer, data in zip(customers, store.load(number, customers), strict=True):
            state = state_of(read_value(data))
            assert state is not None
            assert customer not in found
            found[customer] = state.events["visit"].count
    return found
