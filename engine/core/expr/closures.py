"""From checked nodes to closures over a Scope.

`compile_expression` calls `closure` once per expression. The closures run for every event, so this is the hot path:
`event.amount > 0` is one Python call. A closure must not raise on any data; a value of the wrong type is MISSING.
"""

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from math import isfinite
from typing import Any

from engine.core.expr.bounds import decided
from engine.core.expr.days import is_day, today
from engine.core.expr.nodes import (
    Arithmetic,
    Comparison,
    Constant,
    Contained,
    Count,
    CustomerId,
    EventPart,
    Field,
    InSegment,
    Junction,
    LastProperty,
    Leaf,
    Listed,
    Node,
    Not,
    Now,
    NullTest,
    OfSegment,
    Order,
    Period,
    PointsValue,
    Property,
    Score,
    SegmentLevel,
    SegmentRank,
    SegmentTime,
    StepSent,
    Sum,
    TallyTime,
    Today,
    Variant,
)
from engine.core.expr.periods import bounds
from engine.core.expression import Predicate
from engine.core.points.view import value as points_value
from engine.core.scope import (
    MISSING,
    NO_LEVEL,
    Missing,
    Scope,
    count,
    count_within,
    in_segment,
    level_of,
    segment_time,
    total,
)
from engine.core.scores import ScoreModel
from engine.core.zones import to_millis
from engine.model import Number

Compare = Callable[[Any, Any], bool]


def _unequal(left: Any, right: Any) -> bool:
    # Unlike != this is false for NaN, as every comparison should be.
    return bool(left < right or left > right)


COMPARE: dict[Order, Compare] = {
    "==": operator.eq, "!=": _unequal, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge
}  # fmt: skip
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv
}  # fmt: skip

_NUMBERS = (int, float)
_TYPES: dict[type, tuple[type, ...]] = {int: _NUMBERS, float: _NUMBERS, str: (str,), bool: (bool,)}
"""The types a value of this type may be compared with. Exact types, since bool is a subclass of int."""
_ORDERED = {type_: family for type_, family in _TYPES.items() if type_ is not bool}


def closure(node: Node) -> Predicate:
    """A function that computes the node's value, or MISSING."""
    match node:
        case Arithmetic(sign=sign, left=left, right=right):
            return _arithmetic(_SIGNS[sign], closure(left), closure(right))
        case NullTest(operand=operand, negated=negated):
            return _null_test(closure(operand), negated)
        case Comparison():
            return _comparison(node)
        case Listed(operand=operand, values=values, negated=negated):
            return _listed(closure(operand), values, negated)
        case Contained(left=left, right=right, negated=negated):
            return _contained(closure(left), closure(right), negated)
        case Not(operand=operand):
            return _not(closure(operand))
        case Junction(every=every, parts=parts):
            tests = tuple(closure(part) for part in parts)
            return _every(tests) if every else _some(tests)
    load = _leaf(node)
    return _instant(load) if node.kind == "time" and isinstance(node, Field | Property | LastProperty) else load


def _instant(load: Predicate) -> Predicate:
    """A time may come as a day, kept as text; compared with other times it counts as its first instant in UTC."""

    def test(scope: Scope) -> Any:
        value = load(scope)
        if type(value) is not str:
            return value
        try:
            return to_millis(datetime.combine(date.fromisoformat(value), time(), UTC))
        except ValueError:
            return MISSING

    return test


def _leaf(node: Leaf) -> Predicate:
    match node:
        case Constant(value=value):
            return lambda scope: value
        case Field(name=name):
            return lambda scope: _present(scope.state.profile.get(name))
        case Property(name=name):
            return lambda scope: _present(scope.event.properties.get(name)) if scope.event else MISSING
        case EventPart(name=name):
            return lambda scope: getattr(scope.event, name, MISSING)
        case LastProperty(type=type_, name=name):
            return _last_property(type_, name)
        case TallyTime(type=type_, which=which):
            return lambda scope: getattr(scope.state.events.get(type_), which, MISSING)
        case Count() | Sum() | Period():
            return _tally(node)
        case Score(name=name, span=span, model=model):
            return _score(name, span, model)
        case Today():
            return _today(node)
    return _of_engine(node)


def _of_engine(node: OfSegment | Now | CustomerId | StepSent | Variant | PointsValue) -> Predicate:
    """What does not come from events: the customer, steps, segments, points, experiments, the moment."""
    match node:
        case CustomerId():
            return lambda scope: scope.customer or getattr(scope.event, "customer", MISSING)
        case StepSent(step=step):
            return lambda scope: step in scope.sent
        case Variant(experiment=experiment):
            return experiment.value
        case Now():
            return lambda scope: scope.now
        case InSegment(segment=segment):
            return lambda scope: in_segment(scope.state, segment)
        case SegmentLevel(segment=segment, next=next_):
            return lambda scope: level_of(scope.state, segment, next_)
        case SegmentTime(segment=segment, which=which):
            return lambda scope: segment_time(scope.state, segment, which)
        case SegmentRank(level=level):
            return _rank(level)
        case PointsValue(id=id_, part=part, zones=zones, span=span):
            return lambda scope: points_value(scope.state, id_, part, scope.now, zones.of(scope.state.profile), span)


def _today(node: Today) -> Predicate:
    zones = node.zones
    return lambda scope: today(scope.now, zones.of(scope.state.profile))


def _rank(node: SegmentLevel) -> Predicate:
    ranks = {name: place for place, name in enumerate((NO_LEVEL, *node.levels))}
    level = _of_engine(node)
    return lambda scope: ranks.get(level(scope), 0)


def _present(value: Any) -> Any:
    return MISSING if value is None else value


def _count(type_: str, span: int | None) -> Predicate:
    if span is None:
        return lambda scope: count(scope.state, type_)
    return lambda scope: count_within(scope.state, type_, scope.now, span)


def _tally(node: Count | Sum | Period) -> Predicate:
    match node:
        case Count(type=type_, span=span):
            return _count(type_, span)
        case Sum(type=type_, property=name, span=span):
            return lambda scope: total(scope.state, type_, name, scope.now, span)
        case Period():
            return _in_period(node)


def _in_period(node: Period) -> Predicate:
    type_, name, unit, zones = node.type, node.property, node.unit, node.zones

    def load(scope: Scope) -> Any:
        state, now = scope.state, scope.now
        span = now - bounds(unit, now, zones.of(state.profile))[0] + 1
        return count_within(state, type_, now, span) if name is None else total(state, type_, name, now, span)

    return load


def _score(name: str, span: int, model: ScoreModel | None) -> Predicate:
    if model is None:
        return lambda scope: MISSING
    return lambda scope: model.score(scope.state, name, span, scope.now)


def _last_property(type_: str, name: str) -> Predicate:
    def load(scope: Scope) -> Any:
        history = scope.state.history(type_)
        kept = history.latest if history is not None else None
        return _present(kept.properties.get(name)) if kept is not None else MISSING

    return load


def _arithmetic(compute: Callable[[Any, Any], Any], left: Predicate, right: Predicate) -> Predicate:
    def load(scope: Scope) -> Any:
        first, second = left(scope), right(scope)
        if type(first) not in _NUMBERS or type(second) not in _NUMBERS:
            return MISSING
        try:
            result = compute(first, second)
            return result if isfinite(result) else MISSING
        except ArithmeticError:
            return MISSING

    return load


def _null_test(operand: Predicate, negated: bool) -> Predicate:
    if negated:
        return lambda scope: operand(scope) is not MISSING
    return lambda scope: operand(scope) is MISSING


def _comparison(node: Comparison) -> Predicate:
    order, left, right = node.order, node.left, node.right
    compare = COMPARE[order]
    match left, right:
        case Today(), Today():
            return lambda scope: compare(0, 0)
        case Today(), _:
            return _today_with(left, compare, closure(right))
        case _, Today():
            return _comparison(node.mirrored)
    if "date" in (left.kind, right.kind) and order not in ("==", "!="):
        compare = _within_form(compare)
    match left, right:
        case _, Constant(value=value) if value is MISSING:
            return lambda scope: False
        case Count(type=type_, span=int(span)), Constant(value=int(value) | float(value)) if type(value) is not bool:
            return _count_with_constant(type_, span, order, value)
        case Property(name=name), Constant(value=value) if left.kind != "time":
            return _property_with_constant(name, compare, value)
        case Field(name=name), Constant(value=value) if left.kind != "time":
            return _field_with_constant(name, compare, value)
        case _, Constant(value=value):
            return _with_constant(closure(left), compare, value)
    return _of_two(closure(left), compare, closure(right), _TYPES if order in ("==", "!=") else _ORDERED)


def _today_with(node: Today, compare: Compare, load: Predicate) -> Predicate:
    """Beside a day without a year only month and day of today count."""
    present = _today(node)

    def test(scope: Scope) -> bool:
        day = load(scope)
        return type(day) is str and is_day(day) and compare(present(scope)[-len(day) :], day)

    return test


def _within_form(compare: Compare) -> Compare:
    """Compare days of the same form only: days with and without a year have no order."""
    return lambda left, right: len(left) == len(right) and compare(left, right)


def _property_with_constant(name: str, compare: Compare, constant: Any) -> Predicate:
    types = _TYPES[type(constant)]

    def test(scope: Scope) -> bool:
        event = scope.event
        if event is None:
            return False
        value = event.properties.get(name)
        return type(value) in types and compare(value, constant)

    return test


def _field_with_constant(name: str, compare: Compare, constant: Any) -> Predicate:
    types = _TYPES[type(constant)]

    def test(scope: Scope) -> bool:
        value = scope.state.profile.get(name)
        return type(value) in types and compare(value, constant)

    return test


def _with_constant(load: Predicate, compare: Compare, constant: Any) -> Predicate:
    types = _TYPES[type(constant)]

    def test(scope: Scope) -> bool:
        value = load(scope)
        return type(value) in types and compare(value, constant)

    return test


def _count_with_constant(type_: str, span: int, order: Order, constant: Number) -> Predicate:
    compare = COMPARE[order]

    def test(scope: Scope) -> bool:
        value = count_within(scope.state, type_, scope.now, span)
        if isinstance(value, Missing):
            return decided(scope, type_, span, order, constant) is True
        return compare(value, constant)

    return test


def _of_two(left: Predicate, compare: Compare, right: Predicate, types: Mapping[type, tuple[type, ...]]) -> Predicate:
    def test(scope: Scope) -> bool:
        first, second = left(scope), right(scope)
        return type(second) in types.get(type(first), ()) and compare(first, second)

    return test


def _listed(load: Predicate, values: tuple[Any, ...], negated: bool) -> Predicate:
    lists = {type_: frozenset(value for value in values if type(value) in types) for type_, types in _TYPES.items()}

    def test(scope: Scope) -> bool:
        value = load(scope)
        listed = lists.get(type(value))
        if not listed or value != value:
            return False
        return (value in listed) is not negated

    return test


def _contained(load: Predicate, container: Predicate, negated: bool) -> Predicate:
    def test(scope: Scope) -> bool:
        value, within = load(scope), container(scope)
        types = _TYPES.get(type(value), ())
        if type(within) is str and type(value) is str:
            return (value in within) is not negated
        if type(within) is not list or not types or value != value:
            return False
        return any(type(item) in types and item == value for item in within) is not negated

    return test


def _not(operand: Predicate) -> Predicate:
    return lambda scope: not operand(scope)


def _every(tests: tuple[Predicate, ...]) -> Predicate:
    def test(scope: Scope) -> bool:
        # A loop, since all() over a generator takes twice as long.
        for part in tests:  # noqa: SIM110
            if not part(scope):
                return False
        return True

    return test


def _some(tests: tuple[Predicate, ...]) -> Predicate:
    def test(scope: Scope) -> bool:
        for part in tests:  # noqa: SIM110
            if part(scope):
                return True
        return False

    return test
