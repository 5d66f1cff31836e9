"""What moves points: earning, spending, taking back, and time.

`record` calls it, with moments in ms. Every function returns the changes of the balance that it made, in order, so that
they always sum to `earned` - `taken` - `spent` - `expired`. Facts count in the order in which they arrive: an earlier
one that comes late finds what is there now, and nothing is computed again.
"""

from bisect import insort
from collections.abc import Iterable
from operator import attrgetter
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from engine.core.points.model import LATE, SECOND, Earn, Points, TakeBack, code_of, has_ended, moment_of
from engine.core.state.points import ENDED, FOREVER, Ledger, Lot, TakenEarly

EARNED, SPENT, TAKEN_BACK, EXPIRED = "earned", "spent", "taken_back", "expired"
BY_USABLE: Final = attrgetter("usable")


class BalanceChange(NamedTuple):
    """A change of the balance and its reason."""

    reason: str
    delta: int


def ripen(ledger: Ledger, at: int) -> list[BalanceChange]:
    """Make usable what is so by then. Debt is paid off first."""
    gained, second = 0, at // SECOND
    while ledger.pending and ledger.pending[0].usable <= second:
        lot = ledger.pending.pop(0)
        gained += lot.points
        lot.used = min(ledger.debt, lot.points)
        ledger.debt -= lot.used
        insort(ledger.lots, lot, key=BY_USABLE)
    ledger.earned += gained
    return _changes(EARNED, gained)


def expire(ledger: Ledger, at: int, zone: ZoneInfo) -> list[BalanceChange]:
    """End the usable lots that are over by then."""
    lost = 0
    for lot in ledger.lots:
        if lot.left and has_ended(lot.end, at, zone):
            lost += lot.left
            lot.used, lot.end = lot.points, ENDED
    ledger.expired += lost
    return _changes(EXPIRED, -lost)


def earn(
    ledger: Ledger, points: Points, line: Earn, number: int, source: str, at: int, settled: int, zone: ZoneInfo
) -> None:
    """Add what was earned at `at` to what is pending; the same line adds nothing for a source that it knows."""
    known = [lot for lot in (*ledger.lots, *ledger.pending) if _is_repeated(points, lot, line, source)]
    if any(points.is_remembered(lot, settled) for lot in known):
        return
    lot = Lot(line.usable(at), points.end(at, zone), number, 0, source, line.code)
    for early in ledger.waiting if source else ():
        waits = points.still_waits(early, settled)
        if waits and early.source == source and early.match == code_of(line.match):
            clauses = [one for one in points.take_back if one.match == line.match]
            if any(_is_in_time(points, lot, one, early.at * SECOND, early.at * SECOND, zone) for one in clauses):
                taken = min(early.points, lot.points)
                early.points -= taken
                lot.points -= taken
    insort(ledger.pending, lot, key=BY_USABLE)


def has_come(ledger: Ledger, source: str, match: str) -> None:
    """The earning that a take-back was waiting for has come: what it did not earn cannot be taken back later."""
    ledger.waiting = [one for one in ledger.waiting if (one.source, one.match) != (source, code_of(match))]


def _is_repeated(points: Points, lot: Lot, line: Earn, source: str) -> bool:
    """Whether a lot is of the same source and line. A line that is gone may have been this one before an edit."""
    return bool(source) and lot.source == source and (lot.line == line.code or lot.line not in points.lines)


def spend(ledger: Ledger, number: int, at: int, zone: ZoneInfo) -> list[BalanceChange]:
    """Take the points from the lots of that moment, the soonest end first; what is not there becomes debt."""
    changes = ripen(ledger, at)
    ledger.debt += _use(_usable(ledger, at, zone), number)
    ledger.spent += number
    return changes + _changes(SPENT, -number)


def take_back(
    ledger: Ledger, points: Points, clause: TakeBack, number: int, source: str, at: int, settled: int, zone: ZoneInfo
) -> list[BalanceChange]:
    """Take back what the source has earned, at most that; a source that has not come yet is waited for.

    `settled`: the moment up to which time is settled.
    """
    changes, taken, usable = ripen(ledger, at), 0, len(ledger.lots)
    lots = [*enumerate((*ledger.lots, *ledger.pending))]
    found = [(place, lot) for place, lot in lots if lot.source == source and _is_of(points, lot, clause.match)]
    found = [(place, lot) for place, lot in found if points.is_remembered(lot, settled)]
    if not found:
        ledger.waiting = [one for one in ledger.waiting if points.still_waits(one, settled)]
        _wait(ledger, source, number, at, clause.match)
    for place, lot in found:
        part = min(number, lot.points) if _is_in_time(points, lot, clause, at, settled, zone) else 0
        number -= part
        if place < usable:
            taken += part
            _take_from(ledger, lot, part, at, zone)
        else:
            lot.points -= part
    ledger.taken += taken
    return changes + _changes(TAKEN_BACK, -taken)


def _wait(ledger: Ledger, source: str, number: int, at: int, match: str) -> None:
    code = code_of(match)
    for one in ledger.waiting:
        if (one.source, one.match) == (source, code):
            one.points, one.at = one.points + number, max(one.at, at // SECOND)
            return
    ledger.waiting.append(TakenEarly(source, number, at // SECOND, code))


def _take_from(ledger: Ledger, lot: Lot, number: int, at: int, zone: ZoneInfo) -> None:
    """Take earned points out of a usable lot; what was used of them, from the lots that end with it, then soonest."""
    own = min(number, lot.left)
    lot.points -= number
    lot.used -= number - own
    others = _usable(ledger, at, zone)
    others.sort(key=lambda other: other.end != lot.end)  # stable: then the soonest end
    ledger.debt += _use(others, number - own)


def _usable(ledger: Ledger, at: int, zone: ZoneInfo) -> list[Lot]:
    """The lots from which can be taken at that moment, the soonest end first."""
    lots = [lot for lot in ledger.lots if lot.left and not has_ended(lot.end, at, zone)]
    lots.sort(key=lambda lot: moment_of(lot.end, zone))
    return lots


def _use(lots: Iterable[Lot], number: int) -> int:
    """Use up the lots in this order; returns what they lack."""
    for lot in lots:
        if not number:
            break
        part = min(number, lot.left)
        lot.used += part
        number -= part
    return number


def _is_of(points: Points, lot: Lot, match: str) -> bool:
    """Whether the source of a lot is a value of the property. A line that is gone may have had any."""
    line = points.lines.get(lot.line)
    return line is None or line.match == match


def _is_in_time(points: Points, lot: Lot, clause: TakeBack, at: int, settled: int, zone: ZoneInfo) -> bool:
    """Whether the lot's points can be taken back at `at`: within the time for it, and before they end."""
    last = points.earned_at(lot.usable, lot.line) * SECOND + SECOND - 1 + clause.within
    return at <= last and settled <= last + LATE and not has_ended(lot.end, at, zone)


def _changes(reason: str, delta: int) -> list[BalanceChange]:
    return [BalanceChange(reason, delta)] if delta else []


def next_end(ledger: Ledger, zone: ZoneInfo) -> int:
    """The soonest end of points that can be spent, as their lot keeps it; 0: none ends."""
    ends = [lot.end for lot in ledger.lots if lot.left and lot.end > FOREVER]
    return min(ends, key=lambda end: moment_of(end, zone), default=0)


def next_moment(ledger: Ledger, zone: ZoneInfo) -> int:
    """When time alone changes the balance next, ms; 0: never."""
    moments = [moment_of(lot.end, zone) for lot in ledger.lots if lot.left and lot.end > FOREVER]
    if ledger.pending:
        moments.append(ledger.pending[0].usable * SECOND)
    return min(moments, default=0)
