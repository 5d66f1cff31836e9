"""Rules about ends and dates in the profile, partly drawn, and histories in which these move, go and come back.

tests/support/moved_oracle.py says what must come of it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple

from engine.model import Event

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
START = int(datetime(2026, 3, 20, tzinfo=UTC).timestamp() * 1000)
"""Some days before clocks go forward in Berlin."""
ZONE = "Europe/Berlin"
EVENTS = """\
version: 1
events:
  person:
    properties: { ends: time, day: date }
    profile: { ends: ends, day: day }
  other: {}
  stop: {}
"""
KINDS = {"ends": "expiring", "days": "expiring", "once": "date", "yearly": "date"}
TIMES = (None, time(0), time(2, 30), time(9), time(23, 45))


@dataclass(frozen=True)
class Rule:
    """`hours`: before the end, or, where it is negative, after the date. `name`: what it is called now."""

    kind: str
    hours: int
    at: time | None
    stops: bool
    name: str
    was: tuple[str, ...] = ()
    gone: bool = False

    @property
    def field(self) -> str:
        return "ends" if self.kind == "ends" else "day"

    @property
    def text(self) -> str:
        at = f', at: "{self.at:%H:%M}"' if self.at is not None else ""
        if KINDS[self.kind] == "expiring":
            when = f"expiring: {{ ends: profile.{self.field}, in: {self.hours}h{at} }}"
        else:
            every = ", every: year" if self.kind == "yearly" else ""
            when = f'date: {{ field: profile.day, offset: "{-self.hours}h"{at}{every} }}'
        lines = [f"id: {self.name}", f"when: {{ {when} }}", "send: note"]
        lines += [f"was: [{', '.join(self.was)}]"] if self.was else []
        lines += ["exit: { event: stop }"] if self.stops else []
        return "  - " + "\n    ".join(lines) + "\n"


@dataclass(frozen=True)
class Terms:
    rules: tuple[Rule, ...]
    fresh: int
    lateness: int

    @property
    def policy(self) -> str:
        lines = [f"zone: {{ default: {ZONE} }}", "dedupe: 900d"]
        lines += [f"fresh_for: {f'{self.fresh}h' if self.fresh else 'off'}", f"allowed_lateness: {self.lateness}h"]
        return "\n".join(lines) + "\n"

    @property
    def text(self) -> str:
        return "rules:\n  - { id: others, when: { event: other }, send: note }\n" + "".join(
            rule.text for rule in self.rules if not rule.gone
        )


class Told(NamedTuple):
    arrives: int
    event: Event


class Edited(NamedTuple):
    arrives: int
    terms: Terms


def terms(random: Random) -> Terms:
    rules = tuple(_rule(random, kind) for kind in KINDS)
    return Terms(rules, random.choice((0, 0, 5, 30)), random.choice((0, 0, 4, 30, 60)))


def _rule(random: Random, kind: str) -> Rule:
    at = random.choice(TIMES)
    hours = random.choice((1, 24, 40, 72))
    if KINDS[kind] == "date":
        at, hours = at or time(9), random.choice((-72, -30, 0, 0, 24, 72))
    return Rule(kind, hours, at, random.random() < 0.5, kind)


def history(random: Random, made: Terms, *, edits: bool) -> list[Told | Edited]:
    """What happens to one customer, in the order of arrival. No two things happen at one moment."""
    wide = random.choice((24, 96, 24 * 10, 24 * 30))
    ends = [START + random.randint(0, wide + 96) * HOUR + 30 * MINUTE for _ in range(3)]
    days = [(date(2026, 3, 20) + timedelta(random.randint(-2, wide // 24 + 5))).isoformat() for _ in range(3)]
    found: list[Told | Edited] = []
    for place, at in enumerate(random.sample(range(wide * 2), random.randint(1, 9))):
        type_ = random.choice(("person", "person", "person", "person", "stop", "other"))
        late = random.choice((0, 0, 0, 1, 3, 20, 50)) * HOUR
        said: dict[str, Any] = {"ends": random.choice([*ends, None]), "day": random.choice([*days, None])}
        chosen = {name: said[name] for name in random.sample(sorted(said), random.randint(1, 2))}
        event = Event(
            f"e{place}", type_, "c-1", START + at * HOUR // 2 + 1000 * place, chosen if type_ == "person" else {}
        )
        found.append(Told(event.time + late, event))
    for at in random.sample(range(wide * 2), random.randint(1, 4) if edits else 0):
        found.append(Edited(START + at * HOUR // 2 + 500, made))
    found.sort(key=lambda one: one.arrives)
    for place, one in enumerate(found):
        if isinstance(one, Edited):
            made = _edited(random, made, place)
            found[place] = Edited(one.arrives, made)
    return found


def _edited(random: Random, made: Terms, number: int) -> Terms:
    """The same with one change of one rule."""
    rules = list(made.rules)
    place = random.randrange(len(rules))
    old, other = rules[place], _rule(random, rules[place].kind)
    changes: dict[str, Any] = random.choice((
        {"hours": other.hours}, {"hours": other.hours}, {"at": other.at}, {"at": other.at},
        {"name": f"{old.kind}{number}", "was": (*old.was, old.name)}, {"gone": not old.gone}, {"stops": not old.stops},
    ))  # fmt: skip
    rules[place] = replace(old, **changes)
    return replace(made, rules=tuple(rules))
