"""How the suppression list knows somebody again: by digests of who they are and where they are reached."""

from hashlib import blake2b
from typing import Final

from engine.model import Outreach
from engine.ports import AtTheDoor
from engine.runtime.erasure import digest
from engine.tokens import LinkToken

ALL: Final = "*"
"""Every purpose."""


def address_digest(channel: str, to: str) -> str:
    """Of one address of a channel, however its letters are written."""
    text = f"{channel}\0{to.strip().casefold()}"
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def customer_digest(customer: str) -> str:
    """Of one customer, on every channel."""
    return digest(customer)


def at_the_door(outreach: Outreach) -> AtTheDoor:
    """All that may speak against this outreach."""
    digests = address_digest(outreach.channel, outreach.to), customer_digest(outreach.customer)
    return AtTheDoor(outreach.purpose, outreach.at, digests)


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
    )
