"""The compiled steps of a journey: a graph without cycles, in which every step knows what comes after it.

The rule loader builds it from the end to the beginning; `conduct` walks it. None as the next step: the journey is over.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import msgspec

from engine.core.actions.base import Action
from engine.core.expression import Expression, Reads
from engine.core.facts import Fact
from engine.core.journeys.waits import Length
from engine.core.zones import OF_PROFILE

WAIT = ".wait"
"""Ends the name of a wait that has no id: it is named after the step before it."""
THEN, ELSE = ".then", ".else"
"""Follow the name of a step in that of a wait without an id which is the first of its branch."""
START = "start"
"""Stands for the step before the first one in the name of a wait without an id."""


class Act(msgspec.Struct, frozen=True, eq=False):
    """A step that sends or emits. `condition`: the step's `if`; the policy's guards come after it."""

    name: str
    action: Action
    next: "Step | None" = None
    condition: Expression | None = None
    was: tuple[str, ...] = ()
    experiments: frozenset[str] = frozenset()
    """The experiments that its condition or its template reads."""


class Wait(msgspec.Struct, frozen=True, eq=False):
    """A step that waits for `length`, or for a fact within it.

    `answered`: the step after the fact came. `over`: the step after the time has passed. `next`: the step after this
    one with its branches, for a wait that is passed over.
    """

    name: str
    length: Length
    over: "Step | None" = None
    answered: "Step | None" = None
    next: "Step | None" = None
    fact: Fact | None = None
    about: str = ""
    """The step whose outreach the fact must be about; "": any."""
    condition: Expression | None = None
    was: tuple[str, ...] = ()


class Branch(msgspec.Struct, frozen=True, eq=False):
    """Goes on with `yes` if the condition holds, else with `no`. Nobody ever stands here, so it needs no name."""

    condition: Expression
    yes: "Step | None" = None
    no: "Step | None" = None
    next: "Step | None" = None
    """The step at which both ways meet again."""


Step: TypeAlias = Act | Wait | Branch


class Journey:
    """All steps of one rule. `waits` and `acts` are in the order of the file."""

    def __init__(self, first: Step | None, reads: Reads, goal: Fact | None = None, within: int = 0) -> None:
        self.first = first
        self.goal = goal
        self.within = within
        """How long (ms) after outreach of a run the goal is credited to it."""
        self.reads = reads
        """What steps, facts and templates read; runs keep only that much of the event that began them."""
        self.named = _named(first)
        self.acts = [step for step in self.named.values() if isinstance(step, Act)]
        self.waits = [step for step in self.named.values() if isinstance(step, Wait)]
        self.renamed = {old: step.name for step in self.named.values() for old in step.was}
        self.by_calendar = any(wait.length.by_calendar for wait in self.waits)
        zones = {wait.length.zone for wait in self.waits}
        self.zone_fields = frozenset(one.removeprefix(OF_PROFILE) for one in zones if one.startswith(OF_PROFILE))
        """The profile fields in which waits find their zone."""

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...], str]]:
        """The steps and waits as far as it matters where a customer stands and when they go on."""
        return [
            (step.name, step.was, step.length.text if isinstance(step, Wait) else "") for step in self.named.values()
        ]

    def place(self, name: str) -> "tuple[str, Act | Wait | None] | None":
        """The present name and step for a name that a run has kept, which an older book may have given.

        No step: the wait after a step is gone, and `beyond` says what comes next. None: the name leads nowhere.
        """
        base, suffix = _split(self.renamed.get(name, name))
        name = self.renamed.get(base, base) + suffix
        if name in self.named:
            return name, self.named[name]
        return (name, None) if suffix and (base == START or _split(name)[0] in self.named) else None

    def beyond(self, name: str) -> Step | None:
        """The step that comes after a wait of this name, which is gone from the journey."""
        base, suffix = _split(name)
        step = self.named.get(base)
        if step is None:
            return self.first
        if isinstance(step, Wait) and suffix != WAIT:
            return step.answered if suffix == THEN + WAIT else step.over
        return step.next

    def acts_within(self, span: int) -> list[Act]:
        """The steps that a customer may reach in less than `span` milliseconds."""
        reached = _reached(self.first, lambda step: _soon_after(step, span))
        return [step for step in reached if isinstance(step, Act)]

    def names(self, name: str) -> tuple[str, ...]:
        """All names that the step has had, the present one first."""
        return name, *self.named[name].was


def _split(name: str) -> tuple[str, str]:
    """The name of a wait without an id as the step that it is named after, and the rest; the rest of others is ""."""
    base = name.removesuffix(WAIT)
    if base == name:
        return name, ""
    for branch in (THEN, ELSE):
        if base.endswith(branch):
            return base.removesuffix(branch), branch + WAIT
    return base, WAIT


def _named(first: Step | None) -> dict[str, Act | Wait]:
    """The named steps in the order of the file: those of branches before what follows them."""
    return {step.name: step for step in _reached(first, _all_after) if not isinstance(step, Branch)}


def _reached(first: Step | None, after: Callable[[Step], list[Step | None]]) -> Iterator[Step]:
    """The step and all that comes after it, each once. `after`: what may come next, the first of it last."""
    ahead, met = [first], set[int]()
    while ahead:
        step = ahead.pop()
        if step is not None and id(step) not in met:
            met.add(id(step))
            yield step
            ahead += after(step)


def _all_after(step: Step) -> list[Step | None]:
    if isinstance(step, Branch):
        return [step.no, step.yes]
    return [step.next, step.over, step.answered] if isinstance(step, Wait) else [step.next]


def _soon_after(step: Step, span: int) -> list[Step | None]:
    """What may come next in less than `span` milliseconds."""
    if not isinstance(step, Wait):
        return _all_after(step)
    over = step.over if step.length.least < span else None
    passed_over = step.next if step.condition is not None or step.about else None
    return [step.answered if step.fact is not None else None, over, passed_over]
