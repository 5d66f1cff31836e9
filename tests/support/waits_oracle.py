"""What must come of journeys that read points, or wait for clicks: an oracle that walks through time in half hours.

It takes the books of points from tests/support/points_oracle.py; nothing of the engine is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.support import points_oracle
from tests.support.town_rules import HALF, START
from tests.support.waits_shop import Terms, Told


class Found(NamedTuple):
    at: int
    run: str
    step: str
    outcome: str


class Happened(NamedTuple):
    """A move of the segment, a change of points, or a click. `about`: the run and the step that made the message."""

    what: str
    at: int
    balance: int = 0
    about: tuple[str, str] = ("", "")


@dataclass(eq=False)
class Run:
    """`place`: before which step; `waits`: until `due`, since `since`. `moment`: of what was done last."""

    name: str
    key: str
    began: int
    moment: int
    place: int = 0
    since: int = 0
    due: int = 0
    sent: list[str] = field(default_factory=list)
    ahead: list[int] = field(default_factory=list)
    """When what the next wait is for happened, while an earlier step was still due."""

    @property
    def next(self) -> int:
        known = [one for one in self.ahead if self.place == LOOK and one >= self.since]
        return min([*known, self.due])


FIRST, LOOK, LAST = 1, 2, 3
NOTHING: Mapping[str, int] = {}


@dataclass
class Oracle:
    terms: Terms
    found: list[Found] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)
    begun: list[Run] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    now: int = 0
    is_rich: bool = False
    decided: int = -1
    """Up to when it is decided whether the customer is rich."""
    ended: int = -1
    newest: int = -1
    told_changes: int = 0

    def __post_init__(self) -> None:
        self.stars = points_oracle.Oracle(self.terms.points, self.terms.lateness * HALF)

    @property
    def settled(self) -> int:
        return self.now - self.terms.lateness

    def pass_to(self, at: int) -> None:
        while self.now < at:
            self.now += 1
            self.stars.pass_time(START + self.now * HALF)
            changes = self._new_changes(self.settled)
            if self.settled > self.decided:
                self._take(self._move(self.settled))
            for run in list(self.runs):
                while run in self.runs and run.next <= self.settled:
                    came, run.moment = run.next < run.due, run.next
                    self._go_on(run, came=came)
            for one in changes:
                self._take(one)

    def hear(self, event: Told) -> None:
        """What it does to points, and to the segment; changes of points are heard of after all else."""
        self.pass_to(event.arrives)
        if event.id in self.seen:
            return
        self.seen.add(event.id)
        self.newest = max(self.newest, event.at)
        at = max(self.newest, self.settled)
        waits = self._moves_by_time(at)
        if event.type == "outreach_clicked":
            self._take(Happened("click", event.at, about=self.clicked(event)))
            return
        if event.type != "start":
            self.stars.tell(event)  # type: ignore[arg-type]
        late = {"expired": event.at + self.terms.expire} if event.type == "buy" else {}
        late |= {"earned": event.at + self.terms.usable} if late and self.terms.usable else {}
        changes = self._new_changes(at, late)
        if event.type == "start":
            self._begin(event)
        elif waits >= 0 and (self._value(at) >= self.terms.rich) != self.is_rich:
            self.decided = waits - 1  # what time decides comes first
        else:
            self._take(self._move(at))
        for one in changes:
            self._take(one)

    def _take(self, one: Happened | None) -> None:
        if one is not None:
            self._end(one)
            self._answer(one)

    def clicked(self, event: Told) -> tuple[str, str]:
        """The newest run with this key that has made this step, and the step; nothing if there is none."""
        key, step = event.properties["key"], event.properties["step"]
        runs = [one for one in self.begun if one.key == key and step in one.sent]
        return (runs[-1].name, step) if runs else ("", "")

    # --- points and the segment

    def _value(self, at: int) -> int:
        then = self.stars.look(START + at * HALF)
        return then.earned(self.terms.window * HALF) if self.terms.window else then.balance

    def _new_changes(self, at: int, late: Mapping[str, int] = NOTHING) -> list[Happened]:
        """`late`: when points that are told late became usable, and ended."""
        new = self.stars.told[self.told_changes :]
        balance = sum(delta for _, delta in self.stars.told[: self.told_changes])
        self.told_changes = len(self.stars.told)
        found = []
        for reason, delta in new:
            balance += delta
            found.append(Happened(reason, min(late.get(reason, at), at), balance))
        return found

    def _move(self, at: int) -> Happened | None:
        """The move by that moment, if it is not decided yet."""
        is_rich, self.decided = self._value(at) >= self.terms.rich, at
        if is_rich == self.is_rich:
            return None
        self.is_rich = is_rich
        return Happened("in" if is_rich else "out", at)

    def _moves_by_time(self, until: int) -> int:
        """When time alone moves the customer by then, though lateness still holds that; -1: it does not."""
        coming = range(max(self.settled, self.decided) + 1, until + 1)
        return next((one for one in coming if (self._value(one) >= self.terms.rich) != self.is_rich), -1)

    # --- facts

    @property
    def about(self) -> str:
        """The step whose message must be clicked."""
        return self.terms.awaits.partition("step: ")[2]

    def _is_about(self, run: Run, one: Happened) -> bool:
        return not self.about or one.about == (run.name, self.about)

    def _is(self, fact: str, one: Happened) -> bool:
        if "segment" in fact:
            return one.what == ("out" if "moves: out" in fact else "in")
        if "clicked" in fact or one.what in ("in", "out", "click"):
            return "clicked" in fact and one.what == "click"
        if "balance >= 9" in fact:
            return one.balance >= 9
        if "balance < 0" in fact:
            return one.balance < 0
        return f'"{one.what}"' in fact

    def _end(self, one: Happened) -> None:
        if not self.terms.ends or not self._is(self.terms.ends, one):
            return
        is_goal = self.terms.ends.startswith("goal")
        if not is_goal or one.what == "click":  # of other goals only the newest is known
            self.ended = max(self.ended, one.at)
        for run in [run for run in self.runs if run.began <= one.at]:
            self._close(run, "goal_reached" if is_goal else "exited")

    def _answer(self, one: Happened) -> None:
        """Let it end a wait, or remember it for the wait that will have begun by then."""
        for run in [run for run in self.runs if self._is(self.terms.awaits, one) and self._is_about(run, one)]:
            if run.place == FIRST and one.at >= run.due:
                run.ahead.append(one.at)
            elif run.place == LOOK and run.since <= one.at < run.due:
                run.moment = one.at
                self._go_on(run, came=True)

    # --- runs

    def _begin(self, event: Told) -> None:
        name, key = event.id, event.properties["key"]
        if any(run.key == key for run in self.runs) or event.at < self.ended:
            self.found.append(Found(self.now, name, "", "suppressed"))
            return
        run = Run(name, key, event.at, event.at)
        self.runs.append(run)
        self.begun.append(run)
        self.found.append(Found(self.now, name, "", "entered"))
        self._send(run, "hello")
        self._wait(run, FIRST, self.terms.first)

    def _go_on(self, run: Run, *, came: bool) -> None:
        if run.place == FIRST:
            balance = self.stars.look(START + self.now * HALF).balance
            self._send(run, "some" if balance >= self.terms.some else "few")
            if self.about and self.about not in run.sent:
                self._wait(run, LAST, self.terms.last)
                return
            self._wait(run, LOOK, self.terms.look)
            is_there = "segment" in self.terms.awaits and self.is_rich != ("moves: out" in self.terms.awaits)
            if is_there:
                self._go_on(run, came=True)
        elif run.place == LOOK:
            self._send(run, "came" if came else "not_yet")
            self._wait(run, LAST, self.terms.last)
        else:
            if self.stars.look(START + self.now * HALF).next_end[1] > 0:
                self._send(run, "soon")
            else:
                self._note(run, "soon", "suppressed")
            if self._value(self.now) < self.terms.rich:
                self._send(run, "bye")
            else:
                self._note(run, "bye", "suppressed")
            self._close(run, "completed")

    def _wait(self, run: Run, place: int, length: int) -> None:
        run.since = run.moment if self.now - run.moment <= self.terms.lateness else self.now
        run.place, run.due, run.moment = place, run.since + length, run.since

    def _send(self, run: Run, step: str) -> None:
        run.sent.append(step)
        self._note(run, step, "fired")

    def _close(self, run: Run, outcome: str) -> None:
        self.runs.remove(run)
        self.found.append(Found(self.now, run.name, "", outcome))

    def _note(self, run: Run, step: str, outcome: str) -> None:
        self.found.append(Found(self.now, run.name, step, outcome))
