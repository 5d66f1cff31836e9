"""One partition: events in, decisions out, one atomic commit a batch.

Everything is computed in memory first and written in one step, so a batch that fails anywhere has not happened.
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
from engine.worker.executors import AtOnce, Step
from engine.worker.keeping import noted
from engine.worker.placement import check_meta, stamped
from engine.worker.result import Arrival, Result
from engine.worker.wakeups import NEVER, WakeUps

T = TypeVar("T")
Planning = Generator[Step, None, T]

BESIDE = 100
"""Due timers of others that a live batch of events takes along: so few that no event waits for them."""


class Partition:
    """The only writer of its customers' states, for as long as the store accepts its commits.

    `live`: arrivals carry broker times; otherwise the clock is event time. `page` bounds the wake-ups of one commit,
    `largest_outreach` the bytes of one encoded outreach.
    `before_commit` publishes what may be repeated after a crash but not lost: outcomes and dead letters. `aside` asks
    the store: work, an iterator, yields what is under way there, and goes on with the answer when taken up again.
    Raises PartitionsDiffer where the store was not written with `partitions`, StateTooNew where a newer engine wrote.
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
        aside: Executor | None = None,
    ) -> None:
        self.number = number
        self.book = book
        self.store = store
        self.renderer = renderer
        self.live = live
        self.page = page
        self.largest_outreach = largest_outreach
        self.before_commit = before_commit
        self.aside = aside or AtOnce()
        self.cache = StateCache(cache_size)
        self.meta = store.meta(number)
        if self.meta.seq == 0:
            self.meta.mark, self.meta.partitions = book.mark, partitions
        check_meta(self.meta, number, partitions)
        self.zones_before = self.meta.zones
        """The time zone data that the partition's last owner used; empty where it is not known."""
        if self.meta.seq == 0 or self.meta.states[0] == 1:  # version 1 did not say what is kept
            self.meta.keeps = noted([], book.keeps, 0)
        self.meta = msgspec.structs.replace(stamped(self.meta), zones=ZONES_VERSION)
        self.erased = store.erased(number)
        """Tombstones; an erasure is a commit of somebody else, after which the partition is opened anew."""
        self.wakeups = WakeUps(page)
        self.trim: list[int] = []
        """Commits, by their seq, whose outreach has all been published: it leaves the outbox with the next commit."""

    @property
    def clock(self) -> int:
        return self.meta.clock

    def know_topics(self, ids: Mapping[str, str]) -> list[str]:
        """Remember which topics the offsets are of. Those returned were made again, and are read from their beginning.

        Raises Fenced and StoreUnavailable.
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
        if self.meta.offsets:  # or a topic made again before the next commit would not be noticed
            meta.seq += 1
            self.store.commit(self.number, Commit(self.meta, meta))
        self.meta = meta
        return again

    def set_clock(self, clock: int) -> None:
        """Go on from there, as of the next commit; whatever has fired stays fired."""
        self.meta = msgspec.structs.replace(self.meta, clock=clock)

    def is_erased(self, event: Event | Identified, arrived: int = 0) -> bool:
        """Whether the event is from before its customer's erasure, by its own time or its arrival (0: not known)."""
        if not self.erased:
            return False
        erasure = self.erased.get(customer_digest(event.customer), -1)
        return event.time <= erasure or 0 < arrived <= erasure

    def process(self, arrivals: Sequence[Arrival], wall: int = 0) -> Iterator[Step]:
        """Work through arrivals in as many commits as it takes. Raises Fenced when the partition has another owner."""
        while arrivals:
            count, clock, wakes = yield from self._plan(arrivals)
            yield from self._work(arrivals[:count], clock, wakes, wall)
            arrivals = arrivals[count:]

    def advance(self, clock: int, wall: int = 0) -> Iterator[Step]:
        """Move the clock without an event: fire what has become due, a page per commit."""
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
        """Let the next customers meet the current rule book, if there are left. Goes on where it was stopped."""
        if self.is_swept:
            return
        ours = f"{self.book.mark}:"
        cursor = self.meta.sweep.removeprefix(ours) if self.meta.sweep.startswith(ours) else ""
        customers, cursor = self.store.customers(self.number, cursor, page)
        progress: dict[str, object] = {"sweep": f"{ours}{cursor}"}
        if not cursor:
            keeps = noted(self.meta.keeps, self.book.keeps, self.clock)
            progress = {"sweep": "", "mark": self.book.mark, "keeps": keeps}
        yield from self._work((), self.clock, [], wall, visit=customers, **progress)

    def next_due(self) -> Generator[Future[Any], None, int | None]:
        """The soonest moment at which a wake-up of the partition's customers may be due, allowed lateness included."""
        yield from self._look(0, 1)
        soonest = self.wakeups.first()
        return soonest + self.book.policy.allowed_lateness if soonest < NEVER else None

    def check_fence(self) -> None:
        """Raises Fenced where the store is not as we left it: without anything to commit we would not notice."""
        found = self.store.meta(self.number)
        if (found.seq, found.offsets) != (self.meta.seq, self.meta.offsets):
            ours, theirs = (f"commit {meta.seq} at offsets {meta.offsets}" for meta in (self.meta, found))
            raise Fenced(self.number, ours, theirs)

    def adopt(self, book: RuleBook, renderer: Renderer) -> None:
        """Go on with another rule book; customers meet it when something concerns them, or in the sweep."""
        self.book = book
        self.renderer = renderer

    def _plan(self, arrivals: Sequence[Arrival]) -> Planning[tuple[int, int, list[tuple[str, int]]]]:
        """How many arrivals to take, where the clock stands after them, and the wake-ups to have at hand."""
        clock = max(self.clock, max(arrival.clock for arrival in arrivals))
        wakes = yield from self._due(clock, min(self.page, BESIDE) if self.live else self.page)
        if self.live or len(wakes) < self.page:
            return len(arrivals), clock, wakes
        settled = self._settled_until(wakes)
        count = next((i for i, arrival in enumerate(arrivals) if arrival.clock > settled), len(arrivals))
        return count, settled, wakes

    def _due(self, clock: int, limit: int) -> Planning[list[tuple[str, int]]]:
        until = clock - self.book.policy.allowed_lateness
        yield from self._look(until, limit)
        return self.wakeups.take(until, limit)

    def _look(self, until: int, limit: int) -> Iterator[Future[Any]]:
        """Have so many wake-ups at hand, or all that may be due by then."""
        if number := self.wakeups.lacking(until, limit):
            yield (found := self.aside.submit(self.store.due, self.number, NEVER, number))
            self.wakeups.learn(found.result(), number)

    def _settled_until(self, wakes: Sequence[tuple[str, int]]) -> int:
        """The latest clock for which a full page holds every wake-up."""
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
        """Load, decide and commit; `progress` of a sweep goes into the meta."""
        offsets = self.meta.offsets | {arrival.source: arrival.next_offset for arrival in arrivals}
        changes = {"seq": self.meta.seq + 1, "offsets": offsets, "clock": max(clock, self.clock)} | progress
        meta = msgspec.structs.replace(self.meta, **changes)
        try:
            yield from self._load([*visit, *(customer for customer, _ in wakes), *_customers(arrivals)])
            batch = self._decide(arrivals, clock, wakes, wall, visit)
            self.before_commit(batch.result)
            yield (written := self.aside.submit(self.store.commit, self.number, self._commit(batch, meta)))
            written.result()
        except BaseException:
            self.cache.clear()
            self.wakeups.forget()
            raise
        self.cache.keep(batch.states)
        self.wakeups.moved(batch.wakes)
        self.meta = meta
        self.trim = []
        yield batch.result

    def _load(self, customers: Iterable[str]) -> Iterator[Step]:
        """Bring encoded states into the cache in one read."""
        missing = self.cache.missing(customers)
        if missing:
            yield (found := self.aside.submit(self.store.load, self.number, missing))
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
            trim=self.trim,
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
