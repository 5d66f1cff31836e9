"""The nodes of a checked expression.

The checker makes them; `closures` compiles them; `needs_of` derives which history the expression reads. A node is plain
data that refers to declared names only.
"""

from functools import reduce
from operator import or_
from typing import Any, Literal, TypeAlias

import msgspec

from engine.core.catalog import Kind
from engine.core.experiments.model import Experiment
from engine.core.expr.periods import SPANS, Unit
from engine.core.expression import NO_NEEDS, Keeps, Needs, Reads, needs_of_all
from engine.core.scope import MISSING
from engine.core.scores import ScoreModel
from engine.core.zones import Zones

Sort: TypeAlias = Kind | Literal["null", "list"]
Order: TypeAlias = Literal["==", "!=", "<", "<=", ">", ">="]
Sign: TypeAlias = Literal["+", "-", "*", "/"]

_MIRRORED: dict[Order, Order] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class Constant(msgspec.Struct, frozen=True):
    value: Any
    kind: Sort


class Field(msgspec.Struct, frozen=True):
    """A profile field."""

    name: str
    kind: Sort


class Property(msgspec.Struct, frozen=True):
    """A property of the event that armed the timer or fired the rule."""

    name: str
    kind: Sort


class EventPart(msgspec.Struct, frozen=True):
    """A part that every event has: time, type or id."""

    name: str
    kind: Sort


class StepSent(msgspec.Struct, frozen=True):
    """Whether a step of the journey has made something in this run."""

    step: str
    kind: Sort = "boolean"


class CustomerId(msgspec.Struct, frozen=True):
    kind: Sort = "string"


class LastProperty(msgspec.Struct, frozen=True):
    """A property of the newest event of a type."""

    type: str
    name: str
    kind: Sort


class TallyTime(msgspec.Struct, frozen=True):
    """When the first or the last event of a type happened."""

    type: str
    which: Literal["first", "last"]
    kind: Sort = "time"


class Count(msgspec.Struct, frozen=True):
    """Events of a type, ever or within `span` milliseconds."""

    type: str
    span: int | None
    kind: Sort = "integer"


class Sum(msgspec.Struct, frozen=True):
    """A property summed over events of a type, ever or within `span` milliseconds."""

    type: str
    property: str
    span: int | None
    kind: Sort = "number"


class Period(msgspec.Struct, frozen=True):
    """Events of a type in the customer's present year or month: how many, or a property summed."""

    type: str
    property: str | None
    unit: Unit
    zones: Zones
    kind: Sort


class Score(msgspec.Struct, frozen=True):
    """A score by the current fit; `span`: of buys_within, milliseconds. `model` None: nothing is fitted yet."""

    name: str
    span: int
    model: ScoreModel | None
    kind: Sort = "number"


class Now(msgspec.Struct, frozen=True):
    """The moment of the decision. It stands in comparisons only: elsewhere a value would change every millisecond."""

    kind: Sort = "time"


class Today(msgspec.Struct, frozen=True):
    """The day of the decision where the customer lives. It stands in comparisons with days only, like `Now`."""

    zones: Zones
    kind: Sort = "date"


class InSegment(msgspec.Struct, frozen=True):
    """Whether the customer is in a segment without levels."""

    segment: str
    kind: Sort = "boolean"


class SegmentLevel(msgspec.Struct, frozen=True):
    """The customer's level in a segment, or the level that `keep` holds off (`next`)."""

    segment: str
    levels: tuple[str, ...]
    next: bool = False
    kind: Sort = "string"


class SegmentRank(msgspec.Struct, frozen=True):
    """The place of a `SegmentLevel` among the levels, so that levels compare by height: 0 is outside of them all."""

    level: SegmentLevel
    kind: Sort = "integer"


class Variant(msgspec.Struct, frozen=True):
    """The customer's variant in an experiment; missing for one who takes no part now."""

    experiment: Experiment
    kind: Sort = "string"


class SegmentTime(msgspec.Struct, frozen=True):
    """Since when a membership is what it is, or until when `keep` holds it."""

    segment: str
    which: Literal["since", "kept_until"]
    kind: Sort = "time"


class PointsValue(msgspec.Struct, frozen=True):
    """Points as they stand, or those earned in a window of `span` milliseconds; 0: all time."""

    id: str
    part: str
    zones: Zones
    span: int = 0
    kind: Sort = "integer"


class Arithmetic(msgspec.Struct, frozen=True):
    sign: Sign
    left: "Node"
    right: "Node"
    kind: Sort = "number"


class NullTest(msgspec.Struct, frozen=True):
    """`negated` is `!= null`: true where there is a value."""

    operand: "Node"
    negated: bool
    kind: Sort = "boolean"


class Comparison(msgspec.Struct, frozen=True):
    """`compared` makes them: of a constant and something else the constant is `right`."""

    order: Order
    left: "Node"
    right: "Node"
    kind: Sort = "boolean"

    @property
    def mirrored(self) -> "Comparison":
        return Comparison(_MIRRORED[self.order], self.right, self.left)


def compared(order: Order, left: "Node", right: "Node") -> Comparison:
    comparison = Comparison(order, left, right)
    return comparison.mirrored if isinstance(left, Constant) else comparison


class Listed(msgspec.Struct, frozen=True):
    """`operand in [values]`; `negated` is `not in`."""

    operand: "Node"
    values: tuple[Any, ...]
    negated: bool
    kind: Sort = "boolean"


class Contained(msgspec.Struct, frozen=True):
    """`left in right`, where `right` is text or a list in the data; `negated` is `not in`."""

    left: "Node"
    right: "Node"
    negated: bool
    kind: Sort = "boolean"


class Not(msgspec.Struct, frozen=True):
    operand: "Node"
    kind: Sort = "boolean"


class Junction(msgspec.Struct, frozen=True):
    """`and` (every) or `or` over two or more parts."""

    every: bool
    parts: tuple["Node", ...]
    kind: Sort = "boolean"


OfSegment: TypeAlias = InSegment | SegmentLevel | SegmentRank | SegmentTime
OfEvents: TypeAlias = Property | EventPart | LastProperty | TallyTime | Count | Sum | Period
Leaf: TypeAlias = (
    Constant | Field | OfEvents | CustomerId | StepSent | Score | Now | Today | OfSegment | Variant | PointsValue
)
Node: TypeAlias = Leaf | Arithmetic | NullTest | Comparison | Listed | Contained | Not | Junction

BROKEN = Constant(MISSING, "any")
"""Placeholder for a part with a reported problem; it fits anywhere, so that one mistake is reported once."""
LIST = Constant(MISSING, "list")
"""Placeholder for the list to the right of `in`, which is not a value by itself."""


def needs_of(node: Node) -> Needs:
    """What the expression reads, and the history it needs. Counts and first and last times are always kept."""
    match node:
        case Field(name=name):
            return Needs(Reads(fields=frozenset({name})))
        case Property() | EventPart():
            named = frozenset({node.name} if isinstance(node, Property) else ())
            return Needs(Reads(event=True, properties=named))
        case CustomerId() | Score():
            return Needs(Reads(scores=isinstance(node, Score), customer=isinstance(node, CustomerId)))
        case PointsValue(id=id_, span=span):
            return Needs(Reads(points=frozenset({id_})), Keeps(points=frozenset({(id_, span)} if span else ())))
        case Variant(experiment=experiment):
            return needs_of_all([experiment.among]) | Needs(Reads(experiments=frozenset({experiment.id})))
        case LastProperty() | TallyTime() | Count() | Sum():
            return Needs(Reads(types=frozenset({node.type})), _keeps_of(node))
        case Period() | Today():
            return _of_calendar(node)
        case SegmentRank(level=level):
            return needs_of(level)
        case InSegment(segment=segment) | SegmentLevel(segment=segment) | SegmentTime(segment=segment):
            return Needs(Reads(segments=frozenset({segment})))
    return reduce(or_, map(needs_of, parts_of(node)), NO_NEEDS)


def _of_calendar(node: Period | Today) -> Needs:
    """Another zone of the customer's moves days and periods, so the field that holds it is read too."""
    zone = Needs(Reads(fields=frozenset({node.zones.field} if node.zones.field else ()), calendar=True))
    if isinstance(node, Today):
        return zone
    keeps = Keeps(windows=frozenset({(node.type, node.property, SPANS[node.unit])}))
    return zone | Needs(Reads(types=frozenset({node.type})), keeps)


def _keeps_of(node: LastProperty | TallyTime | Count | Sum) -> Keeps:
    match node:
        case LastProperty(type=type_):
            return Keeps(last=frozenset({type_}))
        case Count(type=type_, span=int(span)):
            return Keeps(windows=frozenset({(type_, None, span)}))
        case Sum(type=type_, property=name, span=None):
            return Keeps(sums=frozenset({(type_, name)}))
        case Sum(type=type_, property=name, span=int(span)):
            return Keeps(windows=frozenset({(type_, name, span)}))
    return Keeps()


def parts_of(node: Node) -> tuple[Node, ...]:
    """The nodes directly below a node."""
    match node:
        case Arithmetic() | Comparison() | Contained():
            return (node.left, node.right)
        case NullTest() | Listed() | Not():
            return (node.operand,)
        case Junction():
            return node.parts
    return ()
