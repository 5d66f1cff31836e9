"""What must come of ends and dates that move: an oracle that asks, at each moment, all that is known by then.

It reads the terms (tests/support/moved_shop.py), not the rules compiled from them; nothing of the engine is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from engine.model import Event
from tests.support.moved_shop import HOUR, ZONE, Rule, Terms
from tests.support.oracle import NEVER, local_date, local_instant

BERLIN = ZoneInfo(ZONE)


class Found(NamedTuple):
    at: int
    rule: str
    occurrence: str
    outcome: str


class Coming(NamedTuple):
    """An occurrence: its name, when it comes true, since when it was coming, and when it is over."""

    name: str
    due: int
    since: int
    over: int = NEVER


class Value(NamedTuple):
    """`since`: when this value was said first; `newest`: the newest event that says it."""

    value: Any
    since: int
    newest: int


@dataclass
class Oracle:
    """`done`: by kind of rule, what has come true or was ended; `stopped`: when it was stopped last."""

    terms: Terms
    clock: int
    now: int = 0
    values: dict[str, Value] = field(default_factory=dict)
    stopped: dict[str, int] = field(default_factory=dict)
    newest_stop: int = -1
    done: dict[str, set[str]] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)

    def pass_to(self, at: int) -> None:
        self.clock = max(self.clock, at)
        while ready := list(self._ready()):
            coming, rule = min(ready, key=lambda one: (one[0].due, self.terms.rules.index(one[1])))
            self._done(rule).add(coming.name)
            now = max(self.now, coming.due + self.terms.lateness * HOUR)
            fresh = self.terms.fresh * HOUR or NEVER
            self._note(now, rule, coming, "expired" if now > coming.due + fresh or now >= coming.over else "fired")
        self.now = self.clock

    now = 0

    def hear(self, event: Event, arrives: int) -> None:
        self.pass_to(arrives)
        for name, value in event.properties.items():
            old = self.values.get(name, Value(None, -1, -1))
            if event.time > old.newest:  # an older event says nothing new, not even since when it is so
                since = old.since if value == old.value else event.time
                self.values[name] = Value(value, since, event.time)
        for rule in self.terms.rules:
            if event.type == "stop" and rule.stops and not rule.gone:
                self.stopped[rule.kind] = max(self.stopped.get(rule.kind, -1), event.time)
                self._end(rule, event.time)
            self._end(rule, self.stopped.get(rule.kind, -1))
        if event.type == "stop":
            self.newest_stop = max(self.newest_stop, event.time)
        self.pass_to(arrives)

    def adopt(self, terms: Terms, at: int) -> None:
        """An exit that is put in counts from the beginning."""
        self.pass_to(at)
        self.terms = terms
        for rule in terms.rules:
            if rule.stops and not rule.gone:
                self.stopped[rule.kind] = self.newest_stop
            self._end(rule, self.stopped.get(rule.kind, -1))
        self.pass_to(at)

    def _end(self, rule: Rule, stopped: int) -> None:
        for coming in [*self._coming(rule)]:
            if coming.since <= stopped < coming.due:
                self._done(rule).add(coming.name)

    def _done(self, rule: Rule) -> set[str]:
        return self.done.setdefault(rule.kind, set())

    def _note(self, at: int, rule: Rule, coming: Coming, outcome: str) -> None:
        if at < coming.over:
            self.found.append(Found(at, rule.name, coming.name, outcome))

    def _ready(self) -> Iterator[tuple[Coming, Rule]]:
        until = self.clock - self.terms.lateness * HOUR
        for rule in self.terms.rules:
            yield from ((coming, rule) for coming in self._coming(rule) if coming.due <= until)

    def _coming(self, rule: Rule) -> Iterator[Coming]:
        """What comes next of the value that the field has by all that is known."""
        value = self.values.get(rule.field)
        if rule.gone or value is None or value.value is None:
            return
        for one in self._occurrences(rule, value.value, value.since):
            if one.name not in self._done(rule):
                yield one
                return

    def _occurrences(self, rule: Rule, value: Any, since: int) -> Iterator[Coming]:
        before = rule.hours * HOUR
        if rule.kind == "ends":
            moment = value - before
            at = moment if rule.at is None else local_instant(local_date(moment, ZONE), rule.at, BERLIN)
            yield Coming(str(value), at, since, value)
        elif rule.kind == "days":
            day = date.fromisoformat(value)
            over = local_instant(day + timedelta(1), time(0), BERLIN)
            at = self._before(rule, day)
            yield Coming(value, at, since, over)
        elif rule.kind == "once":
            yield Coming(value, self._of_date(rule, date.fromisoformat(value)), since)
        else:
            for year in (2027, 2028):
                day = date.fromisoformat(value).replace(year=year)
                due = self._of_date(rule, day)
                if due >= since:
                    yield Coming(day.isoformat(), due, since)

    def _before(self, rule: Rule, day: date) -> int:
        """Days are those of the calendar."""
        days, rest = divmod(rule.hours, 24)
        moment = local_instant(day - timedelta(days), time(0), BERLIN) - rest * HOUR
        return moment if rule.at is None else local_instant(local_date(moment, ZONE), rule.at, BERLIN)

    def _of_date(self, rule: Rule, day: date) -> int:
        days, rest = divmod(-rule.hours, 24)
        assert rule.at is not None
        return local_instant(day + timedelta(days), rule.at, BERLIN) + rest * HOUR
