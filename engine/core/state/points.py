"""The structs that a state keeps of a customer's points. Moments are whole seconds since the epoch, unless they say ms.

Points count in whole seconds, as a moment in seconds takes five bytes of a state, and in milliseconds nine. A lot is
usable from the second in which it becomes so, and ends after the second in which it would, so that nobody loses by it.
`engine/core/points` reads and writes them.
"""

from typing import Final

import msgspec

FOREVER: Final = 0
"""The end of a lot that never ends."""
ENDED: Final = -1
"""The end of a lot that is over; what was left of it has expired."""
MONTHS: Final = 100_000
"""An end below it is a month: the number of months since the year 0. It begins when the customer's own calendar says,
so a move to another zone moves the end. From it on an end is in seconds (the epoch's second day)."""


class Lot(msgspec.Struct, array_like=True, gc=False):
    """The points of one earning, or of several where `engine.core.points.bounds` has put them together."""

    usable: int
    """When they can be spent; windows of `earned` count them from then on."""
    end: int
    """FOREVER, ENDED, a month or a second: see MONTHS."""
    points: int
    """Earned, less what was taken back since."""
    used: int = 0
    """How many of them are spent, taken back for another lot, or expired."""
    source: str = ""
    """What a take-back names it by; "": nothing can be taken back any more."""
    line: int = 0
    """The code of the line under `earn` that made it; 0: several did."""

    @property
    def left(self) -> int:
        return self.points - self.used


class TakenEarly(msgspec.Struct, array_like=True, gc=False):
    """What is to be taken back from an earning that has not come yet."""

    source: str
    points: int
    at: int
    match: int
    """The code of the property that `source` is a value of."""


class Ledger(msgspec.Struct, array_like=True, gc=False):
    """One customer's points of one kind. `earned` - `taken` - `spent` - `expired` is always the balance."""

    lots: list[Lot] = []
    """What can be spent, could be, or still counts for a window; in the order in which it became usable."""
    pending: list[Lot] = []
    """What cannot be spent yet, the soonest usable first."""
    waiting: list[TakenEarly] = []
    debt: int = 0
    """Spent or taken back beyond what was there; what becomes usable pays it off first."""
    earned: int = 0
    """All points that ever became usable."""
    taken: int = 0
    spent: int = 0
    expired: int = 0
    changes: int = 0
    """How many changes of the balance have been told; their events are numbered with it, so it never goes back."""
    due: int = 0
    """When time alone changes the balance, ms; 0: never."""
    terms: int = 0
    """The number of the expiry that the lots' ends were computed with."""
    parked: int = 0
    """The book no longer has such points; until this moment (ms) they can come back as they were."""

    @property
    def balance(self) -> int:
        return self.earned - self.taken - self.spent - self.expired
