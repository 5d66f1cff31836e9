"""Which kinds of values can be compared, and the help texts for those that can't.

The checker calls it for every comparison. It knows kinds only, never values of a customer.
"""

from collections.abc import Collection
from datetime import UTC, datetime

from engine.core.expr.days import is_day
from engine.core.expr.nodes import Constant, Order, Sort
from engine.core.zones import to_millis

NUMBERS: tuple[Sort, ...] = ("number", "integer", "any")
"""Kinds that arithmetic takes."""

_ARTICLES = {"integer": "an integer", "any": "of any kind", "null": "no value"}
_EQUALITY = ("==", "!=")


def with_article(kind: Sort) -> str:
    """The kind with its article."""
    return _ARTICLES.get(kind, f"a {kind}")


def family(kind: Sort) -> Sort:
    """Kinds of one family compare with each other."""
    return "number" if kind == "integer" else kind


def comparable(left: Sort, right: Sort, order: Order) -> bool:
    """Whether such a comparison can ever be true."""
    families = {family(left), family(right)}
    if families & {"list", "null"} or ("boolean" in families and order not in _EQUALITY):
        return False
    return len(families) == 1 or "any" in families


def fits(kind: Sort, allowed: Collection[Sort]) -> bool:
    """Whether a value of the kind may turn out to be of one of these."""
    return kind in ("any", "null") or family(kind) in map(family, allowed)


def fits_in(element: Sort, container: Sort) -> bool:
    """Whether a value of kind `element` can be in a value (not a list of constants) of kind `container`."""
    if element in ("list", "null"):
        return False
    return container == "any" or (container == "string" and element in ("string", "any"))


def as_kind(text: str, kind: Sort) -> Constant | None:
    """A string constant next to a time or a date, as an instant (ms) or a day; None if it can't be read as one."""
    if kind == "time":
        instant = instant_or_none(text)
        return None if instant is None else Constant(instant, "time")
    return Constant(text, "date") if is_day(text) else None


def instant_or_none(text: str) -> int | None:
    """The moment (ms) of an ISO text, in UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(text)
        return to_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


HOW_TO_WRITE = {
    "time": 'write a time as "2026-01-31" or "2026-01-31T09:00:00Z"',
    "date": 'write a date as "2026-01-31", or "01-31" where the year doesn\'t matter',
}


def advice(left: Sort, right: Sort, order: Order) -> str:
    """A help text for two kinds that don't compare."""
    if "null" in (left, right):
        return "null compares with == and != only"
    if "list" in (left, right):
        return "a list can only stand to the right of 'in'"
    if left == right == "boolean":
        return "booleans compare with == and != only"
    for kind in ("time", "date"):
        if kind in (left, right):
            return HOW_TO_WRITE[kind]
    if {family(left), family(right)} == {"number", "string"}:
        return "text goes in quotes, numbers without; they never compare"
    return f"a comparison with {order} needs two values of the same kind"
