"""How far the partitions of a topic have been read, by what the metas of the store's partitions say.

A worker's partition reads its own partition of each topic. When a topic has got more partitions, a reshard reads what
was left: each partition of the store then reads all of them for its customers, and keeps its place in each.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from engine.ports import Meta, Place, position_of, topic_of

PartitionOfKey = Callable[[bytes, int], int]
"""(key, number of partitions) -> partition, by the producers' partitioner."""


def topics_read(metas: Iterable[Meta]) -> set[str]:
    """The topics that workers have opened, of which there may be nothing read."""
    return {topic for meta in metas for topic in (*meta.topics, *map(topic_of, meta.offsets))}


def positions(metas: Sequence[Meta], topic: str, partition: int) -> set[int]:
    """Up to where those who read a partition of a topic have read it; several where a drain was interrupted."""
    names = (topic if number == partition else position_of(topic, partition) for number in range(len(metas)))
    return {meta.offsets[name] for meta, name in zip(metas, names, strict=True) if name in meta.offsets}


def read_until(metas: Sequence[Meta], topic: str, partition: int) -> int:
    """Up to where all of them have; 0 where nobody has begun."""
    return min(positions(metas, topic, partition), default=0)


def unread_spans(metas: Sequence[Meta], bounds: Mapping[Place, tuple[int, int]]) -> dict[Place, tuple[int, int]]:
    """The offsets from where each place was read to, to its end."""
    return {place: (max(low, read_until(metas, *place)), end) for place, (low, end) in bounds.items()}
