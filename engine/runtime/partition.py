"""One partition: events in, decisions out, one atomic commit a batch.

Everything is computed in memory first and written in one step, so a batch that fails anywhere has not happened. If
`decide` raises on an input, the batch is done again without that input, which is reported as a failure.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from engine.core.book import RuleBook
from engine.errors import Fenced
from engine.model import Event
from engine.ports import Commit, Renderer, StateStore
from engine.runtime.batch import Batch
from engine.runtime.cache import StateCache
from engine.runtime.erasure import digest
from engine.runtime.placement import check_meta
from engine.runtime.records import encode_past
from engine.runtime.result import Arrival, Failure, Result, Undecidable

NEVER = 2**53
"""Later than any moment."""
BESIDE = 100
"""Due timers of others that a live batch of events takes along: so few that no event waits for them."""


class Partition:
    """The only writer of its customers' states, for as long as the store accepts its commits.

    `live`: arrivals carry broker times; otherwise the clock is event time. `page` bounds the wake-ups of one commit.
    `before_commit` publishes what may be repeated after a crash but not lost: outcomes and dead letters.
    Raises PartitionsDiffer where the store was not written with `partitions`.
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
        before_commit: Callable[[Result], None] = lambda result: None,
    ) -> None:
        self.number = number
        self.book = book
        self.store = store
        self.renderer = renderer
        self.live = live
        self.page = page
        self.before_commit = before_commit
        self.cache = StateCache(cache_size)
        self.meta = store.meta(number)
        if self.meta.seq == 0:
            self.meta.mark, self.meta.partitions = book.mark, partitions
        check_meta(self.meta, number, partitions)
        self.erased = store.erased(number)
        """Tombstones; an erasure is a commit of somebody else, after which the partition is opened anew."""
        self._soonest = 0
        """No wake-up is due before this; 0: not known. Saves asking the store."""
        self.trim: list[str] = []
        """Ids of outreach that has been published; they leave the outbox with the next commit."""

    @property
    def clock(self) -> int:
        return self.meta.clock

    def is_erased(self, event: Event, arrived: int = 0) -> bool:
        """Whether the event is from before its customer's erasure, by its own time or its arrival (0: not known)."""
        if not self.erased:
            return False
        erasure = self.erased.get(digest(event.customer), -1)
        return event.time <= erasure or 0 < arrived <= erasure

    def process(self, arrivals: Sequence[Arrival], wall: int = 0) -> Iterator[Result]:
        """Work through arrivals in as many commits as it takes. Raises Fenced when the partition has another owner."""
        while arrivals:
            count, clock, wakes = self._plan(arrivals)
            yield self._commit(self._run(arrivals[:count], clock, wakes, wall), arrivals[:count], clock)
            arrivals = arrivals[count:]

    def advance(self, clock: int, wall: int = 0) -> Iterator[Result]:
        """Move the clock without an event: fire what has become due, a page per commit."""
        full = True
        while full:
            wakes = self._due(max(clock, self.clock), self.page)
            full = len(wakes) >= self.page
            to = self._settled_until(wakes) if full else clock
            yield self._commit(self._run((), to, wakes, wall), (), to)

    @property
    def is_swept(self) -> bool:
        """Whether every customer has met the current rule book."""
        return self.meta.mark == self.book.mark

    def sweep_page(self, wall: int = 0, page: int = 1_000) -> Result | None:
        """Let the next customers meet the current rule book; None when all have. Goes on where it was stopped."""
        if self.is_swept:
            return None
        ours = f"{self.book.mark}:"
        cursor = self.meta.sweep.removeprefix(ours) if self.meta.sweep.startswith(ours) else ""
        customers, cursor = self.store.customers(self.number, cursor, page)
        batch = self._run((), self.clock, [], wall, visit=customers)
        if cursor:
            return self._commit(batch, (), self.clock, sweep=f"{ours}{cursor}")
        return self._commit(batch, (), self.clock, sweep="", mark=self.book.mark)

    def next_due(self) -> int | None:
        """The soonest moment at which a wake-up of the partition's customers may be due, allowed lateness included."""
        if not self._soonest:
            found = self.store.due(self.number, NEVER, 1)
            self._soonest = found[0][1] if found else NEVER
        return self._soonest + self.book.policy.allowed_lateness if self._soonest < NEVER else None

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

    def _plan(self, arrivals: Sequence[Arrival]) -> tuple[int, int, list[tuple[str, int]]]:
        """How many arrivals to take, where the clock stands after them, and the wake-ups to have at hand."""
        clock = max(self.clock, max(arrival.clock for arrival in arrivals))
        if self.live:
            return len(arrivals), clock, self._due(clock, min(self.page, BESIDE))
        wakes = self._due(clock, self.page)
        if len(wakes) < self.page:
            return len(arrivals), clock, wakes
        settled = self._settled_until(wakes)
        count = next((i for i, arrival in enumerate(arrivals) if arrival.clock > settled), len(arrivals))
        return count, settled, wakes

    def _due(self, clock: int, limit: int) -> list[tuple[str, int]]:
        until = clock - self.book.policy.allowed_lateness
        if until < self._soonest:
            return []
        self._soonest = 0
        return self.store.due(self.number, until, limit)

    def _settled_until(self, wakes: Sequence[tuple[str, int]]) -> int:
        """The latest clock for which a full page holds every wake-up."""
        return max(self.clock, wakes[-1][1] + self.book.policy.allowed_lateness)

    def _run(
        self,
        arrivals: Sequence[Arrival],
        clock: int,
        wakes: Sequence[tuple[str, int]],
        wall: int,
        visit: Sequence[str] = (),
    ) -> Batch:
        customers = [*visit, *(customer for customer, _ in wakes)]
        customers += [arrival.event.customer for arrival in arrivals if arrival.event]
        self.load(customers)
        failures: list[Failure] = []
        while True:
            batch = Batch(
                self.book,
                self.renderer,
                self.cache.young,
                self.clock,
                wall=wall if self.live else None,
                failures=failures,
            )
            try:
                batch.visit(visit)
                batch.run(arrivals, clock, wakes)
            except Undecidable as error:
                failures.append(error.failure)
            else:
                return batch

    def load(self, customers: Iterable[str]) -> None:
        """Bring encoded states into the cache in one read."""
        missing = self.cache.missing(customers)
        if missing:
            self.cache.young.update(zip(missing, self.store.load(self.number, missing), strict=True))

    def _commit(self, batch: Batch, arrivals: Sequence[Arrival], clock: int, **meta_changes: int | str) -> Result:
        offsets = self.meta.offsets | {arrival.source: arrival.next_offset for arrival in arrivals}
        meta = msgspec.structs.replace(
            self.meta, seq=self.meta.seq + 1, offsets=offsets, clock=max(clock, self.clock), **meta_changes
        )
        commit = Commit(
            expected=self.meta,
            meta=meta,
            states=batch.states,
            wakes=batch.wakes,
            outbox=batch.result.outbox,
            trim=self.trim,
            outcomes=_histories(batch.result),
        )
        try:
            self.before_commit(batch.result)
            self.store.commit(self.number, commit)
        except BaseException:
            self.cache.clear()
            raise
        self.cache.young.update(batch.states)
        self._soonest = min(self._soonest, *filter(None, batch.wakes.values()), NEVER)
        self.meta = meta
        self.trim = []
        self.cache.shrink()
        return batch.result


def _histories(result: Result) -> dict[str, list[bytes]]:
    histories: dict[str, list[bytes]] = {}
    for outcome in result.outcomes:
        histories.setdefault(outcome.customer, []).append(encode_past(outcome))
    return histories
