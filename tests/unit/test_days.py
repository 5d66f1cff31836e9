"""The days with a purchase, packed into a state: as many and the same as a plain list of them would say."""

from bisect import insort
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from engine.core.role import Role
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.days import MAX_LISTED, days_of, extent, in_zone, unpack
from engine.core.state.fold import fold
from engine.core.state.model import Memory, State
from engine.core.zones import DAY, LocalDays, from_millis
from engine.model import Event

RECORDED = (
    "9f020307cf0000019d9453b4d881a36275799414cf0000019d6016cc00cf00000001e93c240082a164dc0010cd4ff9cd4ffecd5003cd5008cd"
    "500dcd5012cd5017cd501ccd5021cd5026cd502bcd5030cd5035cd503acd503fcd5044a16f0481a76c656176696e6783a16b09a1749182a164"
    "cf0000019e09280818a173cf0000019d6016cc00a179018080809090c0808080"
)
END = 2**53
START = 1_764_547_200_000  # 2025-12-01T00:00:00Z
HOUR = 3_600_000
FAR = 253 * 366 * 24
"""253 years: more days than there are codes before the surrogates."""


class PlainDays:
    """The newest 16 days as a list, and how many came before."""

    def __init__(self) -> None:
        self.listed: list[int] = []
        self.older = 0
        self.all: list[int] = []

    def add(self, day: int) -> None:
        self.all.append(day)
        if day in self.listed:
            return
        insort(self.listed, day)
        if len(self.listed) > MAX_LISTED:
            del self.listed[0]
            self.older += 1

    def told(self) -> list[int]:
        return [len(self.listed) + self.older, max(self.all) - min(self.all)]


def buy(time: int) -> Event:
    return Event(f"b-{time}", "buy", "c-1", time, {})


def told(memory: Memory, days: LocalDays) -> list[int]:
    return unpack(extent(memory, days))


@settings(max_examples=300)
@given(
    zone=st.sampled_from(["UTC", "America/New_York", "Europe/Berlin", "Pacific/Apia"]),
    daily=st.integers(0, 30),
    hours=st.lists(st.integers(0, 30 * 24) | st.integers(0, 5 * 24) | st.integers(-FAR, FAR), max_size=30),
    more=st.booleans(),
)
def test_purchases_in_any_order_count_each_local_day_once(zone: str, daily: int, hours: list[int], more: bool) -> None:
    days, plain, state = LocalDays(ZoneInfo(zone)), PlainDays(), State()
    role = Role(days=days, keeps_last=more)
    for hour in [*range(0, daily * 24, 24), *hours]:
        time = START + hour * HOUR
        fold(role, state, buy(time), END)
        plain.add(from_millis(time, ZoneInfo(zone)).toordinal())
        assert told(state.events["buy"], days) == plain.told()
        state = decode_state(encode_state(state))


def test_what_tells_the_days_takes_a_byte_for_each_of_the_newest_and_two_for_the_rest() -> None:
    days, state, sizes = LocalDays(ZoneInfo("UTC")), State(), []
    for number in range(40):
        fold(Role(days=days), state, buy(START + number * 3 * DAY), END)
        sizes.append(len(days_of(state.events["buy"]).encode()))
    assert sizes[:5] == [0, 0, 4, 5, 6]
    assert sizes[-1] == 2 + MAX_LISTED - 1


def test_a_late_purchase_on_one_of_the_newest_days_is_no_new_day() -> None:
    days, state = LocalDays(ZoneInfo("UTC")), State()
    for number in range(30):
        fold(Role(days=days), state, buy(START + number * 3 * DAY), END)
    for number in range(29, 29 - MAX_LISTED, -1):
        fold(Role(days=days), state, buy(START + number * 3 * DAY + 1), END)
    assert told(state.events["buy"], days) == [30, 87]
    fold(Role(days=days), state, buy(START + (29 - MAX_LISTED) * 3 * DAY + 1), END)
    assert told(state.events["buy"], days)[0] == 31, "older days are only numbered"


def test_days_of_which_only_the_first_and_the_last_are_known_are_one_for_each_purchase_as_far_as_there_are_enough() -> (
    None
):
    days = LocalDays(ZoneInfo("UTC"))
    assert told(Memory(5, START + 9 * DAY, 9 * DAY), days) == [5, 9]
    assert told(Memory(5, START + 2 * DAY, 2 * DAY), days) == [3, 2]
    assert told(Memory(5, START, 0), days) == [1, 0]


def test_another_zone_counts_the_days_between_anew_and_a_book_without_one_forgets_them() -> None:
    utc, state = LocalDays(ZoneInfo("UTC")), State()
    for moment in (START - 1, START + DAY, START + 2 * DAY):
        fold(Role(days=utc), state, buy(moment), END)
    memory = state.events["buy"]
    assert unpack(in_zone(memory, utc)) == [3, 3, 1, 2]
    assert unpack(in_zone(memory, LocalDays(ZoneInfo("America/New_York")))) == [3, 2, 1, 2]
    assert in_zone(memory, None) == ""


@pytest.mark.parametrize("numbered_from", [0, 719_163])
@pytest.mark.parametrize("sums", [{}, {"s": {"amount": 5.0}}])
def test_days_that_version_2_3_listed_are_packed(numbered_from: int, sums: dict[str, object]) -> None:
    listed = [START // DAY + numbered_from - 5 * number for number in range(MAX_LISTED)]
    history = {"d": sorted(listed), "o": 4, **sums}
    raw = msgspec.msgpack.encode([2, 3, 7, 0, {"buy": [21, START, 95 * DAY, history]}])
    memory = decode_state(raw).events["buy"]
    assert unpack(in_zone(memory, LocalDays(ZoneInfo("UTC")))) == [20, 95, *[5] * 15]
    assert (memory.history is not None) is bool(sums)


def test_a_state_of_version_2_3_goes_on_with_its_days() -> None:
    """Recorded then: twenty purchases five days apart, in New York."""
    days = LocalDays(ZoneInfo("America/New_York"))
    memory = decode_state(bytes.fromhex(RECORDED)).events["buy"]
    assert unpack(in_zone(memory, days)) == [20, 95, *[5] * 15]
