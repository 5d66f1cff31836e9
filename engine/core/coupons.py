"""Coupons: what rule files declare, the codes they are made of, and the event that tells of an issued one.

A code is an HMAC of a secret, the coupon and the run: a retry, a replay and another worker make the same one, and who
has codes cannot guess others. The renderer makes it when a template reads it; `carry_out` issues it once the message
is written. A run keeps what it has issued, so that a new secret serves new runs only.
"""

import hmac
from base64 import b32encode
from typing import Final

import msgspec

from engine.core.catalog import EventType, Property
from engine.core.effects import effect_id
from engine.model import Event, IssuedCoupon, Outreach

MIN_LENGTH: Final = 10
"""Characters of a code that are drawn, 5 bits each. With fewer, somebody who tries codes in a shop would find some."""
MAX_LENGTH: Final = 32
TEST_SECRET: Final = "the public secret of tests: codes made with it are worth nothing"
"""Makes the codes of rule tests and previews, and of replays without a secret. Workers never use it."""
COUPON_ISSUED: Final = "coupon_issued"
COUPON_ISSUED_TYPE: Final = EventType(
    COUPON_ISSUED,
    {
        **{name: Property(name, "string", required=True) for name in ("coupon", "code", "rule", "outreach")},
        "valid_until": Property("valid_until", "time", required=True),
    },
    made=True,
)


class Coupon(msgspec.Struct, frozen=True):
    """One compiled coupon. A code is `before`, `length` drawn characters and `after`; `valid`: milliseconds."""

    id: str
    before: str
    length: int
    after: str
    valid: int
    was: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[str, int, str, int]:
        """What a customer sees of it: the form of its codes, and how long they are valid."""
        return self.before, self.length, self.after, self.valid

    def code(self, secret: str, run: str) -> str:
        """The code of a run, in the letters of RFC 4648's base 32: no 0, 1, 8 or 9, which look like O, I and B."""
        digest = hmac.digest(secret.encode(), f"coupon\0{self.id}\0{run}".encode(), "sha256")
        return f"{self.before}{b32encode(digest).decode()[: self.length]}{self.after}"

    def known(self, outreach: Outreach) -> IssuedCoupon | None:
        """What the message's run has issued of it before."""
        issued = outreach.coupons
        return next((issued[name] for name in (self.id, *self.was) if name in issued), None)

    def new(self, outreach: Outreach, secret: str) -> IssuedCoupon:
        """What the message issues if its run has issued nothing before. The run is the outreach if there is none."""
        run = effect_id(outreach.rule, outreach.customer, outreach.occurrence)
        return IssuedCoupon(self.code(secret, run), outreach.at + self.valid)


def issued_events(outreach: Outreach) -> list[Event]:
    """An event for each coupon that the message is the first to show. A repeat has the same id."""
    return [
        Event(
            effect_id(f"{COUPON_ISSUED} {coupon}", outreach.customer, outreach.id),
            COUPON_ISSUED,
            outreach.customer,
            outreach.at,
            {
                "coupon": coupon,
                "code": issued.code,
                "valid_until": issued.valid_until,
                "rule": outreach.rule,
                "outreach": outreach.id,
            },
        )
        for coupon, issued in outreach.issued.items()
    ]
