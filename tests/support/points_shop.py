"""A shop with points as files, and ways to look at its customers' points."""

from pathlib import Path
from typing import Any

from engine.core.book import RuleBook
from engine.core.points.view import value
from engine.core.state.points import Ledger
from engine.model import Event
from tests.support.books import DAY, START, event
from tests.support.drive import Customers
from tests.support.rule_files import compiled

EVENTS = """\
version: 1
events:
  buy: { properties: { amount: number, order_id: string } }
  review: { properties: { order_id: string } }
  refund: { properties: { amount: number, order_id: string } }
  take: { properties: { stars: number } }
  person: { properties: { zone: string }, profile: { zone: zone } }
  visit: {}
"""
POLICY = "version: 1\nzone: { default: UTC, field: profile.zone }\n"
STARS = """\
  - id: stars
    earn:
      - { event: buy, points: event.amount, match: order_id, usable_after: 14d }
      - { event: review, points: 10 }
    spend: [{ event: take, points: event.stars }]
    take_back: [{ event: refund, match: order_id, points: event.amount, within: 90d }]
    expire: { after: 365d, to: end of month }
"""
AT_ONCE = STARS.replace(", usable_after: 14d", "")
PLAIN = AT_ONCE.replace(", to: end of month", "")
TOLD = "  - { id: told, when: { event: points_changed }, send: note }\n"
NOTE = "{% block subject %}{{ points.stars.balance }}{% endblock %}{% block text %}Dear customer{% endblock %}\n"


def shop(folder: Path, points: str = STARS, rules: str = TOLD, **files: str) -> RuleBook:
    """The book of these points and rules. Other files by their names up to the first dot: policy, events, note."""
    text = f"version: 1\npoints:\n{points}rules:\n{rules}" if points else f"version: 1\nrules:\n{rules}"
    if "segments" in files:
        text += f"segments:\n{files['segments']}"
    written = {
        "events.yaml": files.get("events", EVENTS),
        "policy.yaml": POLICY + files.get("policy", ""),
        "rules.yaml": text,
        "note.email.j2": files.get("note", NOTE),
    }
    folder.mkdir(exist_ok=True)
    return compiled(folder, written)


def buy(day: float, amount: float, order: str = "", **more: Any) -> Event:
    return event("buy", _moment(day), amount=amount, order_id=order or f"o-{day}", **more)


def refund(day: float, amount: float, order: str, **more: Any) -> Event:
    return event("refund", _moment(day), amount=amount, order_id=order, **more)


def take(day: float, stars: float, **more: Any) -> Event:
    return event("take", _moment(day), stars=stars, **more)


def review(day: float, order: str = "o-1", **more: Any) -> Event:
    return event("review", _moment(day), order_id=order, **more)


def _moment(day: float) -> int:
    return START + round(day * DAY)


def stands(customers: Customers, part: str = "balance", day: float | None = None, span: int = 0) -> int:
    """A part of the customer's points now, or on that day."""
    at = customers.clock if day is None else _moment(day)
    state = customers.states["c-1"]
    zone = customers.book.policy.zones.of(state.profile)
    return value(state, "stars", part, at, zone, span)


def ledger(customers: Customers) -> Ledger:
    return customers.states["c-1"].points["stars"]


def told(customers: Customers) -> list[tuple[str, int, int, float]]:
    """Reason, change, balance and day of each change that the rule told was told of."""
    found = []
    for one in customers.outreach:
        assert one.event
        said = one.event.properties
        found.append((said["reason"], said["delta"], said["balance"], (one.event.time - START) / DAY))
    return found
