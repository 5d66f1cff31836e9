"""When to look at which customer: the days of looks that a partition has in memory, and which looks a commit writes.

A look is a moment at which a customer may be due. The store has them in one list a day, to which commits only append.
An activity moves a wake-up from day to day; the look stays where it is, and when it comes up, a new one is written at
the wake-up. So most commits write no look. Only `Partition` uses this module; the model test of the store explores it.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from itertools import chain
from operator import itemgetter

from engine.core.zones import DAY

NEVER = 2**53
"""Later than any moment."""
FEW = 64
"""What was added to a day is sorted with the rest once it is more than a 64th of it: a look costs a microsecond then.
From a heap of 125,000, as a partition has them in a storm of a million, taking one costs two."""
_MOMENT = itemgetter(0)


class _Day:
    """The looks of a day: those in order, and on a heap those that are not in order yet."""

    def __init__(self, looks: list[tuple[int, str]]) -> None:
        heapify(looks)
        self._ordered: list[tuple[int, str]] = []
        self._added = looks

    def __iter__(self) -> Iterator[tuple[int, str]]:
        return chain(self._ordered, self._added)

    def first(self) -> int:
        ordered, added = self._ordered, self._added
        return min(ordered[0][0] if ordered else NEVER, added[0][0] if added else NEVER)

    def add(self, look: tuple[int, str]) -> None:
        heappush(self._added, look)

    def take(self, until: int, limit: int) -> list[tuple[int, str]]:
        ordered, added = self._ordered, self._added
        if added and added[0][0] <= until and FEW * len(added) > len(ordered):
            ordered += added
            ordered.sort()
            added.clear()
        end = bisect_right(ordered, until, hi=min(limit, len(ordered)), key=_MOMENT)
        taken = ordered[:end]
        del ordered[:end]
        if added and added[0][0] <= until:
            while added and added[0][0] <= until and len(taken) < end + limit:
                taken.append(heappop(added))
            taken.sort()
            for look in taken[limit:]:
                heappush(added, look)
        return taken[:limit]


class Looks:
    """The looks of the days up to the day after the clock, in memory by day, and which days the store has.

    Correct while this owner's commits are accepted: after a failed one, `forget`.
    """

    def __init__(self, days: Iterable[int]) -> None:
        self._stored = set(days)
        self._days: dict[int, _Day] = {}
        """Day -> (moment, customer) of all looks that have not come up yet."""
        self._until = -1
        """All looks up to the end of this day are in memory."""

    def forget(self) -> None:
        """Drop everything in memory: a batch failed after looks were taken. The next batch loads them again."""
        self._days, self._until = {}, -1

    def missing(self, clock: int) -> list[int]:
        """The days to load before a batch that ends at `clock`: what it decides may be due, and may be found later."""
        end = clock // DAY + 1
        return sorted(day for day in self._stored if self._until < day <= end) if end > self._until else []

    def learn(self, clock: int, found: Mapping[int, list[tuple[int, str]]]) -> None:
        """Take in the looks of the missing days of `clock`."""
        for day, looks in found.items():
            self._days[day] = _Day(looks)
        self._until = max(self._until, clock // DAY + 1)

    @staticmethod
    def needed(wake: int, look: int, until: int) -> int:
        """The moment at which a new look must be written for a customer; 0: none.

        `look`: the live one; `until`: up to here, looks have come up. A look that comes up before the wake-up and is
        not the live one must not be followed by another: looks would renew each other for ever.
        """
        if wake and wake != look and (not look or wake < look or look <= until):
            return wake
        return 0

    def first(self) -> int:
        """The soonest look in memory; NEVER if there is none."""
        return min((day.first() for day in self._days.values()), default=NEVER)

    def due(self, until: int) -> tuple[int, int]:
        """How many looks in memory are at or before `until`, and the soonest one's moment."""
        first = self.first()
        if first > until:
            return 0, first
        return sum(sum(map(until.__ge__, map(_MOMENT, day))) for day in self._days.values()), first

    def take(self, until: int, limit: int) -> list[tuple[str, int]]:
        """Remove and return up to `limit` (customer, moment) at or before `until`, soonest first.

        After the commit `written` must follow, after a failure `forget`.
        """
        taken: list[tuple[str, int]] = []
        for day in sorted(self._days):
            some = self._days[day].take(until, limit - len(taken))
            taken += [(customer, moment) for moment, customer in some]
        return taken

    def gone(self, clock: int) -> list[int]:
        """The days before the clock's whose looks have all come up. A commit drops them, then appends to others."""
        soonest = self.first() // DAY
        return sorted(day for day in self._stored if day < clock // DAY and day <= self._until and day < soonest)

    def written(self, looks: Mapping[int, Sequence[tuple[int, str]]], gone: Iterable[int]) -> None:
        """Note what a commit has written and dropped."""
        for day in gone:
            self._stored.discard(day)
            self._days.pop(day, None)
        for day, some in looks.items():
            self._stored.add(day)
            if day <= self._until:
                found = self._days.setdefault(day, _Day([]))
                for look in some:
                    found.add(look)
