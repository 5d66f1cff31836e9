"""The sender's main loop: a member of a consumer group over the outreach topic that delivers what it reads.

`engine send` runs it. Deliveries end in any order; the committed offset is the one before which all have ended. Reading
pauses, without leaving the group, while too many are in hand or every provider is down. The source must only be used
from its own thread, never from the asyncio loop's.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import TypeVar

from engine.errors import BadRecord
from engine.ports import EventSource, Ownership, Record
from engine.sender.committable_offsets import CommittableOffset
from engine.sender.delivery import Delivery, Parcel, SenderContext
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


@dataclass
class Sender:
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
    stopping: bool = field(default=False, init=False)
    stepped: float = field(default_factory=monotonic, init=False)
    """When the loop last turned, by the monotonic clock; health checks compare it with now."""
    joined: bool = field(default=False, init=False)
    source: EventSource = field(init=False)
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
    _failure: BaseException | None = field(default=None, init=False)

    def run(self) -> None:
        """Work until `stop`. Raises SourceUnavailable and SinkUnavailable when waiting does not help."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """Finish running hand-overs, commit, leave the group. Safe to call from a signal handler."""
        self.stopping = True

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.stepped = monotonic()
        with ThreadPoolExecutor(1, "source") as source, ThreadPoolExecutor(4, "store") as store:
            self._delivery = Delivery(self.context, store)
            in_source = partial(_call, self._loop, source)
            self.source = await in_source(lambda: self.join(self))
            try:
                while not self.stopping:
                    await self._step(in_source)
            finally:
                await in_source(self.source.close)
                for channel in self.context.channels.values():
                    await channel.close()

    async def _step(self, in_source: "Callable[[Callable[[], list[Record]]], asyncio.Future[list[Record]]]") -> None:
        self.stepped = monotonic()
        room = self._room()
        if room >= self.in_hand // 10:
            self._roomy = monotonic()
        elif monotonic() < self._roomy + PAUSE_AFTER:
            await asyncio.sleep(self.patience)  # pausing would drop records fetched ahead
            return
        for record in await in_source(partial(self._turn, self._changed_offsets(), room)):
            self._take(record)
        if self._failure:
            raise self._failure

    def _changed_offsets(self) -> Offsets:
        """Offsets to commit, once every COMMIT_INTERVAL; empty if nothing has changed."""
        if monotonic() < self._next_commit:
            return {}
        self._next_commit = monotonic() + COMMIT_INTERVAL
        return self._ended_so_far(self._topics)

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
        return min(self.in_hand - busy, self.in_hand + self.parked - len(self._tasks))

    # --- on the source's thread

    def _turn(self, ended: Offsets, room: int) -> list[Record]:
        """Commit, pause or resume, then read."""
        self._commit(ended)
        resting = room < self.in_hand // 10
        self._rest(frozenset(self._places) if resting else frozenset())
        records = self.source.poll(max(1, room), self.patience)
        self.joined = self.source.joined()
        return records

    def _rest(self, resting: frozenset[int]) -> None:
        if fresh := resting - self._resting:
            self.source.pause(list(fresh))
        if awake := self._resting - resting:
            self.source.resume([number for number in awake if number in self._places])
        self._resting = resting

    def _commit(self, ended: Offsets) -> None:
        """Commit the offsets, after the outcomes of these records are durable."""
        if ended:
            self.context.reporter.flush()
            self.source.commit(ended)
            self._told |= ended

    def assigned(self, partition: int) -> dict[str, int]:
        """Read on from the last owner's committed offset."""
        offsets = self.committed(partition)
        self._places[partition] = CommittableOffset()
        self.context.hooks.assigned(partition)
        return offsets

    def revoked(self, partition: int) -> None:
        """Let running hand-overs end, cancel the rest, and commit."""
        self._commit(self._leave(partition))
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
        await self._delivery.deliver(parcel)

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
        for parcel, task in leaving.items():
            parcel.leaving = True
            if not parcel.handing:
                task.cancel()
        if leaving:
            await asyncio.wait(leaving.values(), timeout=self.context.limits.hand_over)
        return self._ended_so_far(self._topics.keys() & {partition})


def _call(loop: asyncio.AbstractEventLoop, executor: ThreadPoolExecutor, work: Callable[[], T]) -> "asyncio.Future[T]":
    return loop.run_in_executor(executor, work)
