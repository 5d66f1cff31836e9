"""Topics and an EventSource in memory, for tests of the worker's loop without a broker."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from engine.ports import Ownership, Record


class MemoryTopics:
    """The topics of a broker. A record's offset is its index in its partition; None: an offset without a record."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int], list[Record | None]] = defaultdict(list)
        self.ids: dict[str, str] = defaultdict(lambda: "first")

    def append(self, topic: str, partition: int, value: bytes, key: bytes = b"", timestamp: int = 0) -> None:
        """Append a record. `timestamp`: the broker's time, epoch ms."""
        records = self.records[topic, partition]
        records.append(Record(topic, partition, len(records) + 1, value, key, timestamp))

    def make_again(self, topic: str) -> None:
        """Delete the topic and make it again: empty, with a new id."""
        self.ids[topic] += " again"
        for place in list(self.records):
            if place[0] == topic:
                self.records[place] = []

    def append_marker(self, topic: str, partition: int) -> None:
        """Append an offset without a record, as the end of a transaction does."""
        self.records[topic, partition].append(None)


class MemorySource:
    """The only member of its group: it owns all partitions from its second `poll` until `close`."""

    def __init__(self, topics: MemoryTopics, names: Sequence[str], partitions: int, ownership: Ownership) -> None:
        self._topics = topics
        self._names = names
        self._partitions = partitions
        self._ownership = ownership
        self._next: dict[tuple[str, int], int] = {}
        self._given: dict[tuple[str, int], int] = {}
        self._paused: set[int] = set()
        self._polls = 0
        self.committed: dict[tuple[str, int], int] = {}

    def poll(self, limit: int, timeout: float) -> list[Record]:
        """Up to `limit` records; does not wait. As with a broker, two polls pass before the first records come."""
        self._polls += 1
        if self._polls == 1:
            return []
        if self._polls == 2:
            for partition in range(self._partitions):
                self.seek(partition, self._ownership.assigned(partition))
            return []
        batch: list[Record] = []
        for place in self._next:
            if place[1] not in self._paused:
                batch += self._take(place, limit - len(batch))
        return batch

    def seek(self, partition: int, offsets: Mapping[str, int]) -> None:
        """Read on from these offsets."""
        for name in self._names:
            self._next[name, partition] = offsets.get(name, 0)
            self._given.pop((name, partition), None)

    def pause(self, partitions: Sequence[int]) -> None:
        """Return no records of these partitions until `resume`."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[int]) -> None:
        """Return records of these partitions again."""
        self._paused.difference_update(partitions)

    def caught_up(self, partition: int, handled: Mapping[str, int]) -> set[str]:
        """The topics of which the owner has handled all records that exist at the time of this call."""
        ends = {name: len(self._topics.records[name, partition]) for name in self._names}
        return {name for name in ends if self.position(partition, name, handled.get(name, 0)) >= ends[name]}

    def position(self, partition: int, topic: str, handled: int) -> int:
        """The offset before which nothing is left to handle, -1 where the partition is not ours."""
        place = topic, partition
        return self._next.get(place, -1) if self._given.get(place, handled) == handled else handled

    def lag(self) -> dict[int, int]:
        """Records not yet returned, by partition."""
        lag: dict[int, int] = defaultdict(int)
        for place, offset in self._next.items():
            lag[place[1]] += max(0, len(self._topics.records[place]) - offset)
        return dict(lag)

    def topic_ids(self) -> Mapping[str, str]:
        """The ids of the topics in `MemoryTopics`."""
        return {name: self._topics.ids[name] for name in self._names}

    def partitions(self) -> Mapping[str, int]:
        """Those that the group shares out, of every topic."""
        return dict.fromkeys(self._names, self._partitions)

    def answers(self) -> bool:
        """Always."""
        return True

    def joined(self) -> bool:
        """True from the second `poll` on."""
        return self._polls > 1

    def commit(self, offsets: Mapping[tuple[str, int], int]) -> None:
        """Store the offsets in `committed`."""
        self.committed.update(offsets)

    def close(self) -> None:
        """Give up all partitions."""
        for partition in {partition for _, partition in self._next}:
            self._ownership.revoked(partition)
        self._next.clear()

    def _take(self, place: tuple[str, int], limit: int) -> list[Record]:
        taken: list[Record] = []
        records = self._topics.records[place]
        while self._next[place] < len(records) and len(taken) < limit:
            record = records[self._next[place]]
            self._next[place] += 1
            if record is not None:
                taken.append(record)
                self._given[place] = record.next_offset
        return taken
