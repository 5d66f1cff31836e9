"""Journeys as random trees of steps, and what they must do for a customer, read off the whole history.

The oracle knows no states, timers or runs that wait: it walks the tree once per start, with the whole history before
it. A position is (time, index): that of an event, or of a moment just before the events of its time (index -1).
Hours count from START.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

Position = tuple[int, int]
NEVER: Position = (10**9, 0)
AWAITED = ("click", "visit", "buy")


class Happening(NamedTuple):
    """One event: its type, the hour, and what it says."""

    type: str
    hour: int
    sku: str = ""
    amount: int = 0
    step: str = ""
    """A click is about the message of this step, in the run that began with the event of this index."""
    start: int = 0


@dataclass
class Tree:
    """A journey. Conditions are tuples; `None` always holds."""

    steps: list[dict[str, Any]]
    goal: tuple[str, int] | None = None
    """Event type, and the amount from which it counts."""
    within: int = 720
    """Hours in which the goal is credited to outreach."""
    exit: str = ""
    match: bool = False
    reentry: int | None = None
    """Hours; 0: once; None: always."""
    cap: int = 0
    consent: bool = False
    quiet: bool = False
    names: list[str] = field(default_factory=list)


class Told(NamedTuple):
    hour: int
    step: str
    what: str
    """fired, entered, completed, exited or goal_reached; `step` is then the one that the goal is credited to."""


class Run(NamedTuple):
    """A run that is over: what it has sent, by the hour, and how it ended."""

    ended: Position
    what: str
    sent: list[tuple[int, str]]


class Over(Exception):
    """The run has ended."""

    def __init__(self, at: Position, what: str) -> None:
        super().__init__(what)
        self.at, self.what = at, what


def expected(tree: Tree, history: Sequence[Happening], end: int) -> list[Told]:
    """All that the journey must tell up to the hour `end`, in order of time."""
    skus = sorted({one.sku for one in history}) if tree.match else [""]
    told = [one for sku in skus for one in _Oracle(tree, history, sku).tell()]
    return sorted((one for one in told if one.hour <= end), key=lambda one: (one.hour, one.what, one.step))


class _Oracle:
    def __init__(self, tree: Tree, history: Sequence[Happening], sku: str) -> None:
        self.tree = tree
        self.sku = sku
        self.events = [((one.hour, index), one) for index, one in enumerate(history)]
        self.sent: list[int] = []
        self.told: list[Told] = []
        self.runs: list[Run] = []

    def tell(self) -> list[Told]:
        free, last = (-1, -1), None
        for at, one in self.events:
            if one.type != "signup" or (self.tree.match and one.sku != self.sku) or free > at:
                continue
            again = self.tree.reentry
            if last is not None and again is not None and (again == 0 or at[0] < last + again):
                continue
            free, made = self._run(at, one)
            last = at[0] if made else last
        self._credit()
        return self.told

    def _credit(self) -> None:
        """Each goal after a run is that of the newest run that sent anything, if it has not reached its own."""
        done: list[Run] = []
        for at, _ in self._goals():
            over = [run for run in self.runs if run.ended <= at and self._claims(run)]
            step = self._newest(over[-1].sent, at[0]) if over else ""
            if step and over[-1].what != "goal_reached" and over[-1] not in done:
                done.append(over[-1])
                self.told.append(Told(at[0], step, "goal_reached"))

    def _claims(self, run: Run) -> bool:
        """Whether no goal after this run can be that of an earlier one."""
        return bool(self._newest(run.sent, run.ended[0]) if run.what == "goal_reached" else run.sent)

    def _newest(self, sent: list[tuple[int, str]], hour: int) -> str:
        return sent[-1][1] if sent and hour - sent[-1][0] < self.tree.within else ""

    def _goals(self) -> Iterator[tuple[Position, Happening]]:
        goal = self.tree.goal
        return ((at, one) for at, one in self.events if goal and one.type == goal[0] and one.amount >= goal[1])

    def _run(self, began: Position, event: Happening) -> tuple[Position, bool]:
        self.told.append(Told(began[0], "", "entered"))
        self.began, self.event, self.made, self.made_at = began, event, list[str](), list[int]()
        self.over, self.why = next(self._endings(), (NEVER, ""))
        try:
            ended, what = self._all(self.tree.steps, began), "completed"
        except Over as over:
            ended, what = over.at, over.what
        if ended[0] < NEVER[0]:
            sent = [*zip(self.made_at, self.made, strict=True)]
            self.runs.append(Run(ended, what, sent))
            step = self._newest(sent, ended[0]) if what == "goal_reached" else ""
            self.told.append(Told(ended[0], step, what))
        return ended, bool(self.made)

    def _endings(self) -> Iterator[tuple[Position, str]]:
        goals = dict(self._goals())
        for at, one in self.events:
            if at <= self.began:
                continue
            if one.type == self.tree.exit and (not self.tree.match or one.sku == self.sku):
                yield at, "exited"
            if at in goals:
                yield at, "goal_reached"

    def _all(self, steps: Sequence[dict[str, Any]], at: Position) -> Position:
        for step in steps:
            at = self._one(step, at)
        return at

    def _one(self, step: dict[str, Any], at: Position) -> Position:
        if "send" in step:
            return self._send(step, at)
        if not self._holds(step.get("if"), at):
            return self._all(step.get("else", []), at) if "branch" in step else at
        if "branch" in step:
            return self._all(step["then"], at)
        if "stop" in step:
            raise Over(at, "completed")
        if "await" in step:
            return self._await(step, at)
        return self._reach((self._later(step, at[0]), -1)) if self._later(step, at[0]) > at[0] else at

    def _later(self, step: dict[str, Any], hour: int) -> int:
        if "hours" in step:
            return hour + int(step["hours"])
        days, until = int(step["days"]), int(step["until"])
        day = hour // 24 + days
        return day * 24 + until if day * 24 + until >= hour else (day + 1) * 24 + until

    def _reach(self, at: Position) -> Position:
        if self.over <= at:
            raise Over(self.over, self.why)
        return at

    def _await(self, step: dict[str, Any], at: Position) -> Position:
        about = step["about"]
        if about and about not in self.made:
            return at
        until = (at[0] + step["within"], -1)
        for when, one in self.events:
            ours = not about or (one.step, one.start) == (about, self.began[1])
            if at < when < until and one.type == step["await"] and ours:
                return self._all(step["then"], self._reach(when))
        return self._all(step["else"], self._reach(until))

    def _send(self, step: dict[str, Any], at: Position) -> Position:
        if not self._passes(step, at):
            return at
        night = self._night_ends(at[0])
        if night:
            at = self._reach((night, -1))
            if not self._passes(step, at):
                return at
        if self.tree.cap and any(at[0] - self.tree.cap < one <= at[0] for one in self.sent):
            return at
        self.sent.append(at[0])
        self.made.append(step["send"])
        self.made_at.append(at[0])
        self.told.append(Told(at[0], step["send"], "fired"))
        return at

    def _passes(self, step: dict[str, Any], at: Position) -> bool:
        if not self._holds(step.get("if"), at):
            return False
        said = [one.amount for when, one in self.events if one.type == "opted" and when <= at]
        return not self.tree.consent or bool(said and said[-1])

    def _night_ends(self, hour: int) -> int:
        """The nights are from 21 to 8."""
        if not self.tree.quiet or 8 <= hour % 24 < 21:
            return 0
        return hour // 24 * 24 + (8 if hour % 24 < 8 else 32)

    def _holds(self, condition: tuple[Any, ...] | None, at: Position) -> bool:
        match condition:
            case None:
                return True
            case ("sent", step):
                return step in self.made
            case ("amount", least):
                return bool(self.event.amount >= least)
            case ("count", type_, least):
                return bool(sum(1 for when, one in self.events if one.type == type_ and when <= at) >= least)
            case ("window", type_, hours, least):
                within = [one for when, one in self.events if when <= at and at[0] - hours < when[0]]
                return bool(sum(one.type == type_ for one in within) >= least)
        raise AssertionError(condition)


# Random trees and histories


def tree(random: Random) -> Tree:
    made = Tree([])
    made.steps = _steps(random, made.names, 0)
    if random.random() < 0.4:
        made.goal = ("buy", random.choice([0, 5]))
        made.within = random.choice([1, 30, 150, 720])
    if random.random() < 0.4:
        made.exit = "closed"
    made.match = random.random() < 0.25
    made.quiet = random.random() < 0.3
    made.consent = random.random() < 0.2
    if not made.match:
        made.reentry = random.choice([None, None, 0, 72, 300])
        made.cap = random.choice([0, 0, 24, 100])
    return made


def _steps(random: Random, names: list[str], depth: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for _ in range(random.randint(1, 5 if depth == 0 else 3)):
        found.append(_step(random, names, depth))
        if "stop" in found[-1] and found[-1]["if"] is None:
            break
    return found


def _step(random: Random, names: list[str], depth: int) -> dict[str, Any]:
    kind = random.choice(["send"] * 4 + ["hours"] * 2 + ["until", "await", "await", "branch", "stop"])
    step: dict[str, Any] = {"if": _condition(random, names) if random.random() < 0.3 else None}
    if kind in ("await", "branch") and depth >= 2:
        kind = "send"
    if kind == "send":
        names.append(f"s{len(names)}")
        return step | {"send": names[-1]}
    if kind == "hours":
        return step | {"hours": random.choice([1, 5, 24, 48, 100, 300])}
    if kind == "until":
        return step | {"days": random.choice([0, 0, 1, 3]), "until": random.randint(0, 23)}
    if kind == "stop":
        return step | {"stop": True} if depth else step | {"stop": True, "if": _condition(random, names)}
    if kind == "branch":
        then = _steps(random, names, depth + 1)
        other = _steps(random, names, depth + 1) if random.random() < 0.6 else []
        return {"branch": True, "if": _condition(random, []), "then": then, "else": other}
    about = random.choice(names) if names and random.random() < 0.5 else ""
    awaited = "click" if about else random.choice(AWAITED)
    step |= {"await": awaited, "about": about, "within": random.choice([3, 24, 72, 200])}
    step["then"] = _steps(random, names, depth + 1) if random.random() < 0.8 else []
    step["else"] = _steps(random, names, depth + 1) if random.random() < 0.8 else []
    return step


def _condition(random: Random, names: list[str]) -> tuple[Any, ...]:
    if names and random.random() < 0.4:
        return ("sent", random.choice(names))
    kind = random.choice(["count", "window", "amount"])
    if kind == "amount":
        return ("amount", random.randint(1, 8))
    type_, least = random.choice(["visit", "buy"]), random.randint(1, 2)
    return ("count", type_, least) if kind == "count" else ("window", type_, random.choice([24, 60, 200]), least)


def history(random: Random, tree_: Tree) -> list[Happening]:
    """Events of one customer, in order of time; several may happen in one hour."""
    hours = sorted(random.randint(0, random.choice([60, 400, 900])) for _ in range(random.randint(2, 14)))
    kinds = ["signup"] * 3 + ["visit", "visit", "buy", "click", "click", "opted"] + ["closed"] * random.randint(0, 1)
    found = [
        Happening("opted", hours[0], "", 1),
        Happening("signup", hours[0], random.choice("ab"), random.randint(0, 8)),
    ]
    for hour in hours:
        type_ = random.choice(kinds)
        step = random.choice(tree_.names) if type_ == "click" and tree_.names else ""
        start = random.choice([index for index, one in enumerate(found) if one.type == "signup"])
        found.append(Happening(type_, hour, random.choice("ab"), random.randint(0, 8), step, start))
    return found


# The same as a rule file


def rules(tree_: Tree) -> str:
    lines = ["rules:", "  - id: j", "    when: { event: signup }"]
    if tree_.goal:
        lines.append(
            f"    goal: {{ event: {tree_.goal[0]}, where: event.amount >= {tree_.goal[1]}, within: {tree_.within}h }}"
        )
    if tree_.exit:
        lines.append(f"    exit: {{ event: {tree_.exit}{', match: sku' if tree_.match else ''} }}")
    if tree_.match:
        lines.append("    match: sku")
    if tree_.reentry is not None:
        lines.append("    reentry: " + (f"after {tree_.reentry}h" if tree_.reentry else "once"))
    return "\n".join([*lines, "    steps:", *_written(tree_.steps, " " * 6, Random(0), [0])]) + "\n"


def _written(steps: Sequence[dict[str, Any]], indent: str, random: Random, waits: list[int]) -> list[str]:
    lines: list[str] = []
    for step in steps:
        own = [f"if: {_text(step['if'])}"] if step.get("if") else []
        if "send" in step:
            own.insert(0, f"send: {step['send']}")
        elif "stop" in step:
            own.insert(0, "stop: true")
        elif "branch" not in step:
            waits[0] += 1
            own += [f"id: w{waits[0]}", f"wait: {_wait(step)}"]
        lines += [f"{indent}{'- ' if not index else '  '}{line}" for index, line in enumerate(own)]
        for key in ("then", "else"):
            if step.get(key):
                lines += [f"{indent}  {key}:", *_written(step[key], indent + "    ", random, waits)]
    return lines


def _wait(step: dict[str, Any]) -> str:
    if "hours" in step:
        return f"{step['hours']}h"
    if "await" in step:
        about = f", step: {step['about']}" if step["about"] else ""
        return f"{{ event: {step['await']}{about}, within: {step['within']}h }}"
    return f'{{ days: {step["days"]}, until: "{step["until"]:02}:00" }}'


def _text(condition: tuple[Any, ...]) -> str:
    match condition:
        case ("sent", step):
            return f"steps.{step}.sent"
        case ("amount", least):
            return f"event.amount >= {least}"
        case ("count", type_, least):
            return f"events.{type_}.count() >= {least}"
        case (_, type_, hours, least):
            return f'events.{type_}.count("{hours}h") >= {least}'
    raise AssertionError(condition)


def policy(tree_: Tree) -> str:
    lines = ["fresh_for: off"]
    if tree_.quiet:
        lines.append('quiet_hours: { from: "21:00", to: "08:00" }')
    if tree_.consent:
        lines.append("consent: { marketing: profile.opt_in == 1 }")
    if tree_.cap:
        lines.append(f"caps: [{{ limit: 1, per: {tree_.cap}h }}]")
    return "\n".join(lines) + "\n"


EVENTS = """\
version: 1
events:
  signup: { properties: { sku: string, amount: number } }
  visit: {}
  buy: { properties: { sku: string, amount: number } }
  closed: { properties: { sku: string } }
  opted: { properties: { opt_in: integer }, profile: { opt_in: opt_in } }
  click: { properties: { outreach: string } }
"""
