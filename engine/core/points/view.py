"""A ledger as it stands at a moment: what expressions and templates read of a customer's points.

Between events a balance changes at known moments: what is pending becomes usable, and lots end. So a value is computed
for the moment that is asked about, whether or not a timer has come to it, and the next moment of change is known.
Everything is 0 for a customer without points, never missing.
"""

from zoneinfo import ZoneInfo

from engine.core.expression import NEVER
from engine.core.points.model import SECOND, has_ended, moment_of
from engine.core.state.model import State
from engine.core.state.points import FOREVER, Ledger, Lot

PARTS = ("balance", "pending", "expiring", "expires_at")
"""What can be read besides `earned(..)`."""


def value(state: State, id_: str, part: str, at: int, zone: ZoneInfo, span: int = 0) -> int:
    """`part`: one of PARTS, or earned, with the `span` of its window in ms; 0: all time."""
    ledger = state.points.get(id_)
    if ledger is None:
        return 0
    match part:
        case "balance":
            return _balance(ledger, at, zone)
        case "pending":
            return sum([lot.points for lot in ledger.pending if lot.usable * SECOND > at])
        case "earned":
            return earned_in(ledger, at, span) if span else _earned_ever(ledger, at)
    end, ending = _ending(ledger, at, zone)
    return ending if part == "expiring" else end


def _balance(ledger: Ledger, at: int, zone: ZoneInfo) -> int:
    return sum([lot.left for lot in live(ledger, at, zone)]) - _debt(ledger, at)


def live(ledger: Ledger, at: int, zone: ZoneInfo) -> list[Lot]:
    """The lots that have points at that moment; of what has just become usable copies, with debt paid off."""
    lots = ledger.lots
    if ledger.pending and ledger.pending[0].usable * SECOND <= at:
        lots, debt = lots.copy(), ledger.debt
        for lot in ledger.pending:
            if lot.usable * SECOND <= at:
                paid = min(debt, lot.points)
                debt -= paid
                lots.append(Lot(lot.usable, lot.end, lot.points, paid))
    return [lot for lot in lots if lot.left and not has_ended(lot.end, at, zone)]


def _debt(ledger: Ledger, at: int) -> int:
    if not ledger.debt:
        return 0
    return max(0, ledger.debt - sum([lot.points for lot in ledger.pending if lot.usable * SECOND <= at]))


def earned_in(ledger: Ledger, at: int, span: int) -> int:
    """What became usable within `span` (ms) before `at`, less what was taken back of it."""
    first, last = (at - span) // SECOND, at // SECOND  # lots are usable from the beginning of a second
    return sum([lot.points for lots in (ledger.lots, ledger.pending) for lot in lots if first < lot.usable <= last])


def _earned_ever(ledger: Ledger, at: int) -> int:
    return ledger.earned - ledger.taken + sum([one.points for one in ledger.pending if one.usable * SECOND <= at])


def _ending(ledger: Ledger, at: int, zone: ZoneInfo) -> tuple[int, int]:
    """The soonest end (ms) of points that can be spent, and how many end then; 0 and 0: none."""
    ends = [(moment_of(lot.end, zone), lot.left) for lot in live(ledger, at, zone) if lot.end != FOREVER]
    if not ends:
        return 0, 0
    soonest = min(ends)[0]
    return soonest, sum([left for end, left in ends if end == soonest])


def moments(state: State, id_: str, part: str, at: int, zone: ZoneInfo, span: int = 0) -> list[int]:
    """When time alone may change the value after `at`, in order."""
    ledger = state.points.get(id_)
    if ledger is None:
        return []
    found = {lot.usable * SECOND for lot in ledger.pending}
    if part == "earned":
        found |= {lot.usable * SECOND + span for lot in (*ledger.lots, *ledger.pending) if span and lot.points}
    elif part != "pending":
        lots = (*(lot for lot in ledger.lots if lot.left), *ledger.pending)
        found |= {moment_of(lot.end, zone) for lot in lots if lot.end > FOREVER}
    return sorted(moment for moment in found if moment > at)


def earned_steps(ledger: Ledger, at: int, span: int) -> list[tuple[int, int]]:
    """When what is earned in a window changes after `at`, and by how much, in order."""
    steps = []
    for lots in (ledger.lots, ledger.pending):
        for lot in lots:
            usable = lot.usable * SECOND
            if usable > at:
                steps.append((usable, lot.points))
            if usable + span > at:
                steps.append((usable + span, -lot.points))
    steps.sort()
    return steps


def next_change(state: State, id_: str, part: str, at: int, zone: ZoneInfo, span: int = 0) -> int:
    """The first moment after `at` at which time alone may change the value; NEVER."""
    found = moments(state, id_, part, at, zone, span)
    return found[0] if found else NEVER
