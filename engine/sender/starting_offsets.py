"""Where a new owner of a partition starts: at the last owner's committed offset, which only the brokers know.

A group shares out its partitions as soon as the brokers are back, before all of them answer. Without an answer a
partition would be read from its beginning. So it waits, and the loops of sender and feedback consumer begin it later.

The offsets of a topic that was deleted and made again begin anew. With the old topic's offsets, records that came to
the new one meanwhile would be skipped.
"""

from collections.abc import Callable, Iterable, Mapping

from engine.ports import EventSource


class StartingOffsets:
    """`committed` says where a partition's last owner came to, by topic; it raises BrokersAway."""

    def __init__(self, committed: Callable[[int], dict[str, int]]) -> None:
        self._committed = committed
        self._waiting: set[int] = set()
        self._topic_ids: Mapping[str, str] = {}

    def assigned(self, partition: int) -> dict[str, int]:
        """The offsets to read on from. Raises BrokersAway; what is read until `begin_late` must then be dropped."""
        self._waiting.add(partition)
        offsets = self._committed(partition)
        self._waiting.discard(partition)
        return offsets

    def waits(self, partition: int) -> bool:
        """Whether records of the partition must be dropped: it is not known yet where to begin."""
        return partition in self._waiting

    def begin_late(self, source: EventSource) -> list[int]:
        """Seek the partitions that wait to where they begin, and return them. Raises BrokersAway."""
        begun = []
        for partition in sorted(self._waiting):
            source.seek(partition, self._committed(partition))
            self._waiting.discard(partition)
            begun.append(partition)
        return begun

    def made_again(self, source: EventSource, partitions: Iterable[int]) -> list[str]:
        """The topics that were made again since the last call; the partitions are sought to their beginning then."""
        before, self._topic_ids = self._topic_ids, {**self._topic_ids, **source.topic_ids()}
        again = [topic for topic, identity in self._topic_ids.items() if before.get(topic, identity) != identity]
        for partition in partitions if again else ():
            source.seek(partition, {})
        return again

    def gone(self, partition: int) -> None:
        """Forget the partition: it has another owner."""
        self._waiting.discard(partition)
