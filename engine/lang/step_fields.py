"""The grammar of `goal`, and of a step and its wait. `steps` builds journeys from them."""

import re
from collections.abc import Set
from datetime import time
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from engine.core.expression import Expression
from engine.core.facts import Fact
from engine.core.journeys.waits import Days, Length, Span, Until
from engine.lang.actions import ActionFields, EmitFields, SendField
from engine.lang.facts import FactFields
from engine.lang.fields import (
    NAME,
    TEXT,
    TIME,
    WEEKDAY,
    Expr,
    Name,
    OptionalTimeOfDay,
    ReadId,
    Span as SpanField,
    time_of_day,
    weekdays,
    zone_source,
)
from engine.lang.form import JsonSchema, NotNull, Parsed, Shorthand, Strict, refuse, said
from engine.lang.site import Site

FACT = ("event", "where", "match", "segment", "moves")
CALENDAR = ("days", "until", "on", "before", "after", "at")


class JourneyGoalFields(FactFields):
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


def _until(value: Any) -> time | str:
    """A time of day, or the property that has the time."""
    if not isinstance(value, str) or "." not in value or value[0].isdigit():
        return time_of_day(value)
    found = re.fullmatch(rf"event\.({NAME})", value)
    if not found:
        help = "write event.<property>; the end that a profile field has is followed by the trigger `expiring`"
        if moved := re.fullmatch(rf"(event\.{NAME}) *([-+]) *(\S+)", value):
            help = f"write until: {moved[1]}, {'before' if moved[2] == '-' else 'after'}: {moved[3]}"
        refuse("bad-value", f"{said(value)} is no time of the event that begins the journey", help)
    return found[1]


def _zone(value: Any) -> str:
    """A time zone, or the property of the event or the profile field that has it."""
    return zone_source(value, rf"(event|profile)\.{NAME}", "event.<property> or profile.<field>")


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
    after: Annotated[SpanField | None, NotNull()] = Field(None, description="So long after that time of the event.")
    at: OptionalTimeOfDay = Field(None, description="At this time of that day, in the customer's zone.")
    zone: Annotated[str, Parsed(_zone, TEXT)] = Field(
        "",
        description="The zone whose calendar counts, instead of the customer's: a name, event.<property> of the event"
        " which began the run, or profile.<field>.",
    )
    on: Annotated[tuple[int, ...], Parsed(weekdays, WEEKDAY)] = Field(
        (), description="Then until this day of the week, or the first of several."
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
        wrong = given & ({"days", "on"} if event else {"before", "after", "at"})
        if wrong:
            message = f"'{min(wrong)}' {'does not go' if event else 'goes'} with a time of the event"
            refuse("unknown-field", message, "as in until: event.starts_at, before: 3d", min(wrong))
        if given >= {"before", "after"}:
            refuse("bad-value", "wait has both 'before' and 'after'", "keep one of them", "after")

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
            return Until(self.until, (self.before or 0) - (self.after or 0), self.at, self.zone)
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
