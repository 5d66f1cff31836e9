"""Points under edits of the rules: renamed, removed and brought back, and with another expiry."""

from pathlib import Path

from tests.support.books import DAY, START
from tests.support.drive import Customers
from tests.support.points_shop import AT_ONCE, PLAIN, STARS, TOLD, buy, ledger, refund, shop, stands, take, told

NO_POINTS = "  - { id: told, when: { event: visit }, send: note }\n"
PLAIN_NOTE = "{% block subject %}Hello{% endblock %}{% block text %}Dear customer{% endblock %}\n"
KEEPS_ALL = PLAIN.replace("    expire: { after: 365d }\n", "")


def test_renamed_points_keep_their_balance(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path / "a", AT_ONCE)).tell(buy(0, 50, "o-1"))
    points = AT_ONCE.replace("id: stars", "id: coins\n    was: [stars]")
    there.until(START + DAY).meet(shop(tmp_path / "b", points, note=PLAIN_NOTE)).tell(refund(2, 20, "o-1"))
    kept = there.states["c-1"].points
    assert (list(kept), kept["coins"].balance) == (["coins"], 30)


def test_points_that_are_taken_out_of_the_rules_by_mistake_are_there_again_a_week_later(tmp_path: Path) -> None:
    book = shop(tmp_path / "a", AT_ONCE)
    there = Customers(book).tell(buy(0, 50))
    there.until(START + DAY).meet(shop(tmp_path / "b", "", NO_POINTS, note=PLAIN_NOTE))
    there.tell(buy(2, 20)).until(START + 8 * DAY).meet(book).tell(take(9, 10))
    assert stands(there) == 40, "what was bought meanwhile earned nothing"
    assert [one[:3] for one in told(there)] == [("earned", 50, 50), ("spent", -10, 40)]
    there.until(START + 50 * DAY).meet(shop(tmp_path / "b", "", NO_POINTS, note=PLAIN_NOTE))
    assert stands(there.until(START + 60 * DAY).meet(book)) == 40, "the second time too"


def test_points_that_were_gone_for_more_than_a_month_begin_anew(tmp_path: Path) -> None:
    book = shop(tmp_path / "a", AT_ONCE)
    there = Customers(book).tell(buy(0, 50))
    there.until(START + DAY).meet(shop(tmp_path / "b", "", NO_POINTS, note=PLAIN_NOTE))
    there.until(START + 20 * DAY).meet(shop(tmp_path / "b", "", NO_POINTS.replace("visit", "buy"), note=PLAIN_NOTE))
    there.until(START + 40 * DAY).meet(book).tell(buy(41, 7))
    assert stands(there) == 7


def test_a_shorter_expiry_ends_nothing_sooner_than_a_whole_new_period_after_it_went_live(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path / "a", PLAIN)).tell(buy(0, 50, "o-1"), buy(290, 20, "o-2"))
    there.until(START + 300 * DAY).meet(shop(tmp_path / "b", PLAIN.replace("365d", "30d")))
    assert stands(there, "expires_at") == START + 330 * DAY
    assert stands(there, "expiring") == 70
    there.until(START + 330 * DAY)
    assert told(there)[-1] == ("expired", -70, 0, 330.0)


def test_the_whole_new_period_counts_from_the_edit_though_lateness_holds_time_back(tmp_path: Path) -> None:
    wait, shorter = "allowed_lateness: 2d\n", PLAIN.replace("365d", "30d")
    there = Customers(shop(tmp_path / "a", PLAIN, policy=wait)).tell(buy(0, 50)).until(START + 300 * DAY)
    assert stands(there.meet(shop(tmp_path / "b", shorter, policy=wait)), "expires_at") == START + 330 * DAY


def test_a_shorter_expiry_never_makes_points_live_longer(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path / "a", PLAIN)).tell(buy(0, 50))
    there.until(START + 350 * DAY).meet(shop(tmp_path / "b", PLAIN.replace("365d", "100d")))
    assert stands(there, "expires_at") == START + 365 * DAY


def test_a_longer_expiry_serves_those_who_have_points_already(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path / "a", PLAIN)).tell(buy(0, 50))
    there.until(START + 300 * DAY).meet(shop(tmp_path / "b", PLAIN.replace("365d", "400d")))
    assert stands(there, "expires_at") == START + 400 * DAY + 1000, "to the end of the second"
    there.meet(shop(tmp_path / "c", KEEPS_ALL)).until(START + 4000 * DAY)
    assert stands(there) == 50


def test_going_back_to_the_old_expiry_takes_nothing_off_the_end(tmp_path: Path) -> None:
    old, new = shop(tmp_path / "a", PLAIN), shop(tmp_path / "b", PLAIN.replace("365d", "30d"))
    there = Customers(old).tell(buy(0.123456789, 50))
    before = stands(there, "expires_at")
    there.meet(new)
    assert stands(there, "expires_at") < before
    assert before <= stands(there.meet(old), "expires_at") <= before + 1000


def test_points_that_never_ended_get_a_whole_period_when_they_are_to_end(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path / "a", KEEPS_ALL)).tell(buy(0, 50))
    there.until(START + 1000 * DAY).meet(shop(tmp_path / "b", PLAIN))
    assert stands(there, "expires_at") == START + 1365 * DAY


def test_an_edit_of_how_many_points_a_purchase_earns_changes_nothing_that_was_earned(tmp_path: Path) -> None:
    book = shop(tmp_path / "a", STARS)
    there = Customers(book).tell(buy(0, 50, "o-1"))
    edited = shop(
        tmp_path / "b",
        STARS.replace("points: event.amount, match: order_id, usable", "points: 1, match: order_id, usable"),
    )
    assert edited.mark == book.mark, "nobody has to be looked at for it"
    there.meet(edited).tell(buy(1, 50, "o-2"), refund(2, 10, "o-1"))
    assert stands(there, "pending") == 41


def test_a_window_that_the_rules_begin_to_ask_for_counts_what_is_still_known(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path / "a", AT_ONCE)).tell(buy(0, 50), take(1, 50), buy(100, 30), take(150, 10))
    assert len(ledger(there).lots) == 1, "spent, and its refund would be too late"
    rules = TOLD.replace("send", 'if: points.stars.earned("365d") > 1, send')
    there.meet(shop(tmp_path / "b", AT_ONCE, rules)).tell(take(151, 1))
    assert stands(there, "earned", span=365 * DAY) == 30
    there.tell(buy(152, 5), take(153, 4))
    assert stands(there, "earned", day=400, span=365 * DAY) == 35
