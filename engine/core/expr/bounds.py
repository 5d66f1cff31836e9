"""Comparisons of a count of which a part is not known: between which numbers it is, and whether that decides.

`closures` compares with it, and `certainty` asks it. A customer who bought yesterday has bought at least once in 90
days, whatever else was not kept.
"""

from engine.core.expr.nodes import Order
from engine.core.scope import Scope
from engine.model import Number


def decided(scope: Scope, type_: str, span: int, order: Order, limit: Number) -> bool | None:
    """Whether an unknown count of a window compares so with the limit; None if what is known does not decide it."""
    least, most = _bounds(scope, type_, span)
    match order:
        case ">=":
            sure, excluded = least >= limit, most < limit
        case ">":
            sure, excluded = least > limit, most <= limit
        case "<":
            sure, excluded = most < limit, least >= limit
        case "<=":
            sure, excluded = most <= limit, least > limit
        case "==":
            sure, excluded = False, not least <= limit <= most
        case "!=":
            sure, excluded = not least <= limit <= most, False
    return True if sure else False if excluded else None


def _bounds(scope: Scope, type_: str, span: int) -> tuple[int, int]:
    """At least the events known to be in the window, at most those that there ever were."""
    memory, start = scope.state.events[type_], scope.now - span
    known = [*memory.history.window] if memory.history is not None else []
    if memory.last not in known:
        known.append(memory.last)
    return sum(1 for time in known if start < time <= scope.now), memory.count
