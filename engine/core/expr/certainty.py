"""Whether the truth of an expression is certain although part of the history it reads was not kept.

`compile_expression` calls `certain`; segments ask it when they meet a customer. A condition over unknown history counts
as false, but a customer who is found to be in later has not just come in, so that nobody must be told.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

from engine.core.expr.bounds import decided
from engine.core.expr.closures import COMPARE, closure
from engine.core.expr.nodes import (
    Comparison,
    Constant,
    Count,
    InSegment,
    Junction,
    LastProperty,
    Node,
    Not,
    Order,
    Period,
    SegmentLevel,
    SegmentRank,
    SegmentTime,
    Sum,
    parts_of,
)
from engine.core.scope import MISSING, Scope

Truth: TypeAlias = Callable[[Scope], bool | None]
"""None: it depends on what is not known."""


def certain(node: Node) -> Callable[[Scope], bool]:
    """A function that says whether everything is known that decides the truth."""
    truth = _truth(node)
    return lambda scope: truth(scope) is not None


def _truth(node: Node) -> Truth:
    match node:
        case Junction(every=every, parts=parts):
            return _junction(every, [_truth(part) for part in parts])
        case Not(operand=operand):
            return _not(_truth(operand))
        case Comparison(order=order, left=Count() as count, right=Constant(value=limit)) if count.span:
            return _counted(count, order, limit)
    unknown, test = _unknown(node), closure(node)
    return lambda scope: None if any(each(scope) for each in unknown) else bool(test(scope))


def _junction(every: bool, truths: list[Truth]) -> Truth:
    def truth(scope: Scope) -> bool | None:
        found = [each(scope) for each in truths]
        if (not every) in found:
            return not every
        return None if None in found else every

    return truth


def _not(operand: Truth) -> Truth:
    def truth(scope: Scope) -> bool | None:
        found = operand(scope)
        return None if found is None else not found

    return truth


def _counted(node: Count, order: Order, limit: Any) -> Truth:
    load, compare, span = closure(node), COMPARE[order], node.span or 0

    def truth(scope: Scope) -> bool | None:
        value = load(scope)
        return decided(scope, node.type, span, order, limit) if value is MISSING else compare(value, limit)

    return truth


def _unknown(node: Node) -> list[Callable[[Scope], bool]]:
    """For each part that reads history or another segment: whether that is not known."""
    match node:
        case Count() | Sum() | Period():
            load = closure(node)
            return [lambda scope: load(scope) is MISSING]
        case LastProperty(type=type_):
            return [lambda scope: type_ in scope.state.events and _forgot(scope, type_)]
        case SegmentRank(level=level):
            return _unknown(level)
        case InSegment(segment=segment) | SegmentLevel(segment=segment) | SegmentTime(segment=segment):
            return [lambda scope: segment in scope.state.segments and not scope.state.segments[segment].mark]
    return [unknown for part in parts_of(node) for unknown in _unknown(part)]


def _forgot(scope: Scope, type_: str) -> bool:
    history = scope.state.events[type_].history
    return history is None or history.latest is None
