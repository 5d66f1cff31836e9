"""The worker's loop on a live clock: nobody who came back in time is told that they are missed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from time import monotonic

import pytest

from engine.adapters.memory import MemorySink, MemoryStore
from engine.adapters.memory.source import MemorySource
from engine.core.policy import Policy
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.ports import Commit, Hooks, IngestMark, Meta, Work
from engine.worker.loop import Worker
from engine.worker.opening_checks import PartitionsChanged
from engine.worker.partition import Partition
from engine.worker.relay import MAX_IN_FLIGHT
from tests.services.processes import PATIENCE
from tests.support.books import DAY, HOUR, START, Plain, book, rule
from tests.support.live_worker import TOPIC, LiveShop

SILENT = book(rule(Inactivity("silent", of=frozenset({"visit"}), after=30 * DAY)), policy=Policy(fresh_for=3 * DAY))
LATER = [f"later-{number}" for number in range(5)]
MISSED = book(rule(Inactivity("missed", of=frozenset({"visit"}), after=DAY)))
SECOND = 1_000
CUSTOMERS = [f"c-{number}" for number in range(20)]
BOUGHT = book(rule(OnEvent("bought", event="buy")))
MISSED_AND_BOUGHT = book(
    rule(Inactivity("missed", of=frozenset({"visit"}), after=DAY)), rule(OnEvent("bought", event="buy"))
)


@pytest.mark.parametrize("markers", [0, 3])
def test_who_came_back_before_a_restart_is_not_told_though_the_store_answers_late(markers: int) -> None:
    shop = LiveShop(MISSED, START)
    worker = shop.worker()
    shop.happens("visit", CUSTOMERS)
    shop.work(worker)
    worker.source.close()
    shop.now += DAY - HOUR
    shop.happens("visit", CUSTOMERS[1:])
    for _ in range(markers):
        shop.topics.append_marker(TOPIC, 0)
    shop.now += 2 * HOUR
    shop.work(shop.worker())
    assert shop.told() == CUSTOMERS[:1]


class Behind:
    """An ingest that had come to `time` when the internal topic ended at `offset`."""

    topic = TOPIC

    def __init__(self) -> None:
        self.told: IngestMark | None = None

    def mark(self, partition: int) -> IngestMark | None:
        return self.told


def test_what_the_ingest_has_written_and_the_worker_has_only_polled_holds_the_clock() -> None:
    shop, ingest = LiveShop(MISSED, START), Behind()
    worker = shop.worker(ingest=ingest)
    shop.happens("visit", CUSTOMERS)
    shop.work(worker)
    worker.source.close()
    shop.now += DAY - HOUR
    shop.happens("visit", CUSTOMERS[1:])
    shop.now += 2 * HOUR
    ingest.told = IngestMark(len(shop.topics.records[TOPIC, 0]), shop.now)
    shop.work(shop.worker(ingest=ingest))
    assert shop.told() == CUSTOMERS[:1]


class Told(Hooks):
    """Notes what is said of clocks and topics."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def clock_doubted(self, reason: str) -> None:
        self.said.append("doubted")

    def clock_believed(self) -> None:
        self.said.append("believed")

    def clock_set_back(self, partition: int, seconds: float) -> None:
        self.said.append(f"set back by {seconds / 86_400:.0f} days")

    def topic_made_again(self, partition: int, topic: str) -> None:
        self.said.append(f"{topic} again")

    def dead_letter(self, partition: int, code: str) -> None:
        self.said.append(code)

    def passed_over(self, partition: int, records: int) -> None:
        self.said.append(f"{records} passed over")


@pytest.mark.parametrize("days", [31, 40, -31])
def test_a_wall_clock_that_jumps_for_six_seconds_makes_nobody_look_silent_and_uses_up_no_silence(days: int) -> None:
    shop = LiveShop(SILENT, START)
    shop.hooks = told = Told()
    worker = shop.worker()
    shop.happens("visit", CUSTOMERS)
    shop.work(worker)
    shop.off = days * DAY
    for _ in range(6):
        shop.now += SECOND
        shop.happens("buy", ["buyer"])
        shop.work(worker)
        assert worker.clock_doubt
    assert told.said[0] == "doubted"
    shop.off = 0
    shop.happens("visit", LATER)
    shop.work(worker)
    assert told.said[-1] == "believed"
    assert abs(shop.store.meta(0).clock - shop.now) < 10 * SECOND
    assert shop.told() == []
    assert shop.outcomes.records == []
    shop.now += 30 * DAY
    shop.work(worker)
    assert sorted(shop.told()) == sorted([*CUSTOMERS, *LATER]), "each silence is still there to be told of"


def test_a_worker_that_starts_with_a_clock_a_month_ahead_decides_by_the_brokers_time_and_fires_nothing() -> None:
    shop = LiveShop(SILENT, START)
    shop.happens("visit", CUSTOMERS)
    shop.off = 31 * DAY
    worker = shop.worker()
    shop.work(worker)
    assert worker.clock_doubt
    assert (shop.told(), shop.store.meta(0).clock) == ([], 0)
    assert shop.store.meta(0).offsets == {TOPIC: len(CUSTOMERS)}


def test_a_worker_that_starts_with_a_clock_a_month_behind_counts_every_event_and_leaves_the_stored_clock() -> None:
    shop = LiveShop(SILENT, START)
    shop.happens("visit", CUSTOMERS)
    shop.now += SECOND
    shop.work(right := shop.worker())
    right.source.close()
    clock = shop.store.meta(0).clock
    shop.now += 20 * DAY
    shop.hooks = told = Told()
    shop.off = -31 * DAY
    worker = shop.worker()
    shop.happens("visit", LATER)
    shop.work(worker)
    assert told.said[0] == "doubted"
    assert not any("back" in line or "time" in line for line in told.said), told.said
    assert shop.store.meta(0).clock == clock
    shop.off = 0
    shop.now += 11 * DAY
    shop.work(worker)
    assert sorted(shop.told()) == sorted(CUSTOMERS), "who came while the clock was behind has not been silent"


def test_a_stored_clock_that_is_a_month_ahead_is_set_back_and_told() -> None:
    shop = LiveShop(SILENT, START)
    shop.hooks = told = Told()
    shop.happens("visit", CUSTOMERS)
    shop.now += SECOND
    shop.store.commit(0, Commit(b"", Meta(seq=1, clock=START + 31 * DAY)))
    shop.work(shop.worker())
    assert told.said == ["set back by 31 days"]
    assert shop.told() == []
    assert shop.store.meta(0).clock <= shop.now


def test_a_topic_that_is_made_again_while_the_worker_is_down_is_read_from_its_beginning() -> None:
    shop = LiveShop(MISSED, START)
    shop.hooks = told = Told()
    shop.happens("visit", CUSTOMERS[:10])
    worker = shop.worker()
    shop.work(worker)
    worker.source.close()
    shop.topics.make_again(TOPIC)
    shop.happens("visit", CUSTOMERS)
    shop.work(shop.worker())
    assert told.said == [f"{TOPIC} again"]
    assert set(shop.store.customers(0, "", 100)[0]) == set(CUSTOMERS)
    assert shop.store.meta(0).offsets == {TOPIC: len(CUSTOMERS)}


def test_a_topic_that_is_made_again_under_a_worker_is_read_from_its_beginning() -> None:
    shop = LiveShop(MISSED, START)
    shop.hooks = told = Told()
    shop.happens("visit", CUSTOMERS[:10])
    worker = shop.worker()
    shop.work(worker)
    shop.topics.make_again(TOPIC)
    shop.happens("visit", CUSTOMERS)
    worker._next_status = 0.0
    shop.work(worker)
    assert told.said == [f"{TOPIC} again"]
    assert set(shop.store.customers(0, "", 100)[0]) == set(CUSTOMERS)


def test_a_client_that_goes_back_to_the_beginning_by_itself_makes_nothing_count_twice() -> None:
    shop = LiveShop(BOUGHT, START)
    shop.hooks = told = Told()
    worker = shop.worker()
    for _ in range(3):
        shop.happens("buy", ["c-1"])
        shop.now += 2 * DAY  # so that ids of earlier events are forgotten
        shop.work(worker)
    before = shop.store.meta(0)
    worker.source.seek(0, {})
    shop.happens("buy", ["c-2"])
    shop.work(worker)
    assert shop.told() == ["c-1", "c-1", "c-1", "c-2"]
    assert told.said == ["3 passed over"]
    assert shop.store.meta(0).offsets == {TOPIC: before.offsets[TOPIC] + 1}


def test_what_an_older_version_has_read_without_an_id_goes_on_where_it_was() -> None:
    shop = LiveShop(MISSED, START)
    shop.hooks = told = Told()
    shop.happens("visit", CUSTOMERS)
    shop.store.commit(0, Commit(b"", Meta(seq=1, offsets={TOPIC: 15}, mark=MISSED.mark)))
    shop.work(shop.worker())
    assert told.said == []
    assert set(shop.store.customers(0, "", 100)[0]) == set(CUSTOMERS[15:])
    assert shop.store.meta(0).topics == {TOPIC: "first"}


def test_events_without_an_id_of_the_new_topic_are_no_repeats_of_those_of_the_old() -> None:
    shop = LiveShop(book(rule(OnEvent("bought", event="buy"))), START)
    worker = shop.worker()
    for _ in range(2):
        shop.topics.append(TOPIC, 0, b'{"type":"buy","customer":"c-1","time":%d}' % START, timestamp=START)
        shop.work(worker)
        shop.topics.make_again(TOPIC)
        worker.source.close()
        worker = shop.worker()
    assert shop.told() == ["c-1", "c-1"]


class Stuck(MemorySink):
    """Brokers that acknowledge nothing before they were asked so many times while as much was under way as may be."""

    def __init__(self, asks: int) -> None:
        super().__init__()
        self.asks = asks
        self.most = 0

    def delivered(self, partition: int) -> list[str]:
        under_way = len(self.entries.get(partition, ())) - self._delivered.get(partition, 0)
        if self.asks >= 0:
            self.most = max(self.most, under_way)
        self.asks -= under_way >= MAX_IN_FLIGHT
        return super().delivered(partition) if self.asks < 0 else []


def test_while_brokers_take_nothing_no_more_is_decided_than_may_wait_and_then_all_of_it() -> None:
    shop = LiveShop(book(rule(OnEvent("bought", event="buy"))), START)
    shop.sink = stuck = Stuck(asks=50)
    customers = [f"c-{number}" for number in range(30_000)]
    shop.happens("buy", customers)
    worker, deadline = shop.worker(), monotonic() + PATIENCE
    while len(shop.told()) < len(customers) and monotonic() < deadline:
        shop.work(worker)
    assert stuck.asks < 0
    assert MAX_IN_FLIGHT <= stuck.most <= MAX_IN_FLIGHT + 2 * worker.batch
    assert sorted(shop.told()) == sorted(customers)


def test_the_largest_value_is_known_also_of_who_does_nothing_and_falls_when_it_is_cut() -> None:
    shop = LiveShop(BOUGHT, START)
    for number in range(10):
        shop.happens("buy", [CUSTOMERS[0], *CUSTOMERS[: number // 9 * 20]])
        shop.work(shop.worker())
        shop.now += 1
    customers = [len(data or b"") for data in shop.store.load(0, CUSTOMERS)]
    partition = Partition(0, BOUGHT, shop.store, Plain(), live=True, history_kept=DAY)
    list(partition.tidy_page(page=5))
    list(partition.tidy_page(page=5))
    assert partition.largest == max(customers)
    partition.set_clock(shop.now + 2 * DAY)
    for _ in range(20):
        list(partition.tidy_page(page=5))
    assert partition.largest == max(len(data or b"") for data in shop.store.load(0, CUSTOMERS)) < max(customers)


class Sizes(Hooks):
    """How many events each commit was of."""

    def __init__(self) -> None:
        self.of: list[int] = []

    def committed(self, partition: int, work: Work, seconds: float) -> None:
        self.of += [work.events] if work.events else []


def test_a_worker_that_is_behind_commits_full_batches_and_one_that_has_caught_up_what_has_come() -> None:
    shop = LiveShop(BOUGHT, START)
    shop.hooks = sizes = Sizes()
    worker = shop.worker()
    worker.batch = 10
    for count in (20, 3, 1):
        shop.happens("buy", CUSTOMERS[:count])
        shop.work(worker)
        shop.now += 1
    assert sizes.of == [10, 10, 3, 1]


def test_no_more_records_wait_in_memory_than_a_poll_brings() -> None:
    shop = LiveShop(BOUGHT, START)
    worker, most = shop.worker(lambda owner: MemorySource(shop.topics, shop.names, 4, owner), partitions=4), 0
    worker.batch = 10
    for number in range(4):
        for value in shop.events("buy", [f"c-{number}-{one}" for one in range(100)]):
            shop.topics.append(TOPIC, number, value, timestamp=START)
    for _ in range(60):
        worker.step()
        most = max(most, sum(map(len, worker._waiting.values())))
    assert 0 < most <= worker.batch
    assert [len(shop.sink.entries[number]) for number in range(4)] == [100] * 4


def _happens_in(shop: LiveShop, partition: int, kind: str, customers: Iterable[str]) -> None:
    for value in shop.events(kind, customers):
        shop.topics.append(TOPIC, partition, value, timestamp=shop.now)


@pytest.mark.parametrize("partitions", [1, 2, 4])
def test_a_storm_of_timers_writes_to_everybody_once_and_answers_each_event_within_two_turns(partitions: int) -> None:
    shop = LiveShop(MISSED_AND_BOUGHT, START)
    join = partial(MemorySource, shop.topics, shop.names, partitions)
    worker = shop.worker(join, partitions=partitions, page=5)
    silent = {number: [f"c-{number}-{one}" for one in range(60)] for number in range(partitions)}
    for number, customers in silent.items():
        _happens_in(shop, number, "visit", customers)
    shop.work(worker)
    shop.now += DAY
    for turn in range(30):
        for number in silent:
            _happens_in(shop, number, "buy", [f"buyer-{turn}"])
        worker.step()
        for number in silent:
            assert shop.told(number).count(f"buyer-{turn - 2}") == (turn >= 2)
        shop.now += 1
    shop.work(worker)
    for number, customers in silent.items():
        assert sorted(name for name in shop.told(number) if name in customers) == sorted(customers)


@pytest.mark.parametrize(
    ("counts", "says"), [({"a": 1, "b": 4}, "^b has 4 partitions now"), ({"a": 1}, "^a topic has more partitions now")]
)
def test_a_partition_that_only_a_larger_topic_has_ends_the_worker_and_the_topic_is_named_if_it_is_known(
    counts: dict[str, int], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = LiveShop(SILENT, START).worker()
    monkeypatch.setattr(worker.source, "partitions", lambda: counts)
    with pytest.raises(PartitionsChanged, match=says):
        worker.assigned(1)


class Asked(MemoryStore):
    """Notes for each partition that it is asked about when the worker's loop was last seen to turn."""

    def __init__(self) -> None:
        super().__init__()
        self.turns: dict[float, set[int]] = defaultdict(set)
        self.worker: Worker | None = None

    def load(self, partition: int, customers: Sequence[str], seal: bytes | None = None) -> list[bytes | None]:
        if self.worker is not None:
            self.turns[self.worker.stepped].add(partition)
        return super().load(partition, customers, seal)


def test_a_worker_with_many_partitions_and_a_slow_store_is_seen_to_turn_before_it_has_asked_about_all_of_them() -> None:
    """With 24 partitions and an answer in three seconds it would look stuck, and be killed again and again."""
    shop = LiveShop(SILENT, START)
    shop.store = store = Asked()
    worker = shop.worker(lambda owner: MemorySource(shop.topics, shop.names, 24, owner), partitions=24)
    shop.work(worker)
    store.worker = worker
    worker._report_status()
    assert {number for asked in store.turns.values() for number in asked} == set(range(24))
    assert max(map(len, store.turns.values())) == 1
