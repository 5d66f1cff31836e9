"""The catalogue, events.yaml compiled: where a record holds an event's parts, which types exist, what sets the profile.

`engine/lang` makes it; the decoder, the rule book and the checks read it. It is plain data: what
its methods answer follows from the fields alone.
"""

from collections.abc import Mapping, Set
from typing import TYPE_CHECKING, Literal

import msgspec

from engine.core.scores import ScoreModel
from engine.core.tables import Table
from engine.core.zones import Zones
from engine.model import Event, KeptEvent

if TYPE_CHECKING:
    from engine.core.coupons import Coupon
    from engine.core.experiments.model import Experiment

Kind = Literal["string", "number", "integer", "boolean", "time", "date", "any"]
"""A property's type. `time` is stored as epoch ms; a day without a time stays "YYYY-MM-DD", because its moment depends
on the customer's zone. `date` is stored as "YYYY-MM-DD" or "MM-DD"."""

PLACEHOLDER_IDS = frozenset(
    {"undefined", "null", "NULL", "(null)", "<null>", "None", "nil", "NaN", "nan", "[object Object]"}
)
"""Texts that programs write in place of a missing id. As a customer's id they would merge strangers; as an event's id
they would drop all events but the first as duplicates. Case matters: Nan is a name."""

Format = Literal["json", "segment", "cloudevents"]
TimeUnit = Literal["s", "ms", "us", "ns"]
PropertyUnit = Literal["d", "s", "ms", "us", "ns"]


class Property(msgspec.Struct, frozen=True):
    """One declared property of an event type, or one profile field.

    `from_text`: a number may come as text. `path`: where it sits among the properties, if it is nested in them. `unit`:
    what a number counts that a record has as its time, or with "d" as its date; the engine's own values are never so.
    """

    name: str
    kind: Kind
    required: bool = False
    from_text: bool = False
    path: tuple[str, ...] = ()
    unit: PropertyUnit = "ms"


class Keep(msgspec.Struct, frozen=True):
    """The history of an event type that is kept whether or not a rule asks for it."""

    sums: tuple[str, ...] = ()
    """Properties, summed over all time and over the window."""
    window: int = 0
    """How far back single events are kept, milliseconds."""
    last: bool = False
    """Whether the newest event is kept."""


class EventType(msgspec.Struct, frozen=True):
    """One declared event type. `profile` maps field -> property that feeds it; `profile_all`: every property does."""

    name: str
    properties: dict[str, Property] = {}
    profile: dict[str, str] = {}
    profile_all: bool = False
    keep: Keep | None = None
    activity: bool = True
    """Whether such an event is something that the customer does; else it does not keep them from being forgotten."""
    made: bool = False
    """The engine makes these events; none are taken from a record."""

    def feeds(self, fields: Set[str]) -> bool:
        """Whether such an event may change one of these profile fields."""
        return bool(fields) and (self.profile_all or not fields.isdisjoint(self.profile))

    def kept(self, event: Event) -> KeptEvent:
        """The event with the properties that are declared: nothing can read the others, so no state has them."""
        properties = event.properties
        if not properties.keys() <= self.properties.keys():
            properties = {name: value for name, value in properties.items() if name in self.properties}
        return KeptEvent(event.id, event.type, event.time, properties)


class Source(msgspec.Struct, frozen=True):
    """One stream of records. Paths are tuples of keys; an empty `properties` path: all fields not used otherwise.

    `event`: the type of all its records, which then name none (`type` is empty).
    """

    name: str
    topic: str
    format: Format = "json"
    keyed: bool = True
    id: tuple[str, ...] = ("id",)
    type: tuple[str, ...] = ("type",)
    customer: tuple[str, ...] = ("customer",)
    time: tuple[str, ...] = ("time",)
    properties: tuple[str, ...] = ("properties",)
    unit: TimeUnit = "ms"
    types: dict[str, str] = {}
    """Foreign type name -> ours, where they differ."""
    event: str = ""


class Accept(msgspec.Struct, frozen=True):
    """Limits for events; others are dead-lettered. `ahead`: how far event time may be past wall time."""

    earliest: int = 631_152_000_000  # 1990-01-01
    ahead: int = 86_400_000
    max_bytes: int = 262_144
    undeclared: Literal["ignore", "dead_letter"] = "ignore"
    tombstones: Literal["ignore", "dead_letter"] = "dead_letter"
    """What becomes of records without a value: in the change streams of databases they say that a row was deleted."""
    strangers: Literal["ignore", "dead_letter"] = "dead_letter"
    """What becomes of events that name no customer, or `nobody`: visits before a login, orders of guests."""
    nobody: frozenset[str] = PLACEHOLDER_IDS


class SegmentForm(msgspec.Struct, frozen=True):
    """The parts of a segment that other rules may name. `levels` from the lowest; () if it has none."""

    levels: tuple[str, ...] = ()
    keeps: bool = False
    """Whether `keep` holds a level for a while, so that there are `kept_until` and `next`."""
    measured: bool = False
    """Whether each level compares a number with a constant, so that templates can tell what is `missing`."""

    @property
    def parts(self) -> tuple[str, ...]:
        """What can be read of the segment beside its value."""
        return ("since", "kept_until", "next") if self.keeps else ("since",)

    @property
    def shown(self) -> tuple[str, ...]:
        """What templates can read of it."""
        above = ("above", "missing") if self.measured else ("above",)
        return self.parts + (above if self.levels else ())


class PointsForm(msgspec.Struct, frozen=True):
    """What others may know of points. `events`: the types that may change them, besides time."""

    events: frozenset[str] = frozenset()
    zones: Zones = msgspec.field(default_factory=Zones)


class Catalog(msgspec.Struct, frozen=True):
    """events.yaml as a whole. `profile` has every field the profile may have, fed or declared."""

    sources: tuple[Source, ...] = ()
    events: dict[str, EventType] = {}
    profile: dict[str, Property] = {}
    accept: Accept = Accept()
    scores: ScoreModel | None = None
    """What `engine fit` wrote beside the rules; None: there is none, and every score is missing."""
    segments: dict[str, SegmentForm] = {}
    experiments: "dict[str, Experiment]" = {}
    points: dict[str, PointsForm] = {}
    coupons: "dict[str, Coupon]" = {}
    tables: Mapping[str, Table] = {}
    """Reference tables, which only templates read."""
    zones: Zones = msgspec.field(default_factory=Zones)
    """How policy.yaml finds a customer's zone."""
    derives: bool = False
    """Whether events that rules make leave for a topic: for other customers, or since policy.yaml publishes them."""
