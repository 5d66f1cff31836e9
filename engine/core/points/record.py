"""Keeping the books: what an event, a timer or a new rule book means for a customer's points.

`decide` calls `record` after an event is counted and before segments look, `settle` calls `fall_due` when time changes
a balance, and `rearm` calls `meet` for a new book. Each change of a balance makes one event, `points_changed`.
"""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from engine.core.book import RuleBook
from engine.core.effects import effect_id
from engine.core.points import ledger as moves
from engine.core.points.bounds import tidy
from engine.core.points.ledger import BalanceChange
from engine.core.points.model import CHANGED, SECOND, Earn, Points, TakeBack, amount, applies, moment_of, source_of
from engine.core.role import Booking, Role
from engine.core.scope import Scope
from engine.core.state.fold import GRACE
from engine.core.state.model import State
from engine.core.state.points import ENDED, Ledger
from engine.model import Event


class _Facts(NamedTuple):
    """What one event says about points of one kind, asked before any of it is booked."""

    earned: list[tuple[Earn, int, str]]
    spent: int
    taken: list[tuple[TakeBack, int, str]]


def record(book: RuleBook, role: Role, state: State, event: Event, at: int, settled: int) -> list[Event]:
    """Book an event, and return the changes it makes, in order.

    `at`: the moment that changes are told for; time is settled up to `settled`. All lines see the segments and the
    points from before the event.
    """
    scope, zone = Scope(state, event, at, event.customer), book.policy.zones.of(state.profile)
    told: list[Event] = []
    for booking, facts in [(each, _ask(each, scope, event)) for each in role.points]:
        points = booking.points
        ledger = state.points.get(points.id)
        if ledger is None:
            if not (facts.earned or facts.spent or facts.taken):
                continue
            ledger = state.points[points.id] = Ledger(terms=points.terms)
        changes = _book(points, ledger, facts, event.time, min(event.time, at), settled, zone)
        told += _tell(points, ledger, changes, event.customer, at)
        _keep(book, points, ledger, settled, zone)
    return told


def _ask(booking: Booking, scope: Scope, event: Event) -> _Facts:
    earned = [
        (line, number, source_of(event, line.match))
        for line in booking.earn
        if applies(line, scope) and (number := amount(line, scope))
    ]
    spent = sum([amount(line, scope) for line in booking.spend if applies(line, scope)])
    taken = [
        (line, number, source)
        for line in booking.take_back
        if applies(line, scope) and (number := amount(line, scope)) and (source := source_of(event, line.match))
    ]
    return _Facts(earned, spent, taken)


def _book(
    points: Points, ledger: Ledger, facts: _Facts, time: int, at: int, settled: int, zone: ZoneInfo
) -> list[BalanceChange]:
    """`time` is that of the event; `at` the same, but no later than the clock."""
    changes = moves.ripen(ledger, at)
    for line, number, source in facts.earned:
        moves.earn(ledger, points, line, number, source, time, settled, zone)
    for line, _, source in facts.earned:
        moves.has_come(ledger, source, line.match)
    changes += moves.ripen(ledger, at)
    if facts.spent:
        changes += moves.spend(ledger, facts.spent, at, zone)
    for clause, number, source in facts.taken:
        changes += moves.take_back(ledger, points, clause, number, source, at, settled, zone)
    return changes


def _tell(points: Points, ledger: Ledger, changes: list[BalanceChange], customer: str, at: int) -> list[Event]:
    """The events of the changes, which have been booked already."""
    told = []
    balance = ledger.balance - sum([change.delta for change in changes])
    for reason, delta in changes:
        balance += delta
        ledger.changes += 1
        identity = effect_id(f"points.{points.id}", customer, str(ledger.changes))
        properties = {"id": points.id, "points": points.id, "delta": delta, "balance": balance, "reason": reason}
        told.append(Event(identity, CHANGED, customer, at, properties))
    return told


def _keep(book: RuleBook, points: Points, ledger: Ledger, settled: int, zone: ZoneInfo) -> None:
    """Put the ledger in order after it has changed, or the customer's zone has."""
    tidy(ledger, points, book.point_spans.get(points.id, 0), settled)
    ledger.due = moves.next_moment(ledger, zone)


def fall_due(book: RuleBook, state: State, customer: str, due: int) -> list[Event] | None:
    """Bring the ledgers whose time has come up to that moment, and return the changes; None if there is none."""
    told: list[Event] | None = None
    for id_, ledger in state.points.items():
        if ledger.due == due and id_ in book.points:
            points, zone = book.points[id_], book.policy.zones.of(state.profile)
            changes = moves.ripen(ledger, due) + moves.expire(ledger, due, zone)
            told = (told or []) + _tell(points, ledger, changes, customer, due)
            _keep(book, points, ledger, due, zone)
    return told


def meet(book: RuleBook, state: State, now: int, settled: int) -> None:
    """Take up the points of a new book: rename, park what is gone, drop what was gone for GRACE, and move ends.

    `settled`: the moment up to which time is settled; the allowed lateness holds it back from `now`.
    """
    zone = book.policy.zones.of(state.profile)
    for points in book.points.values():
        for old in points.was:
            if old in state.points and points.id not in state.points:
                state.points[points.id] = state.points.pop(old)
    for id_ in list(state.points):
        ledger = state.points[id_]
        if 0 < ledger.parked <= settled:
            del state.points[id_]
        elif id_ not in book.points:
            ledger.parked = ledger.parked or settled + GRACE
        else:
            ledger.parked = 0
            _move_ends(book.points[id_], ledger, now, zone)
            _keep(book, book.points[id_], ledger, settled, zone)


def _move_ends(points: Points, ledger: Ledger, now: int, zone: ZoneInfo) -> None:
    """Give lots the ends of a new expiry. A shorter one ends none sooner than one whole period from now."""
    if ledger.terms == points.terms:
        return
    ledger.terms = points.terms
    least = points.end(now, zone)

    def when(end: int) -> int:
        return moment_of(end, zone)

    for lot in (*ledger.lots, *ledger.pending):
        if lot.end != ENDED:
            # The last millisecond of its second, so that going back to the old terms takes nothing off the end.
            fresh = points.end(points.earned_at(lot.usable, lot.line) * SECOND + SECOND - 1, zone)
            lot.end = max(fresh, min(lot.end, least, key=when), key=when)
