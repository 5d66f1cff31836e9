"""Points: earned, pending, spent, taken back and ended, each at its moment, and every change told once."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.core.decide import decide
from engine.core.zones import to_millis
from engine.model import DerivedEvent, Identified, WakeUp
from tests.support.books import DAY, START, event
from tests.support.drive import Customers
from tests.support.points_shop import AT_ONCE, PLAIN, buy, ledger, refund, review, shop, stands, take, told

YEAR = 365 * DAY


@pytest.mark.parametrize(
    ("amount", "points"),
    [(50, 50), (19.99, 19), (0.999_999_6, 1), (0.3, 0), (-5, 0), (0, 0), ("many", 0), (None, 0), (True, 0), (1e15, 0)],
)
def test_a_customer_earns_whole_points_and_never_less_than_none(tmp_path: Path, amount: float, points: int) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(buy(0, 0, "o-0"), buy(1, amount))
    assert stands(there) == points


def test_what_floats_make_of_a_price_costs_the_customer_no_point(tmp_path: Path) -> None:
    points = AT_ONCE.replace("points: event.amount, match: order_id }", "points: event.amount * 100, match: order_id }")
    assert stands(Customers(shop(tmp_path, points)).tell(buy(0, 4.35))) == 435


def test_points_are_pending_first_and_usable_to_the_millisecond_of_their_second(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path)).tell(buy(0, 50))
    assert (stands(there), stands(there, "pending")) == (0, 50)
    there.until(START + 14 * DAY - 1)
    assert (stands(there), stands(there, "pending")) == (0, 50)
    assert told(there) == []
    there.until(START + 14 * DAY)
    assert (stands(there), stands(there, "pending")) == (50, 0)
    assert told(there) == [("earned", 50, 50, 14.0)]


def test_a_customer_spends_what_ends_soonest(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN)).tell(buy(0, 30), buy(10, 30), take(20, 40))
    assert stands(there) == 20
    assert (stands(there, "expires_at"), stands(there, "expiring")) == (START + 375 * DAY, 20)


def test_a_customer_who_spends_more_than_there_is_pays_it_off_with_what_is_earned_next(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(buy(0, 30), take(1, 50))
    assert (stands(there), ledger(there).debt) == (-20, 20)
    there.tell(review(2))
    assert (stands(there), stands(there, "expires_at")) == (-10, 0)
    there.tell(buy(3, 30))
    assert (stands(there), ledger(there).debt, stands(there, "expiring")) == (20, 0, 20)
    assert [one[:3] for one in told(there)] == [
        ("earned", 30, 30),
        ("spent", -50, -20),
        ("earned", 10, -10),
        ("earned", 30, 20),
    ]


def test_pending_points_pay_no_debt_before_they_can_be_spent(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path)).tell(buy(0, 30), take(1, 20))
    assert stands(there) == -20
    assert stands(there, day=14) == 10
    assert stands(there.until(START + 14 * DAY)) == 10


def test_points_end_with_the_month_in_the_customers_own_zone(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(event("person", START, zone="Asia/Tokyo"), buy(10, 50))
    end = to_millis(_utc("2027-01-31T15:00:00"))
    assert stands(there, "expires_at") == end
    assert stands(there.until(end - 1)) == 50
    assert stands(there.until(end)) == 0
    assert told(there)[-1][:3] == ("expired", -50, 0)


def test_a_customer_who_moves_to_another_zone_keeps_the_points_until_the_month_ends_there(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(
        buy(10, 50), event("person", START + 20 * DAY, zone="America/New_York")
    )
    end = to_millis(_utc("2027-02-01T05:00:00"))
    assert stands(there, "expires_at") == end
    assert stands(there.until(end - 1)) == 50
    there.until(end)
    assert told(there)[-1][:2] == ("expired", -50)
    assert there.outreach[-1].moment == end


def test_points_that_end_at_the_end_of_the_year_are_there_on_new_years_eve(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE.replace("end of month", "end of year"))).tell(buy(10, 50))
    assert stands(there, "expires_at") == to_millis(_utc("2028-01-01T00:00:00"))


def test_points_without_an_end_never_end(tmp_path: Path) -> None:
    points = PLAIN.replace("    expire: { after: 365d }\n", "")
    there = Customers(shop(tmp_path, points)).tell(buy(0, 50)).until(START + 3000 * DAY)
    assert (stands(there), stands(there, "expires_at"), stands(there, "expiring")) == (50, 0, 0)


def test_a_purchase_told_twice_under_another_id_earns_once(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(buy(0, 50, "o-1"), buy(5, 50, "o-1"), review(6), review(7))
    assert stands(there) == 70, "a line without `match` counts every event"


def test_a_refund_takes_back_at_most_what_its_order_earned(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(buy(0, 50, "o-1"), buy(0.5, 30, "o-2"))
    there.tell(refund(1, 20, "o-1"), refund(2, 20, "o-1"))
    assert stands(there) == 40
    there.tell(refund(3, 20, "o-1"))
    assert stands(there) == 30, "only 10 of the order are left"
    there.tell(refund(4, 500, "o-1"))
    assert stands(there) == 30


def test_a_refund_of_pending_points_takes_them_before_anybody_sees_them(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path)).tell(buy(0, 50, "o-1"), refund(3, 50, "o-1")).until(START + 20 * DAY)
    assert (stands(there), stands(there, "pending"), told(there)) == (0, 0, [])


def test_a_refund_of_spent_points_takes_others_of_the_same_end_then_the_soonest_then_makes_debt(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(buy(0, 50, "o-1"), take(1, 50))
    there.tell(buy(40, 10, "later"), buy(2, 20, "same"), refund(41, 25, "o-1"))
    assert (stands(there), stands(there, "expiring")) == (5, 5), "20 of the same month, then 5 of the next"
    there.tell(refund(42, 25, "o-1"))
    assert (stands(there), ledger(there).debt) == (-20, 20)


def test_a_refund_of_spent_points_leaves_those_that_end_sooner_to_the_last(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(buy(40, 50, "o-1"), take(41, 50), buy(42, 20, "same"))
    there.tell(buy(2, 30, "sooner"), refund(43, 25, "o-1"))
    assert (stands(there), stands(there, "expiring")) == (25, 25), "20 of the same month, then 5 of the one before"


def test_a_refund_that_comes_too_late_takes_nothing(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(buy(0, 50, "o-1"), buy(0.05, 50, "o-2"))
    there.tell(refund(90, 50, "o-1"), refund(90.1, 50, "o-2"))
    assert stands(there) == 50


def test_a_refund_after_the_points_have_ended_takes_nothing(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN.replace("365d", "30d"))).tell(buy(0, 50, "o-1"), buy(20, 50, "o-2"))
    there.tell(refund(31, 50, "o-1"))
    assert stands(there) == 50


def test_a_refund_before_its_purchase_waits_for_it(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(refund(1, 20, "o-1"), refund(2, 20, "o-1"))
    assert stands(there) == 0
    there.tell(buy(0, 50, "o-1"))
    assert stands(there) == 10
    assert told(there) == [("earned", 10, 10, 2.0)]


def test_a_refund_before_its_purchase_waits_as_long_as_the_newest_of_them(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE)).tell(refund(50, 20, "o-1"), refund(1, 20, "o-1"), review(120))
    there.tell(buy(0, 50, "o-1"))
    assert stands(there) == 20, "10 of the purchase and 10 of the review"


def test_buying_gold_and_sending_it_back_does_not_make_gold(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE, note=EARNED)).tell(
        buy(0, 2000, "o-1"), buy(5, 100), refund(30, 2000, "o-1")
    )
    assert stands(there, "earned", span=YEAR) == 100
    assert stands(there, "earned") == 100


def test_spending_takes_nothing_from_what_was_earned(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, note=EARNED)).tell(buy(0, 50), take(20, 50))
    assert (stands(there), stands(there, "earned", span=YEAR)) == (0, 50)
    assert stands(there, "earned", day=14 + 365, span=YEAR) == 0, "a year after they became usable"
    assert stands(there, "earned", day=14 + 364, span=YEAR) == 50


def test_a_late_purchase_earns_now_and_ends_as_if_it_had_been_in_time(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN)).tell(buy(30, 10), buy(0, 50))
    assert (stands(there), stands(there, "expires_at")) == (60, START + 365 * DAY)
    assert told(there) == [("earned", 10, 10, 30.0), ("earned", 50, 60, 30.0)]


def test_lines_of_several_currencies_and_tiers_are_asked_as_they_were_before_the_event(tmp_path: Path) -> None:
    points = """\
  - id: stars
    earn:
      - { event: buy, points: event.amount, match: order_id }
      - { event: buy, points: event.amount, match: order_id, where: segments.regular }
    take_back: [{ event: refund, match: order_id, points: event.amount }]
"""
    segments = "  - { id: regular, if: events.buy.count() >= 2 }\n"
    there = Customers(shop(tmp_path, points, segments=segments)).tell(buy(0, 10), buy(1, 10), buy(2, 10, "o-2"))
    assert stands(there) == 40, "the second purchase made the customer a regular; the third counts twice"
    assert stands(there.tell(refund(3, 15, "o-2"))) == 25


def test_a_rule_may_ask_for_the_balance_from_after_the_event(tmp_path: Path) -> None:
    rules = "  - { id: rich, when: { event: buy }, if: points.stars.balance >= 100, send: note }\n"
    there = Customers(shop(tmp_path, AT_ONCE, rules)).tell(buy(0, 60), buy(1, 60))
    assert [one.moment for one in there.outreach] == [START + DAY]


def test_a_segment_over_a_balance_is_left_the_moment_the_points_end(tmp_path: Path) -> None:
    rules = "  - { id: moved, when: { segment: rich, moves: any }, send: note }\n"
    segments = "  - { id: rich, if: points.stars.balance >= 50 }\n"
    there = Customers(
        shop(tmp_path, PLAIN.replace("order_id }", "order_id, usable_after: 14d }"), rules, segments=segments)
    )
    there.tell(buy(0, 30), buy(3, 30)).until(START + 400 * DAY)
    assert [one.moment - START for one in there.outreach] == [17 * DAY, 365 * DAY]


def test_tiers_over_what_was_earned_rise_when_it_is_usable_and_fall_when_it_is_a_year_old(tmp_path: Path) -> None:
    rules = "  - { id: moved, when: { segment: tier, moves: any }, send: note }\n"
    segments = """\
  - id: tier
    levels: { low: points.stars.earned("365d") >= 50, high: points.stars.earned("365d") >= 100 }
"""
    there = Customers(shop(tmp_path, rules=rules, segments=segments)).tell(buy(0, 60), buy(2, 60), take(20, 120))
    there.until(START + 400 * DAY)
    moved = [((one.moment - START) // DAY, one.event.properties["new"]) for one in there.outreach if one.event]
    assert moved == [(14, "low"), (16, "high"), (379, "low"), (381, "none")]


def test_a_customer_of_whom_nothing_is_known_has_no_points(tmp_path: Path) -> None:
    condition = 'points.stars.balance == 0 and points.stars.expiring == 0 and points.stars.earned("1d") == 0'
    rules = f"  - {{ id: poor, when: {{ event: visit }}, if: '{condition}', send: note }}\n"
    there = Customers(shop(tmp_path, rules=rules)).tell(event("visit", START))
    assert len(there.outreach) == 1
    assert there.states["c-1"].points == {}


def test_a_guest_keeps_no_points_that_belong_to_the_customer_they_became(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path)).tell(buy(0, 50))
    there.tell(Identified("c-1", "c-9", START + DAY))
    there.until(START + 20 * DAY)
    assert there.outreach == []


def test_changes_are_written_to_a_topic_where_the_policy_says_so(tmp_path: Path) -> None:
    book = shop(tmp_path, AT_ONCE, policy="publish: [points_changed]\n")
    decision = decide(book, None, buy(0, 50), START)
    (told,) = [effect.event for effect in decision.effects if isinstance(effect, DerivedEvent)]
    assert told.type == "points_changed"
    assert told.properties == {"id": "stars", "points": "stars", "delta": 50, "balance": 50, "reason": "earned"}
    again = decide(book, None, buy(0, 50), START)
    assert [effect.id for effect in again.effects] == [effect.id for effect in decision.effects], "the same id for ever"


def test_a_customer_whose_worker_was_down_for_a_year_hears_of_each_change(tmp_path: Path) -> None:
    kinds = "".join(PLAIN.replace("stars", name, 1).replace("365d", "30d") for name in ("a", "b", "c"))
    points = kinds.replace("match: order_id }", "match: order_id, usable_after: 3d }")
    book = shop(tmp_path, points, note=HELLO)
    state = None
    for number in range(39):
        state = decide(book, state, buy(number / 100, 5, f"o-{number}"), START).state
    decision = decide(book, state, WakeUp("c-1"), START + 365 * DAY)
    changes = [one.properties["delta"] for one in decision.derived]
    assert changes == [5, 5, 5] * 39 + [-5, -5, -5] * 39
    assert len(decision.outreach) == len(changes)


def test_a_journey_may_begin_with_points_that_end_and_be_over_when_they_are_spent(tmp_path: Path) -> None:
    rules = """\
  - id: ends
    when: { expiring: { ends: points.stars.expires_at, in: 30d } }
    exit: { event: points_changed, where: event.points == "stars" and event.reason == "spent" }
    steps: [{ send: note }, { wait: 20d }, { send: note, id: again }]
"""
    book = shop(tmp_path, PLAIN, rules)
    there = Customers(book).tell(buy(0, 50)).until(START + 400 * DAY)
    assert [one.step for one in there.outreach] == ["note", "again"]
    there = Customers(book).tell(buy(0, 50), take(340, 10)).until(START + 400 * DAY)
    assert [one.step for one in there.outreach] == ["note"]


HELLO = "{% block subject %}Hello{% endblock %}{% block text %}Dear{% endblock %}\n"
EARNED = '{% block subject %}{{ points.stars.earned("365d") }}{% endblock %}{% block text %}Dear{% endblock %}\n'


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
