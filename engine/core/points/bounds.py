"""Keeping a ledger small: what matters no more is dropped, and of too many lots neighbours are put together.

`record` calls `tidy` after every change. A lot is needed while it has points, while its source may be named again, and
while a window of `earned` may count it. Lots that are put together become usable and end when the later one does, so a
customer never loses by it, and the balance is what it was.
"""

from typing import Final

from engine.core.points.model import SECOND, Points
from engine.core.state.points import ENDED, FOREVER, MONTHS, Ledger, Lot

MAX_LOTS: Final = 40
"""Lots of one customer, with what is pending. Beyond it neighbours are put together: then points of 40 earnings in a
year stay in a window, or live on, for some days longer. Without it a state would grow with every purchase."""
MAX_WAITING: Final = 8
"""Take-backs that wait for their earning; beyond it the oldest are dropped. Without it refunds of what earns nothing
would pile up."""

_DEARER: Final = 4


def tidy(ledger: Ledger, points: Points, span: int, settled: int) -> None:
    """`span`: the longest window (ms) of `earned` that is asked for. `settled`: time is settled up to then (ms)."""
    for lot in (*ledger.lots, *ledger.pending):
        if not points.is_remembered(lot, settled):
            lot.source = ""
    ledger.lots = [lot for lot in ledger.lots if lot.left or lot.source or _counts(lot, span, settled)]
    ledger.waiting = [one for one in ledger.waiting if points.still_waits(one, settled)][-MAX_WAITING:]
    while len(ledger.lots) + len(ledger.pending) > MAX_LOTS:
        _join(ledger.lots if len(ledger.lots) > 1 else ledger.pending)


def _counts(lot: Lot, span: int, settled: int) -> bool:
    return lot.points > 0 and lot.usable * SECOND + span > settled


def _join(lots: list[Lot]) -> None:
    """Put together the two neighbours at the least cost.

    It is the points that move times how far, so that all lots stay about as exact: with the closest two, one lot would
    move on and on. Sources that are forgotten, and a month that ends later, cost more.
    """

    def cost(place: int) -> int:
        one, other = lots[place], lots[place + 1]
        apart = one.end != other.end and bool(one.left and other.left)
        lost: int = _DEARER ** (bool(one.source) + bool(other.source) + apart)
        return (max(one.points, 1) * (other.usable - one.usable) + 1) * lost

    place = min(range(len(lots) - 1), key=cost)
    one, other = lots[place], lots.pop(place + 1)
    lots[place] = Lot(other.usable, _later(one, other), one.points + other.points, one.used + other.used)


def _later(one: Lot, other: Lot) -> int:
    """The end of two lots: the later one of those that have points."""
    ends = [lot.end for lot in (one, other) if lot.left] or [one.end, other.end]
    if FOREVER in ends:
        return FOREVER
    return max(ends, key=lambda end: (end != ENDED, _about(end)))


def _about(end: int) -> int:
    """A second near the end; exact enough to find the later of a month and a second, which an edit has mixed."""
    return end if end >= MONTHS else round((end / 12 - 1970) * 365.2425 * 86_400)
