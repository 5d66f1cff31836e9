"""The forms of outreach and outcomes as they are published, which `records` fills, and of what `derived` reads.

They have a module of their own because mypyc compiles those: of a struct in a compiled module msgspec cannot tell
the types of fields.
"""

from msgspec import UNSET, Struct, UnsetType

from engine.model import Outcome


class PublishedEvent(Struct, gc=False):
    """The event in an outreach record."""

    id: str
    type: str
    time: str


class PublishedOutreach(Struct, gc=False):
    """The outreach as it is published; instants in ISO 8601, UTC. The order of the fields is that of the JSON."""

    version: int
    id: str
    rule: str
    occurrence: str
    customer: str
    at: str
    moment: str
    expires_at: str | None
    channel: str
    purpose: str
    template: str
    to: str
    subject: str
    text: str
    html: str
    revision: str
    reason: str
    event: PublishedEvent | None
    step: str | UnsetType


class PublishedCoupon(Struct):
    """A coupon in an outcome record."""

    code: str
    valid_until: str


class PublishedOutcome(Struct, gc=False):
    """The outcome as it is published. The order of the fields is that of the JSON."""

    id: str
    at: str
    customer: str
    rule: str
    occurrence: str
    outcome: Outcome
    reason: str
    revision: str
    outreach: str | None = None
    until: str | None = None
    exposed: dict[str, str] | UnsetType = UNSET
    coupons: dict[str, PublishedCoupon] | UnsetType = UNSET
    step: str | UnsetType = UNSET


class Maker(Struct):
    """Of a derived event: which rule made it, of whom, and by whose doing."""

    rule: str = ""
    customer: str = ""
    because_of: str = ""
