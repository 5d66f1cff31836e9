"""The sender's main loop: a member of a consumer group over the outreach topic that delivers what it reads.

`engine send` runs it. Deliveries end in any order; the committed offset is the one before which all have ended. Reading
pauses, without leaving the group, while too many are in hand or every provider is down. While the brokers do not take
the outcomes, nothing is read or delivered. The source must only be used from its own thread, never from the asyncio
loop's.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TypeVar

from engine.errors import BadRecord, BrokersAway, SinkUnavailable
from engine.loop import MAX_RETRY_DELAY, NO_ANSWER, Loop, Outage
from engine.ports import EventSource, Ownership, Record
from engine.sender.committable_offsets import CommittableOffset
from engine.sender.delivery import Delivery, Parcel, SenderContext
from engine.sender.starting_offsets import StartingOffsets
from engine.wire.records import decode_outreach

T = TypeVar("T")
Offsets = Mapping[tuple[str, int], int]
"""(topic, partition) -> next offset."""

COMMIT_INTERVAL = 1.0
"""Seconds between commits of offsets. After a crash this much is read again, and recognized by its claims."""
PAUSE_AFTER = 1.0
"""Seconds without room before reading pauses. Pausing drops fetched records, so doing it at once would fetch them
again and again."""
STATUS_INTERVAL = 5.0
"""Seconds between reports to the hooks."""
BROKERS_CHECK_INTERVAL = 0.5
"""Seconds between a parcel's looks at whether the brokers are back. Longer, and deliveries start noticeably late."""


@dataclass
class Sender(Loop):
    """The main loop. `join` makes the source, which calls back `assigned`, `revoked` and `lost` from within `poll`.

    `committed(partition)` returns topic -> next offset, as the last owner committed it. `in_hand` bounds outreach being
    delivered, `parked` outreach that waits for its next try; `patience` is how many seconds a poll waits.
    """

    join: Callable[[Ownership], EventSource]
    committed: Callable[[int], dict[str, int]]
    context: SenderContext
    in_hand: int = 1_000
    parked: int = 5_000
    patience: float = 0.05
    source: EventSource = field(init=False)
    brokers_outage: Outage = field(init=False)
    """While they take no reports, or do not answer the source."""
    _starting_offsets: StartingOffsets = field(init=False)
    _delivery: Delivery = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _places: dict[int, CommittableOffset] = field(default_factory=dict, init=False)
    _topics: dict[int, str] = field(default_factory=dict, init=False)
    _parcels: dict[str, Parcel] = field(default_factory=dict, init=False)
    _tasks: dict[Parcel, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _told: dict[tuple[str, int], int] = field(default_factory=dict, init=False)
    _resting: frozenset[int] = field(default=frozenset(), init=False)
    _roomy: float = field(default=0.0, init=False)
    """When there was room last, by the monotonic clock."""
    _next_commit: float = field(default=0.0, init=False)
    _next_status: float = field(default=0.0, init=False)
    _reports_lost: bool = field(default=False, init=False)
    _failure: BaseException | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.brokers_outage = Outage(self.context.hooks.brokers_away, self.context.hooks.brokers_back)
        self._starting_offsets = StartingOffsets(self.committed)

    def run(self) -> None:
        """Work until `stop`; then running hand-overs end, offsets are committed and the group is left.

        Raises SourceUnavailable and SinkUnavailable when waiting does not help.
        """
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.turned()
        with ThreadPoolExecutor(1, "source") as source, ThreadPoolExecutor(4, "store") as store:
            self._delivery = Delivery(self.context, store)
            in_source = partial(_call, self._loop, source)
            try:
                self.source = await in_source(lambda: self.join(self))
                try:
                    while not self.stopping:
                        await self._step(in_source)
                finally:
                    await in_source(self.source.close)
            finally:
                for channel in self.context.channels.values():
                    await channel.close()

    async def _step(self, in_source: "Callable[[Callable[[], list[Record]]], asyncio.Future[list[Record]]]") -> None:
        self.turned()
        room = self._room()
        if room >= self.in_hand // 10:
            self._roomy = monotonic()
        elif monotonic() < self._roomy + PAUSE_AFTER:
            await asyncio.sleep(self.patience)  # pausing would drop records fetched ahead
            return
        for record in await in_source(partial(self._turn, room)):
            self._take(record)
        if self._failure:
            raise self._failure

    def _ended_so_far(self, numbers: Iterable[int]) -> Offsets:
        ended = {(self._topics[number], number): self._places[number].offset for number in numbers}
        return {place: offset for place, offset in ended.items() if self._told.get(place) != offset}

    def _room(self) -> int:
        """How many more records may be read."""
        if self._delivery.all_down:
            return 0
        parked = sum(parcel.parked for parcel in self._tasks)
        busy = len(self._tasks) - parked
        if monotonic() >= self._next_status:
            self._next_status = monotonic() + STATUS_INTERVAL
            self.context.hooks.measured(len(self._tasks), parked)
            if doubt := self.context.doubt():
                self.context.hooks.clock_doubted(doubt)
        return min(self.in_hand - busy, self.in_hand + self.parked - len(self._tasks))

    # --- on the source's thread

    def _turn(self, room: int) -> list[Record]:
        """Commit now and then, pause or resume, then read."""
        if monotonic() >= self._next_commit:
            self._next_commit = monotonic() + self._settle()
        resting = room < self.in_hand // 10 or self.brokers_outage.ongoing
        self._rest(frozenset(self._places) if resting else frozenset())
        records = self.source.poll(max(1, room), self.patience)
        self.joined = self.source.joined()
        return records

    def _settle(self) -> float:
        """Open partitions that had to wait for the brokers, and commit. Returns the seconds until the next time."""
        try:
            for partition in self._starting_offsets.begin_late(self.source):
                self._places[partition] = CommittableOffset()
            for topic in self._starting_offsets.made_again(self.source, self._places):
                self._forget_offsets(topic)
            self._commit(self._ended_so_far(list(self._topics)))
            if not self.source.answers():
                return self.brokers_outage.failed(NO_ANSWER)
        except BrokersAway as error:
            return self.brokers_outage.failed(error)
        self.brokers_outage.over()
        return COMMIT_INTERVAL

    def _forget_offsets(self, topic: str) -> None:
        """Those of a topic that was made again. What is in hand of the old one is delivered, and counts no more."""
        self._places = {partition: CommittableOffset() for partition in self._places}
        self._topics.clear()
        self._told.clear()
        self.context.hooks.topic_made_again(topic)

    def _rest(self, resting: frozenset[int]) -> None:
        if fresh := resting - self._resting:
            self.source.pause(list(fresh))
        if awake := self._resting - resting:
            self.source.resume([number for number in awake if number in self._places])
        self._resting = resting

    def _commit(self, ended: Offsets) -> None:
        """Commit the offsets, after the outcomes of these records are durable. Raises BrokersAway and SinkUnavailable.

        After SinkUnavailable some outcomes are lost, and nothing more is committed: the next sender reads the records
        again, finds their results in the store and tells them.
        """
        try:
            self.context.reporter.flush()
        except SinkUnavailable as error:
            self._reports_lost = self._reports_lost or not isinstance(error, BrokersAway)
            raise
        if ended and not self._reports_lost:
            self.source.commit(ended)
            self._told |= ended

    def assigned(self, partition: int) -> dict[str, int]:
        """Read on from the last owner's committed offset; later, if the brokers do not answer now."""
        try:
            offsets = self._starting_offsets.assigned(partition)
        except BrokersAway as error:
            self.brokers_outage.failed(error)
            offsets = {}
        else:
            self._places[partition] = CommittableOffset()
        self.context.hooks.assigned(partition)
        return offsets

    def revoked(self, partition: int) -> None:
        """Let running hand-overs end, cancel the rest, and commit.

        While the brokers are away nothing is committed: the next owner reads the records again, and finds their results
        in the store.
        """
        ended = self._leave(partition)
        if not self.brokers_outage.ongoing:
            try:
                self._commit(ended)
            except BrokersAway as error:
                self.brokers_outage.failed(error)
        self._forget(partition)

    def lost(self, partition: int) -> None:
        """Drop the partition without a commit: another sender owns it already."""
        self._leave(partition)
        self._forget(partition)

    def _leave(self, partition: int) -> Offsets:
        return asyncio.run_coroutine_threadsafe(self._drop(partition), self._loop).result()

    def _forget(self, partition: int) -> None:
        topic = self._topics.pop(partition, "")
        self._told.pop((topic, partition), None)
        self._places.pop(partition, None)
        self._starting_offsets.gone(partition)
        self._resting -= {partition}
        self.context.hooks.released(partition)

    # --- on the loop's thread

    def _take(self, record: Record) -> None:
        position = self._places.get(record.partition)
        if position is None:
            return
        self._topics[record.partition] = record.source
        position.begin(record.next_offset)
        try:
            outreach = decode_outreach(record.value) if record.value else None
        except BadRecord as error:
            self.context.reporter.write_dead_letter(record, error.code, error.reason)
            self.context.hooks.dead_letter(error.code)
            outreach = None
        if outreach is None:
            position.done(record.next_offset)
            return
        parcel = Parcel(outreach, record)
        task = self._loop.create_task(self._deliver(parcel, self._parcels.get(outreach.id)))
        self._parcels[outreach.id] = parcel
        self._tasks[parcel] = task
        task.add_done_callback(partial(self._ended, parcel, position))

    async def _deliver(self, parcel: Parcel, earlier: Parcel | None) -> None:
        """Deliver the parcel; a repeated record waits for the first, and then finds its result recorded."""
        while earlier is not None and (task := self._tasks.get(earlier)):
            await asyncio.wait([task])
        while True:
            while self.brokers_outage.ongoing:  # outcomes that nobody takes would fill the memory
                await parcel.rest(BROKERS_CHECK_INTERVAL)
            try:
                return await self._delivery.deliver(parcel)
            except BrokersAway:  # no room for the outcome; the store has it
                await parcel.rest(MAX_RETRY_DELAY)

    def _ended(self, parcel: Parcel, position: CommittableOffset, task: asyncio.Task[None]) -> None:
        del self._tasks[parcel]
        if self._parcels.get(parcel.outreach.id) is parcel:
            del self._parcels[parcel.outreach.id]
        if task.cancelled():
            return
        if error := task.exception():
            self._failure = error
            return
        position.done(parcel.record.next_offset)

    async def _drop(self, partition: int) -> Offsets:
        """Cancel what may be cancelled, wait for running hand-overs; returns the offsets to commit."""
        leaving = {parcel: task for parcel, task in self._tasks.items() if parcel.record.partition == partition}
        cancelled = [parcel for parcel in leaving if not parcel.handing]
        for parcel in leaving:
            parcel.leaving = True
        for parcel in cancelled:
            leaving[parcel].cancel()
        if leaving:
            await asyncio.wait(leaving.values(), timeout=self.context.limits.hand_over)
            await self._delivery.give_back(cancelled)
        return self._ended_so_far(self._topics.keys() & {partition})


def _call(loop: asyncio.AbstractEventLoop, executor: ThreadPoolExecutor, work: Callable[[], T]) -> "asyncio.Future[T]":
    return loop.run_in_executor(executor, work)
