"""The worker's main loop: a member of a consumer group that runs the partitions assigned to it. `engine run` starts it.

One thread polls, then per partition decides and commits the records, fires due timers and continues the sweep after a
rule change. Timers and sweep work in pages with a time budget, so that events never wait long. While a second thread
asks the store for one partition, the loop continues with the next.

The offsets in the store are authoritative, never the broker's: a partition is opened from the store and the source is
told where to read on, on assignment, after a refused commit, and after the store or the brokers were unavailable.
"""

from collections import defaultdict
from collections.abc import Callable, Container, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from engine.core.zones import ZONES_VERSION
from engine.errors import BrokersAway, Fenced, StoreUnavailable
from engine.loop import MAX_RETRY_DELAY, NO_ANSWER, Loop, Outage
from engine.ports import EventSource, Ownership, Record
from engine.worker.context import Rules, WorkerContext
from engine.worker.opening_checks import check_counts
from engine.worker.partition_owner import PartitionOwner
from engine.worker.reopening import ClosedPartitions
from engine.worker.rollout_brakes import reason_to_go_back
from engine.worker.scheduling import PartitionTasks, Task
from engine.worker.timer_rounds import TIMER_CHECK_INTERVAL, TimerRounds

T = TypeVar("T")

UNAVAILABLE = StoreUnavailable, BrokersAway
"""Errors that pass by themselves: the worker waits, stays in the group, and reopens its partitions."""

TIMERS_DUE_POLL_TIMEOUT = 0.001
"""Seconds that a poll waits for events while timers are due. With the usual `patience` (0.05 s) the worker would idle
that long between two pages of a storm of due timers."""
SWEEP_REST_FACTOR = 4.0
"""A sweep rests this many times as long as its last page took: at 4 it takes a fifth of the time, and events the rest.
"""
STATUS_INTERVAL = 5.0
"""Seconds between reports of lag and overdue timers, and checks that the store's meta is the one this worker wrote."""
BRAKES_INTERVAL = 1.0
"""Seconds between looks at what a roll-out has done so far, over all partitions: so long a bad rule may go on."""
FENCED_REOPEN_DELAY = 0.3
"""Seconds before a partition is reopened after a refused commit: a command such as `engine erase` is done by then."""
BROKERS_SLOW_AFTER = 1.0
"""Seconds that brokers may take to accept more outreach before they count as unavailable. Without it a broker that is
busy for a moment would cause a warning."""


@dataclass
class Worker(Loop):
    """The main loop. `join` makes the source, which calls back `assigned`, `revoked` and `lost` from within `poll`.

    `batch` bounds the records of a poll; `patience` is how many seconds a poll waits for the first record.
    """

    join: Callable[[Ownership], EventSource]
    context: WorkerContext
    rules: Rules
    batch: int = 4_000
    patience: float = 0.05
    tasks: PartitionTasks = field(init=False)
    source: EventSource = field(init=False)
    owners: dict[int, PartitionOwner] = field(default_factory=dict, init=False)
    store_outage: Outage = field(init=False)
    brokers_outage: Outage = field(init=False)
    """While the brokers take no outreach, or do not answer the source."""
    clock_doubt: str = field(default="", init=False)
    """Why no timer fires by wall time now; "" when timers fire."""
    closed: ClosedPartitions = field(init=False)
    _waiting: dict[int, list[Record]] = field(default_factory=dict, init=False)
    """Partition -> records that were read and are not handled yet."""
    _new_rules: Rules | None = field(default=None, init=False)
    timers: TimerRounds = field(default_factory=TimerRounds, init=False)
    _next_sweep: float = field(default=0.0, init=False)
    _next_status: float = field(default=0.0, init=False)
    _next_brakes: float = field(default=0.0, init=False)
    _committed: dict[tuple[str, int], int] = field(default_factory=dict, init=False)
    """(topic, partition) -> the offset that was committed to the broker."""

    def __post_init__(self) -> None:
        hooks = self.context.hooks
        self.store_outage = Outage(hooks.store_away, hooks.store_back)
        self.brokers_outage = Outage(hooks.brokers_away, hooks.brokers_back)
        self.tasks = PartitionTasks(self._run_until_waiting)
        self.closed = ClosedPartitions(self.context.store.meta)
        self.source = self.join(self)
        self.context.hooks.zones_in_use(ZONES_VERSION)
        self._report_rules()

    def run(self) -> None:
        """Work until `stop`. Raises SourceUnavailable, SinkUnavailable and PartitionsChanged: waiting does not help.

        Returns within half a minute of `stop`, even while store or brokers are unavailable: outreach that is not
        published stays in the outbox for the next owner.
        """
        try:
            while not self.stopping:
                self.step()
            with suppress(*UNAVAILABLE):  # uncommitted records are read again by the next owner
                self.tasks.finish_all()
            self._commit_offsets()
        finally:
            self.source.close()

    def reload(self, rules: Rules) -> None:
        """Use these rules from the next step on; a sweep re-arms every customer. Safe to call from a signal handler."""
        self._new_rules = rules

    def step(self) -> None:
        """One turn of the loop. Tasks that still wait for the store at its end are resumed in the next turn."""
        self.turned()
        check_counts(self.source.partitions(), self.context.partitions)
        try:
            if self._new_rules is not None:
                self._adopt(self._new_rules)
            self._wait_for_room()
            records = self.source.poll(self.batch, self._patience())
            closed = self._open_closed()  # records polled for these came before the seek: dropped
            self._queue(records, closed)
            self._begin_round()
            all_read = len(records) < self.batch  # so nothing could be read while tasks wait for the store
            self._handle_waiting(everything=all_read)
            self._end_round()
            if monotonic() >= self._next_sweep:
                self._sweep()
            if monotonic() >= self._next_brakes:
                self._watch_rollout()
            if monotonic() >= self._next_status:
                self._report_status()
            self._end_outages()
        except UNAVAILABLE as error:
            self._wait_and_reopen(error)

    def _queue(self, records: Sequence[Record], closed: Container[int] = ()) -> None:
        """Queue the records by partition."""
        for number, own in _by_partition(records).items():
            if number in self.owners and number not in closed:
                self._waiting.setdefault(number, []).extend(own)

    def _patience(self) -> float:
        return 0.0 if self.tasks else (TIMERS_DUE_POLL_TIMEOUT if self.timers.unfinished else self.patience)

    def _handle_waiting(self, *, everything: bool) -> None:
        """Handle queued records: at once where the partition has no task running, else when more than a batch waits.

        `everything`: all of them, and wait for the tasks. While too much outreach is in flight they stay queued.
        """
        for number in list(self._waiting):
            if number not in self.tasks:
                self._begin(number, self._handle)
        while self._waiting and (everything or sum(map(len, self._waiting.values())) > self.batch):
            self.tasks.finish(number := next(iter(self._waiting)))  # which hands over its outreach
            if self._is_full():
                break
            self._begin(number, self._handle)
        if everything:
            others_wait = sum(owner.has_more for owner in self.owners.values()) > 1
            self.tasks.finish_all(but=others_wait)  # their timers are decided while the last commit is written

    def _begin(self, number: int, work: Callable[[PartitionOwner], Task]) -> None:
        self.tasks.finish(number)
        if owner := self.owners.get(number):
            self.tasks.begin(number, work(owner))

    def _handle(self, owner: PartitionOwner) -> Task:
        yield from owner.handle(self._waiting.pop(owner.number))
        yield from self._tick(owner)  # events first

    def _tick(self, owner: PartitionOwner) -> Task:
        """Fire due timers, if the round includes this partition and no records wait: events may disprove a timer."""
        if owner.number not in self._waiting and self.timers.takes(owner.number):
            yield from owner.tick(self.source)

    def _run_until_waiting(self, number: int, work: Task) -> Future[Any] | None:
        return self._guarded(number, partial(next, work, None))

    def _guarded(self, number: int, act: Callable[[], T]) -> T | None:
        """Act on a partition. When its commit is refused, it is reopened later, if it is still assigned then."""
        self.turned()  # a round over many partitions may take longer than a minute where the store is slow
        try:
            return act()
        except Fenced as error:
            self.context.hooks.fenced(number, str(error))
            self._close_to_reopen(number, FENCED_REOPEN_DELAY)
            return None

    def _begin_round(self) -> None:
        if self.timers.is_time:
            if not self.timers.unfinished:  # the answer waits a millisecond for another thread, too long in a storm
                self.joined = self.source.joined()
            self._watch_clock()
            self.timers.begin(self.owners)

    def _end_round(self) -> None:
        for number in self.timers.left - set(self.tasks):
            self._begin(number, self._tick)
        self.timers.end(has_more=any(owner.has_more for owner in self.owners.values()))

    def _sweep(self) -> None:
        """Sweep one page of one partition, then rest: the share of time is the same for any number of partitions."""
        started = monotonic()
        number = next((number for number, owner in self.owners.items() if not owner.partition.is_swept), None)
        if number is not None:
            self._begin(number, PartitionOwner.sweep)
            self.tasks.finish(number)
            self._next_sweep = monotonic() + SWEEP_REST_FACTOR * (monotonic() - started)

    def _watch_rollout(self) -> None:
        """Go back with a roll-out that does what its plan did not say, or that another worker has taken back."""
        self._next_brakes = monotonic() + BRAKES_INTERVAL
        trying = [number for number, owner in self.owners.items() if owner.partition.is_canary]
        if not trying:
            return
        rollout = self.owners[trying[0]].partition.meta.rollout
        metas = [self.context.store.meta(number) for number in range(self.context.partitions)]
        reason = reason_to_go_back(metas, rollout) if rollout is not None else ""
        for number in trying if reason else ():
            self._begin(number, partial(PartitionOwner.go_back, reason=reason))
        self.tasks.finish_all()

    def _watch_clock(self) -> None:
        before, self.clock_doubt = self.clock_doubt, "" if self.context.event_clock else self.context.doubt()
        if self.clock_doubt and not before:
            self.context.hooks.clock_doubted(self.clock_doubt)
        elif before and not self.clock_doubt:
            self.context.hooks.clock_believed()

    def _report_status(self) -> None:
        self.tasks.finish_all()
        if self.clock_doubt:
            self.context.hooks.clock_doubted(self.clock_doubt)
        self._next_status = monotonic() + STATUS_INTERVAL
        self.joined = self.source.joined()
        if not self.source.answers():
            self.brokers_outage.failed(NO_ANSWER)
        lag, ids = self.source.lag(), self.source.topic_ids()
        for number, owner in list(self.owners.items()):
            if owner.topics_recreated(ids):
                self._close_to_reopen(number)
            else:
                self._guarded(number, partial(owner.report_status, lag.get(number, 0)))
                self._begin(number, PartitionOwner.tidy)
        self.tasks.finish_all()
        self._commit_offsets()

    def _commit_offsets(self) -> None:
        """Commit changed offsets to the broker, for lag dashboards only."""
        metas = {number: owner.partition.meta for number, owner in self.owners.items()}
        offsets = {(topic, number): at for number, meta in metas.items() for topic, at in meta.offsets.items()}
        changed = dict(offsets.items() - self._committed.items())
        self._committed = offsets
        if changed:
            self.source.commit(changed)

    def _adopt(self, rules: Rules) -> None:
        self.tasks.finish_all()
        self.rules, self._new_rules = rules, None
        for owner in self.owners.values():
            owner.adopt(rules)
        self._report_rules()

    def _report_rules(self) -> None:
        book = self.rules.book
        steps = [(rule.id, step) for rule in book.journeys if (one := rule.action.journey) for step in one.named]
        self.context.hooks.adopted(book.revision, [rule.id for rule in book.rules], steps)

    # --- opening

    def _open(self, number: int) -> PartitionOwner:
        check_counts(self.source.partitions(), self.context.partitions, shared_out=number + 1)
        owner = PartitionOwner(number, self.context, self.rules, self.source.topic_ids())
        self.owners[number] = owner
        self.closed.discard(number)
        self._divide_cache()
        return owner

    def _divide_cache(self) -> None:
        for owner in self.owners.values():
            owner.partition.holding.cache.size = self.context.cache_size // len(self.owners)

    def _close_to_reopen(self, number: int, delay: float = 0.0) -> None:
        owner = self._forget(number)
        self.closed.add(number, owner.partition.meta if owner else None, delay)

    def _forget(self, number: int) -> PartitionOwner | None:
        self._waiting.pop(number, None)
        return self.owners.pop(number, None)

    def _open_closed(self) -> set[int]:
        """Open the closed partitions whose time has come; read on from the store's offsets. Returns all closed ones."""
        closed = set(self.closed)
        for number in self.closed.due():
            self.turned()
            self.source.seek(number, self._open(number).partition.meta.offsets)
        return closed

    def _wait_for_room(self) -> None:
        """Wait while too much outreach is in flight to the brokers. Records that were read wait in memory."""
        if not self._is_full():
            return
        paused, next_report = list(self.owners), monotonic() + BROKERS_SLOW_AFTER
        self.source.pause(paused)
        while self._is_full() and not self.stopping:
            self.turned()
            if self.stepped > next_report:
                self.brokers_outage.failed(BrokersAway("the outreach topic", "does not accept records"))
                next_report = self.stepped + MAX_RETRY_DELAY
            self._queue(self.source.poll(1, TIMER_CHECK_INTERVAL))  # of a partition that was assigned just now
        self.source.resume(paused)

    def _is_full(self) -> bool:
        return any(owner.relay.is_full() for owner in self.owners.values())

    def _note_outage(self, error: StoreUnavailable | BrokersAway) -> float:
        """Returns the seconds to wait before the next attempt."""
        return (self.store_outage if isinstance(error, StoreUnavailable) else self.brokers_outage).failed(error)

    def _end_outages(self) -> None:
        """Note that the store answers, and the brokers too if they have answered the source."""
        self.store_outage.over()
        if self.source.answers():
            self.brokers_outage.over()

    def _wait_and_reopen(self, error: StoreUnavailable | BrokersAway) -> None:
        """Pause, stay in the group, and retry until every partition has been opened anew from the store.

        Every one, since a restored store may hold an older state than the one in memory.
        """
        paused: set[int] = set()
        self.tasks.abandon(*self.tasks)
        for number in [*self.owners, *self.closed]:
            self._close_to_reopen(number)
        while self.closed and not self.stopping:
            self.turned()
            wait = self._note_outage(error)
            paused |= set(self.closed)
            self.source.pause(list(self.closed))
            for record in self.source.poll(1, wait):  # only a partition that was assigned meanwhile delivers
                self._close_to_reopen(record.partition)
            try:
                self._open_closed()
            except UNAVAILABLE as again:
                error = again
            else:
                self._end_outages()
                break
        self.source.resume(list(paused))

    # --- ownership: called by the source from within poll and close

    def assigned(self, partition: int) -> dict[str, int]:
        """Open the partition; while the store or the brokers are unavailable, leave that to later."""
        if not (self.store_outage.ongoing or self.brokers_outage.ongoing):
            try:
                return dict(self._open(partition).partition.meta.offsets)
            except UNAVAILABLE as error:
                self._note_outage(error)
        self._close_to_reopen(partition)
        return {}

    def revoked(self, partition: int) -> None:
        """Finish the running task, trim published outreach from the outbox, and forget the partition."""
        self.timers.discard(partition)
        with suppress(*UNAVAILABLE):  # the next owner reads the uncommitted records again
            self.tasks.finish(partition)
        owner = self._forget(partition)
        self.closed.discard(partition)
        self._divide_cache()
        if owner is not None:
            self._close(owner)

    def _close(self, owner: PartitionOwner) -> None:
        try:
            owner.close(wait=not self.brokers_outage.ongoing)
        except BrokersAway as error:  # the outbox keeps it; noted, so that the other partitions do not wait in vain
            self._note_outage(error)

    def lost(self, partition: int) -> None:
        """Forget the partition without a commit: another worker owns it already, and the store would refuse."""
        self.tasks.abandon(partition)
        self._forget(partition)
        self.closed.discard(partition)
        self._divide_cache()
        self.context.hooks.released(partition)


def _by_partition(records: Sequence[Record]) -> Mapping[int, list[Record]]:
    found: dict[int, list[Record]] = defaultdict(list)
    for record in records:
        found[record.partition].append(record)
    return found
