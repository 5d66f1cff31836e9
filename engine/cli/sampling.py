"""Which partitioner the producers of a topic use, judged by a sample of its records."""

from collections.abc import Callable, Iterable

from engine.adapters.kafka.partitioner import crc32_partition, murmur2_partition
from engine.cli.findings import Finding, fail, ok
from engine.ports import Record

FEW = 20
"""A sample of fewer keys may fit by chance."""


def judge_keys(topic: str, partitions: int, records: Iterable[Record]) -> Finding:
    """Whether customers are where murmur2 puts them, as Java's and our own producers do."""
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
        unsure = ", too few to be sure" if len(places) < FEW and partitions > 1 else ""
        return ok(what, f"{murmur2} sampled keys are where murmur2 puts them{unsure}")
    crc32 = _fitting(places, crc32_partition, partitions)
    if crc32 == len(places):
        return fail(what, f"{crc32} sampled keys are where CRC32 puts them, librdkafka's default", CRC32)
    return fail(what, f"of {len(places)} sampled keys murmur2 explains {murmur2} and CRC32 {crc32}", UNKNOWN)


def _fitting(places: dict[bytes, int], partition: Callable[[bytes, int], int], count: int) -> int:
    return sum(partition(key, count) == place for key, place in places.items())


KEYLESS = "key records by customer, or declare the topic `keyed: false` in events.yaml"
CRC32 = (
    "set `partitioner=murmur2_random` in the producers (librdkafka): topics of other producers disagree with this one"
)
UNKNOWN = (
    "let all producers use murmur2 (Java's default): a customer whose events are in two partitions is two customers"
)
