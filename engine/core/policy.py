"""policy.yaml, compiled: what holds for all rules.

`engine/lang/compile_policy.py` makes it; guards and `decide` read it from the rule book.
"""

from collections.abc import Collection
from typing import Literal

import msgspec

from engine.core.expression import Expression
from engine.core.zones import DAY, Zones
from engine.model import TRANSACTIONAL

Calendar = Literal["day", "week", "month"]


class QuietHours(msgspec.Struct, frozen=True):
    """Outreach waits from `start` to `end` (minutes of the local day).

    Empty purposes: all but transactional; empty channels: all.
    """

    start: int
    end: int
    purposes: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()

    def concern(self, purpose: str, channel: str) -> bool:
        wanted = purpose in self.purposes if self.purposes else purpose != TRANSACTIONAL
        return wanted and (not self.channels or channel in self.channels)


class Cap(msgspec.Struct, frozen=True):
    """At most `limit` outreach per rolling `span` (ms) or calendar window. No purpose: all but transactional."""

    limit: int
    span: int = 0
    calendar: Calendar | None = None
    purpose: str | None = None
    channel: str | None = None

    @property
    def longest(self) -> int:
        """How long an outreach can matter to this cap, milliseconds."""
        return self.span or {"day": 2, "week": 8, "month": 32}[self.calendar or "month"] * DAY


Permission = Expression | dict[str, Expression]
"""One expression for every channel, or one for each."""


def expressions_of(permission: Permission) -> Collection[Expression]:
    return permission.values() if isinstance(permission, dict) else (permission,)


def on_channel(permission: Permission | None, channel: str) -> Expression | None:
    """The expression that holds for a channel; None: there is none."""
    return permission.get(channel) if isinstance(permission, dict) else permission


class Policy(msgspec.Struct, frozen=True):
    """policy.yaml, compiled. Durations are milliseconds; `fresh_for` None and `dedupe` 0 switch the check off."""

    zones: Zones = msgspec.field(default_factory=Zones)
    locale: str = "en_US"
    locale_field: str | None = None
    quiet_hours: tuple[QuietHours, ...] = ()
    caps: tuple[Cap, ...] = ()
    consent: dict[str, Permission] = {}
    """purpose -> must be true for any outreach of that purpose."""
    suppress: dict[str, Permission] = {}
    """purpose, or "all" -> when true, no outreach of that purpose (or none at all)."""
    addresses: dict[str, Expression] = {}
    """channel -> where to send it to; a customer without one gets none."""
    preferences: dict[str, str] = {}
    """purpose -> its description on the page where customers choose what they get."""
    surveys: dict[str, str] = {}
    """survey -> its question, as the page with the answers shows it."""
    publish: frozenset[str] = frozenset()
    """Event types that are written to the topic of derived events too when the engine makes them."""
    fresh_for: int | None = 3 * DAY
    dedupe: int = DAY
    allowed_lateness: int = 0
    forget_after: int | None = None
    holdout: float = 0.0
    """The share of customers who get no outreach but transactional, to measure what outreach does; .05 is 5 %."""

    @property
    def expressions(self) -> list[Expression]:
        """All that is asked about consent, suppression and addresses."""
        permissions = (*self.consent.values(), *self.suppress.values(), *self.addresses.values())
        return [each for permission in permissions for each in expressions_of(permission)]
