"""The sender: a member of a consumer group over the outreach topic that hands over what it reads.

Records end in any order; what is committed is how far all have ended. Reading pauses, and the group stays, while too
many are in hand or every provider is down. The source is only ever used from one thread, which is not the loop's.
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
from engine.sender.committable_offsets import Prefix
from engine.sender.delivery import Delivery, Parcel, Post
from engine.wire.records import decode_outreach

T = TypeVar("T")
Offsets = Mapping[tuple[str, int], int]
"""(topic, partition) -> the offset that comes next."""

COMMIT = 1.0
"""Seconds between commits."""
SHORT = 1.0
"""Seconds without room before reading pauses."""
LOOK = 5.0
"""Seconds between looks at how it is going, for the hooks."""


@dataclass
class Sender:
    """The `Ownership` of the source that `join` makes. `committed` says where a partition's last owner came to.

    `in_hand` bounds what is on its way, `parked` what waits besides for its next try; `patience` is in seconds.
    """

    join: Callable[[Ownership], EventSource]
    committed: Callable[[int], dict[str, int]]
    post: Post
    in_hand: int = 1_000
    parked: int = 5_000
    patience: float = 0.05
    stopping: bool = field(default=False, init=False)
    stepped: float = field(default_factory=monotonic, init=False)
    """When the loop last turned, by the monotonic clock."""
    joined: bool = field(default=False, init=False)
    source: EventSource = field(init=False)
    _delivery: Delivery = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _places: dict[int, Prefix] = field(default_factory=dict, init=False)
    _topics: dict[int, str] = field(default_factory=dict, init=False)
    _parcels: dict[str, Parcel] = field(default_factory=dict, init=False)
    _tasks: dict[Parcel, asyncio.Task[None]] = field(default_factory=dict, init=False)
    _told: dict[tuple[str, int], int] = field(default_factory=dict, init=False)
    _resting: frozenset[int] = field(default=frozenset(), init=False)
    _roomy: float = field(default=0.0, init=False)
    """When there was room for the last time."""
    _next_commit: float = field(default=0.0, init=False)
    _next_look: float = field(default=0.0, init=False)
    _failure: BaseException | None = field(default=None, init=False)

    def run(self) -> None:
        """Work until `stop`. Raises SourceUnavailable and SinkUnavailable where going on makes no sense."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """Finish what is being handed over, commit, leave the group. Safe to call from a signal handler."""
        self.stopping = True

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.stepped = monotonic()
        with ThreadPoolExecutor(1, "source") as source, ThreadPoolExecutor(4, "store") as store:
            self._delivery = Delivery(self.post, store)
            in_source = partial(_call, self._loop, source)
            self.source = await in_source(lambda: self.join(self))
            try:
                while not self.stopping:
                    await self._step(in_source)
            finally:
                await in_source(self.source.close)
                for channel in self.post.channels.values():
                    await channel.close()

    async def _step(self, in_source: "Callable[[Callable[[], list[Record]]], asyncio.Future[list[Record]]]") -> None:
        self.stepped = monotonic()
        room = self._room()
        if room >= self.in_hand // 10:
            self._roomy = monotonic()
        elif monotonic() < self._roomy + SHORT:
            await asyncio.sleep(self.patience)  # pausing would throw away what has been fetched ahead
            return
        for record in await in_source(partial(self._turn, self._news(), room)):
            self._take(record)
        if self._failure:
            raise self._failure

    def _news(self) -> Offsets:
        """How far all have ended, now and then, if that has changed."""
        if monotonic() < self._next_commit:
            return {}
        self._next_commit = monotonic() + COMMIT
        return self._ended_so_far(self._topics)

    def _ended_so_far(self, numbers: Iterable[int]) -> Offsets:
        ended = {(self._topics[number], number): self._places[number].offset for number in numbers}
        return {place: offset for place, offset in ended.items() if self._told.get(place) != offset}

    def _room(self) -> int:
        """How many more may be read."""
        if self._delivery.all_down:
            return 0
        parked = sum(parcel.parked for parcel in self._tasks)
        busy = len(self._tasks) - parked
        if monotonic() >= self._next_look:
            self._next_look = monotonic() + LOOK
            self.post.hooks.measured(len(self._tasks), parked)
        return min(self.in_hand - busy, self.in_hand + self.parked - len(self._tasks))

    # --- on the source's thread

    def _turn(self, ended: Offsets, room: int) -> list[Record]:
        """Commit, pause or go on, and read."""
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
        """Once everybody can know how they ended."""
        if ended:
            self.post.reporter.flush()
            self.source.commit(ended)
            self._told |= ended

    def assigned(self, partition: int) -> dict[str, int]:
        """Read on where its last owner came to."""
        offsets = self.committed(partition)
        self._places[partition] = Prefix()
        self.post.hooks.assigned(partition)
        return offsets

    def revoked(self, partition: int) -> None:
        """Let what is being handed over end, drop the rest, and say how far we came."""
        self._commit(self._leave(partition))
        self._forget(partition)

    def lost(self, partition: int) -> None:
        """Somebody else has it already."""
        self._leave(partition)
        self._forget(partition)

    def _leave(self, partition: int) -> Offsets:
        return asyncio.run_coroutine_threadsafe(self._drop(partition), self._loop).result()

    def _forget(self, partition: int) -> None:
        topic = self._topics.pop(partition, "")
        self._told.pop((topic, partition), None)
        self._places.pop(partition, None)
        self._resting -= {partition}
        self.post.hooks.released(partition)

    # --- on the loop's thread

    def _take(self, record: Record) -> None:
        prefix = self._places.get(record.partition)
        if prefix is None:
            return
        self._topics[record.partition] = record.source
        prefix.begin(record.next_offset)
        try:
            outreach = decode_outreach(record.value) if record.value else None
        except BadRecord as error:
            self.post.reporter.bury(record, error.code, error.reason)
            self.post.hooks.dead_letter(error.code)
            outreach = None
        if outreach is None:
            prefix.done(record.next_offset)
            return
        parcel = Parcel(outreach, record)
        task = self._loop.create_task(self._deliver(parcel, self._parcels.get(outreach.id)))
        self._parcels[outreach.id] = parcel
        self._tasks[parcel] = task
        task.add_done_callback(partial(self._ended, parcel, prefix))

    async def _deliver(self, parcel: Parcel, earlier: Parcel | None) -> None:
        """A repeated record waits for the first: it will find it recorded."""
        while earlier is not None and (task := self._tasks.get(earlier)):
            await asyncio.wait([task])
        await self._delivery.deliver(parcel)

    def _ended(self, parcel: Parcel, prefix: Prefix, task: asyncio.Task[None]) -> None:
        del self._tasks[parcel]
        if self._parcels.get(parcel.outreach.id) is parcel:
            del self._parcels[parcel.outreach.id]
        if task.cancelled():
            return
        if error := task.exception():
            self._failure = error
            return
        prefix.done(parcel.record.next_offset)

    async def _drop(self, partition: int) -> Offsets:
        """Returns how far all have ended."""
        leaving = {parcel: task for parcel, task in self._tasks.items() if parcel.record.partition == partition}
        for parcel, task in leaving.items():
            parcel.leaving = True
            if not parcel.handing:
                task.cancel()
        if leaving:
            await asyncio.wait(leaving.values(), timeout=self.post.limits.hand_over)
        return self._ended_so_far(self._topics.keys() & {partition})


def _call(loop: asyncio.AbstractEventLoop, executor: ThreadPoolExecutor, work: Callable[[], T]) -> "asyncio.Future[T]":
    return loop.run_in_executor(executor, work)
