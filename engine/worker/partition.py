"""One partition on the store: loads states, lets a `Batch` decide, and writes all changes in one atomic commit.

`PartitionOwner` (live) and the replay call it. Everything is computed in memory first and written in one step, so a
batch that fails anywhere has not happened. This module must not publish outreach: `Relay` does, after the commit.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from operator import attrgetter
from typing import Any, TypeVar

import msgspec

from engine.core.book import RuleBook
from engine.core.zones import DAY, ZONES_VERSION
from engine.model import Event, Identified
from engine.ports import UNLIMITED, Commit, Counts, Meta, Renderer, Rollout, StateStore, topic_of
from engine.wire.digests import customer_digest
from engine.wire.histories import Names, cut
from engine.worker.batch import Batch
from engine.worker.executors import InlineExecutor, Step
from engine.worker.holding import Holding
from engine.worker.inputs import Inputs
from engine.worker.kept_history import update_kept
from engine.worker.looks import NEVER
from engine.worker.opening_checks import check_meta, stamped
from engine.worker.outbox import Outbox
from engine.worker.result import Arrival, Result
from engine.worker.rollout_rules import RolloutRules
from engine.worker.turns import BatchSettings
from engine.worker.two_books import TwoBooks
from engine.worker.values import Value

_CLOCK = attrgetter("clock")
T = TypeVar("T")
Planning = Generator[Step, None, T]

HISTORY_KEPT = 90 * DAY
"""Milliseconds after which an outcome may leave a customer's history."""
MAX_DUE_TIMERS_PER_EVENT_BATCH = 100
"""A live batch of events also looks at up to this many other customers who may be due: 100 take about 3 ms. With a
whole page (5,000) in each batch, events in a storm of timers waited half a minute; with no more than the batch has
events, nothing is decided while the commits of single events are written, and a storm takes a tenth longer."""


class Partition:
    """The only writer of its customers' states, for as long as the store accepts its commits.

    `live`: arrivals carry broker times; otherwise the clock is event time. `page` bounds the looks of one commit,
    `largest_outreach` the bytes of one encoded outreach. `before_deciding` hears of customers who come and have no
    state. `before_commit` writes outcomes and dead letters, which may be repeated after a crash but not lost.
    `executor` runs the calls of the store; methods that return an iterator yield the Future of each call, and must be
    resumed when it is done. `history_kept`: ms after which an outcome may go.

    Raises PartitionsDiffer when the store was not written with `partitions`, StateTooNew when a newer engine wrote, and
    OtherFormat.
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
        before_deciding: Callable[[Iterable[str]], None] = lambda newcomers: None,
        executor: Executor | None = None,
        history_kept: int = HISTORY_KEPT,
    ) -> None:
        self.number = number
        self.book = book
        self.store = store
        self.renderer = renderer
        self.live = live
        self.page = page
        self.largest_outreach = largest_outreach
        self.before_commit = before_commit
        self.before_deciding = before_deciding
        self.history_kept = history_kept
        self.holding = Holding(number, store, executor or InlineExecutor(), cache_size)
        meta = self.holding.meta
        if meta.seq == 0:
            meta.mark, meta.partitions = book.mark, partitions
        check_meta(meta, number, partitions)
        self.zones_before = meta.zones
        """The release of the time zone data that the partition's last owner used; empty if unknown."""
        if meta.seq == 0 or meta.states[0] == 1:  # version 1 did not say what is kept
            meta.keeps = update_kept([], book.keeps, 0)
        self.holding.meta = msgspec.structs.replace(stamped(meta), zones=ZONES_VERSION)
        self.names = Names(meta.names)
        self.outbox = Outbox()
        self.rollout_rules: RolloutRules | None = None
        """The roll-out that the meta tells of, with both books. None: everybody is decided by `book`."""
        self.forgets = False
        """Whether the next commit forgets something of a roll-out, though nothing happens."""
        self._tidied = ""
        """The cursor of the slow sweep, which a restart begins anew."""
        self._largest_before = 0
        """Bytes of the largest value of the sweep before, which has met all customers."""

    @property
    def meta(self) -> Meta:
        return self.holding.meta

    @property
    def largest(self) -> int:
        """Bytes of the largest value that was written or met by the slow sweep since its last round but one began."""
        return max(self.holding.largest, self._largest_before)

    @property
    def clock(self) -> int:
        return self.holding.meta.clock

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
            offsets={name: offset for name, offset in self.meta.offsets.items() if topic_of(name) not in again},
            generations=self.meta.generations | {topic: self.meta.generations.get(topic, 0) + 1 for topic in again},
        )
        if self.meta.offsets:  # else a topic made again before the next commit would go unnoticed
            meta.seq += 1
            self.holding.seal = self.store.commit(self.number, Commit(self.holding.seal, meta))
        self.holding.meta = meta
        return again

    def set_clock(self, clock: int) -> None:
        """Set the clock (epoch ms); the next commit stores it. Timers that have fired stay fired."""
        self.holding.meta = msgspec.structs.replace(self.meta, clock=clock)

    def is_erased(self, event: Event | Identified, arrived: int = 0) -> bool:
        """Whether the event is from before its customer's erasure, by its time or its arrival (0: unknown)."""
        if not self.holding.erased:
            return False
        erasure = self.holding.erased.get(customer_digest(event.customer), -1)
        return event.time <= erasure or 0 < arrived <= erasure

    def process(self, arrivals: Sequence[Arrival], wall: int = 0) -> Iterator[Step]:
        """Decide and commit the arrivals, in one or more commits. Raises Fenced if the partition has another owner."""
        while arrivals:
            count, clock, taken = yield from self._plan(arrivals)
            yield from self._work(arrivals[:count], clock, taken, wall)
            arrivals = arrivals[count:]

    def advance(self, clock: int, wall: int = 0) -> Iterator[Step]:
        """Move the clock to `clock` without an event: fire the timers that become due, a page per commit."""
        full = True
        while full:
            taken = yield from self._take(max(clock, self.clock), self.page)
            full = len(taken) >= self.page
            to = self._settled_until(taken) if full else clock
            yield from self._work((), to, taken, wall)

    def has_due(self, clock: int) -> bool:
        """Whether looks that have been loaded are left for the clock."""
        return self.holding.looks.first() <= clock - self.book.policy.allowed_lateness

    @property
    def mark(self) -> int:
        """The mark of the partition when every customer has met the book that is theirs now."""
        return self.rollout_rules.mark(self.clock) if self.rollout_rules is not None else self.book.mark

    @property
    def is_canary(self) -> bool:
        """Whether some customers try new rules."""
        return self.rollout_rules is not None and self.rollout_rules.is_canary

    @property
    def is_swept(self) -> bool:
        """Whether every customer has met the current rule book."""
        return self.meta.mark == self.mark

    def sweep_page(self, wall: int = 0, page: int = 1_000) -> Iterator[Step]:
        """Re-arm the next page of customers by the current rule book. The stored position survives a restart."""
        mark = self.mark
        if self.meta.mark == mark:
            return
        ours = f"{mark}:"
        cursor = self.meta.sweep.removeprefix(ours) if self.meta.sweep.startswith(ours) else ""
        customers, cursor = self.store.customers(self.number, cursor, page)
        progress: dict[str, object] = {"sweep": f"{ours}{cursor}"}
        if not cursor:
            keeps = update_kept(self.meta.keeps, self.book.keeps, self.clock)
            progress = {"sweep": "", "mark": mark, "keeps": keeps}
        yield from self._work((), self.clock, [], wall, visit=customers, **progress)

    def tidy_page(self, wall: int = 0, page: int = 1_000) -> Iterator[Step]:
        """Go on with the slow sweep: cut the histories of the next page of customers, if there is something to cut."""
        customers, self._tidied = self.store.customers(self.number, self._tidied, page)
        oldest = self.clock - self.history_kept
        values = yield from self.holding.load(customers)
        self.holding.measure(map(self.holding.cache.young.get, customers))
        if not self._tidied:
            self._largest_before, self.holding.largest = self.holding.largest, 0
        old = [customer for customer, value in values.items() if len(cut(value.history, oldest)) < len(value.history)]
        if old:
            yield from self._work((), self.clock, [], wall, visit=old)

    def next_due(self, clock: int) -> Generator[Future[Any], None, int | None]:
        """The soonest moment at which somebody may be due, allowed lateness included; None: nobody until `clock`."""
        yield from self.holding.load_days(max(clock, self.clock))
        soonest = self.holding.looks.first()
        return soonest + self.book.policy.allowed_lateness if soonest < NEVER else None

    def read_on_from(self, offsets: dict[str, int], wall: int = 0) -> Iterator[Step]:
        """Commit these offsets in place of all others: everything before them has been handled."""
        yield from self._work((), self.clock, [], wall, offsets=offsets)

    def check_fence(self) -> None:
        """Raises Fenced when another owner has committed: an idle owner commits nothing and would not notice."""
        self.holding.check_fence()

    def adopt(self, book: RuleBook, renderer: Renderer) -> None:
        """Use another rule book. A customer is re-armed with the next event or wake-up, or by the sweep."""
        self.book, self.renderer, self.rollout_rules = book, renderer, None

    def follow(self, rollout_rules: RolloutRules) -> None:
        """Decide each customer by the book of a roll-out that is theirs."""
        main = rollout_rules.main
        self.book, self.renderer, self.rollout_rules = main.book, main.renderer, rollout_rules

    def turn(self, rollout: Rollout | None, wall: int = 0) -> Iterator[Step]:
        """Commit another phase of the roll-out, after which `follow` must be called; a sweep visits everybody."""
        yield from self._work((), self.clock, [], wall, rollout=rollout, mark=0, sweep="")

    def forget_rollout(self) -> None:
        """Drop the roll-out with the next commit: it is over, and other rules are in use."""
        self._forget(None)

    def forget_past(self) -> None:
        """Forget, with the next commit, older revisions that the roll-out overrules: one is newly deployed."""
        rollout = self.meta.rollout
        self._forget(rollout and msgspec.structs.replace(rollout, past=()))

    def _forget(self, rollout: Rollout | None) -> None:
        self.holding.meta = msgspec.structs.replace(self.meta, rollout=rollout)
        self.forgets = True

    def _plan(self, arrivals: Sequence[Arrival]) -> Planning[tuple[int, int, list[tuple[str, int]]]]:
        """How many arrivals to take, the clock after them, and the looks (customer, moment) that come up."""
        clock = max(self.clock, max(map(_CLOCK, arrivals)))
        limit = min(self.page, MAX_DUE_TIMERS_PER_EVENT_BATCH) if self.live else self.page
        taken = yield from self._take(clock, limit)
        if self.live or len(taken) < self.page:
            return len(arrivals), clock, taken
        settled = self._settled_until(taken)
        # An event at that very moment waits: the page may end between looks at one moment, and they come first.
        early = (place for place, one in enumerate(arrivals) if max(self.clock, one.clock) >= settled)
        return next(early, len(arrivals)), settled, taken

    def _take(self, clock: int, limit: int) -> Planning[list[tuple[str, int]]]:
        yield from self.holding.load_days(clock)
        return self.holding.looks.take(clock - self.book.policy.allowed_lateness, limit)

    def _settled_until(self, taken: Sequence[tuple[str, int]]) -> int:
        """Up to where a full page is sure to hold every look; of those at that moment some may be missing."""
        return max(self.clock, taken[-1][1] + self.book.policy.allowed_lateness)

    def _work(
        self,
        arrivals: Sequence[Arrival],
        clock: int,
        taken: Sequence[tuple[str, int]],
        wall: int,
        visit: Sequence[str] = (),
        **progress: object,
    ) -> Iterator[Step]:
        """Load, decide and commit once. `progress`: fields of the meta that a sweep changes."""
        inputs, looks = Inputs(arrivals, self.clock), [customer for customer, _ in taken]
        clock = max(clock, self.clock)
        changes = {
            "seq": self.meta.seq + 1,
            "offsets": self.meta.offsets | inputs.offsets,
            "clock": clock,
            "revision": self.book.revision,
        }
        try:
            values = yield from self.holding.load([*visit, *looks, *inputs.by_customer])
            self.before_deciding(one for one in inputs.by_customer if values[one].state is None)
            batch = self._batch(inputs, clock, wall, values)
            batch.visit(visit)
            batch.run(clock, looks)
            self.before_commit(batch.result)
            if self.rollout_rules is not None:
                changes["rollout"] = _counted(self.meta.rollout, batch)
            meta = msgspec.structs.replace(self.meta, names=self.names.all, **(changes | progress))
            until, trim = clock - self.book.policy.allowed_lateness, list(self.outbox.done)
            yield from self.holding.commit(meta, values, batch.decided, taken, until, batch.result.outbox, trim)
        except BaseException:
            self.holding.forget()
            raise
        self.forgets = False
        del self.outbox.done[: len(trim)]  # a relay may have added some
        yield batch.result

    def _batch(self, inputs: Inputs, clock: int, wall: int, values: Mapping[str, Value]) -> Batch:
        live_wall = wall if self.live else None
        settings = BatchSettings(live_wall, self.names, clock - self.history_kept, self.largest_outreach)
        return Batch(self.book, self.renderer, values, inputs, settings, self.rollout_rules)


def _counted(rollout: Rollout | None, batch: Batch) -> Rollout | None:
    """The roll-out with what the batch has counted, while there is a canary."""
    turns = batch.turns
    if rollout is None or not isinstance(turns, TwoBooks) or not turns.rollout_rules.is_canary:
        return rollout
    return msgspec.structs.replace(rollout, counts=turns.counts(rollout.counts or Counts()))
