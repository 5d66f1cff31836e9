"""Pairs of comparisons that no value meets both, as `today >= "12-01" and today < "03-01"`; or one of which every
value meets, as `x != "a" or x != "b"`. What they say is allowed, and nobody means it.
"""

from collections.abc import Iterator
from itertools import combinations
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple, TypeVar

from engine.core.expr.nodes import Comparison, Constant, Field, Junction, LastProperty, Node, Order, Property, Today
from engine.core.scope import MISSING

T = TypeVar("T")

_TESTS = {"==": eq, "!=": ne, "<": lt, "<=": le, ">": gt, ">=": ge}
_OPPOSITE: dict[Order, Order] = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


class _Limit(NamedTuple):
    """What a value is compared with; of parts between `or`, the opposite of it."""

    of: Node
    order: Order
    limit: Any


def doubtful(every: bool, parts: list[tuple[Node, T]]) -> tuple[T, T, str] | None:
    """The first two parts that cannot both be true (between `or`: both be false), and what may have been meant."""
    limits = [(limit, at) for node, at in parts for limit in _limits(every, node)]
    for (one, first), (other, second) in combinations(limits, 2):
        if one.of == other.of and _exclude(one, other):
            return first, second, _meant(every, one, other)
    return None


def may_be_missing(node: Node) -> bool:
    """Whether the value comes from data that may lack it."""
    return isinstance(node, Field | Property | LastProperty)


def _limits(every: bool, node: Node) -> Iterator[_Limit]:
    if isinstance(node, Junction) and node.every == every:
        for part in node.parts:
            yield from _limits(every, part)
    match node:
        case Comparison(order=order, left=left, right=Constant(value=limit)) if limit is not MISSING:
            if not isinstance(left, Constant):
                yield _Limit(left, order if every else _OPPOSITE[order], limit)


def _exclude(one: _Limit, other: _Limit) -> bool:
    """Whether no value meets both. Days with and without a year have no order between them."""
    if type(one.limit) is not type(other.limit) and {type(one.limit), type(other.limit)} != {int, float}:
        return False
    if one.of.kind == "date" and len(one.limit) != len(other.limit):
        return False
    if "==" in (one.order, other.order):
        exact, test = (one, other) if one.order == "==" else (other, one)
        return not _TESTS[test.order](exact.limit, test.limit)
    if "!=" in (one.order, other.order) or one.order[0] == other.order[0]:
        return False
    above, below = (one, other) if one.order[0] == ">" else (other, one)
    return bool(
        above.limit > below.limit or (above.limit == below.limit and (above.order, below.order) != (">=", "<="))
    )


def _meant(every: bool, one: _Limit, other: _Limit) -> str:
    word = "or" if every else "and"
    if isinstance(one.of, Today) and every and one.order != "==":
        return "write 'or' for a span over the turn of the year"
    if one.order == other.order == "==":
        return f"write '{word}', or a list: {'in' if every else 'not in'} [ … ]"
    return f"write '{word}' if that is meant"
