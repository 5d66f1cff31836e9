"""What dates and ends of trials should have brought one customer, and when: by brute force over whole histories.

A history is cut where anything is said; in each piece every occurrence of many years is looked at. Nothing of the
engine is used, and nothing happens out of order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from engine.model import Event
from tests.support.oracle import local_date, local_instant

MIDNIGHT = time(0)


@dataclass(frozen=True)
class Rule:
    """`days`: of a date how many after it, of a trial how many before. `night`: when nothing is sent."""

    kind: str  # once, yearly or trial
    days: int
    at: time | None
    night: tuple[time, time] | None = None


class Piece(NamedTuple):
    """A stretch in which nothing is said; `cancelled`: it ends with an event that cancels."""

    value: Any
    zone: ZoneInfo
    since: int
    until: int
    cancelled: bool


class Sent(NamedTuple):
    occurrence: str
    at: int


def pieces(events: Sequence[Event], property_: str, cancel: str, end: int) -> Iterator[Piece]:
    value, zone, since = None, ZoneInfo("UTC"), 0
    for event in events:
        yield Piece(value, zone, since, event.time, event.type == cancel)
        if property_ in event.properties:
            value = event.properties[property_]
        zone = ZoneInfo(event.properties["zone"]) if event.properties.get("zone") else zone
        since = event.time
    yield Piece(value, zone, since, end, False)


@dataclass
class _Customer:
    """What is known at the end of a piece. `waiting`: occurrence -> when it is looked at again, when it is over."""

    settled: set[str] = field(default_factory=set)
    coming: dict[str, int] = field(default_factory=dict)
    cancelled: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, tuple[int, int]] = field(default_factory=dict)


def sent(history: Iterator[Piece], rule: Rule) -> Iterator[Sent]:
    """What reached the customer, in order."""
    customer = _Customer()
    for piece in history:
        moments = _moments(rule, piece, set(customer.coming))
        new = {key: it for key, it in moments.items() if key not in customer.settled and it[0] <= piece.until}
        customer.settled |= new.keys()
        yield from _judged(rule, piece, customer, customer.waiting | new)
        customer.coming = {key: due for key, (due, _) in moments.items() if key not in customer.settled}
        if piece.cancelled:
            _cancel(rule, piece, customer)


def _judged(rule: Rule, piece: Piece, customer: _Customer, todo: dict[str, tuple[int, int]]) -> Iterator[Sent]:
    """Go by the nights of this piece; what has to wait longer stays in `waiting`."""
    customer.waiting = {}
    while todo:
        key = min(todo, key=lambda key: todo[key])
        at, over = todo.pop(key)
        if at > piece.until:
            customer.waiting[key] = at, over
        elif at < over and _says(rule, piece, key):
            night_ends = _night_ends(rule, at, piece.zone)
            if night_ends:
                todo[key] = night_ends, over
            else:
                yield Sent(key, at)


def _cancel(rule: Rule, piece: Piece, customer: _Customer) -> None:
    """What waits is cancelled; else the next to come, which may have been cancelled before."""
    dues = {key: due for key, due in customer.cancelled.items() if due > piece.until and _says(rule, piece, key)}
    dues |= customer.coming
    if dues and not (customer.waiting and rule.kind == "yearly"):
        soonest = min(dues, key=lambda key: dues[key])
        customer.cancelled[soonest] = dues[soonest]
        customer.settled.add(soonest)
        customer.coming.pop(soonest, None)
    customer.waiting = {}


def _moments(rule: Rule, piece: Piece, coming: set[str]) -> dict[str, tuple[int, int]]:
    """Occurrence -> when it comes true, and when it is over. What had been coming comes at the latest now."""
    found = {}
    for key, day in _days(rule, piece):
        due, over = _due(rule, piece, day)
        if rule.kind != "yearly" or key in coming:
            due = max(due, piece.since)
        if due >= piece.since:
            found[key] = due, over
    return found


def _days(rule: Rule, piece: Piece) -> Iterator[tuple[str, date | int]]:
    """The occurrences that the field gives, with their day in the zone (of a trial also: the moment it ends)."""
    value = piece.value
    if value is None:
        return
    if rule.kind == "trial":
        yield str(value), date.fromisoformat(value) if isinstance(value, str) else value
        return
    if isinstance(value, int):
        name, day = (local_date(value, zone) for zone in ("UTC", str(piece.zone)))
    else:
        name = day = date.fromisoformat(value if len(value) > 5 else f"0004-{value}")
    if rule.kind == "once":
        yield name.isoformat(), day
        return
    first, last = (datetime.fromtimestamp(at / 1000, UTC).year for at in (piece.since, piece.until))
    for year in range(max(first - 2, name.year + 1), last + 5):
        yield _in_year(name, year).isoformat(), _in_year(day, year + day.year - name.year)


def _in_year(day: date, year: int) -> date:
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return date(year, day.month, 28 if (day.month, day.day) == (2, 29) and not leap else day.day)


def _says(rule: Rule, piece: Piece, key: str) -> bool:
    return key in dict(_days(rule, piece))


def _due(rule: Rule, piece: Piece, day: date | int) -> tuple[int, int]:
    zone, never = piece.zone, 10**15
    if rule.kind != "trial":
        assert isinstance(day, date)
        assert rule.at is not None
        return local_instant(day + timedelta(days=rule.days), rule.at, zone), never
    if isinstance(day, date):
        moment = local_instant(day - timedelta(days=rule.days), rule.at or MIDNIGHT, zone)
        return moment, local_instant(day + timedelta(days=1), MIDNIGHT, zone)
    moment = day - rule.days * 86_400_000
    return local_instant(local_date(moment, str(zone)), rule.at, zone) if rule.at else moment, day


def _night_ends(rule: Rule, at: int, zone: ZoneInfo) -> int:
    """When the night around the moment ends, 0 by day. A night begins in the evening and ends in the morning."""
    if rule.night is None:
        return 0
    today = local_date(at, str(zone))
    for evening in (today - timedelta(days=1), today):
        begins = local_instant(evening, rule.night[0], zone)
        ends = local_instant(evening + timedelta(days=1), rule.night[1], zone)
        if begins <= at < ends:
            return ends
    return 0
