"""Finds rules that would set off each other without end: their events come back to them within an hour."""

from collections.abc import Mapping

from engine.core.actions.emit import SLOW
from engine.core.book import Rule, RuleBook
from engine.core.coupons import COUPON_ISSUED
from engine.core.points.model import CHANGED
from engine.core.segments.model import MOVE_TYPES
from engine.lang.site import Site


def check_circles(book: RuleBook, sites: Mapping[str, Site]) -> None:
    """Report each circle once, at the first of its rules. `sites`: rule -> its place."""
    makers = [rule for rule in book.rules if _makes_soon(rule)]
    steps = {rule.id: _steps(book, rule) for rule in makers}
    reported: set[str] = set()
    for rule in makers:
        path = _way_back(rule.id, steps)
        if path and reported.isdisjoint(path):
            reported.update(path)
            message = f"rules set off each other without end: {' -> '.join(path)}"
            help = "let a timer of at least 1h come in between, such as `after: 1h`"
            sites[rule.id].at("emit").report("endless-events", message, help, key=True)


def _makes_soon(rule: Rule) -> frozenset[str]:
    """The event types that it may make within an hour: by what it does, or by a coupon that a message shows."""
    journey = rule.action.journey
    sends = journey is None or any(act.action.sends for act in journey.acts_within(SLOW))
    return rule.action.makes_soon | ({COUPON_ISSUED} if rule.needs.reads.coupons and sends else frozenset())


def _steps(book: RuleBook, rule: Rule) -> dict[str, str]:
    """The rules that its events may make come true within an hour -> the event type."""
    found: dict[str, str] = {}
    for type_ in sorted(_makes_soon(rule) & book.roles.keys()):
        role = book.roles[type_]
        moved = {segment.id for segment, _ in role.segments}
        told = frozenset(MOVE_TYPES if moved else ()) | frozenset({CHANGED} if role.points else ())
        reached = {one.id for one, _, _ in role.reactions}
        for other in book.rules:
            through = moved & other.trigger.segments or told & other.trigger.listens
            if (other.id in reached or through) and other.trigger.delay < SLOW:
                found.setdefault(other.id, type_)
    return found


def _way_back(start: str, steps: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The shortest path of rules and event types from a rule to itself; empty if there is none."""
    waiting, seen = [(start, [start])], set[str]()
    while waiting:
        rule, path = waiting.pop(0)
        for other, type_ in steps.get(rule, {}).items():
            if other == start:
                return [*path, type_, start]
            if other not in seen:
                seen.add(other)
                waiting.append((other, [*path, type_, other]))
    return []
