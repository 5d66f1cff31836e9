"""The meaning of calls: counts and sums of events, points that were earned, and scores.

The checker resolves with it what an expression names and calls.
"""

import ast

from msgspec.structs import replace

from engine.core.durations import milliseconds
from engine.core.expr.kinds import NUMBERS, with_article
from engine.core.expr.names import POINTS_PARTS, SCORES, Names, offer
from engine.core.expr.nodes import BROKEN, Count, Node, Period, PointsValue, Score, Sum
from engine.core.expr.periods import PERIODS

_A_PERIOD = 'write "this month", "this year", or a number and a unit, such as "90d"'
_A_DURATION = 'write it in quotes, such as "7d"'
_CALLS = (
    'the calls are events.<type>.count("7d"), events.<type>.sum("amount", "30d"), points.<id>.earned("365d"), '
    'scores.buys_within("39w")'
)


class Calls(Names):
    """Resolves the names and the calls of one expression, and reports those that it can't resolve."""

    def call(self, node: ast.Call) -> Node:
        """The meaning of `events.<type>.count(...)`, `.sum(...)` and `scores.buys_within(...)`."""
        match node.func:
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="events"))) as function:
                return self._tally(function, node)
            case ast.Attribute(value=ast.Name(id="scores")) as function:
                return self._score_within(function, node)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="points"))) as function:
                return self._earned(function, node)
            case ast.Attribute(value=ast.Name() as root) if self._owners(root.id):
                return self._unknown_root(root, [root])
        return self._broken("expression-forbidden", "this can't be called", node, _CALLS)

    def _earned(self, function: ast.Attribute, node: ast.Call) -> Node:
        steps = self._steps(function)
        if not steps or not self._known_points(steps[0], steps[1:]):
            return BROKEN
        name, call = steps[1].id, steps[2].id
        if call != "earned":
            message = f"'{call}' can't be called"
            return self._broken("unknown-property", message, steps[2], f"points.{name} has {POINTS_PARTS}")
        if len(node.args) > 1 or node.keywords:
            return self._broken("expression-forbidden", "earned() takes nothing or a duration", node, _CALLS)
        span = self._span(node.args[0]) if node.args else 0
        if node.args and not span:
            return BROKEN
        return PointsValue(name, "earned", self._catalog.points[name].zones, span)

    def _tally(self, function: ast.Attribute, node: ast.Call) -> Node:
        steps = self._steps(function)
        if not steps or not self._known_type(steps[0], steps[1:]):
            return BROKEN
        type_, call = steps[1].id, steps[2].id
        if call == "count" and len(node.args) <= 1 and not node.keywords:
            return self._windowed(Count(type_, None), node.args)
        if call == "sum" and 1 <= len(node.args) <= 2 and not node.keywords:
            return self._sum(type_, node.args)
        if call in ("count", "sum"):
            takes = "nothing or a duration" if call == "count" else "a property and perhaps a duration"
            return self._broken("expression-forbidden", f"{call}() takes {takes}", node, _CALLS)
        message = f"'{call}' can't be called"
        return self._broken("unknown-property", message, steps[2], offer("calls", ("count", "sum"), call))

    def _score_within(self, function: ast.Attribute, node: ast.Call) -> Node:
        if function.attr != "buys_within":
            return self._broken("expression-forbidden", "this can't be called", node, SCORES)
        match node.args:
            case [ast.Constant(value=str())] if not node.keywords:
                span = self._span(node.args[0])
                return Score("buys_within", span, self._catalog.scores) if span else BROKEN
        return self._broken("expression-forbidden", "buys_within() takes a duration", node, SCORES)

    def _sum(self, type_: str, arguments: list[ast.expr]) -> Node:
        properties = self._catalog.events[type_].properties
        numbers = [name for name, declared in properties.items() if declared.kind in NUMBERS]
        match arguments[0]:
            case ast.Constant(value=str(name)) if name in numbers:
                return self._windowed(Sum(type_, name, None), arguments[1:])
            case ast.Constant(value=str(name)) if name in properties:
                code, message = "type-mismatch", f"{name!r} is {with_article(properties[name].kind)}, not a number"
            case ast.Constant(value=str(name)):
                code, message = "unknown-property", f"{name!r} is not one of the properties of {type_}"
            case _:
                name, code, message = "", "expression-forbidden", "sum() needs the name of a property, in quotes"
        return self._broken(code, message, arguments[0], offer("numbers", numbers, name))

    def _windowed(self, tally: Count | Sum, arguments: list[ast.expr]) -> Node:
        match arguments:
            case []:
                return tally
            case [ast.Constant(value=str(text))] if text in PERIODS:
                summed = tally.property if isinstance(tally, Sum) else None
                return Period(tally.type, summed, PERIODS[text], self._catalog.zones, tally.kind)
        span = self._span(arguments[0])
        return replace(tally, span=span) if span else BROKEN

    def _span(self, argument: ast.expr) -> int:
        """A duration in quotes, milliseconds; 0 if a problem was reported."""
        match argument:
            case ast.Constant(value=str(text)):
                try:
                    if span := milliseconds(text):
                        return span
                except ValueError as error:
                    reason, _, advice = str(error).partition("; ")
                    self._report(
                        "bad-duration", reason, argument, _A_PERIOD if "this" in text else advice or _A_DURATION
                    )
                    return 0
        self._report("bad-duration", "this is not a length of time", argument, _A_DURATION)
        return 0
