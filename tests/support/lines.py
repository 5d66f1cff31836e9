"""Journeys without branches, drawn at random, with edits of their steps; and what happens to their customers.

Each has waits of all kinds: exact ones, local days, and until a time of the event. The moments are near the days on
which clocks change. tests/support/line_oracle.py says what must come of it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any, NamedTuple

from engine.model import Event

MINUTE = 60_000
QUARTER, HOUR, DAY = 15 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Lord_Howe", "America/Santiago")
NAMES = tuple("abcdefghijklmnop")
BEGINNINGS = ((3, 5), (3, 26), (4, 2), (9, 4), (10, 22), (10, 30))
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
EVENTS = """\
version: 1
events:
  booked: { properties: { number: string, appointment: time, day: date, days: integer } }
  cancelled: { properties: { number: string } }
  moved: { properties: { timezone: string }, profile: { timezone: timezone } }
"""


class Wait(NamedTuple):
    """`exactly` so long (ms); or local `days`, a number or a property; or `before` a time of the event (`of`)."""

    exactly: int = 0
    days: int | str | None = None
    on: frozenset[int] = frozenset()
    of: str = ""
    before: int = 0
    at: time | None = None

    @property
    def reads(self) -> set[str]:
        return {self.of} - {""} | ({self.days} if isinstance(self.days, str) else set())

    @property
    def text(self) -> str:
        if self.exactly:
            return span(self.exactly)
        at = f'"{self.at:%H:%M}"' if self.at else ""
        if self.of:
            fields = {"until": f"event.{self.of}", "before": span(self.before) if self.before else "", "at": at}
        else:
            days = f"event.{self.days}" if isinstance(self.days, str) else str(self.days)
            fields = {
                "days": days,
                "until": at,
                "on": f"[{', '.join(WEEKDAYS[day] for day in self.on)}]" if self.on else "",
            }
        return f"{{ {', '.join(f'{name}: {value}' for name, value in fields.items() if value)} }}"


@dataclass(frozen=True)
class Step:
    """A message, or a wait; one without `id` is named after the step before it."""

    id: str
    wait: Wait | None = None
    was: tuple[str, ...] = ()
    expires: int = 0

    @property
    def text(self) -> str:
        was = f", was: [{', '.join(self.was)}]" if self.was else ""
        if self.wait is None:
            expires = f", expires: {span(self.expires)}" if self.expires else ""
            return f"{{ send: {{ template: {self.id}{expires} }}{was} }}"
        return f"{{ {f'id: {self.id}, ' if self.id else ''}wait: {self.wait.text}{was} }}"


@dataclass(frozen=True)
class Line:
    """`again`: booking a number again ends its run. `night`: when nothing is sent."""

    steps: tuple[Step, ...]
    zone: str
    night: tuple[time, time] | None
    lateness: int
    fresh: int
    again: bool

    @property
    def rules(self) -> str:
        ends = "cancelled", *(["booked"] if self.again else [])
        exits = ", ".join(f"{{ event: {event}, match: number }}" for event in ends)
        steps = "".join(f"      - {step.text}\n" for step in self.steps)
        return (
            "rules:\n  - id: visit\n    when: { event: booked }\n    match: number\n"
            f"    exit: [{exits}]\n    steps:\n{steps}"
        )

    @property
    def policy(self) -> str:
        night = '{{ from: "{:%H:%M}", to: "{:%H:%M}" }}'.format(*self.night) if self.night else ""
        return (
            f"zone: {{ default: {self.zone}, field: profile.timezone }}\nfresh_for: {span(self.fresh)}\n"
            f"dedupe: 300d\nallowed_lateness: {span(self.lateness)}\n" + (f"quiet_hours: {night}\n" if night else "")
        )

    def name(self, place: int) -> str:
        before = self.steps[place - 1].id if place else "start"
        return self.steps[place].id or f"{before}.wait"

    def place(self, name: str) -> int | None:
        return next((place for place in range(len(self.steps)) if self.name(place) == name), None)


class Told(NamedTuple):
    arrives: int
    event: Event


class Edited(NamedTuple):
    arrives: int
    line: Line


def span(millis: int) -> str:
    return f"{millis // MINUTE}m"


def wait(random: Random) -> Wait:
    at = random.choice((time(2, 30), time(9), time(18, 45), time(0), time(1, 15)))
    kind, sometimes = random.randrange(3), random.choice((None, at))
    if kind == 0:
        return Wait(exactly=random.choice((10 * MINUTE, 90 * MINUTE, DAY, 49 * HOUR)))
    if kind == 1:
        on = frozenset(random.choice(((), (), (6,), (2, 6, 3))))
        days = random.choice((0, 1, 2, 5, "days"))
        return Wait(days=days, on=on, at=at if on or not days else sometimes)
    before = random.choice((0, 90 * MINUTE, DAY, 3 * DAY, 30 * HOUR))
    return Wait(of=random.choice(("appointment", "day")), before=before, at=sometimes)


class Drawn:
    """Draws lines; no name comes twice."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.names = list(NAMES)
        random.shuffle(self.names)

    def line(self, lateness: int) -> Line:
        choose = self.random.choice
        steps = [self._message() if self.random.random() < 0.5 else self._wait(choose((True, False))) for _ in range(5)]
        night = choose((None, None, (time(21), time(8)), (time(12), time(14, 30))))
        return Line(
            _named(steps[: self.random.randint(2, 5)]), choose(ZONES), night, lateness,
            choose((6 * HOUR, 3 * DAY, 300 * DAY)), choose((True, False)),
        )  # fmt: skip

    def edited(self, line: Line) -> Line:
        steps, random = list(line.steps), self.random
        place = random.randrange(len(steps))
        step, kind = steps[place], random.randrange(9)
        if kind == 0 and len(steps) > 1:
            del steps[place]
        elif kind == 1 and step.id:
            steps[place] = replace(step, id=self.names.pop(), was=(*step.was, step.id))
        elif kind in (2, 3):
            steps.insert(place, self._message() if kind == 2 else self._wait(True))
        elif kind > 4 and step.wait is not None:
            steps[place] = replace(step, wait=wait(random))
        else:
            return replace(line, zone=random.choice(ZONES), night=random.choice((None, (time(21), time(8)))))
        return replace(line, steps=_named(steps))

    def _message(self) -> Step:
        return Step(self.names.pop(), expires=self.random.choice((0, 0, 0, 6 * HOUR, 2 * DAY)))

    def _wait(self, named: bool) -> Step:
        return Step(self.names.pop() if named else "", wait(self.random))


def _named(steps: list[Step]) -> tuple[Step, ...]:
    """Without a wait that would have no name: a second one after a step."""
    return tuple(step for place, step in enumerate(steps) if step.id or not place or steps[place - 1].id)


def history(random: Random, drawn: Drawn, line: Line) -> list[Told | Edited]:
    """In the order of arrival; no two things happen at one moment. With lateness, or by chance, some come late."""
    start = datetime(2026, *random.choice(BEGINNINGS), tzinfo=UTC)
    begin, found = int(start.timestamp() * 1000), list[Told | Edited]()
    for place in range(random.randint(2, 8)):
        at = begin + random.randint(0, 10 * 96) * QUARTER + random.randint(0, 5) * MINUTE + place * 1000
        type_ = random.choice(("booked", "booked", "moved", "cancelled")) if place else "booked"
        late = random.choice((0, 0, 0, QUARTER, 3 * HOUR, 9 * HOUR, 40 * HOUR))
        found.append(Told(at + late, Event(f"e{place}", type_, "c-1", at, _properties(random, type_, start))))
    for at in sorted(random.sample(range(12 * 96), random.randint(0, 3))):
        line = drawn.edited(line)
        found.append(Edited(begin + at * QUARTER + 500, line))
    return sorted(found, key=lambda one: one.arrives)


def _properties(random: Random, type_: str, start: datetime) -> dict[str, Any]:
    if type_ == "moved":
        return {"timezone": random.choice(ZONES)}
    if type_ == "cancelled":
        return {"number": random.choice("xy")}
    day: date = start.date() + timedelta(days=random.randint(-2, 14))
    appointment = int(start.timestamp() * 1000) + random.randint(-2 * 96, 14 * 96) * QUARTER
    said = {"appointment": appointment, "day": day.isoformat(), "days": random.choice((0, 1, 3, -1))}
    missing = random.choice((*said, "", "", "", ""))
    return {"number": random.choice("xy")} | {name: value for name, value in said.items() if name != missing}
