"""Looks up the suppression list's entries of one address, number or digest, for `engine suppression`."""

import re
from collections.abc import Iterator
from typing import Final

from engine.config import CHANNELS
from engine.errors import UsageError
from engine.ports import Suppression, SuppressionList, SuppressionQuery
from engine.wire.addresses import trimmed
from engine.wire.digests import address_digest, former_digest

_DIGEST: Final = re.compile(r"[0-9a-f]{32}")


def listed(suppressions: SuppressionList, address: str, channel: str) -> Iterator[Suppression]:
    """The valid entries of this address, number or digest; all entries for ""."""
    if not address:
        return suppressions.listed()
    digest = digest_of(address, channel)
    former = "" if digest == address else former_digest(channel, address)
    return (one for one in suppressions.listed([*filter(None, (digest, former))]) if _counts(suppressions, one, digest))


def _counts(suppressions: SuppressionList, one: Suppression, digest: str) -> bool:
    """Whether an entry counts. One of the former digest does unless the digest of today has overruled it since."""
    return one.digest == digest or any(suppressions.reasons([SuppressionQuery(one.purpose, 0, [digest], one.digest)]))


def digest_of(address: str, channel: str) -> str:
    """The digest of an address or number; a digest is returned unchanged.

    Raises UsageError for what no message could go to, such as a customer's id: nobody would be stopped by it.
    """
    if _DIGEST.fullmatch(address):
        return address
    if channel not in CHANNELS:
        message = f"--channel {channel!r}: expected one of {', '.join(CHANNELS)}"
        raise UsageError(message)
    if not trimmed(address) or (channel == "email" and "@" not in address):
        message = f"{address!r}: expected a mail address; a number or a token needs its --channel, such as sms"
        raise UsageError(message)
    return address_digest(channel, address)
