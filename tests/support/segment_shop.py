"""A project with segments as files, and customers of it."""

from pathlib import Path

from engine.core.book import RuleBook
from engine.model import Event
from tests.support.books import HOUR, START, event
from tests.support.drive import Customers
from tests.support.rule_files import compiled

EVENTS = """\
version: 1
events:
  buy: { properties: { amount: number } }
  visit: {}
  person:
    properties: { zone: string, ends: time, keen: boolean }
    profile: { zone: zone, ends: ends, keen: keen }
"""
POLICY = "version: 1\nzone: { default: UTC, field: profile.zone }\n"
ACTIVE = "  - { id: active, if: events.visit.count('7d') >= 1 }\n"
TIER = """\
  - id: tier
    levels:
      low: events.buy.sum('amount', '30d') >= 10
      high: events.buy.sum('amount', '30d') >= 50
"""
KEPT = TIER + "    keep: 40d\n"
IN, OUT = (
    f"  - {{ id: {name}, when: {{ segment: active, moves: {moves} }}, send: note }}\n"
    for name, moves in (("hello", "in"), ("bye", "out"))
)
UP, DOWN, ANY = (
    f"  - {{ id: {moves}, when: {{ segment: tier, moves: {moves} }}, send: note }}\n" for moves in ("up", "down", "any")
)
OTHER = "  - { id: r, when: { event: buy }, send: note }\n"
NOTE = "{% block subject %}Hello{% endblock %}{% block text %}Dear customer{% endblock %}\n"


def shop(folder: Path, segments: str, rules: str, *, policy: str = "", note: str = NOTE) -> RuleBook:
    """The book of these segments and rules, written into the folder."""
    text = f"version: 1\nsegments:\n{segments}rules:\n{rules}" if segments else f"version: 1\nrules:\n{rules}"
    files = {"events.yaml": EVENTS, "policy.yaml": POLICY + policy, "rules.yaml": text, "note.email.j2": note}
    folder.mkdir(exist_ok=True)
    return compiled(folder, files)


def visit(hours: int = 0, **more: str) -> Event:
    return event("visit", START + hours * HOUR, **more)


def buy(hours: int, amount: float) -> Event:
    return event("buy", START + hours * HOUR, amount=amount)


def fired(customers: Customers) -> list[tuple[str, int]]:
    """Rule, and hours since the start."""
    return [(one.rule, (one.moment - START) // HOUR) for one in customers.outreach]
