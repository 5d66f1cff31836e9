"""Digests of customers and addresses, by which the suppression list and tombstones recognize them.

Neither stores plain ids or addresses. A digest must never change for a stored entry: that would undo an unsubscribe.
"""

from hashlib import blake2b
from typing import Final

from engine.model import Outreach, Survey
from engine.ports import SuppressionQuery
from engine.wire.addresses import canonical_address, e164
from engine.wire.link_tokens import LinkToken, SurveyToken

ALL: Final = "*"
"""Every purpose."""


def customer_digest(customer: str) -> str:
    """The digest of a customer id, for tombstones and suppressions."""
    return _digest(customer)


def address_digest(channel: str, to: str) -> str:
    """The digest of an address of a channel, the same for all its spellings; of a number, with its country code."""
    number = e164(to) if channel != "email" else ""
    text = f"{channel}\0{number or canonical_address(to)}"
    if "ss" in text.rpartition("@")[2] and "@" in text:
        # Digests once took ß for ss: what is stored under the plain form may be of another domain.
        text = f"2\0{text}"
    return _digest(text)


def former_digest(channel: str, to: str) -> str:
    """The digest as older versions made it, from the address as typed; "" if it is the same.

    Senders look it up too, so that an old unsubscribe still counts.
    """
    former = _digest(f"{channel}\0{to.strip().casefold()}")
    return former if former != address_digest(channel, to) else ""


def _digest(text: str) -> str:
    return blake2b(text.encode(errors="replace"), digest_size=16).hexdigest()


def suppression_query(outreach: Outreach) -> SuppressionQuery:
    """The question to the suppression list whether this outreach may be sent."""
    channel, to = outreach.channel, outreach.to
    digests = address_digest(channel, to), customer_digest(outreach.customer)
    return SuppressionQuery(outreach.purpose, outreach.at, digests, former_digest(channel, to))


def link_token(outreach: Outreach, at: int) -> LinkToken:
    """The token for the links of this outreach and for feedback about it. `at`: now, epoch ms."""
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


def survey_token(outreach: Outreach, survey: Survey, at: int) -> SurveyToken:
    """The token for the links of a survey in this outreach. `at`: now, epoch ms."""
    return SurveyToken(outreach.customer, outreach.channel, outreach.id, at, outreach.rule, *survey)
