"""What events.yaml declares, compiled: where an event's parts sit, which types there are, what feeds the profile."""

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["string", "number", "integer", "boolean", "time", "date", "any"]
"""A property's type. `time` is stored as epoch ms, or as "YYYY-MM-DD" where it came as a day: which moment that is
depends on where the customer is. `date` is stored as "YYYY-MM-DD" or "MM-DD"."""

PLACEHOLDER_IDS = frozenset(
    {"undefined", "null", "NULL", "(null)", "<null>", "None", "nil", "NaN", "nan", "[object Object]"}
)
"""What programs write where they have no id. As a customer's id it would join strangers, as an event's it would drop
all but the first. By exact case: Nan is a name."""

Format = Literal["json", "segment", "cloudevents"]
TimeUnit = Literal["s", "ms", "us"]


@dataclass(frozen=True, slots=True)
class Property:
    """One declared property of an event type, or one profile field. `from_text`: a number may come as text."""

    name: str
    kind: Kind
    required: bool = False
    from_text: bool = False


@dataclass(frozen=True, slots=True)
class Keep:
    """Which history of an event type is kept, whether a rule asks for it or not."""

    sums: tuple[str, ...] = ()
    """Properties, summed over all time and over the window."""
    window: int = 0
    """How far back single events are kept, milliseconds."""
    last: bool = False
    """Whether the newest event is kept."""


@dataclass(frozen=True, slots=True)
class EventType:
    """One declared event type. `profile` maps field -> property that feeds it; `profile_all`: every property does."""

    name: str
    properties: dict[str, Property] = field(default_factory=dict)
    profile: dict[str, str] = field(default_factory=dict)
    profile_all: bool = False
    keep: Keep | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """One stream of records. Paths are tuples of keys; an empty `properties` path: all fields not used otherwise."""

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
    types: dict[str, str] = field(default_factory=dict)
    """Foreign type name -> ours, where they differ."""


@dataclass(frozen=True, slots=True)
class Accept:
    """Bounds of what an event may be, else it is dead-lettered. `ahead`: how far event time may be past wall time."""

    earliest: int = 631_152_000_000  # 1990-01-01
    ahead: int = 86_400_000
    max_bytes: int = 262_144
    undeclared: Literal["ignore", "dead_letter"] = "ignore"
    nobody: frozenset[str] = PLACEHOLDER_IDS


@dataclass(frozen=True, slots=True)
class Catalog:
    """events.yaml as a whole. `profile` has every field the profile may have, fed or declared."""

    sources: tuple[Source, ...] = ()
    events: dict[str, EventType] = field(default_factory=dict)
    profile: dict[str, Property] = field(default_factory=dict)
    accept: Accept = Accept()
