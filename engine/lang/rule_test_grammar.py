"""The grammar of `*.test.yaml`."""

from collections.abc import Set
from types import MappingProxyType
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import ConfigDict, Field, model_validator

from engine.core.durations import milliseconds
from engine.core.expr.kinds import instant_or_none
from engine.lang.fields import TEXT, Name, Span
from engine.lang.form import File, JsonSchema, NotNull, Parsed, Shorthand, Strict, refuse, said
from engine.lang.scores import ScoresFields
from engine.model import Outcome

NOW = "now"
"""The time of an event that happens where the lines before it have brought the clock."""


class Moment(NamedTuple):
    """A time in a test: counted from the test's start, or an instant. Milliseconds."""

    millis: int
    relative: bool

    def after(self, start: int) -> int:
        return start + self.millis if self.relative else self.millis


def moment_or_none(value: Any) -> Moment | None:
    """The moment of a text; None if it is neither a duration nor an ISO date-time."""
    if not isinstance(value, str):
        return None
    try:
        return Moment(milliseconds(value), True)
    except ValueError:
        instant = instant_or_none(value)
        return None if instant is None else Moment(instant, False)


def _moment(value: Any) -> Moment:
    moment = moment_or_none(value)
    if moment is None:
        refuse("bad-time", f"{said(value)} is not a time", "write a duration from the start, or an ISO 8601 date-time")
    return moment


def _end(value: Any) -> Moment:
    return Moment(0, False) if type(value) is int and value == 0 else _moment(value)


def _moment_or_now(value: Any) -> Moment | None:
    return None if value == NOW else _moment(value)


def _start(value: Any) -> int:
    moment = _moment(value)
    if moment.relative:
        refuse("bad-time", f"{said(value)} is not a date-time", "write it as 2026-01-31T09:00:00Z")
    return moment.millis


def _text_or_number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        refuse("wrong-type", f"must be text, not {said(value)}")
    return str(value)


def _given(value: Any) -> Any:
    if not isinstance(value, dict) or {"at", "advance"} & value.keys() or len(value) != 1:
        return value
    at, what = next(iter(value.items()))
    if isinstance(what, str):
        return {"at": at, "event": what}
    if not isinstance(what, dict) or len(what) != 1:
        refuse("bad-value", f"{at} must name one event type", f"as in - {at}: {{ purchase: {{ amount: 20 }} }}")
    event, properties = next(iter(what.items()))
    return {"at": at, "event": event, "properties": {} if properties is None else properties}


def _expected(value: Any) -> Any:
    if not isinstance(value, dict) or "at" in value or len(value) != 1:
        return _with_step(value)
    at, what = next(iter(value.items()))
    if isinstance(what, str):
        return _with_step({"at": at, "rule": what})
    if not isinstance(what, dict):
        refuse("wrong-type", f"{at} must name a rule, not {said(what)}", f"as in - {at}: {{ rule: win-back }}")
    return _with_step({**what, "at": at})


def _stands(value: Any) -> Any:
    if not isinstance(value, dict) or "at" in value or len(value) != 1:
        return value
    at, what = next(iter(value.items()))
    if not isinstance(what, dict):
        refuse("wrong-type", f"{at} must name points, not {said(what)}", f"as in - {at}: {{ stars: 120 }}")
    return {"at": at, "points": what}


def _with_step(value: Any) -> Any:
    """`rule: onboarding/hello` names a step of a journey."""
    rule = value.get("rule") if isinstance(value, dict) else None
    if not isinstance(rule, str) or "/" not in rule or "step" in value:
        return value
    name, _, step = rule.partition("/")
    return {**value, "rule": name, "step": step}


def _keyed_by_time(inner: JsonSchema, times: str = "^[0-9]") -> JsonSchema:
    """`- 26d: …`: a mapping of one time to what happens then."""
    return {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "propertyNames": {"pattern": times},
        "additionalProperties": {"anyOf": [TEXT, inner]},
    }


_EVENT = {"type": "object", "minProperties": 1, "maxProperties": 1}
_TIME: JsonSchema = {"type": "string", "examples": ["26d", "2026-01-31T09:00:00Z"]}
_END: JsonSchema = {"anyOf": [{"const": 0}, _TIME]}
MomentField = Annotated[Moment, Parsed(_moment, _TIME)]
OptionalMoment = Annotated[Moment | None, Parsed(_moment, _TIME)]
OutcomeField = Annotated[Outcome | None, NotNull(), Field(strict=False)]


_GIVEN: JsonSchema = {"anyOf": [{"required": ["at", "event"]}, {"required": ["advance"]}]}


class GivenFields(Strict):
    """An event, or that time passes."""

    label = "given"
    model_config = ConfigDict(json_schema_extra=_GIVEN)
    at: Annotated[Moment | None, Parsed(_moment_or_now, _TIME)] = Field(
        None, description="When it happens: a duration from the start, a date-time, or now."
    )
    event: str = Field("", description="The event type.")
    properties: dict[str, Any] = Field({}, description="Its properties, such as { amount: 20 }.")
    arrives: OptionalMoment = Field(None, description="When the engine gets to see it; at once when not given.")
    id: str = Field("", description="The event's id; a fresh one when not given.")
    advance: Span = Field(0, description="In place of an event: how far the clock moves on.")

    @model_validator(mode="after")
    def _is_one_thing(self) -> "GivenFields":
        given = self.model_fields_set
        if "advance" in given and (wrong := given - {"advance"}):
            refuse(
                "unknown-field", f"'{min(wrong)}' does not stand beside `advance`", "make two lines of it", min(wrong)
            )
        missing = [] if "advance" in given else [name for name in ("at", "event") if name not in given]
        if missing:
            refuse("missing-field", f"given needs '{missing[0]}'", "as in - 1d: purchase, or - advance: 3d")
        return self


class ExpectedFields(Strict):
    label = "expect"
    elsewhere = MappingProxyType(
        {"outcome": "what is expected is made, and what became of it is in `outcomes`; leave it out here"}
    )
    at: MomentField = Field(description="When it is decided.")
    rule: str = Field("", description="The rule; a step of a journey as onboarding/hello.")
    step: str = Field("", description="The step of the journey.")
    segment: str = Field("", description="In place of a rule: a segment that the customer moves in.")
    moves: Annotated[Literal["in", "out", "up", "down"] | None, NotNull()] = Field(
        None, description="With `segment`: in or out, or up or down its levels."
    )
    old: str = Field("", description="With `segment`: where the customer was.")
    new: str = Field("", description="With `segment`: where the customer is from then on.")
    event: str = Field("", description="In place of a rule: an event that rules or the engine make for the customer.")
    with_: dict[Name, Any] = Field({}, alias="with", description="With `event`: some of its properties.")
    id: str = Field("", description="The outreach's id.")
    customer: str = Field("", description="The customer.")
    occurrence: Annotated[str, Parsed(_text_or_number, {"type": ["string", "number"]})] = Field(
        "", description="What makes this firing unique."
    )
    moment: OptionalMoment = Field(None, description="When its condition came true.")
    expires_at: OptionalMoment = Field(None, description="Until when it may be sent.")
    channel: str = Field("", description="The channel.")
    purpose: str = Field("", description="The purpose.")
    template: str = Field("", description="The template.")
    revision: str = Field("", description="The revision of the rule book.")
    reason: str = Field("", description="Something the reason contains.")
    to: str = Field("", description="The address.")
    subject: str = Field("", description="The whole subject.")
    text: str = Field("", description="Something the text contains.")
    html: str = Field("", description="Something the HTML contains.")

    @model_validator(mode="after")
    def _is_one_thing(self) -> "ExpectedFields":
        given = self.model_fields_set
        kind = next((key for key in ("segment", "event", "rule") if key in given), "")
        if not kind:
            refuse("missing-field", "expect needs 'rule'", "or 'segment' or 'event'")
        beside = BESIDE.get(kind, given - OF_MOVES - OF_EVENTS)
        if wrong := given - beside - {"at"}:
            first = min(wrong)
            owner = "segment" if first in OF_MOVES else "event" if first in OF_EVENTS else "rule"
            refuse("unknown-field", f"'{first.rstrip('_')}' stands beside `{owner}` only", "", first.rstrip("_"))
        return self


OF_MOVES = frozenset({"segment", "moves", "old", "new"})
"""The fields of an expected move of a segment."""
OF_EVENTS = frozenset({"event", "with_"})
"""The fields of an expected event that was made."""
BESIDE = {"segment": OF_MOVES, "event": OF_EVENTS}


class OutcomeFields(Strict):
    label = "outcomes"
    at: MomentField = Field(description="When it is decided.")
    rule: str = Field(description="The rule; a step of a journey as onboarding/hello.")
    step: str = Field("", description="The step of the journey.")
    outcome: OutcomeField = Field(None, description="How the decision ended.")
    reason: str = Field("", description="Something the reason contains.")
    occurrence: Annotated[str, Parsed(_text_or_number, {"type": ["string", "number"]})] = Field(
        "", description="What makes this firing unique."
    )
    until: OptionalMoment = Field(None, description="When a deferred firing is looked at again.")


class StandingFields(Strict):
    label = "points"
    balance: Annotated[int | None, NotNull()] = Field(None, description="What can be spent.")
    pending: Annotated[int | None, NotNull()] = Field(None, description="What will be usable later.")
    earned: Annotated[int | None, NotNull()] = Field(
        None, description="What was ever earned, less what was taken back."
    )
    expiring: Annotated[int | None, NotNull()] = Field(None, description="How many of them end next.")
    expires_at: Annotated[Moment | None, Parsed(_end, _END)] = Field(None, description="When they do; 0: none does.")


StandingField = Annotated[
    StandingFields,
    Shorthand(lambda value: {"balance": value} if type(value) is int else value, {"type": "integer"}),
]
"""A number alone is the balance."""


class StandsFields(Strict):
    label = "points"
    at: MomentField = Field(description="When the customer's points are looked at.")
    points: Annotated[dict[str, StandingField], Field(min_length=1)] = Field(
        description="Points -> how they stand then."
    )


_ITEM = {"type": "object", "anyOf": [{"required": ["rule"]}, {"required": ["segment"]}, {"required": ["event"]}]}
GivenField = Annotated[GivenFields, Shorthand(_given, _keyed_by_time(_EVENT, f"^([0-9]|{NOW}$)"))]
ExpectedField = Annotated[ExpectedFields, Shorthand(_expected, _keyed_by_time(_ITEM))]
StandsField = Annotated[StandsFields, Shorthand(_stands, _keyed_by_time({"type": "object", "minProperties": 1}))]
OutcomeItem = Annotated[OutcomeFields, Shorthand(_expected, _keyed_by_time(_ITEM))]


class CaseFields(Strict):
    label = "test"
    name: str = Field(min_length=1, description="What this shows about customers, as a sentence.")
    customer: str = Field("c-1", min_length=1, description="The customer's id.")
    profile: dict[str, Any] = Field({}, description="What the profile says at the start.")
    start: Annotated[int, Parsed(_start, {"type": "string"})] = Field(
        1_767_225_600_000, description="The origin of the relative times; 2026-01-01T00:00:00Z when not given."
    )
    given: list[GivenField] = Field([], description="What happens, in the order in which it arrives.")
    until: MomentField = Field(description="How far the clock runs, inclusive.")
    expect: Annotated[list[ExpectedField] | None, NotNull()] = Field(None, description="All outreach, in order.")
    outcomes: Annotated[list[OutcomeItem] | None, NotNull()] = Field(None, description="All outcomes, in order.")
    points: list[StandsField] = Field([], description="How the customer's points stand at some moments.")

    @classmethod
    def lacks(cls, given: Set[str]) -> tuple[str, str] | None:
        if given & {"expect", "outcomes", "points"}:
            return None
        return "test needs 'expect' or 'outcomes'", "expect: [] says that nothing is sent"

    @model_validator(mode="after")
    def _expects_something(self) -> "CaseFields":
        if self.expect is None and self.outcomes is None and not self.points:
            refuse("bad-value", "a test of no points expects nothing", "name a moment and a balance", "points")
        return self


class RuleTestsFile(File):
    """Rule tests: what customers do, and all outreach that they must get."""

    label = "test file"
    rules: str = Field("", description="The rule file beside this one that is tested; all rules when not given.")
    scores: Annotated[ScoresFields | None, NotNull()] = Field(
        None, description="Parameters of scores for these tests, so that a new fit does not change them."
    )
    tables: dict[Name, dict[str, list[dict[Name, str | int | float | bool]]]] = Field(
        {}, description="Reference tables for these tests, in place of the files of these names: key -> rows."
    )
    tests: list[CaseFields] = Field(min_length=1, description="The tests.")
