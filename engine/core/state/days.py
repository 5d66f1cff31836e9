"""The days with an event of a type, packed: how many, from the first to the last, and which the newest are.

`fold` counts them where scores ask for them, and `core.scores` reads them. They are a text, which is made, stored and
read faster than a list. The codes of its characters are the number of days, the days from the first to the last, and
the gaps between the newest, newest first: "\\x03\\x07\\x05\\x02" is the last event's day, the one 5 days before, and
the one 2 days before that. UTF-8 takes one byte for each code up to 127.

"" stands for days that follow from a memory's count, first and last event alone.
"""

from bisect import insort
from itertools import accumulate, pairwise

from engine.core.state.model import History, Memory
from engine.core.zones import LocalDays

MAX_LISTED = 16
"""Days of which a state knows which they were. Without it a customer who buys daily would have a state of kilobytes. An
event that is late by more than 16 such days counts as a day of its own."""
_SURROGATES, _MANY = 0xD800, 0x800
"""Where the codes begin that UTF-8 cannot have, and how many they are; larger numbers are moved beyond them."""
_MAX_CODE = 0x10FFFF
_ONE_DAY = "\x01\x00"


def days_of(memory: Memory) -> str:
    """The packed days; "" if they were not counted."""
    kept = memory.kept
    return kept if type(kept) is str else kept.days if type(kept) is History else ""


def extent(memory: Memory, days: LocalDays) -> str:
    """The number of days and the days from the first to the last, packed.

    Of days that were not counted only the first and the last are known. Then each event has one of its own, as far as
    there are enough: exact up to two events.
    """
    if packed := days_of(memory):
        return packed[:2]
    if not memory.spread:
        return _ONE_DAY
    recency = days.between(memory.last - memory.spread, memory.last)
    number = memory.count if memory.count <= recency else recency + 1
    return chr(number) + chr(recency) if recency < _SURROGATES else pack(number, recency)


def pack(number: int, recency: int, ages: list[int] | None = None) -> str:
    """`ages`: how many days before the last event's the newest days are, in order; the first is 0."""
    gaps = [old - young for young, old in pairwise(ages[:MAX_LISTED])] if ages else []
    return "".join([chr(n if n < _SURROGATES else min(n + _MANY, _MAX_CODE)) for n in (number, recency, *gaps)])


def unpack(packed: str) -> list[int]:
    """The number, the days from the first to the last, and the gaps."""
    return [code if code < _SURROGATES else code - _MANY for code in map(ord, packed)]


def count_day(memory: Memory, days: LocalDays, time: int) -> None:
    """Count the day of a further event. `memory` must not have the event yet."""
    kept = memory.kept
    packed = kept if type(kept) is str else kept.days if type(kept) is History else ""
    if not packed:
        if memory.count == 1:
            return  # the first and the last event tell the days of two
        packed = _begun(memory, days)
    gap = days.between(memory.last, time)
    if gap > 0 and (recency := ord(packed[1]) + gap) < _SURROGATES:  # the usual case
        packed = chr(ord(packed[0]) + 1) + chr(recency) + chr(gap) + packed[2:MAX_LISTED]
    elif gap:
        packed = _with(packed, gap)
    if type(kept) is History:
        kept.days = packed
    else:
        memory.kept = packed


def in_zone(memory: Memory, days: LocalDays | None) -> str:
    """The packed days for a book that counts them in this zone; "" for None, as nobody will count those to come."""
    packed = days_of(memory)
    if not packed or days is None:
        return ""
    return pack(unpack(packed)[0], days.between(memory.first, memory.last)) + packed[2:]


def _begun(memory: Memory, days: LocalDays) -> str:
    packed = extent(memory, days)
    return packed + packed[1] if memory.count == 2 and packed != _ONE_DAY else packed


def _with(packed: str, gap: int) -> str:
    """With the day that is `gap` days after the last event's, or before it, if it is not among them yet."""
    number, recency, *gaps = unpack(packed)
    ages = list(accumulate(gaps, initial=0))
    if -gap in ages:
        return packed
    if gap > 0:
        return pack(number + 1, recency + gap, [0, *(age + gap for age in ages)])
    insort(ages, -gap)
    return pack(number + 1, max(recency, -gap), ages)
