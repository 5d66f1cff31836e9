"""Judges by a sample of records which partitioner a topic's producers use."""

from collections.abc import Callable, Iterable

from engine.operate.findings import Finding, fail, ok
from engine.operate.words import count_of
from engine.ports import Record
from engine.wire.partitioner import crc32_partition, murmur2_partition

MIN_KEYS = 20
"""Sampled keys, at least, for a verdict: fewer may fit a partitioner by chance."""

MIN_KEYS_OF_A_NUMBER = 5
"""Of the keys that lie where they were before a topic grew, so many at least for each number that it had."""


def judge_keys(topic: str, partitions: int, records: Iterable[Record]) -> Finding:
    """The finding whether keys are placed by murmur2, as Java's and our own producers do."""
    what, places, keyless = f"keys of {topic}", {}, 0
    for record in records:
        if record.key is None:
            keyless += 1
        else:
            places[record.key] = record.partition
    if keyless:
        return fail(what, f"{keyless} of {keyless + len(places)} sampled records have none", KEYLESS)
    murmur2 = _fitting(places, murmur2_partition, partitions)
    if murmur2 == len(places):
        unsure = ", too few to be sure" if len(places) < MIN_KEYS and partitions > 1 else ""
        return ok(what, f"{count_of(murmur2, 'sampled key')} as murmur2 places them{unsure}")
    crc32 = _fitting(places, crc32_partition, partitions)
    if crc32 == len(places):
        return fail(what, f"{count_of(crc32, 'sampled key')} as CRC32 places them, librdkafka's default", CRC32)
    if earlier := _before_it_grew(places, partitions):
        numbers = " or ".join(map(str, earlier))
        says = f"{len(places)} sampled keys are where murmur2 puts them, or put them with {numbers} partitions"
        return ok(what, says)
    return fail(what, f"of {len(places)} sampled keys murmur2 explains {murmur2} and CRC32 {crc32}", UNKNOWN)


def _before_it_grew(places: dict[bytes, int], partitions: int) -> list[int]:
    """The numbers of partitions by which murmur2 explains all keys that it does not explain by today's, as a topic may
    have grown more than once. None where it does not, or by chance."""
    left = {key: place for key, place in places.items() if murmur2_partition(key, partitions) != place}
    found: list[int] = []
    if len(left) < MIN_KEYS:
        return found
    while left:
        count = max(
            range(1, partitions), key=lambda count: _fitting(left, murmur2_partition, count), default=partitions
        )
        if _fitting(left, murmur2_partition, count) < MIN_KEYS_OF_A_NUMBER:
            return []
        found.append(count)
        left = {key: place for key, place in left.items() if murmur2_partition(key, count) != place}
    return found


def _fitting(places: dict[bytes, int], partition: Callable[[bytes, int], int], count: int) -> int:
    return sum(partition(key, count) == place for key, place in places.items())


KEYLESS = "key records by customer, or declare the topic `keyed: false` in events.yaml"
CRC32 = (
    "set `partitioner=murmur2_random` in the producers (librdkafka): topics of other producers disagree with this one"
)
UNKNOWN = (
    "let all producers use murmur2 (Java's default): a customer whose events are in two partitions is two customers"
)
