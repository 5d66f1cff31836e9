"""One partition on the store: loads states, lets a `Batch` decide, and writes all changes in one atomic commit.

`PartitionOwner` (live) and the replay call it. Everything is computed in memory first and written in one step, so a
batch that fails anywhere has not happened. This module must not publish outreach: `Relay` does, after the commit.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

import msgspec

from engine.core.book import RuleBook
from engine.core.zones import ZONES_VERSION
from engine.errors import Fenced
from engine.model import Event, Identified
from engine.ports import UNLIMITED, Commit, Meta, Renderer, StateStore
from engine.wire.digests import customer_digest
from engine.wire.records import encode_past
from engine.worker.batch import Batch
from engine.worker.cache import StateCache
from engine.worker.executors import InlineExecutor, Step
from engine.worker.keeping import update_kept
from engine.worker.outbox import Outbox
from engine.worker.placement import check_meta, stamped
from engine.worker.result import Arrival, Result
from engine.worker.wakeups import NEVER, WakeUps

T = TypeVar("T")
Planning = Generator[Step, None, T]

MAX_DUE_TIMERS_PER_EVENT_BATCH = 100
"""A live batch of events also fires up to this many due timers of other customers: 100 take about 5 ms. With a whole
page (5,000) in each batch, events in a storm of timers waited half a minute."""


class Partition:
    """The only writer of its customers' states, for as long as the store accepts its commits.

    `live`: arrivals carry broker times; otherwise the clock is event time. `page` bounds the wake-ups of one commit,
    `largest_outreach` the bytes of one encoded outreach. `before_commit` writes outcomes and dead letters, which may be
    repeated after a crash but not lost. `executor` runs the calls of the store; methods that return an iterator yield
    the Future of each call, and must be resumed when it is done.

    Raises PartitionsDiffer when the store was not written with `partitions`, StateTooNew when a newer engine wrote.
    """

    def __init__(
        self,
        number: int,
        book: RuleBook,
        store: StateStore,
        renderer: Renderer,
        *,
        partitions: int = 1,
        live: bool = False,
        cache_size: int = 50_000,
        page: int = 5_000,
        largest_outreach: int = UNLIMITED,
        before_commit: Callable[[Result], None] = lambda result: None,
        executor: Executor | None = None,
    ) -> None:
        self.number = number
        self.book = book
        self.store = store
        self.renderer = renderer
        self.live = live
        self.page = page
        self.largest_outreach = largest_outreach
        self.before_commit = before_commit
        self.executor = executor or InlineExecutor()
        self.cache = StateCache(cache_size)
        self.meta = store.meta(number)
        if self.meta.seq == 0:
            self.meta.mark, self.meta.partitions = book.mark, partitions
        check_meta(self.meta, number, partitions)
        self.zones_before = self.meta.zones
        """The release of the time zone data that the partition's last owner used; empty if unknown."""
        if self.meta.seq == 0 or self.meta.states[0] == 1:  # version 1 did not say what is kept
            self.meta.keeps = update_kept([], book.keeps, 0)
        self.meta = msgspec.structs.replace(stamped(self.meta), zones=ZONES_VERSION)
        self.erased = store.erased(number)
        """Digest of an erased customer -> moment of the erasure. Another process erases; its commit fences this owner,
        and reopening the partition reads the tombstones again."""
        self.wakeups = WakeUps(page)
        self.outbox = Outbox()

    @property
    def clock(self) -> int:
        return self.meta.clock

    def know_topics(self, ids: Mapping[str, str]) -> list[str]:
        """Remember the ids of the topics that the offsets refer to. Raises Fenced and StoreUnavailable.

        Returns the topics that were deleted and made again; their offsets are dropped, so that they are read from the
        beginning.
        """
        known = self.meta.topics
        again = [topic for topic, identity in ids.items() if known.get(topic, identity) != identity]
        if all(known.get(topic) == identity for topic, identity in ids.items()):
            return []
        meta = msgspec.structs.replace(
            self.meta,
            topics={**known, **ids},
            offsets={topic: offset for topic, offset in self.meta.offsets.items() if topic not in again},
            generations=self.meta.generations | {topic: self.meta.generations.get(topic, 0) + 1 for topic in again},
        )
        if self.meta.offsets:  # else a topic made again before the next commit would go unnoticed
            meta.seq += 1
            self.store.commit(self.number, Commit(self.meta, meta))
        self.meta = meta
        return again

    def set_clock(self, clock: int) -> None:
        """Set the clock (epoch ms); the next commit stores it. Timers that have fired stay fired."""
        self.meta = msgspec.structs.replace(self.meta, clock=clock)

    def is_erased(self, event: Event | Identified, arrived: int = 0) -> bool:
        """Whether the event is from before its customer's erasure, by its time or its arrival (0: unknown)."""
        if not self.erased:
            return False
        erasure = self.erased.get(customer_digest(event.customer), -1)
        return event.time <= erasure or 0 < arrived <= erasure

    def process(self, arrivals: Sequence[Arrival], wall: int = 0) -> Iterator[Step]:
        """Decide and commit the arrivals, in one or more commits. Raises Fenced if the partition has another owner."""
        while arrivals:
            count, clock, wakes = yield from self._plan(arrivals)
            yield from self._work(arrivals[:count], clock, wakes, wall)
            arrivals = arrivals[count:]

    def advance(self, clock: int, wall: int = 0) -> Iterator[Step]:
        """Move the clock to `clock` without an event: fire the timers that become due, a page per commit."""
        full = True
        while full:
            wakes = yield from self._due(max(clock, self.clock), self.page)
            full = len(wakes) >= self.page
            to = self._settled_until(wakes) if full else clock
            yield from self._work((), to, wakes, wall)

    @property
    def is_swept(self) -> bool:
        """Whether every customer has met the current rule book."""
        return self.meta.mark == self.book.mark

    def sweep_page(self, wall: int = 0, page: int = 1_000) -> Iterator[Step]:
        """Re-arm the next page of customers by the current rule book. The stored position survives a restart."""
        if self.is_swept:
            return
        ours = f"{self.book.mark}:"
        cursor = self.meta.sweep.removeprefix(ours) if self.meta.sweep.startswith(ours) else ""
        customers, cursor = self.store.customers(self.number, cursor, page)
        progress: dict[str, object] = {"sweep": f"{ours}{cursor}"}
        if not cursor:
            keeps = update_kept(self.meta.keeps, self.book.keeps, self.clock)
            progress = {"sweep": "", "mark": self.book.mark, "keeps": keeps}
        yield from self._work((), self.clock, [], wall, visit=customers, **progress)

    def next_due(self) -> Generator[Future[Any], None, int | None]:
        """The soonest moment at which a wake-up may be due, allowed lateness included; None: no wake-up."""
        yield from self._refill(0, 1)
        soonest = self.wakeups.first()
        return soonest + self.book.policy.allowed_lateness if soonest < NEVER else None

    def check_fence(self) -> None:
        """Raises Fenced when the stored meta differs from ours: an idle owner commits nothing and would not notice."""
        found = self.store.meta(self.number)
        if (found.seq, found.offsets) != (self.meta.seq, self.meta.offsets):
            ours, theirs = (f"commit {meta.seq} at offsets {meta.offsets}" for meta in (self.meta, found))
            raise Fenced(self.number, ours, theirs)

    def adopt(self, book: RuleBook, renderer: Renderer) -> None:
        """Use another rule book. A customer is re-armed with the next event or wake-up, or by the sweep."""
        self.book = book
        self.renderer = renderer

    def _plan(self, arrivals: Sequence[Arrival]) -> Planning[tuple[int, int, list[tuple[str, int]]]]:
        """How many arrivals to take, the clock after them, and the wake-ups (customer, moment) that may fire."""
        clock = max(self.clock, max(arrival.clock for arrival in arrivals))
        wakes = yield from self._due(clock, min(self.page, MAX_DUE_TIMERS_PER_EVENT_BATCH) if self.live else self.page)
        if self.live or len(wakes) < self.page:
            return len(arrivals), clock, wakes
        settled = self._settled_until(wakes)
        # An event at that very moment waits: the page may end between wake-ups of one moment, and they come first.
        early = (place for place, one in enumerate(arrivals) if max(self.clock, one.clock) >= settled)
        return next(early, len(arrivals)), settled, wakes

    def _due(self, clock: int, limit: int) -> Planning[list[tuple[str, int]]]:
        until = clock - self.book.policy.allowed_lateness
        yield from self._refill(until, limit)
        return self.wakeups.take(until, limit)

    def _refill(self, until: int, limit: int) -> Iterator[Future[Any]]:
        """Load wake-ups from the store until `limit` of them, or all due by `until`, are in memory."""
        if number := self.wakeups.refill_size(until, limit):
            yield (found := self.executor.submit(self.store.due, self.number, NEVER, number))
            self.wakeups.learn(found.result(), number)

    def _settled_until(self, wakes: Sequence[tuple[str, int]]) -> int:
        """Up to where a full page is sure to hold every wake-up; of those at that moment some may be missing."""
        return max(self.clock, wakes[-1][1] + self.book.policy.allowed_lateness)

    def _work(
        self,
        arrivals: Sequence[Arrival],
        clock: int,
        wakes: Sequence[tuple[str, int]],
        wall: int,
        visit: Sequence[str] = (),
        **progress: object,
    ) -> Iterator[Step]:
        """Load, decide and commit once. `progress`: fields of the meta that a sweep changes."""
        records = [arrival.record for arrival in arrivals]
        offsets = self.meta.offsets | {record.source: record.next_offset for record in records}
        changes = {"seq": self.meta.seq + 1, "offsets": offsets, "clock": max(clock, self.clock)} | progress
        meta = msgspec.structs.replace(self.meta, **changes)
        try:
            yield from self._load([*visit, *(customer for customer, _ in wakes), *_customers(arrivals)])
            batch = self._decide(arrivals, clock, wakes, wall, visit)
            self.before_commit(batch.result)
            commit = self._commit(batch, meta)
            yield (written := self.executor.submit(self.store.commit, self.number, commit))
            written.result()
        except BaseException:
            self.cache.clear()
            self.wakeups.forget()
            raise
        self.cache.keep(batch.states)
        self.wakeups.moved(batch.wakes)
        self.meta = meta
        del self.outbox.done[: len(commit.trim)]  # a relay may have added some
        yield batch.result

    def _load(self, customers: Iterable[str]) -> Iterator[Step]:
        """Read the states that are not cached, in one call."""
        missing = self.cache.missing(customers)
        if missing:
            yield (found := self.executor.submit(self.store.load, self.number, missing))
            self.cache.put(zip(missing, found.result(), strict=True))

    def _decide(
        self,
        arrivals: Sequence[Arrival],
        clock: int,
        wakes: Sequence[tuple[str, int]],
        wall: int,
        visit: Sequence[str],
    ) -> Batch:
        present = wall if self.live else None
        largest = self.largest_outreach
        batch = Batch(self.book, self.renderer, self.cache.young, self.clock, wall=present, largest=largest)
        batch.visit(visit)
        batch.run(arrivals, clock, wakes)
        return batch

    def _commit(self, batch: Batch, meta: Meta) -> Commit:
        return Commit(
            expected=self.meta,
            meta=meta,
            states=batch.states,
            wakes=batch.wakes,
            outbox=batch.result.outbox,
            trim=list(self.outbox.done),
            outcomes=_histories(batch.result),
        )


def _customers(arrivals: Sequence[Arrival]) -> Iterator[str]:
    for arrival in arrivals:
        if arrival.event is not None:
            yield arrival.event.customer
        if arrival.identified is not None:
            yield arrival.identified.customer


def _histories(result: Result) -> dict[str, list[bytes]]:
    histories: dict[str, list[bytes]] = {}
    for outcome in result.outcomes:
        histories.setdefault(outcome.customer, []).append(encode_past(outcome))
    return histories
