"""The grammar of `steps` and `goal`, and how a journey is built from them.

What a step is named, and which steps an expression may read, follows the order of the file; the graph of the core is
built from the end to the beginning.
"""

import re
from collections.abc import Sequence, Set
from datetime import time
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import replace
from pydantic import Field, model_validator

from engine.core.actions.base import Action
from engine.core.actions.steps import Steps
from engine.core.expr.kinds import NUMBERS
from engine.core.expr.nodes import Sort
from engine.core.expression import Expression, Needs, Reads
from engine.core.facts import Fact
from engine.core.journeys.steps import START, WAIT, Act, Branch, Journey, Step, Wait
from engine.core.journeys.waits import OF_EVENT, WEEKDAYS, Days, Length, Span, Until
from engine.lang.actions import ActionFields, Around, EmitFields, SendField
from engine.lang.diagnostics import did_you_mean, one_of
from engine.lang.experiments import check_none
from engine.lang.facts import FactFields
from engine.lang.fields import NAME, TEXT, TIME, Expr, Name, OptionalTimeOfDay, ReadId, text, time_of_day, zone
from engine.lang.fields import Span as SpanField
from engine.lang.form import JsonSchema, NotNull, Parsed, Shorthand, Strict, refuse, said
from engine.lang.site import RESERVED, Site

MAX_DEPTH = 2
"""Branches within branches. Deeper ones are hard to read, and are better two rules."""
FACT = ("event", "where", "match", "segment", "moves")
CALENDAR = ("days", "until", "on", "before", "at")


class GoalFields(FactFields):
    """What the journey is for; when it happens the run is over, and has reached its goal."""

    label = "goal"
    within: SpanField = Field(
        2_592_000_000, description="How long after outreach it is credited to it, also when the run is over; 30d."
    )


def _days(value: Any) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        refuse("wrong-type", f"must be a number of days or an expression, not {said(value)}")
    if isinstance(value, int) and value < 0:
        refuse("bad-value", "a wait cannot be negative")
    return value


def _stop(value: Any) -> bool:
    if value is not True:
        help = "write stop: true" if value is None else "leave it out where the journey goes on"
        refuse("bad-value", "must be true", help)
    return True


def _weekday(value: Any) -> int:
    if text(value, "a day of the week") not in WEEKDAYS:
        help = one_of("days", value.lower(), WEEKDAYS)
        refuse("bad-value", f"{said(value)} is not a day of the week", help)
    return WEEKDAYS.index(value)


def _until(value: Any) -> time | str:
    """A time of day, or the property that has the time."""
    if not isinstance(value, str) or "." not in value or value[0].isdigit():
        return time_of_day(value)
    found = re.fullmatch(rf"event\.({NAME})", value)
    if not found:
        help = "write event.<property>; the end that a profile field has is followed by the trigger `expiring`"
        refuse("bad-value", f"{said(value)} is no time of the event that begins the journey", help)
    return found[1]


def _zone(value: Any) -> str:
    """A time zone, or event.<property>: the property that has it."""
    if not isinstance(value, str) or "." not in value:
        return zone(value)
    if not re.fullmatch(rf"event\.{NAME}", value):
        help = "write a zone such as Europe/Berlin, or event.<property>; without it the customer's zone counts"
        refuse("bad-value", f"{said(value)} is no zone of the event that begins the journey", help)
    return value


_UNTIL: JsonSchema = {"anyOf": [TIME, {"type": "string", "pattern": rf"^event\.{NAME}$"}]}
_DAYS: JsonSchema = {"anyOf": [{"type": "integer", "minimum": 0}, TEXT]}


class WaitFields(Strict):
    """A time; days of the customer's calendar; or a fact within a time."""

    label = "wait"
    for_: Annotated[SpanField | None, NotNull()] = Field(None, alias="for", description="How long, exactly.")
    days: Annotated[int | str | None, Parsed(_days, _DAYS)] = Field(
        None, description="Days of the customer's calendar: a number, or an expression."
    )
    until: Annotated[time | str | None, Parsed(_until, _UNTIL)] = Field(
        None,
        description="Then until this time of day, in the customer's zone; or until a time that the event which began"
        " the run has: event.<property>.",
    )
    before: Annotated[SpanField | None, NotNull()] = Field(None, description="So long before that time of the event.")
    at: OptionalTimeOfDay = Field(None, description="At this time of that day, in the customer's zone.")
    zone: Annotated[str, Parsed(_zone, TEXT)] = Field(
        "",
        description="The zone whose calendar counts, instead of the customer's: a name; or, as event.<property>, what"
        " the event which began the run says.",
    )
    on: Annotated[int | None, Parsed(_weekday, {"enum": list(WEEKDAYS)})] = Field(
        None, description="Then until this day of the week."
    )
    event: Annotated[str | None, NotNull()] = Field(None, description="Until this happens: an event type.")
    where: Expr = Field("", description="Only events for which this is true.")
    match: Annotated[Name | None, NotNull()] = Field(
        None, description="Only events whose property of this name equals that of the event that began the run."
    )
    segment: Annotated[str | None, NotNull()] = Field(None, description="Until the customer moves in this segment.")
    moves: Literal["in", "out", "up", "down", "any"] = Field("in", description="Which way; `in` when not given.")
    step: Annotated[Name | None, NotNull()] = Field(None, description="Only events about the message of this step.")
    within: Annotated[SpanField | None, NotNull()] = Field(None, description="How long it waits for that at most.")

    @classmethod
    def lacks(cls, given: Set[str]) -> tuple[str, str] | None:
        if given & {"for", *CALENDAR, "event", "segment"}:
            return None
        return "wait says neither how long nor for what", 'as in wait: 2d, or wait: { until: "09:00" }'

    @model_validator(mode="after")
    def _is_one_kind(self) -> "WaitFields":
        given = self.model_fields_set
        kinds = [name for name in (("for_",), CALENDAR, ("event",), ("segment",)) if given & set(name)]
        if len(kinds) > 1:
            first, second = (_key(kind, given) for kind in kinds[:2])
            refuse("bad-value", f"wait has both '{first}' and '{second}'", "make two waits of it", second)
        wrong = given & self._foreign(kinds[0])
        if wrong:
            refuse("unknown-field", f"'{min(wrong)}' does not go with '{_key(kinds[0], given)}'", "", min(wrong))
        if kinds[0] in (("event",), ("segment",)) and self.within is None:
            message = "a customer for whom this never happens would wait for ever"
            refuse("endless-wait", message, "say how long with `within`, such as within: 3d", kinds[0][0])
        self._check_until(given)
        if given >= {"days"} and self.days == 0 and not given & {"until", "on"}:
            refuse("bad-value", "waits for no time at all", "add `until` or `on`", "days")
        return self

    def _check_until(self, given: set[str]) -> None:
        """Refuse what goes only with a time of the event, or not with one."""
        event = isinstance(self.until, str)
        wrong = given & ({"days", "on"} if event else {"before", "at"})
        if wrong:
            message = f"'{min(wrong)}' {'does not go' if event else 'goes'} with a time of the event"
            refuse("unknown-field", message, "as in until: event.starts_at, before: 3d", min(wrong))

    def _foreign(self, kind: tuple[str, ...]) -> set[str]:
        if kind == ("event",):
            return {"moves", "zone"}
        foreign = {"where", "match", "step"} | (set() if kind == ("segment",) else {"moves", "within"})
        return foreign if kind == CALENDAR else foreign | {"zone"}

    @property
    def awaits(self) -> bool:
        """Whether it waits for a fact."""
        return self.event is not None or self.segment is not None

    def fact(self, site: Site, began: frozenset[str]) -> Fact | None:
        """The fact that ends it."""
        if not self.awaits:
            return None
        given = {name: getattr(self, name) for name in FACT if name in self.model_fields_set}
        return FactFields.model_construct(**given).build(site, began)

    def length(self, days: Expression | None) -> Length:
        """How long it lasts at most. `days`: the compiled expression, if it is one."""
        if self.for_ is not None or self.within is not None:
            return Span(self.for_ or self.within or 0)
        if isinstance(self.until, str):
            return Until(self.until, self.before or 0, self.at, self.zone)
        number = days if days is not None else self.days if isinstance(self.days, int) else 0
        return Days(number, self.until, self.on, self.zone)


def _key(kind: tuple[str, ...], given: set[str]) -> str:
    return next(name for name in kind if name in given).rstrip("_")


WaitField = Annotated[
    WaitFields, Shorthand(lambda value: {"for": value} if isinstance(value, str | int) else value, TEXT)
]


class StepFields(Strict):
    """One step of a journey."""

    label = "step"
    id: Annotated[ReadId | None, NotNull()] = Field(
        None, description="Its permanent name; else that of its template or event."
    )
    was: list[str] = Field([], description="Former names of this step.")
    condition: Expr = Field("", alias="if", description="What must hold; else the whole step is passed over.")
    send: Annotated[SendField | None, NotNull()] = Field(None, description="The template, or what to send and how.")
    emit: Annotated[EmitFields | None, NotNull()] = Field(None, description="The event to make.")
    wait: Annotated[WaitField | None, NotNull()] = Field(None, description="How long, or for what.")
    stop: Annotated[bool | None, Parsed(_stop, {"const": True})] = Field(
        None, description="`true`: the journey is over here."
    )
    then: Annotated["list[StepField] | None", NotNull()] = Field(
        None, min_length=1, description="The steps if it came, or if the condition holds."
    )
    otherwise: Annotated["list[StepField] | None", NotNull()] = Field(
        None, alias="else", min_length=1, description="The steps if it did not."
    )

    @classmethod
    def lacks(cls, given: Set[str]) -> tuple[str, str] | None:
        if given & set(KINDS) or given >= {"if", "then"}:
            return None
        help = "or `if` with `then`"
        if branch := min(given & {"then", "else"}, default=""):
            help = (
                f"`{branch}` belongs to the `wait` or `if` of the step above it: begin it in their column, without '- '"
            )
        return f"a step needs one of {', '.join(KINDS)}", help

    @model_validator(mode="after")
    def _is_one_kind(self) -> "StepFields":
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) > 1:
            refuse("several-kinds", f"a step has {' and '.join(given)}", "make one step of each", given[1])
        if self.emit is not None and self.emit.after:
            refuse("bad-value", "a step makes its event at once", "put a `wait` before it", "emit")
        branches = self.then is not None or self.otherwise is not None
        if given and branches and not (self.wait and self.wait.awaits):
            where = "then" if self.then is not None else "else"
            message = f"'{where}' goes with a wait for an event or a segment, or with `if` alone"
            refuse("bad-value", message, self._branch_help(given[0]), where)
        return self

    def _branch_help(self, kind: str) -> str:
        if self.condition and self.then is None and kind != "wait":
            return f"put the {kind} into `then`: [{{ {kind}: … }}]"
        return ""

    def action(self) -> tuple[ActionFields, str] | None:
        """What the step makes, and the key that it stands under."""
        if self.send is not None:
            return self.send, "send"
        return (self.emit, "emit") if self.emit is not None else None

    @property
    def name(self) -> str:
        """Its own name; "" if it is named after the step before it, or has no name."""
        own = self.send.template if self.send is not None else self.emit.event if self.emit is not None else ""
        return self.id or own


KINDS = ("send", "emit", "wait", "stop")
"""The keys of what a step does; a step has at most one of them."""
StepField = Annotated[
    StepFields, Shorthand(lambda value: {"stop": True} if value == "stop" else value, {"const": "stop"})
]


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
            read = (needs | condition.needs if condition else needs).reads.experiments
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
        if wait.zone.startswith(OF_EVENT):
            self._zone(site.at("zone"), wait.zone)
        days = self._days(site.at("days"), wait.days) if isinstance(wait.days, str) else None
        return wait.length(days), fact

    def _days(self, site: Site, text: str) -> Expression | None:
        found = site.value(text, self.around.types, NUMBERS, "days are a number", steps=self.made)
        self.needs |= found.needs if found is not None else Needs()
        return found

    def _time(self, site: Site, name: str) -> None:
        help = "until takes a time or a date of the event, or a time of day"
        found = site.value(f"event.{name}", self.around.types, ("time", "date"), help)
        if name in RESERVED:
            site.report("bad-value", f"event.{name} is over when the journey begins", help)
        self.needs |= found.needs if found is not None else Needs()

    def _zone(self, site: Site, text: str) -> None:
        kinds: tuple[Sort, ...] = ("string",)
        found = site.value(text, self.around.types, kinds, "a zone is a text")
        self.needs |= found.needs if found is not None else Needs()

    def _expression(self, site: Site, text: str, *, experiments: bool) -> Expression | None:
        found = site.expression(text, self.around.types, steps=self.made, experiments=experiments)
        self.needs |= found.needs if found is not None else Needs()
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
