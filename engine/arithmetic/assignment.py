"""Which variant a customer is in: a hash of experiment and customer, so every process gives the same answer.

It keeps nothing; the hash must never change, or customers would switch variants in a running experiment.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

_WHOLE: Final = 100


def position_of(salt: str, customer: str) -> float:
    """The customer's position in [0, 1): the first 8 bytes of sha256("salt:customer"), big endian, over 2^64.

    The salt has no colon, so that no two pairs of salt and customer read the same.
    """
    digest = sha256(f"{salt}:{customer}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def variant_of(shares: Mapping[str, float], salt: str, customer: str) -> str:
    """The variant whose share (in percent, in order, summing to 100) contains the customer's position."""
    position, total = position_of(salt, customer) * _WHOLE, 0.0
    for variant, share in shares.items():
        total += share
        if position < total:
            return variant
    return [variant for variant, share in shares.items() if share][-1]
