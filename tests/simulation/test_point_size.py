"""How many bytes a customer's points take in the store, and what becomes of them at their bound."""

from pathlib import Path

import msgspec
import pytest

from engine.core.points.bounds import MAX_LOTS, MAX_WAITING
from engine.core.state.codec import decode_state, encode_state
from tests.support.books import DAY, START
from tests.support.drive import Customers
from tests.support.points_shop import PLAIN, STARS, TOLD, buy, ledger, refund, shop, stands, take

UUID = "6f1ed002-ab59-4b3f-8d6e-0000000{:05}"
TIERS = TOLD.replace("send", 'if: points.stars.earned("365d") > 1, send')


@pytest.mark.parametrize("order", ["o-{}", UUID], ids=["short", "uuid"])
@pytest.mark.parametrize("points", [STARS, PLAIN], ids=["end of month", "to the second"])
def test_ten_orders_take_at_most_300_bytes(tmp_path: Path, points: str, order: str) -> None:
    there = Customers(shop(tmp_path, points, TIERS))
    there.tell(*(buy(8 * n + 0.123456, 80 + 13 * n, order.format(1042 + n)) for n in range(10)))
    there.tell(take(81, 55), refund(81.5, 20, order.format(1049)))
    size = len(msgspec.msgpack.encode(there.states["c-1"].points))
    print(f"{size} bytes")
    assert sum(bool(lot.source) for lot in (*ledger(there).lots, *ledger(there).pending)) == 10
    assert size <= 300


def test_a_customer_who_buys_three_times_a_day_stays_within_the_bound(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, STARS, TIERS))
    largest = 0
    for n in range(1500):
        there.tell(buy(n / 3, 100 + n, UUID.format(n)))
        if n % 4 == 0:
            there.tell(take(n / 3 + 0.1, 150 + n), refund(n / 3 + 0.2, 10, UUID.format(90_000 + n)))
        largest = max(largest, len(msgspec.msgpack.encode(there.states["c-1"].points)))
    print(f"{largest} bytes")
    known = ledger(there)
    assert len(known.lots) + len(known.pending) <= MAX_LOTS
    assert len(known.waiting) <= MAX_WAITING
    assert largest <= 1500


def test_at_the_bound_no_point_is_lost_and_windows_are_off_by_days_only(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, TIERS))
    for day in range(700):
        there.tell(buy(day, 10))
    exact, span = 3650, 365 * DAY
    assert exact <= stands(there) <= exact + 300
    assert exact <= stands(there, "earned", span=span) <= exact + 300
    known = ledger(there)
    assert known.balance == sum(lot.left for lot in known.lots) == stands(there)
    assert known.earned == 7000


def test_a_state_with_points_is_what_it_was_when_it_is_read_again(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path)).tell(buy(0, 50, "o-1"), refund(1, 10, "o-2"), take(20, 70))
    state = there.states["c-1"]
    assert decode_state(encode_state(state)) == state


def test_without_points_a_state_grows_by_one_byte(tmp_path: Path) -> None:
    state = Customers(shop(tmp_path)).tell(buy(0, 50)).states["c-1"]
    with_points = len(encode_state(state))
    points = len(msgspec.msgpack.encode(state.points))
    state.points = {}
    assert len(encode_state(state)) == with_points - points + 1


def test_a_source_that_is_as_long_as_can_be_takes_no_more_room(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path)).tell(buy(0, 50, "x" * 100_000), buy(0.5, 50, "é"), refund(1, 30, "x" * 100_000))
    assert stands(there.until(START + 15 * DAY)) == 70
    assert max(len(lot.source) for lot in ledger(there).lots) == 11
