"""How a journey is built from the steps that a rule lists; `step_fields` is their grammar.

What a step is named, and which steps an expression may read, follows the order of the file; the graph of the core is
built from the end to the beginning.
"""

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from engine.core.actions.base import Action
from engine.core.actions.steps import Steps
from engine.core.expr.kinds import NUMBERS
from engine.core.expr.nodes import Sort
from engine.core.expression import Expression, Needs, Reads, needs_of_all
from engine.core.facts import Fact
from engine.core.journeys.steps import START, WAIT, Act, Branch, Journey, Step, Wait
from engine.core.journeys.waits import OF_EVENT, Length
from engine.core.zones import OF_PROFILE
from engine.lang.actions import ActionFields, Around
from engine.lang.diagnostics import did_you_mean
from engine.lang.experiments import check_none
from engine.lang.site import RESERVED, Site
from engine.lang.step_fields import StepField, StepFields, WaitFields

MAX_DEPTH = 2
"""Branches within branches. Deeper ones are hard to read, and are better two rules."""


class StepsFields(ActionFields):
    """All steps of a rule."""

    label = "steps"
    steps: list[StepField]

    def build(self, site: Site, around: Around) -> tuple[Action, Needs]:
        drafts = Drafts(around)
        listed = drafts.of_list(site, self.steps, START)
        journey = Journey(_linked(listed, None), drafts.needs.reads, around.goal, around.within)
        return Steps(journey), drafts.needs


class Draft(msgspec.Struct, frozen=True):
    """A checked step that does not know yet what comes after it."""

    site: Site
    fields: StepFields
    name: str
    condition: Expression | None
    action: Action | None = None
    length: Length | None = None
    fact: Fact | None = None
    then: "tuple[Draft, ...]" = ()
    otherwise: "tuple[Draft, ...]" = ()
    experiments: frozenset[str] = frozenset()

    @property
    def ends(self) -> bool:
        """Whether no customer gets beyond it."""
        if self.fields.stop:
            return self.condition is None
        return _end(self.then) and _end(self.otherwise) and (self.fields.wait is None or self.condition is None)

    def linked(self, after: Step | None) -> Step | None:
        """The step with what comes after it."""
        was = tuple(self.fields.was)
        if self.action is not None:
            return Act(self.name, self.action, after, self.condition, was, self.experiments)
        if self.length is not None:
            over, answered = _linked(self.otherwise, after), _linked(self.then, after)
            about = self.fields.wait.step if self.fields.wait and self.fields.wait.step else ""
            return Wait(self.name, self.length, over, answered, after, self.fact, about, self.condition, was)
        if self.condition is None:
            return None if self.fields.stop else after
        yes = None if self.fields.stop else _linked(self.then, after)
        return Branch(self.condition, yes, _linked(self.otherwise, after), after)


def _linked(drafts: Sequence[Draft], after: Step | None) -> Step | None:
    """The first of these steps, each linked to the next, the last to `after`."""
    for draft in reversed(drafts):
        after = draft.linked(after)
    return after


def _end(drafts: Sequence[Draft]) -> bool:
    return any(draft.ends for draft in drafts)


class Drafts:
    """Checks the steps of one rule in the order of the file, and names them."""

    def __init__(self, around: Around) -> None:
        self.around = around
        self.needs = Needs()
        self.places: dict[str, Site] = {}
        """The names so far, former ones included, and where they stand."""
        self.made: list[str] = []
        """The steps so far that send or emit."""

    def of_list(self, site: Site, steps: Sequence[StepFields], before: str, depth: int = 0) -> tuple[Draft, ...]:
        """The drafts of a list. `before`: names the step before it for a wait without an id."""
        found: list[Draft] = []
        for index, fields in enumerate(steps):
            place = site.at(index)
            if _end(found[-1:]):
                place.report("unreachable-step", "nobody gets here, as the journey is over before", "take it out")
            draft = self._draft(place, fields, before, depth)
            found.append(draft)
            if draft.name and not draft.name.endswith(WAIT):
                before = draft.name
        return tuple(found)

    def _draft(self, site: Site, fields: StepFields, before: str, depth: int) -> Draft:
        name = fields.name or (before + WAIT if fields.wait else "")
        self._claim(site, fields, name)
        doing = fields.action()
        condition = self._expression(site.at("if"), fields.condition, experiments=doing is not None)
        if doing is not None:
            check_none(site.at("if"), condition)
            action, needs = doing[0].build(site.at(doing[1]), replace(self.around, steps=frozenset(self.made)))
            self.needs |= needs
            self.made.append(name)
            read = (needs | needs_of_all([condition])).reads.experiments
            return Draft(site, fields, name, condition, action, experiments=read)
        length, fact = self._wait(site.at("wait"), fields.wait) if fields.wait else (None, None)
        then, otherwise = (
            self._branch(site.at(key), steps, f"{name or before}.{key}", depth + 1)
            for key, steps in (("then", fields.then), ("else", fields.otherwise))
        )
        return Draft(site, fields, name, condition, None, length, fact, then, otherwise)

    def _branch(self, site: Site, steps: Sequence[StepFields] | None, before: str, depth: int) -> tuple[Draft, ...]:
        if steps and depth > MAX_DEPTH:
            message = f"branches are at most {MAX_DEPTH} deep"
            site.report("branch-too-deep", message, "`stop` here, and go on with another rule", key=True)
        return self.of_list(site, steps or (), before, depth)

    def _wait(self, site: Site, wait: WaitFields) -> tuple[Length, Fact | None]:
        fact = wait.fact(site, self.around.types)
        if wait.step and wait.step not in self.made:
            message = f"'{wait.step}' is not a step before this one that sends"
            site.at("step").report("unknown-step", message, did_you_mean(wait.step, self.made))
        if fact is not None and fact.match:
            self.needs |= Needs(Reads(event=True, properties=frozenset({fact.match})))
        if isinstance(wait.until, str):
            self._time(site.at("until"), wait.until)
        if wait.zone.startswith((OF_EVENT, OF_PROFILE)):
            self._zone(site.at("zone"), wait.zone)
        days = self._days(site.at("days"), wait.days) if isinstance(wait.days, str) else None
        return wait.length(days), fact

    def _days(self, site: Site, text: str) -> Expression | None:
        return self._noted(site.value(text, self.around.types, NUMBERS, "days are a number", steps=self.made))

    def _time(self, site: Site, name: str) -> None:
        help = "until takes a time or a date of the event, or a time of day"
        self._noted(site.value(f"event.{name}", self.around.types, ("time", "date"), help))
        if name in RESERVED:
            site.report("bad-value", f"event.{name} is over when the journey begins", help)

    def _zone(self, site: Site, text: str) -> None:
        kinds: tuple[Sort, ...] = ("string",)
        self._noted(site.value(text, self.around.types, kinds, "a zone is a text"))

    def _expression(self, site: Site, text: str, *, experiments: bool) -> Expression | None:
        return self._noted(site.expression(text, self.around.types, steps=self.made, experiments=experiments))

    def _noted(self, found: Expression | None) -> Expression | None:
        """The same; what it needs, the journey needs."""
        self.needs |= needs_of_all([found])
        return found

    def _claim(self, site: Site, fields: StepFields, name: str) -> None:
        """Report names that are taken."""
        own = [(name, site.at("id") if fields.id else site)] if name else []
        for claimed, place in (*own, *((old, site.at("was", index)) for index, old in enumerate(fields.was))):
            if claimed in self.places:
                what = "a second step needs an `id`" if claimed == name and not fields.id else "another step has it"
                message = f"the step name '{claimed}' is taken"
                place.report("duplicate-step", message, f"{what}; {_by(self.places[claimed])}")
            self.places.setdefault(claimed, place)


def _by(first: Site) -> str:
    return f"the first is on line {first.document.place(first.route).line}"
