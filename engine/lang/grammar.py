"""The grammar of rule files, events.yaml and policy.yaml: declares every field once, for parsing and JSON Schema.

What pydantic checks here is form; what needs the other files is checked where they are compiled.
"""

import re
from collections.abc import Set
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from engine.core.book import Reentry
from engine.core.catalog import PLACEHOLDER_IDS, Format, Kind, PropertyUnit, TimeUnit
from engine.lang.actions import ActionFields, Defaults, EmitFields, SendField
from engine.lang.coupons import CouponFields
from engine.lang.experiments import ExperimentFields
from engine.lang.facts import FactFields, Facts
from engine.lang.fields import (
    TEXT,
    Choice,
    Day,
    Duration,
    DurationOrOff,
    Expr,
    Locale,
    Name,
    Names,
    ProfileField,
    Purpose,
    ReadId,
    ReentryField,
    RuleId,
    ShareField,
    TimeOfDay,
    Title,
    Window,
    Zone,
    expression_text,
)
from engine.lang.form import File, JsonSchema, NotNull, OneOrMore, Parsed, Shorthand, Strict, refuse
from engine.lang.points import PointsFields
from engine.lang.segments import SegmentFields
from engine.lang.step_fields import JourneyGoalFields, StepField
from engine.lang.steps import StepsFields
from engine.lang.triggers import When

# events.yaml

_ITEM = re.compile(r"\[(\d+)\]")
"""The number of a list's item as jq and JSONPath write it."""


def _check_path(path: str, key: str) -> None:
    plain = _ITEM.sub(r".\1", path.removeprefix("$."))
    if plain != path:
        refuse("bad-value", f"'{path}' is not a path", f"write {plain}", key)
    if path and not all(path.split(".")):
        refuse("bad-value", f"'{path}' is not a path", "one dot between two names: customer.email", key)


class SourceTime(Strict):
    label = "time"
    field: str = Field(description="The field that says when the event happened; dotted when nested.")
    unit: TimeUnit = Field("ms", description="What an epoch number counts.")

    @model_validator(mode="after")
    def _can_be_read(self) -> "SourceTime":
        _check_path(self.field, "field")
        return self


def _source_time(value: Any) -> Any:
    return {"field": value} if isinstance(value, str) else value


class SourceFields(Strict):
    label = "source"
    topic: str = Field(min_length=1, description="The topic to read.")
    name: str = Field("", description="How messages call it; the topic when not given.")
    format: Format = Field("json", description="Own JSON, the Segment spec, or CloudEvents.")
    keyed: bool = Field(True, description="Whether the topic is keyed by customer.")
    id: str = Field("id", description="Where the event's id sits; dotted when nested.")
    customer: str = Field("customer", description="Where the customer's id sits.")
    type: str = Field("type", description="Where the event type sits.")
    time: Annotated[SourceTime, Shorthand(_source_time, TEXT)] = Field(
        SourceTime.as_default(field="time"), description="Where the event time sits: ISO 8601 or an epoch number."
    )
    properties: str = Field("properties", description='Where the properties sit; "." when beside the other fields.')
    types: dict[str, Name] = Field({}, description="Foreign type name -> ours.")
    event: Name = Field("", description="The type of all its records, where they do not say it themselves.")

    @model_validator(mode="after")
    def _can_be_read(self) -> "SourceFields":
        if self.event and (told := sorted({"type", "types"} & self.model_fields_set)):
            message = f"source has both 'event' and '{told[0]}'"
            refuse("bad-value", message, "`event` is for records that do not say their type", told[0])
        for key in ("id", "customer", "type", "properties"):
            if (path := getattr(self, key)) != ".":
                _check_path(path, key)
        return self


class PropertyFields(Strict):
    label = "property"
    type: Kind = Field(description="The property's type.")
    required: bool = Field(False, description="Whether an event without it is refused.")
    from_: Annotated[Literal["text"] | None, NotNull()] = Field(
        None, alias="from", description='`text`: a number may also come as text, such as "403.00".'
    )
    field: str = Field(
        "", description="Where it sits among the properties: dotted when nested, with the number of a list's item."
    )

    unit: Annotated[PropertyUnit | None, NotNull()] = Field(
        None, description="What an epoch number counts: of a time s, ms (when not given), us or ns, of a date d."
    )

    @model_validator(mode="after")
    def _can_be_read(self) -> "PropertyFields":
        if self.from_ and self.type not in ("number", "integer"):
            refuse("bad-value", f"{self.type} is not read from text", "only number and integer are", "from")
        _check_path(self.field, "field")
        if self.unit and self.type != ("date" if self.unit == "d" else "time"):
            help = "a number is a time in s, ms, us or ns, and a date in d, the days since 1970"
            refuse("bad-value", f"a {self.type} is not counted in {self.unit}", help, "unit")
        return self


def _property(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


_KIND = {"enum": ["string", "number", "integer", "boolean", "time", "date", "any"]}
PropertyField = Annotated[PropertyFields, Shorthand(_property, _KIND)]


def _feeds(value: Any) -> dict[str, str] | Literal["all"]:
    if value == "all":
        return "all"
    if not isinstance(value, dict) or not all(isinstance(each, str) for each in value.values()):
        refuse("wrong-type", "must map profile fields to properties", "or be `all`: every property feeds the profile")
    return value


_FEEDS = {"anyOf": [{"const": "all"}, {"type": "object", "additionalProperties": TEXT}]}


class KeepFields(Strict):
    label = "keep"
    window: Duration = Field(0, description="How far back single events are kept, for counts and sums of a while.")
    sums: list[str] = Field([], description="Number properties that are summed, over all time and over the window.")
    last: bool = Field(False, description="Whether the newest event is kept, with the properties that are declared.")

    @model_validator(mode="after")
    def _not_empty(self) -> "KeepFields":
        if not (self.window or self.sums or self.last):
            refuse("bad-value", "keeps nothing", "say a window, such as 90d, sums or last")
        return self


EventKeep = Annotated[KeepFields, Shorthand(lambda value: {"window": value} if isinstance(value, str) else value, TEXT)]


class EventFields(Strict):
    label = "event type"
    properties: dict[str, PropertyField] = Field({}, description="Property -> type.")
    profile: Annotated[dict[str, str] | Literal["all"], Parsed(_feeds, _FEEDS)] = Field(
        {},
        description="Profile field <- property of this event; `all` when every property feeds the field of its name.",
    )
    activity: bool = Field(True, description="Whether the customer does it; false for what senders or others report.")
    keep: Annotated[EventKeep | None, NotNull()] = Field(
        None, description="History that is kept before any rule asks for it; a duration alone is the window."
    )


EventField = Annotated[EventFields, Shorthand(lambda value: {} if value is None else value, {"type": "null"})]


class AcceptFields(Strict):
    label = "accept"
    earliest: Day = Field(631_152_000_000, description="Events from before this day are refused.")
    ahead: Duration = Field(86_400_000, description="How far an event may be ahead of wall time.")
    max_bytes: int = Field(262_144, gt=0, description="The largest record.")
    undeclared: Literal["ignore", "dead_letter"] = Field(
        "ignore", description="What becomes of undeclared event types."
    )
    tombstones: Literal["ignore", "dead_letter"] = Field(
        "dead_letter", description="What becomes of records without a value, as of rows that were deleted."
    )
    strangers: Literal["ignore", "dead_letter"] = Field(
        "dead_letter", description="What becomes of events that name no customer, or one of `nobody`."
    )
    nobody: list[str] = Field(
        sorted(PLACEHOLDER_IDS),
        description="Texts that are no id, of a customer or an event; instead of the usual ones.",
    )


class EventsFile(File):
    """What happens: where events come from, their types and properties, and which feed the customer's profile."""

    label = "events.yaml"
    sources: Annotated[list[SourceFields], Field(min_length=1)] = Field(
        [SourceFields.as_default(topic="events")],
        description="Streams to read; own JSON from the topic `events` when not given.",
    )
    events: dict[Name, EventField] = Field(description="Event type -> its properties and the profile fields it feeds.")
    profile: dict[Name, Kind] = Field({}, description="Profile fields beyond those that events feed.")
    accept: AcceptFields = Field(
        AcceptFields.as_default(), description="Bounds outside which an event is dead-lettered."
    )


# policy.yaml


class ZoneFields(Strict):
    label = "zone"
    default: Zone = Field("UTC", description="The zone of customers whose profile has none.")
    field: ProfileField = Field("", description="The profile field with the customer's zone.")


class LocaleFields(Strict):
    label = "locale"
    default: Locale = Field("en_US", description="The locale of customers whose profile has none.")
    field: ProfileField = Field("", description="The profile field with the customer's locale.")


def _default(value: Any) -> Any:
    return {"default": value} if isinstance(value, str) else value


class QuietFields(Strict):
    label = "quiet_hours"
    from_: TimeOfDay = Field(alias="from", description="When they begin, in the customer's zone.")
    to: TimeOfDay = Field(description="When they end; before `from` when they span midnight.")
    purposes: Names = Field([], description="Purposes that wait; all but transactional when not given.")
    channels: Names = Field([], description="Channels that wait; all when not given.")

    @model_validator(mode="after")
    def _not_empty(self) -> "QuietFields":
        if self.from_ == self.to:
            refuse("bad-value", "quiet hours that end when they begin", key="to")
        return self


class CapFields(Strict):
    label = "cap"
    limit: int = Field(ge=1, description="How many outreach a customer gets at most.")
    per: Window = Field(description="In which time: a duration back from now, or a calendar day, week or month.")
    purpose: Annotated[Name | None, NotNull()] = Field(
        None, description="Only this purpose; else all but transactional."
    )
    channel: Annotated[Name | None, NotNull()] = Field(None, description="Only this channel; else all.")


def _by_channel(value: Any) -> str | dict[str, str]:
    if not isinstance(value, dict):
        return expression_text(value)
    if not value:
        refuse("bad-value", "must not be empty", "write an expression, or one for each channel")
    return {str(channel): expression_text(text) for channel, text in value.items()}


_EXPRESSION: JsonSchema = {"type": ["string", "boolean"]}
ByChannel = Annotated[
    str | dict[str, str],
    Parsed(_by_channel, {"anyOf": [_EXPRESSION, {"type": "object", "additionalProperties": _EXPRESSION}]}),
]


class PolicyFile(File):
    """What holds for all rules: zones, quiet hours, caps, consent, freshness and how long a customer is remembered."""

    label = "policy.yaml"
    zone: Annotated[ZoneFields, Shorthand(_default, TEXT)] = Field(
        ZoneFields.as_default(), description="The customers' time zone."
    )
    locale: Annotated[LocaleFields, Shorthand(_default, TEXT)] = Field(
        LocaleFields.as_default(), description="Their locale."
    )
    quiet_hours: Annotated[list[QuietFields], OneOrMore()] = Field([], description="When outreach waits.")
    caps: list[CapFields] = Field([], description="How many outreach a customer gets at most.")
    consent: dict[Name, ByChannel] = Field(
        {}, description="Purpose -> expression that must be true, or one for each channel."
    )
    suppress: dict[Name, ByChannel] = Field(
        {}, description="Purpose or `all` -> expression that stops the outreach when true, or one for each channel."
    )
    addresses: dict[Name, Expr] = Field({}, description="Channel -> expression with the customer's address.")
    preferences: dict[Choice, Title] = Field(
        {}, description="Purpose -> what the preference page calls it; in this order."
    )
    surveys: dict[ReadId, Title] = Field({}, description="Survey -> its question, as its page shows it.")
    publish: list[Name] = Field([], description="Event types that the engine makes and writes to a topic too.")
    fresh_for: DurationOrOff = Field(259_200_000, description="How late a firing may be and still be sent; or off.")
    dedupe: DurationOrOff = Field(86_400_000, description="How long a repeated event id counts once; or off.")
    allowed_lateness: Duration = Field(0, description="How long timers are held back for late events.")
    holdout: ShareField = Field(0.0, description="Percent of the customers who get nothing but transactional.")
    forget_after: DurationOrOff = Field(
        None, description="Customers without events for that long are forgotten; or off."
    )


# rule files

ACTIONS = ("send", "emit", "steps")
"""The keys of what a rule does; a rule has exactly one of them."""


class CancelFields(FactFields):
    """The former word for `exit`."""

    label = "cancel_on"


class RuleFields(Strict):
    label = "rule"
    former = ("cancel_on",)
    id: RuleId = Field(description="Permanent name of the rule; rename with `was`.")
    why: str = Field("", description="One sentence: what the rule is for.")
    was: list[RuleId] = Field([], description="Former ids of this rule.")
    when: When = Field(description="The trigger: exactly one kind.")
    condition: Expr = Field("", alias="if", description="What must hold when the trigger comes true.")
    reentry: ReentryField = Field(Reentry(), description="How soon it may reach the same customer again.")
    exit: Facts = Field([], description="What ends it before it comes true: a fact, or a list of them.")
    cancel_on: Annotated[CancelFields | None, NotNull()] = Field(None, description="The former word for `exit`.")
    match: Name = Field("", description="The property that tells one run from another: one run per value.")
    purpose: Purpose = Field(
        "", description="What caps, consent and quiet hours are about; transactional knows no caps."
    )
    goal: Annotated[JourneyGoalFields | None, NotNull()] = Field(None, description="What the journey is for; ends it.")
    send: Annotated[SendField | None, NotNull()] = Field(None, description="The template, or what to send and how.")
    emit: Annotated[EmitFields | None, NotNull()] = Field(None, description="An event to make.")
    steps: Annotated[list[StepField] | None, NotNull()] = Field(
        None, min_length=1, description="A journey: messages, waits and branches, in order."
    )

    @classmethod
    def lacks(cls, given: Set[str]) -> tuple[str, str] | None:
        return None if given & set(ACTIONS) else (f"rule needs {' or '.join(map(repr, ACTIONS))}", "say what it does")

    @model_validator(mode="after")
    def _one_of_each(self) -> "RuleFields":
        given = [name for name in ACTIONS if getattr(self, name) is not None]
        if len(given) > 1:
            refuse("several-actions", f"rule has {' and '.join(given)}", "make one rule of each", given[1])
        if self.goal and self.steps is None:
            refuse("bad-value", "only a journey has a goal", "write `steps`, or leave it out", "goal")
        if self.exit and self.cancel_on:
            refuse(
                "bad-value",
                "rule has both 'exit' and 'cancel_on'",
                "keep `exit`; the other is its old name",
                "cancel_on",
            )
        return self

    def action(self) -> tuple[ActionFields, str]:
        """What the rule does, and the key that it stands under."""
        if self.steps is not None:
            return StepsFields.model_construct(steps=self.steps), "steps"
        return next((doing, name) for name in ACTIONS if (doing := getattr(self, name)) is not None)

    def exits(self) -> tuple[list[FactFields], str]:
        """What ends it, and the key that it stands under."""
        return ([self.cancel_on], "cancel_on") if self.cancel_on else (self.exit, "exit")


class RuleFile(File):
    """Rules: which customer gets which message on what action or inaction."""

    label = "rule file"
    defaults: Defaults = Field(
        Defaults.as_default(), description="What the rules of this file have where they don't say."
    )
    points: list[PointsFields] = Field([], description="What customers earn and spend.")
    segments: list[SegmentFields] = Field([], description="Groups of customers, by conditions that hold or not.")
    coupons: list[CouponFields] = Field([], description="Codes that messages show, one for each run of a rule.")
    experiments: list[ExperimentFields] = Field([], description="Variants that customers are put into by chance.")
    rules: list[RuleFields] = Field([], description="The rules, in the order in which they are asked.")


SECTIONS = tuple(name for name in RuleFile.model_fields if name not in ("version", "defaults"))
"""What a rule file may have; it needs one of them."""
