"""Why a customer did or did not get something, read from the state alone.

`engine explain` and rule tests that fail call `explain`, `segments` and `points`, which must not change the state.
"""

import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from engine.core.book import Rule, RuleBook
from engine.core.firing import Candidate, Firing
from engine.core.guards import NOT_MET, Defer, HoldOut, Stop, Verdict
from engine.core.journeys.explain import explain as explain_journey
from engine.core.journeys.runs import next_moment
from engine.core.points.model import Points
from engine.core.points.view import PARTS, value
from engine.core.scope import NO_LEVEL
from engine.core.segments.model import Segment
from engine.core.state.model import Membership, State
from engine.model import Outcome

_OF_NEWEST = re.compile(r"\bevents\.(\w+)\.last\.(?!time\b)(\w+)")


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule as it stands for one customer. Instants are epoch ms.

    `armed`: when its timers are due. `deferred`: when the firings that quiet hours hold back are due. `stops`: which
    guards would stop the rule if it came true now.
    """

    rule: str
    why: str
    waits: str
    armed: tuple[int, ...]
    deferred: tuple[int, ...]
    stops: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SegmentView:
    """One segment as it stands for one customer. Instants are epoch ms; 0: there is none.

    `level`: the level or `none`; for a segment without levels `in` or `none`. `looks`: when time alone may change it.
    `next`: the level that would hold if `keep` ended now.
    """

    segment: str
    why: str
    level: str
    since: int
    looks: int
    kept_until: int
    next: str
    condition: str


@dataclass(frozen=True, slots=True)
class PointsView:
    """Points as they stand for one customer. Instants are epoch ms; 0: there is none.

    `expiring` of them end at `expires_at`. `changes`: when time alone changes the balance.
    """

    points: str
    why: str
    balance: int
    pending: int
    expiring: int
    expires_at: int
    changes: int


def points(book: RuleBook, state: State, now: int) -> list[PointsView]:
    """One view for each kind of points of the book."""
    return [_points(each, state, now, book.policy.zones.of(state.profile)) for each in book.points.values()]


def _points(points: Points, state: State, now: int, zone: ZoneInfo) -> PointsView:
    balance, pending, expiring, expires_at = (value(state, points.id, part, now, zone) for part in PARTS)
    ledger = state.points.get(points.id)
    return PointsView(points.id, points.why, balance, pending, expiring, expires_at, ledger.due if ledger else 0)


def segments(book: RuleBook, state: State) -> list[SegmentView]:
    """One view per segment of the book."""
    return [_segment(segment, state.segments.get(segment.id) or Membership()) for segment in book.segments.values()]


def _segment(segment: Segment, stands: Membership) -> SegmentView:
    return SegmentView(
        segment=segment.id,
        why=segment.why,
        level=stands.level or NO_LEVEL,
        since=stands.since,
        looks=stands.due,
        kept_until=stands.kept,
        next=(stands.level if stands.next is None else stands.next) or NO_LEVEL,
        condition="; ".join(
            level.condition.text if segment.plain else f"{level.name}: {level.condition.text}"
            for level in segment.levels
        ),
    )


def explain(book: RuleBook, state: State, customer: str, now: int) -> list[RuleView]:
    """One view per rule of the book, in the book's order."""
    return [_view(book, rule, state, customer, now) for rule in book.rules]


def _view(book: RuleBook, rule: Rule, state: State, customer: str, now: int) -> RuleView:
    journey, slot = rule.action.journey, state.rules.get(rule.id)
    runs = slot.runs if slot is not None else []
    return RuleView(
        rule=rule.id,
        why=rule.why,
        waits=explain_journey(rule, journey, state) if journey is not None else rule.trigger.explain(state),
        armed=tuple(sorted((*_timers(state, rule.id), *(next_moment(run) for run in runs)))),
        deferred=tuple(sorted(one.due for one in state.deferred if one.rule == rule.id)),
        stops=_stops(book, rule, state, customer, now),
    )


def _timers(state: State, rule: str) -> list[int]:
    return [timer.due for timer in state.timers(rule) if timer.due]


def _stops(book: RuleBook, rule: Rule, state: State, customer: str, now: int) -> tuple[str, ...]:
    if rule.match or (rule.condition and rule.condition.needs.reads.event):
        return ()  # they depend on an event that has not happened yet
    candidate = Candidate(rule, rule.action, Firing("", now, None, ""), customer, now)
    stops = []
    for guard in rule.action.guards:
        if answer := _said(guard(book, state, candidate)):
            stops.append(answer + (_unknown(book, rule, state) if NOT_MET in answer else ""))
    return tuple(stops)


def _unknown(book: RuleBook, rule: Rule, state: State) -> str:
    """What the condition reads and of which nothing is known: what compares with it is false."""
    if rule.condition is None:
        return ""
    fields = rule.condition.needs.reads.fields - book.policy.zones.fields
    unknown = [f"profile.{name}" for name in sorted(fields) if state.profile.get(name) is None]
    for type_, name in dict.fromkeys(_OF_NEWEST.findall(rule.condition.text)):
        history = state.history(type_)
        if history is None or history.latest is None or name not in history.latest.properties:
            unknown.append(f"events.{type_}.last.{name}")
    return f"; not known: {', '.join(unknown)}" if unknown else ""


def _said(verdict: Verdict) -> str:
    if isinstance(verdict, Stop):
        return f"{verdict.outcome.value}: {verdict.reason}"
    if isinstance(verdict, Defer):
        return f"{Outcome.DEFERRED.value}: {verdict.reason}"
    return f"{Outcome.HELD_OUT.value}: {verdict.reason}" if isinstance(verdict, HoldOut) else ""
