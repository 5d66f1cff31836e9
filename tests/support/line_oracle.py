"""What must come of journeys without branches whose steps are edited: runs that stand before a step that has a name.

It shares nothing with the engine but the rules' text. Everything is of one customer.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from engine.model import Event
from tests.support.lines import DAY, QUARTER, Line, Step, Wait
from tests.support.oracle import local_instant

MIDNIGHT = time(0)


class Found(NamedTuple):
    """`step`: of messages only."""

    at: int
    run: str
    step: str
    outcome: str


@dataclass(eq=False)
class Run:
    """Stands before the step `name`, or waits there since a moment until another; `held` by a night since `moment`.

    `next`: where to go on, after an edit that took out the wait. `leaves`: the edit has no place for it.
    """

    event: Event
    said: dict[str, Any]
    name: str = ""
    since: int = 0
    due: int = 0
    moment: int = 0
    held: bool = False
    next: int | None = None
    leaves: bool = False
    sent: list[str] = field(default_factory=list)

    @property
    def number(self) -> str:
        return str(self.event.properties["number"])


class Oracle:
    def __init__(self, line: Line) -> None:
        self.line = line
        self.now = 0
        self.zone, self.moved = "", 0
        self.runs: list[Run] = []
        self.ended: dict[str, int] = {}
        """Number -> the newest event that ends runs of it."""
        self.found: list[Found] = []

    def pass_to(self, at: int) -> None:
        while due := [run for run in self.runs if run.due + self.line.lateness <= at]:
            run = min(due, key=lambda one: one.due)
            self.now = max(self.now, run.due + self.line.lateness)
            self._wake(run)
        self.now = max(self.now, at)

    def hear(self, event: Event, arrives: int) -> None:
        """What is late comes before what is due at the moment of its arrival."""
        self.pass_to(arrives if event.time >= arrives else arrives - 1)
        self.now = max(self.now, arrives)
        if event.type == "moved":
            self._move(event)
        else:
            self._end(event)
        if event.type == "booked":
            self._begin(event)
        self.pass_to(arrives)

    def adopt(self, line: Line, at: int) -> None:
        self.pass_to(at)
        self.line = line
        renamed = {old: step.id for step in line.steps for old in step.was}
        for run in self.runs:
            run.sent = [renamed.get(name, name) for name in run.sent]
            self._place(run, renamed)
        self.pass_to(at)

    # --- events

    def _move(self, event: Event) -> None:
        """The end of a wait by the calendar moves along, but not into the past."""
        if event.time < self.moved:
            return
        self.zone, self.moved = event.properties["timezone"], event.time
        for run in self.runs:
            wait = self._wait_of(run)
            if wait is not None and not wait.exactly and run.due > event.time and not run.leaves:
                run.due = max(self._end_of(wait, run.said, run.since) or 0, event.time)

    def _end(self, event: Event) -> None:
        number = event.properties["number"]
        if event.type == "cancelled" or self.line.again:
            self.ended[number] = max(event.time, self.ended.get(number, 0))
            for run in [one for one in self.runs if one.number == number and one.event.time < event.time]:
                self._close(run, "exited")

    def _begin(self, event: Event) -> None:
        number = event.properties["number"]
        is_over = self.ended.get(number, 0) > event.time or any(run.number == number for run in self.runs)
        if self.now > event.time + self.line.fresh:
            self.found.append(Found(self.now, event.id, "", "expired"))
        elif is_over:
            self.found.append(Found(self.now, event.id, "", "suppressed"))
        else:
            reads = {name for step in self.line.steps if step.wait for name in step.wait.reads}
            run = Run(event, {name: value for name, value in event.properties.items() if name in reads})
            self.runs.append(run)
            self._tell(run, "", "entered")
            self._walk(run, 0, event.time)

    # --- edits

    def _place(self, run: Run, renamed: dict[str, str]) -> None:
        name = renamed.get(run.name, run.name)
        base = name.removesuffix(".wait")
        if base != name and self.line.place(name) is None:
            name = renamed.get(base, base) + ".wait"
            base = name.removesuffix(".wait")
        place, before = self.line.place(name), self.line.place(base)
        run.name = name
        if place is not None:
            self._meet(run, self.line.steps[place])
        elif name != base and (base == "start" or before is not None):
            run.next, run.held, run.due = 0 if before is None else before + 1, False, min(run.due, self.now)
        else:
            run.leaves, run.due = True, min(run.due, self.now)

    def _meet(self, run: Run, step: Step) -> None:
        if step.wait is None:
            return
        end, run.held = self._end_of(step.wait, run.said, run.since), False
        if end is None:
            run.leaves, run.due = True, min(run.due, self.now)
        elif run.due > self.now:
            run.due = max(end, self.now)

    def _wait_of(self, run: Run) -> Wait | None:
        place = self.line.place(run.name)
        return self.line.steps[place].wait if place is not None else None

    # --- steps

    def _wake(self, run: Run) -> None:
        if run.leaves:
            self._close(run, "exited")
            return
        place, run.next = run.next, None
        if place is None:
            stands = self.line.place(run.name)
            assert stands is not None
            place = stands if self.line.steps[stands].wait is None else stands + 1
        self._walk(run, place, run.due)

    def _walk(self, run: Run, place: int, came: int) -> None:
        """Go on from a step to which the run came at that moment. `due`: freshness counts from it."""
        due = came
        for number in range(place, len(self.line.steps)):
            step = self.line.steps[number]
            if step.wait is None:
                if step.id not in run.sent:
                    if self._send(run, step, due):
                        return
                    made = run.due if run.held else max(due, came)
                    came = due = made if self.now - made <= self.line.lateness + QUARTER else self.now
                    run.held = False
                continue
            run.name, run.since = self.line.name(number), came
            end = self._end_of(step.wait, run.said, came)
            if end is None:
                self._close(run, "exited")
                return
            if end > came:
                run.due = end
                return
            due = end if came - end > QUARTER else came
        self._close(run, "completed")

    def _send(self, run: Run, step: Step, due: int) -> bool:
        """Whether a night holds the message."""
        run.name = step.id
        moment = run.moment if run.held else due
        morning = self._morning()
        if self.now > moment + (step.expires or self.line.fresh):
            self._tell(run, step.id, "expired")
        elif morning:
            run.held, run.moment, run.due = True, moment, morning
            return True
        else:
            self._tell(run, step.id, "fired")
            run.sent.append(step.id)
        return False

    def _tell(self, run: Run, step: str, outcome: str) -> None:
        self.found.append(Found(self.now, run.event.id, step, outcome))

    def _close(self, run: Run, outcome: str) -> None:
        self.runs.remove(run)
        self._tell(run, "", outcome)

    # --- the calendar

    @property
    def _here(self) -> ZoneInfo:
        return ZoneInfo(self.zone or self.line.zone)

    def _local(self, moment: int) -> datetime:
        return datetime.fromtimestamp(moment / 1000, self._here)

    def _end_of(self, wait: Wait, said: dict[str, Any], since: int) -> int | None:
        if wait.exactly:
            return since + wait.exactly
        if wait.of:
            return self._before(wait, said.get(wait.of))
        days = said.get(wait.days) if isinstance(wait.days, str) else wait.days
        if days is None or days < 0:
            return None
        began = self._local(since)
        day = _on(began.date() + timedelta(days=days), wait.on)
        end = moment_of(day, wait.at or began.time(), self._here)
        if end < since and wait.at:
            end = moment_of(_on(day + timedelta(days=1), wait.on), wait.at, self._here)
        return max(end, since)

    def _before(self, wait: Wait, said: int | str | None) -> int | None:
        if said is None:
            return None
        if isinstance(said, str):
            day = date.fromisoformat(said) - timedelta(days=wait.before // DAY)
            moment = moment_of(day, MIDNIGHT, self._here) - wait.before % DAY
        else:
            moment = said - wait.before
        return moment_of(self._local(moment).date(), wait.at, self._here) if wait.at else moment

    def _morning(self) -> int:
        """When the night ends that is now; 0: it is day."""
        if self.line.night is None:
            return 0
        begins, ends = self.line.night
        today = self._local(self.now).date()
        for day in (today - timedelta(days=1), today):
            end = moment_of(day + timedelta(days=begins >= ends), ends, self._here)
            if moment_of(day, begins, self._here) <= self.now < end:
                return end
        return 0


def _on(day: date, weekdays: Set[int]) -> date:
    coming = [day + timedelta(days=more) for more in range(7)]
    return next(one for one in coming if not weekdays or one.weekday() in weekdays)


@cache
def moment_of(day: date, at: time, zone: ZoneInfo) -> int:
    """The first moment at which a clock there shows that time, or has jumped over it."""
    quarter = local_instant(day, time(at.hour, at.minute // 15 * 15), zone)
    shown = datetime.fromtimestamp(quarter / 1000, UTC).astimezone(zone).replace(tzinfo=None)
    return quarter + max(0, int((datetime.combine(day, at) - shown) / timedelta(milliseconds=1)))
