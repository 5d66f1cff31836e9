"""How the suppression list knows somebody again: by digests of who they are and where they are reached."""

from hashlib import blake2b
from typing import Final

from engine.model import Outreach
from engine.ports import AtTheDoor
from engine.wire.addresses import known_by
from engine.wire.link_tokens import LinkToken

ALL: Final = "*"
"""Every purpose."""


def customer_digest(customer: str) -> str:
    """What tombstones and suppressions keep of a customer: enough to know it again, too little to read it off."""
    return blake2b(customer.encode(errors="replace"), digest_size=16).hexdigest()


def address_digest(channel: str, to: str) -> str:
    """Of one address of a channel as it goes over the wire, however it is spelled."""
    text = f"{channel}\0{known_by(to)}"
    if "ss" in text.rpartition("@")[2] and "@" in text:
        # Digests once took ß for ss: what is stored under the plain form may be of another domain.
        text = f"2\0{text}"
    return _digest(text)


def former_digest(channel: str, to: str) -> str:
    """As lists and links have it that were made before digests were of what goes over the wire; "" if it is the same.

    It is looked up as well, so that nobody who said no then is written to now.
    """
    former = _digest(f"{channel}\0{to.strip().casefold()}")
    return former if former != address_digest(channel, to) else ""


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def at_the_door(outreach: Outreach) -> AtTheDoor:
    """All that may speak against this outreach."""
    channel, to = outreach.channel, outreach.to
    digests = address_digest(channel, to), customer_digest(outreach.customer)
    return AtTheDoor(outreach.purpose, outreach.at, digests, former_digest(channel, to))


def link_token(outreach: Outreach, at: int) -> LinkToken:
    """Whom the links of this outreach, and reports of it, are about. `at`: now, epoch ms."""
    return LinkToken(
        customer=outreach.customer,
        channel=outreach.channel,
        address=address_digest(outreach.channel, outreach.to),
        purpose=outreach.purpose,
        outreach=outreach.id,
        at=at,
        rule=outreach.rule,
        former=former_digest(outreach.channel, outreach.to),
    )
