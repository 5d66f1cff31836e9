"""Until when an expression holds if no other event comes.

`compile_expression` calls `until`; segments set their timers by it. Three things depend on time: windows, which
events enter and leave and unknown parts pass out of, scores, which fall with silence, and `now` and `today`. All else
depends on the state and the event alone; a segment that the expression reads has a timer of its own.

The moment is never too late, so a timer misses no change. It may be too early, where the exact one would be costly to
find; whoever waits for it looks again then.
"""

from bisect import bisect_right
from math import ceil, floor, inf, isfinite, nextafter
from typing import Any, TypeAlias

from engine.core.expr.closures import COMPARE, Compare, closure
from engine.core.expr.days import is_day, next_change as next_change_of_today
from engine.core.expr.nodes import (
    Arithmetic,
    Comparison,
    Constant,
    Contained,
    Count,
    Junction,
    Listed,
    Node,
    Not,
    Now,
    NullTest,
    Order,
    Period,
    PointsValue,
    Score,
    Sum,
    Today,
    parts_of,
)
from engine.core.expr.periods import bounds
from engine.core.expression import NEVER, NextChange, Predicate, Until
from engine.core.points import view
from engine.core.scope import Missing, Scope, range_within, summed_in, total
from engine.core.state.model import History, Memory
from engine.core.state.points import Ledger

Change: TypeAlias = NextChange | None
"""None: time alone never changes it."""

ROUNDING = 2e-6
"""A partial sum this close to the constant may be on either side of it, as sums are rounded to 6 decimals in another
order; the timer then looks itself."""


def until(node: Node) -> Until:
    """A function that gives the truth of the expression, and the first moment after now at which it may change."""
    match node:
        case Junction(every=every, parts=parts):
            return _junction(every, [until(part) for part in parts])
        case Not(operand=operand):
            return _not(until(operand))
        case Comparison(order=order, left=Count() as count, right=Constant(value=limit)) if _is_window(count, limit):
            return _counted(count, order, limit)
        case Comparison(order=order, left=Score() as score, right=Constant(value=limit)):
            return _scored(score, order, limit, closure(node))
        case Comparison(order=order, left=PointsValue() as points, right=Constant(value=int() | float() as limit)):
            return _of_points(points, COMPARE[order], limit)
        case Comparison(order=order, left=Sum() as total, right=Constant(value=limit)) if _is_window(total, limit):
            return _summed(total, COMPARE[order], limit)
    change, test = _change(node), closure(node)
    if change is None:
        return lambda scope: (bool(test(scope)), NEVER)
    return lambda scope: (bool(test(scope)), change(scope))


def _is_window(tally: Count | Sum, limit: object) -> bool:
    return tally.span is not None and type(limit) in (int, float)


def _junction(every: bool, parts: list[Until]) -> Until:
    """While a part decides the whole (a false one of `and`), the others don't matter; all such parts must change."""

    def whole(scope: Scope) -> tuple[bool, int]:
        soonest, latest = NEVER, 0
        for part in parts:
            truth, moment = part(scope)
            if truth is not every:
                latest = max(latest, moment)
            elif moment < soonest:
                soonest = moment
        return (not every, latest) if latest else (every, soonest)

    return whole


def _not(operand: Until) -> Until:
    def negated(scope: Scope) -> tuple[bool, int]:
        truth, moment = operand(scope)
        return not truth, moment

    return negated


def _change(node: Node) -> Change:
    """When the value may change; for a comparison or another question its truth."""
    match node:
        case Count(type=type_, span=int(span)) | Sum(type=type_, span=int(span)):
            return _window(type_, span)
        case Period():
            return _period(node)
        case NullTest(operand=Now()):
            return None
        case PointsValue(id=id_, part=part, zones=zones, span=span):
            return lambda scope: view.next_change(
                scope.state, id_, part, scope.now, zones.of(scope.state.profile), span
            )
        case Listed(operand=operand) | NullTest(operand=operand) | Not(operand=operand):
            return _change(operand)
        case Comparison(order=order, left=Now(), right=right) if not isinstance(right, Now):
            return _soonest([_passing(order, right), _change(right)])
        case Comparison(right=Now(), left=left) if not isinstance(left, Now):
            return _change(node.mirrored)
        case Comparison(left=Today() as today, right=day) | Comparison(left=day, right=Today() as today):
            return _soonest([_day_passing(today, day), _change(day)])
        case Arithmetic() | Comparison() | Contained() | Junction():
            return _soonest([_change(part) for part in parts_of(node)])
    return None


def _soonest(changes: list[Change]) -> Change:
    known = [change for change in changes if change is not None]
    if len(known) < 2:
        return known[0] if known else None
    return lambda scope: min([change(scope) for change in known])


def _passing(order: Order, other: Node) -> NextChange:
    """When `now <order> other` changes: at the other moment, or just after it."""
    load = closure(other)

    def soonest(scope: Scope) -> int:
        moment, now = load(scope), scope.now
        if type(moment) not in (int, float) or not isfinite(moment):
            return NEVER
        first, after = ceil(moment), floor(moment) + 1
        if order in ("<", ">="):
            return first if first > now else NEVER
        if order in ("<=", ">"):
            return after if after > now else NEVER
        return first if first > now else (after if after > now else NEVER)

    return soonest


def _day_passing(today: Today, other: Node) -> NextChange:
    """When today comes to the other day, or passes it."""
    load, zones = closure(other), today.zones

    def soonest(scope: Scope) -> int:
        day = load(scope)
        if type(day) is not str or not is_day(day):
            return NEVER
        return next_change_of_today(day, scope.now, zones.of(scope.state.profile))

    return soonest


def _window(type_: str, span: int) -> NextChange:
    """The next moment at which an event enters the window or leaves it."""

    def soonest(scope: Scope) -> int:
        memory = scope.state.events.get(type_)
        return _of_window(memory, span, scope.now) if memory is not None else NEVER

    return soonest


def _period(node: Period) -> NextChange:
    """The beginning of the next year or month, if the present one has an event; else only an event changes it."""
    type_, unit, zones = node.type, node.unit, node.zones

    def soonest(scope: Scope) -> int:
        memory, now = scope.state.events.get(type_), scope.now
        if memory is None:
            return NEVER
        start, end = bounds(unit, now, zones.of(scope.state.profile))
        if memory.last > now:
            return _or_entering(memory, now, end)
        return end if memory.last >= start else NEVER

    return soonest


def _of_window(memory: Memory, span: int, now: int) -> int:
    """The next moment at which an event enters the window (its time) or leaves it (`span` later)."""
    history = memory.history
    moments = [memory.first + span, memory.last, memory.last + span]
    if history is not None:
        moments += [history.unknown + span]
        for time in history.window:
            moments += [time, time + span]
    return min([moment for moment in moments if moment > now], default=NEVER)


def _counted(node: Count, order: Order, limit: float) -> Until:
    """When a count passes the limit: it falls to a number as the event that many places from the newest leaves."""
    type_, span, compare, test = node.type, node.span or 0, COMPARE[order], closure(_against(node, order, limit))
    falls_to = ceil(limit) - 1 if order in (">=", "<") else floor(limit)
    equals = order in ("==", "!=")

    def whole(scope: Scope) -> tuple[bool, int]:
        now = scope.now
        memory = scope.state.events.get(type_)
        if memory is None:
            return compare(0, limit), NEVER
        found = range_within(memory, now, span)
        if found is None:
            return bool(test(scope)), _of_window(memory, span, now)
        times, start, stop = found
        number = stop - start
        rest = number - 1 if equals and number == limit else falls_to
        moment = times[stop - rest - 1] + span if 0 <= rest < number else NEVER
        return compare(number, limit), moment if memory.last <= now else _or_entering(memory, now, moment)

    return whole if equals or falls_to < 0 else _ranked(type_, span, falls_to + 1, order in (">=", ">"), whole)


def _ranked(type_: str, span: int, enough: int, is_above: bool, whole: Until) -> Until:
    """The usual case: no event is later than now, and the one so many places from the newest tells all."""
    below = not is_above, NEVER

    def ranked(scope: Scope) -> tuple[bool, int]:
        memory = scope.state.events.get(type_)
        if memory is None:
            return below
        now = scope.now
        before = now - span
        if memory.last <= before:
            return below
        history = memory.kept  # `Memory.history`, without the call
        if memory.last > now or type(history) is not History or history.span < span or history.unknown > before:
            return whole(scope)
        times = history.window
        if len(times) >= enough and (entered := times[-enough]) > before:
            return is_above, entered + span
        return below

    return ranked


def _summed(node: Sum, compare: Compare, limit: float) -> Until:
    """When a sum passes the limit, by taking away what leaves, the oldest first."""
    type_, name, span = node.type, node.property, node.span or 0

    def whole(scope: Scope) -> tuple[bool, int]:
        now = scope.now
        memory = scope.state.events.get(type_)
        if memory is None:
            return compare(0, limit), NEVER
        found = range_within(memory, now, span)
        if found is None:
            value = total(scope.state, type_, name, now, span)
            holds = not isinstance(value, Missing) and compare(value, limit)
            return holds, _of_window(memory, span, now)
        times, start, stop = found
        summed = summed_in(memory, name, start, stop)
        if summed is None:
            return False, _of_window(memory, span, now)
        numbers, value = summed
        if -ROUNDING < value - limit < ROUNDING:  # rounding takes as long as all else here
            value = round(value, 6)
        place = _passes(value - limit, numbers)
        moment = times[start + place] + span if place is not None else NEVER
        return compare(value, limit), moment if memory.last <= now else _or_entering(memory, now, moment)

    return whole


def _passes(above: float, numbers: list[Any]) -> int | None:
    """The place of the number with which the sum comes to its limit, or passes it, as the oldest leave; None: none."""
    if above > ROUNDING:
        for place, number in enumerate(numbers):
            above -= number
            if above <= ROUNDING:
                return place
    elif above >= -ROUNDING:
        return 0 if numbers else None
    elif numbers and min(numbers) < 0:  # else it only falls further
        for place, number in enumerate(numbers):
            above -= number
            if above >= -ROUNDING:
                return place
    return None


def _of_points(node: PointsValue, compare: Compare, limit: float) -> Until:
    """When points pass the limit: at the first of their known moments from which the comparison is another."""
    id_, part, zones, span = node.id, node.part, node.zones, node.span

    def whole(scope: Scope) -> tuple[bool, int]:
        state = scope.state
        if id_ not in state.points:
            return compare(0, limit), NEVER
        zone, now = zones.of(state.profile), scope.now
        if part == "earned" and span:
            return _of_earned(state.points[id_], compare, limit, now, span)
        holds = compare(view.value(state, id_, part, now, zone, span), limit)
        for moment in view.moments(state, id_, part, now, zone, span):
            if compare(view.value(state, id_, part, moment, zone, span), limit) != holds:
                return holds, moment
        return holds, NEVER

    return whole


def _of_earned(ledger: Ledger, compare: Compare, limit: float, now: int, span: int) -> tuple[bool, int]:
    """The same of a window over what was earned, by taking step after step."""
    earned = view.earned_in(ledger, now, span)
    holds, last = compare(earned, limit), 0
    for moment, delta in view.earned_steps(ledger, now, span):
        if last and moment != last and compare(earned, limit) != holds:
            return holds, last
        earned, last = earned + delta, moment
    return holds, last if last and compare(earned, limit) != holds else NEVER


def _scored(node: Score, order: Order, limit: Any, test: Predicate) -> Until:
    """A score falls with the silence since the last purchase, so each threshold is crossed once, at a known moment."""
    model, above = node.model, nextafter(limit, inf)
    falls = {"<": (limit,), ">=": (limit,), "<=": (above,), ">": (above,), "==": (above, limit), "!=": (above, limit)}

    def whole(scope: Scope) -> tuple[bool, int]:
        if model is None:
            return bool(test(scope)), NEVER
        moments = []
        for threshold in falls[order]:
            moment = model.falls_below(scope.state, node.name, node.span, threshold)
            if moment is not None and moment > scope.now:
                moments.append(moment)
        return bool(test(scope)), min(moments, default=NEVER)

    return whole


def ticks(node: Node) -> bool:
    """Whether the truth may change every second, because a score is not just compared with a number."""
    match node:
        case Score():
            return True
        case Comparison(left=Score(), right=Constant()) | NullTest(operand=Score()):
            return False
    return any(ticks(part) for part in parts_of(node))


def _against(node: Count, order: Order, limit: float) -> Comparison:
    return Comparison(order, node, Constant(limit, "number"))


def _or_entering(memory: Memory, now: int, moment: int) -> int:
    """The moment, or before it the time of an event that has not come yet and then enters every window."""
    window = memory.history.window if memory.history is not None else []
    coming = bisect_right(window, now)
    return min(moment, window[coming] if coming < len(window) else memory.last)
