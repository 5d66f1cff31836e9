"""Reads and decides what workers have left unread, before `engine reshard` moves their customers.

When a topic has got more partitions, a customer's records are in two of them: the older ones where the old number puts
the customer, the newer ones where the new number does. So every partition of the store reads, of all partitions of all
topics, the records of the customers that it has, in the order in which they arrived, and keeps its place in each. An
interrupted drain goes on from those places: each record counts once. Afterwards all have read the same, and customers
can move.

No worker may run meanwhile; one that does is fenced, or fences the drain.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import islice

from engine.operate.positions import PartitionOfKey, unread_spans
from engine.ports import Place, Record, TopicReader, position_of, topic_of
from engine.worker.context import Rules, WorkerContext
from engine.worker.partition_owner import PartitionOwner
from engine.worker.scheduling import Task

BATCH = 4_000
"""Records that are decided together, as in a worker."""
READ_AHEAD = 100_000
"""Records held in memory to bring those of all places into order: some 100 MB with records of 1 kB."""


@dataclass
class Drain:
    """`context.partitions` is the number that the store has; `partitions` the one that all `topics` have now.

    `topic_ids`: of the topics that tell theirs.
    """

    context: WorkerContext
    rules: Rules
    reader: TopicReader
    topics: Sequence[str]
    topic_ids: Mapping[str, str]
    partitions: int
    partition_of: PartitionOfKey
    batch: int = BATCH

    def run(self, progress: Callable[[int], None] = lambda records: None) -> int:
        """Decide all that is in the topics now, publish what follows, and return the number of records.

        Raises what workers raise. What has been decided by then counts; run it again.
        """
        places = [(topic, number) for topic in self.topics for number in range(self.partitions)]
        bounds, records = self.reader.bounds(places), 0
        owners = [
            PartitionOwner(number, self.context, self.rules, self.topic_ids)
            for number in range(self.context.partitions)
        ]
        self._begin(owners, places)
        spans = unread_spans([owner.partition.meta for owner in owners], bounds)
        arrived = in_order_of_arrival(self.reader, spans)
        while batch := list(islice(arrived, self.batch)):
            for number, own in self._by_home(batch, owners).items():
                _run(owners[number].handle(own))
                if owners[number].relay.is_full():
                    owners[number].relay.finish()
            records += len(batch)
            progress(len(batch))
        self._end(owners, {place: end for place, (_, end) in spans.items()})
        return records

    def _begin(self, owners: Sequence[PartitionOwner], places: Sequence[Place]) -> None:
        """Let every partition note from where it reads the partitions of others, before any of them reads: from where
        their worker stopped."""
        stopped = {(topic, owner.number): at for owner in owners for topic, at in owner.partition.meta.offsets.items()}
        for owner in owners if self._has_grown else ():
            offsets = owner.partition.meta.offsets
            names = {position_of(*place): place for place in places if place[1] != owner.number}
            missing = {name: stopped.get(place, 0) for name, place in names.items() if name not in offsets}
            if missing:
                _run(owner.read_on_from(offsets | missing))

    def _by_home(self, records: Sequence[Record], owners: Sequence[PartitionOwner]) -> Mapping[int, list[Record]]:
        """The records that count, by the partition of the store that has their customer."""
        found: dict[int, list[Record]] = defaultdict(list)
        for record in records:
            home = self._home(record)
            if home != record.partition:
                record.position = position_of(record.source, record.partition)
            read = owners[home].partition.meta.offsets.get(record.position or record.source, 0)
            if record.next_offset > read:  # else the drain was interrupted after it
                found[home].append(record)
        return found

    def _home(self, record: Record) -> int:
        """Where the customer is by the old number. What lies in an old partition, and not by the new number, is where
        its worker would have read it."""
        number, before = record.partition, self.context.partitions
        key = record.key
        if number < before and (
            key is None or not self._has_grown or self.partition_of(key, self.partitions) != number
        ):
            return number
        return self.partition_of(key, before) if key is not None else number % before

    @property
    def _has_grown(self) -> bool:
        return self.partitions > self.context.partitions

    def _end(self, owners: Sequence[PartitionOwner], ends: Mapping[Place, int]) -> None:
        """Publish the rest, and let every partition note that all have read all, markers of transactions too."""
        for owner in owners:
            kept = {name: at for name, at in owner.partition.meta.offsets.items() if topic_of(name) not in self.topics}
            own = {topic: end for (topic, number), end in ends.items() if number == owner.number}
            others = {position_of(*place): end for place, end in ends.items() if place[1] != owner.number}
            _run(owner.read_on_from(kept | own | (others if self._has_grown else {})))
            owner.close()


def _run(task: Task) -> None:
    for _ in task:
        pass  # resumed before the store has answered, it waits


def in_order_of_arrival(
    reader: TopicReader, spans: Mapping[Place, tuple[int, int]], read_ahead: int = READ_AHEAD
) -> Iterator[Record]:
    """The records of all places by the brokers' time. In memory are `read_ahead` at a time."""
    left = {place: span for place, span in spans.items() if span[0] < span[1]}
    ahead = max(1, read_ahead // max(1, len(left)))
    waiting: dict[Place, deque[Record]] = {place: deque() for place in left}
    while left or any(waiting.values()):
        while any(not waiting[place] for place in left):
            _read_ahead(reader, left, waiting, ahead)
        heads = [(records[0].timestamp, place) for place, records in waiting.items() if records]
        heapify(heads)
        while heads:
            place = heappop(heads)[1]
            records = waiting[place]
            yield records.popleft()
            if records:
                heappush(heads, (records[0].timestamp, place))
            elif place in left:
                break  # what comes there may be older than what waits elsewhere


def _read_ahead(
    reader: TopicReader, left: dict[Place, tuple[int, int]], waiting: Mapping[Place, deque[Record]], ahead: int
) -> None:
    """Read on wherever fewer than half as many wait as are read ahead: places get there at about the same time."""
    few = [place for place in left if len(waiting[place]) < ahead / 2]
    spans = {place: (left[place][0], min(left[place][0] + ahead, left[place][1])) for place in few}
    for record in reader.read(spans):
        waiting[record.source, record.partition].append(record)
    for place, (_, until) in spans.items():
        if until == left[place][1]:
            del left[place]
        else:
            left[place] = until, left[place][1]
