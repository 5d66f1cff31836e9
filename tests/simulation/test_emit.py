"""Rules that make events: for the customer within the decision, for others, at once or after a while."""

from collections import Counter
from pathlib import Path

import pytest

from engine.core.explain import explain
from engine.core.zones import iso
from engine.model import Outcome
from engine.testing.simulator import Simulator
from tests.support.referrals import REFERRAL, book_of

EACH = """\
version: 1
rules:
  - id: earn
    when: { event: purchase }
    exit: { event: refund, match: order_id }
    emit: { event: referral_succeeded, after: 14d, with: { friend: event.order_id } }
"""


@pytest.fixture(params=[False, True], ids=["once", "twice-and-reloaded"])
def strict(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def shop(tmp_path: Path, strict: bool) -> Simulator:
    """Ada has brought Bob."""
    there = Simulator(book_of(tmp_path, REFERRAL), strict=strict)
    there.event("signup", "0d", customer="ada")
    there.event("signup", "0d", customer="bob", by="ada")
    return there


def outcomes(there: Simulator) -> list[tuple[str, str, Outcome]]:
    return [(one.customer, one.rule, one.outcome) for one in there.outcomes]


def test_who_brought_a_friend_is_thanked_when_the_return_period_is_over(shop: Simulator) -> None:
    shop.event("purchase", "1d", customer="bob", order_id="o-1")
    shop.run("30d")
    assert [(one.customer, one.rule, one.moment) for one in shop.outreach] == [("ada", "thanks", shop.moment("15d"))]
    [told] = [one.event for one in shop.outreach]
    assert told
    assert told.properties == {"friend": "bob", "order": "o-1"}
    assert ("bob", "referral", Outcome.EMITTED) in outcomes(shop)


def test_a_refund_of_that_order_within_the_return_period_takes_it_back(shop: Simulator) -> None:
    shop.event("purchase", "1d", customer="bob", order_id="o-1")
    shop.event("refund", "3d", customer="bob", order_id="o-1")
    shop.run("30d")
    assert shop.outreach == []
    assert [(one.outcome, one.reason) for one in shop.outcomes if one.customer == "bob"][-1:] == [
        (Outcome.SUPPRESSED, "ended by refund")
    ]


def test_what_an_exit_has_ended_is_not_said_to_have_reached_anybody(tmp_path: Path, strict: bool) -> None:
    once = EACH.replace(", match: order_id", "").replace("    exit", "    reentry: once\n    exit")
    there = Simulator(book_of(tmp_path, once), strict=strict)
    there.event("purchase", "1d", order_id="o-1")
    there.event("refund", "3d", order_id="o-1")
    there.event("purchase", "4d", order_id="o-2")
    reason = f"reentry: once, and it came true at {iso(there.moment('1d'))}"
    assert there.outcomes[-1].reason == reason
    (view,) = explain(there.book, there.states["c-1"], "c-1", there.now)
    assert view.stops == (f"suppressed: {reason}",)


def test_the_refund_of_another_order_takes_nothing_back(shop: Simulator) -> None:
    shop.event("purchase", "1d", customer="bob", order_id="o-1")
    shop.event("refund", "3d", customer="bob", order_id="o-2")
    shop.run("30d")
    assert [one.customer for one in shop.outreach] == ["ada"]


def test_a_refund_that_arrives_before_its_purchase_counts(shop: Simulator) -> None:
    shop.event("refund", "3d", customer="bob", order_id="o-1")
    shop.event("purchase", "1d", customer="bob", order_id="o-1", arrives="4d")
    shop.run("30d")
    assert shop.outreach == []


def test_a_refund_after_the_return_period_comes_too_late(shop: Simulator) -> None:
    shop.event("purchase", "1d", customer="bob", order_id="o-1")
    shop.event("refund", "15d", customer="bob", order_id="o-1")
    assert [one.customer for one in shop.outreach] == ["ada"]


def test_the_first_purchase_only_is_credited(shop: Simulator) -> None:
    for day in (1, 2, 40):
        shop.event("purchase", f"{day}d", customer="bob", order_id=f"o-{day}")
    shop.run("90d")
    assert [one.customer for one in shop.outreach] == ["ada"]


def test_nobody_is_created_and_nobody_refers_themselves(tmp_path: Path, strict: bool) -> None:
    there = Simulator(book_of(tmp_path, REFERRAL), strict=strict)
    there.event("signup", "0d", customer="bob", by="nobody-known")
    there.event("signup", "0d", customer="eve", by="eve")
    for customer in ("bob", "eve"):
        there.event("purchase", "1d", customer=customer, order_id="o")
    there.run("30d")
    assert [event.customer for event in there.lost] == ["nobody-known"]
    assert "nobody-known" not in there.states
    assert ("eve", "referral", Outcome.SUPPRESSED) in outcomes(there)


def test_each_purchase_earns_for_itself(tmp_path: Path, strict: bool) -> None:
    there = Simulator(book_of(tmp_path, EACH), strict=strict)
    for day in range(5):
        there.event("purchase", f"{day}d", order_id=f"o-{day}")
    there.event("refund", "6d", order_id="o-2")
    there.run("30d")
    made = [(event.time, event.properties["friend"]) for event in there.derived]
    assert made == [(there.moment(f"{day + 14}d"), f"o-{day}") for day in (0, 1, 3, 4)]


def test_an_emit_that_waits_knows_no_quiet_hours_caps_or_freshness(tmp_path: Path, strict: bool) -> None:
    policy = 'version: 1\nquiet_hours: { from: "00:00", to: "23:59" }\ncaps: [{ limit: 1, per: 30d }]\nfresh_for: 1m\n'
    there = Simulator(book_of(tmp_path, EACH, policy), strict=strict)
    for number in range(3):
        there.event("purchase", "0d", order_id=f"o-{number}")
    there.run("30d")
    assert len(there.derived) == 3


def test_what_others_report_and_what_rules_make_keeps_nobody_from_being_forgotten(tmp_path: Path) -> None:
    there = Simulator(book_of(tmp_path, EACH, "version: 1\nforget_after: 30d\n"))
    there.event("purchase", "0d", order_id="o")
    there.event("reported", "29d")
    there.run("31d")
    assert there.states == {}


def test_a_required_property_that_is_missing_stops_the_event(tmp_path: Path, strict: bool) -> None:
    there = Simulator(book_of(tmp_path, EACH), strict=strict)
    there.event("purchase", "0d")
    there.run("30d")
    assert there.derived == []
    assert there.outcomes[-1].reason == "referral_succeeded must have friend, which is missing"


def test_many_events_that_are_due_at_one_instant_are_all_made(tmp_path: Path, strict: bool) -> None:
    """Orders that a shop tells with their day only; each event that is made earns points, which is another event."""
    points = "points: [{ id: stars, earn: [{ event: referral_succeeded, points: 1 }] }]\nrules:\n"
    there = Simulator(book_of(tmp_path, EACH.replace("rules:\n", points)), strict=strict)
    for order in range(99):
        there.event("purchase", "0d", order_id=f"o-{order}")
    there.run("30d")
    assert Counter(one.type for one in there.derived) == {"referral_succeeded": 99, "points_changed": 99}


TYPED = """\
version: 1
events:
  answered: { properties: { what: any, ends: string } }
  agreed:
    properties:
      amount: number
      stars: integer
      ends: time
      day: date
      name: { type: string, required: true }
    profile: { contract_ends: ends }
"""
AGREE = """\
version: 1
rules:
  - id: agree
    when: { event: answered }
    emit:
      event: agreed
      with: { amount: event.what, stars: event.what, ends: event.ends, day: event.ends, name: NAME }
  - id: ends
    when: { expiring: { ends: profile.contract_ends, in: 1d } }
    send: thanks
"""


def agreed(folder: Path, what: object, ends: str, strict: bool, name: str = "customer.id") -> Simulator:
    there = Simulator(book_of(folder, AGREE.replace("NAME", name), events=TYPED), strict=strict)
    there.event("answered", "0d", what=what, ends=ends)
    return there


@pytest.mark.parametrize(
    ("what", "numbers"),
    [
        ("x", {}),
        (True, {}),
        ([1], {}),
        (7, {"amount": 7, "stars": 7}),
        (2.5, {"amount": 2.5}),
        (7.0, {"amount": 7.0, "stars": 7}),
    ],
)
def test_a_value_of_another_type_than_the_property_is_left_out(
    tmp_path: Path, what: object, numbers: dict[str, object], strict: bool
) -> None:
    [made] = agreed(tmp_path, what, "soon", strict).derived
    assert made.properties == {**numbers, "name": made.customer}
    assert [str(made.properties[name]) for name in numbers] == list(map(str, numbers.values()))


def test_a_required_property_of_another_type_stops_the_event(tmp_path: Path, strict: bool) -> None:
    there = agreed(tmp_path, 7, "2026-02-01", strict, name="event.what")
    assert there.derived == []
    assert there.outcomes[-1].reason == "agreed must have name, which is missing"


def test_a_text_that_stands_for_a_time_is_the_time_as_from_any_producer(tmp_path: Path, strict: bool) -> None:
    there = agreed(tmp_path, 7, "2026-01-31T10:00:00+02:00", strict)
    [made] = there.derived
    assert (made.properties["ends"], made.properties["day"]) == (there.moment("30d") + 8 * 3_600_000, "2026-01-31")
    there.run("40d")
    assert [one.moment for one in there.outreach] == [there.moment("29d") + 8 * 3_600_000]


def test_with_match_one_event_waits_for_each_order(tmp_path: Path, strict: bool) -> None:
    there = Simulator(book_of(tmp_path, EACH.replace("    exit:", "    match: order_id\n    exit:")), strict=strict)
    there.event("signup", "0d", customer="bob")
    for at, order in (("1d", "o-1"), ("2d", "o-1"), ("3d", "o-2")):
        there.event("purchase", at, customer="bob", order_id=order)
    there.event("purchase", "4d", customer="bob")
    assert [one.reason for one in there.outcomes if one.outcome is Outcome.SUPPRESSED] == [
        "one waits already for this order_id, since 2026-01-02T00:00:00Z",
        "the event has no order_id",
    ]
    there.event("purchase", "20d", customer="bob", order_id="o-1")
    for number in range(40):
        there.event("purchase", "21d", customer="bob", order_id=f"p-{number}")
    assert there.outcomes[-1].reason == "32 wait already, one per order_id"
    there.run("40d")
    assert [one.properties["friend"] for one in there.derived[:3]] == ["o-1", "o-2", "o-1"]
    assert len(there.derived) == 2 + 32


def test_it_is_said_what_is_not_known_of_a_customer_whom_a_condition_stops(shop: Simulator) -> None:
    ada, bob = (explain(shop.book, shop.states[one], one, shop.now)[0] for one in ("ada", "bob"))
    assert ada.rule == bob.rule == "referral"
    assert ada.stops[0].endswith("; not known: profile.referred_by")
    assert not any("not known" in stop for stop in bob.stops)
