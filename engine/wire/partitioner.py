"""Which partition a key goes to, as the common producers see it."""

from zlib import crc32

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2_partition(key: bytes, count: int) -> int:
    """As Java's default partitioner, kafka-python and librdkafka's `murmur2` have it."""
    return (murmur2(key) & 0x7FFFFFFF) % count


def crc32_partition(key: bytes, count: int) -> int:
    """As librdkafka's default `consistent_random` has it for a key that is not empty."""
    return crc32(key) % count


def murmur2(data: bytes) -> int:
    """Java's MurmurHash2, as an unsigned number of 32 bits."""
    hashed = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for place in range(0, whole, 4):
        word = int.from_bytes(data[place : place + 4], "little") * _M & _MASK
        word = (word ^ word >> 24) * _M & _MASK
        hashed = hashed * _M & _MASK ^ word
    if whole < len(data):
        hashed = (hashed ^ int.from_bytes(data[whole:], "little")) * _M & _MASK
    hashed = (hashed ^ hashed >> 13) * _M & _MASK
    return hashed ^ hashed >> 15
