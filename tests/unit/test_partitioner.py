"""Keys go where other producers' keys go."""

from zlib import crc32

import pytest
from hypothesis import given, strategies as st
from kafka.partitioner.default import murmur2 as their_murmur2

from engine.wire.partitioner import crc32_partition, murmur2, murmur2_partition


@given(st.binary(max_size=100))
def test_a_key_hashes_as_kafka_pythons_producer_hashes_it(key: bytes) -> None:
    assert murmur2(key) == their_murmur2(key)


# From Kafka's own tests of its Java client.
@pytest.mark.parametrize(
    ("key", "hashed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_key_hashes_as_java_hashes_it(key: bytes, hashed: int) -> None:
    assert murmur2(key) == hashed & 0xFFFFFFFF
    assert murmur2_partition(key, 1_000) == (hashed & 0x7FFFFFFF) % 1_000


@given(st.binary(min_size=1, max_size=100), st.integers(1, 1_000))
def test_every_partition_is_one_of_the_topics(key: bytes, count: int) -> None:
    assert 0 <= murmur2_partition(key, count) < count
    assert crc32_partition(key, count) == crc32(key) % count
