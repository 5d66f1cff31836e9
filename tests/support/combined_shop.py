"""A shop with points, tiers, a journey that a tier begins, a daily letter, caps and nights, all drawn; its histories.

Everything happens at whole half hours, so that what is due meets what happens often.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

HALF = 1_800_000
TEMPLATES = ("note", "hello", "more", "seen", "unseen")
ZONES = ("UTC", "Europe/Berlin", "America/New_York")


@dataclass(frozen=True)
class Terms:
    """What is drawn of the rules. Spans are in half hours."""

    start: int
    zone: str
    quiet: tuple[int, int] | None
    caps: tuple[tuple[int, int], ...]
    fresh: int
    holdout: int
    usable: int
    expire: int
    window: int
    keep: int
    bronze: int
    silver: int
    rich: int
    reentry: int
    again: int
    idle: int
    waits: tuple[int, int]
    exits: bool
    goal: bool
    daily: int
    late: bool
    moves: bool

    @property
    def files(self) -> dict[str, str]:
        quiet = (
            [f'quiet_hours: {{ from: "{_clock(self.quiet[0])}", to: "{_clock(self.quiet[1])}" }}'] if self.quiet else []
        )
        caps = ", ".join(f"{{ limit: {limit}, per: {_per(per)} }}" for limit, per in self.caps)
        policy = [
            "version: 1",
            f"zone: {{ default: {self.zone}, field: profile.zone }}",
            f"fresh_for: {_span(self.fresh)}",
            *quiet,
            f"caps: [{caps}]",
        ]
        policy += [f"holdout: {self.holdout}%"] if self.holdout else []
        rules = RULES.format(
            usable=_span(self.usable), expire=_span(self.expire), window=_span(self.window), bronze=self.bronze,
            silver=self.silver, keep=f"keep: {_span(self.keep)}" if self.keep else "", rich=self.rich,
            reentry=_span(self.reentry), again=_span(self.again), idle=_span(self.idle), first=_span(self.waits[0]),
            second=_span(self.waits[1]), daily=_clock(self.daily),
            exits="exit: { segment: tier, moves: down }" if self.exits else "",
            goal="goal: { event: visit }" if self.goal else "",
        )  # fmt: skip
        return {"events.yaml": EVENTS, "policy.yaml": "\n".join(policy) + "\n", "rules.yaml": rules}


EVENTS = """\
version: 1
events:
  buy: { properties: { amount: integer } }
  take: { properties: { amount: integer } }
  visit: {}
  move: { properties: { zone: string }, profile: { zone: zone } }
"""
RULES = """\
version: 1
points:
  - id: stars
    earn: [{{ event: buy, points: event.amount, usable_after: {usable} }}]
    spend: [{{ event: take, points: event.amount }}]
    expire: {{ after: {expire} }}
segments:
  - id: tier
    levels:
      bronze: points.stars.earned("{window}") >= {bronze}
      silver: points.stars.earned("{window}") >= {silver}
    {keep}
  - {{ id: rich, if: points.stars.balance >= {rich} }}
rules:
  - id: thanks
    when: {{ event: buy }}
    if: segments.tier != "none" or event.amount > 5
    reentry: after {reentry}
    send: note
  - id: up
    when: {{ segment: tier, moves: up }}
    reentry: after {again}
    {exits}
    {goal}
    steps:
      - send: hello
      - wait: {first}
      - {{ send: more, if: segments.tier == "silver" or segments.rich }}
      - id: look
        wait: {{ event: visit, within: {second} }}
        then: [{{ send: seen }}]
        else: [{{ send: unseen, if: steps.more.sent }}]
  - id: poor
    when: {{ segment: rich, moves: out }}
    send: {{ template: note, priority: 3 }}
  - id: silent
    when: {{ inactivity: {{ of: buy, for: {idle} }} }}
    if: points.stars.balance > 0
    send: note
  - id: daily
    when: {{ schedule: {{ every: day, at: "{daily}", among: segments.rich }} }}
    send: {{ template: note, priority: -1 }}
"""


def _span(halves: int) -> str:
    return f"{halves * 30}m" if halves else "0s"


def _clock(halves: int) -> str:
    return f"{halves // 2:02}:{halves % 2 * 30:02}"


def _per(halves: int) -> str:
    return _span(halves) if halves else "day"


def terms(random: Random) -> Terms:
    days = ("2026-03-27", "2026-10-23", "2026-06-01")
    start = int(datetime.fromisoformat(random.choice(days)).replace(tzinfo=UTC).timestamp() * 1000)
    caps = [(random.randint(1, 3), random.choice((0, 12, 48))) for _ in range(random.choice((0, 1, 1, 2)))]
    late = random.random() < 0.5  # then nobody is silent: what a late purchase says of that has an oracle of its own
    quiet = random.choice((None, (42, 16), (0, 14), (26, 30)))
    choose, whole = random.choice, random.randint
    return Terms(
        start=start,
        zone=choose(ZONES),
        quiet=quiet,
        caps=tuple(caps),
        fresh=choose((4, 24, 96)),
        holdout=choose((0, 0, 40)),
        usable=choose((0, 0, 3, 30)),
        expire=choose((31, 80, 200)),
        window=choose((20, 70)),
        keep=choose((0, 0, 9, 60)),
        bronze=whole(3, 12),
        silver=whole(13, 25),
        rich=whole(2, 14),
        reentry=choose((1, 5, 40)),
        again=choose((1, 30)),
        idle=1000 if late else choose((6, 30)),
        waits=(choose((1, 6, 20)), choose((1, 8, 40))),
        exits=random.random() < 0.5,
        goal=random.random() < 0.4,
        daily=choose((0, 18, 30)),
        late=late,
        moves=random.random() < 0.5,
    )


class Told(NamedTuple):
    """One event; `at` in half hours from the start, and `arrives`."""

    at: int
    type: str
    amount: int
    arrives: int
    zone: str

    @property
    def properties(self) -> dict[str, Any]:
        known: dict[str, dict[str, Any]] = {"visit": {}, "move": {"zone": self.zone}}
        return known.get(self.type, {"amount": self.amount})


def history(random: Random, made: Terms) -> list[Told]:
    number, wide = random.randint(2, 22), random.choice((20, 90, 200))
    at = sorted(random.randint(0, wide) for _ in range(number))
    told = [_one(random, moment, made) for moment in at]
    return sorted(told, key=lambda one: (one.arrives, one.arrives == one.at))


def _one(random: Random, at: int, made: Terms) -> Told:
    type_ = random.choice(("buy", "buy", "buy", "take", "visit", *(["move"] if made.moves else [])))
    late = random.randint(1, 12) if made.late and type_ in ("buy", "visit") and random.random() < 0.3 else 0
    return Told(at, type_, random.choice((1, 4, 7, 13)), at + late, random.choice(ZONES))
