"""How much is missing for a condition to hold that compares a number with a constant.

`compile_expression` calls it; templates tell a customer what is missing for the next level.
"""

from collections.abc import Callable
from math import floor

from engine.core.expr.closures import closure
from engine.core.expr.nodes import Comparison, Constant, Node
from engine.core.scope import MISSING, Missing, Scope
from engine.model import Number


def lacking(node: Node) -> Callable[[Scope], Number | Missing] | None:
    """A function that gives the number, 0 if it holds, MISSING if not known; None for a condition of another form."""
    match node:
        case Comparison(order=">=" | ">" as order, left=left, right=Constant(value=int() | float() as limit)):
            pass
        case _:
            return None
    if left.kind not in ("integer", "number") or (left.kind == "number" and order == ">"):
        return None
    load, least = closure(left), limit if order == ">=" else floor(limit) + 1

    def lacks(scope: Scope) -> Number | Missing:
        value = load(scope)
        if type(value) not in (int, float):
            return MISSING
        rest = round(least - value, 6)
        return max(0, int(rest) if rest == int(rest) else rest)

    return lacks
