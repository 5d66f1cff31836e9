"""Marks: by which a state, and a partition's header, remember which definition of something they have met.

A rule book, its rules and segments, a fit of scores and a roll-out have marks. A mark must depend on nothing else than
what is said: workers compare it with what older ones have stored.
"""

from hashlib import blake2b


def mark_of(said: str) -> int:
    """A hash of 32 bits, which takes five bytes in a state; never 0, which stands for having met none."""
    return int.from_bytes(blake2b(said.encode(), digest_size=4).digest()) or 1
