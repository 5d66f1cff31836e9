"""Journeys that read points, and wait for them and for clicks, partly drawn; customers who earn, spend and give back.

Moments are in half hours, so that points end, become usable and are spent at the moments of the journey.
tests/support/waits_oracle.py says what must come of it.
"""

from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from tests.support import points_oracle
from tests.support.town_rules import HALF, START, span

EVENTS = """\
version: 1
events:
  start: { properties: { key: string } }
  buy: { properties: { order: string, amount: integer } }
  refund: { properties: { order: string, amount: integer } }
  take: { properties: { stars: integer } }
  outreach_clicked: { properties: { outreach: string }, activity: false }
"""
RULES = """\
points:
  - {{ id: stars,
      earn: [{{ event: buy, points: event.amount, match: order, usable_after: {usable} }}],
      spend: [{{ event: take, points: event.stars }}],
      take_back: [{{ event: refund, match: order, points: event.amount, within: {within} }}],
      expire: {{ after: {expire} }} }}
segments:
  - {{ id: rich, if: '{reads} >= {rich}' }}
rules:
  - id: j
    when: {{ event: start }}
    match: key
    {ends}
    steps:
      - send: hello
      - wait: {first}
      - if: points.stars.balance >= {some}
        then: [{{ send: some }}]
        else: [{{ send: few }}]
      - id: look
        wait: {{ {awaits}, within: {look} }}
        then: [{{ send: came }}]
        else: [{{ send: not_yet }}]
      - wait: {last}
      - {{ send: soon, if: points.stars.expiring > 0 }}
      - {{ send: bye, if: '{reads} < {rich}' }}
"""
ENDS = (
    "",
    "goal: { segment: rich }",
    "exit: { segment: rich, moves: out }",
    'exit: { event: points_changed, where: event.reason == "spent" }',
    'exit: { event: points_changed, where: event.reason == "expired" }',
    "goal: { event: points_changed, where: event.balance >= 9 }",
    "exit: { event: outreach_clicked }",
    "goal: { event: outreach_clicked }",
)
AWAITS = (
    "segment: rich",
    "segment: rich, moves: out",
    'event: points_changed, where: event.reason == "taken_back"',
    "event: points_changed, where: event.balance < 0",
    'event: points_changed, where: event.reason == "earned"',
    "event: outreach_clicked, step: hello",
    "event: outreach_clicked, step: some",
    "event: outreach_clicked",
)


@dataclass(frozen=True)
class Terms:
    usable: int
    within: int
    expire: int
    window: int
    rich: int
    some: int
    ends: str
    awaits: str
    first: int
    look: int
    last: int
    lateness: int

    @property
    def policy(self) -> str:
        late = f"allowed_lateness: {span(self.lateness)}\n" if self.lateness else ""
        return f"fresh_for: off\ndedupe: 900d\n{late}"

    @property
    def text(self) -> str:
        spans = {name: span(getattr(self, name)) for name in ("usable", "within", "expire", "first", "look", "last")}
        return RULES.format(
            **spans, reads=self.read, rich=self.rich, some=self.some, ends=self.ends, awaits=self.awaits
        )

    @property
    def read(self) -> str:
        return f'points.stars.earned("{span(self.window)}")' if self.window else "points.stars.balance"

    @property
    def points(self) -> points_oracle.Terms:
        return points_oracle.Terms(self.usable * HALF, self.within * HALF, self.expire * HALF, "", False, 0, 1)


class Told(NamedTuple):
    """`at`, `arrives`: in half hours."""

    arrives: int
    id: str
    type: str
    at: int
    properties: dict[str, Any]

    @property
    def time(self) -> int:
        return START + self.at * HALF


def terms(random: Random) -> Terms:
    choose = random.choice
    window = choose((0, 0, 6, 30))
    return Terms(
        usable=choose((0, 0, 5)), within=choose((8, 60)), expire=choose((9, 20, 60)), window=window,
        rich=random.randint(2, 12), some=random.randint(1, 9), ends=choose(ENDS), awaits=choose(AWAITS),
        first=choose((1, 5, 9, 30)), look=choose((2, 9, 30)), last=choose((1, 9, 20)),
        lateness=choose((0, 0, 0, 3, 12)),
    )  # fmt: skip


def history(random: Random) -> list[Told]:
    """What one customer does, in the order of arrival. No two things happen at one moment."""
    wide, clicks = random.choice((20, 60, 120)), ["outreach_clicked"] * random.choice((0, 5))
    told = []
    for place, at in enumerate(random.sample(range(1, wide), random.randint(3, 14) + len(clicks))):
        type_ = random.choice(("start", "buy", "buy", "buy", "refund", "take", "take", *clicks, *clicks))
        late = random.randint(1, 15) if random.random() < 0.2 else 0
        told.append(Told(at + late, f"e{place}", type_, at, _properties(random, type_)))
    return sorted(told, key=lambda one: one.arrives)


def _properties(random: Random, type_: str) -> dict[str, Any]:
    if type_ == "start":
        return {"key": random.choice("xy")}
    if type_ == "outreach_clicked":  # in a message to be found of a run by its key
        return {"key": random.choice("xxy"), "step": random.choice(("hello", "hello", "some", "some", "few"))}
    if type_ == "take":
        return {"stars": random.choice((1, 4, 7))}
    return {"order": random.choice("xyz"), "amount": random.choice((1, 4, 7))}
