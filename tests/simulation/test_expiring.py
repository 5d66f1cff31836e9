"""`expiring` where the end is that of a level or of points: announced once for each end, however it came about."""

from pathlib import Path

import pytest

from engine.core.explain import explain
from engine.core.zones import iso
from engine.model import Event, Outcome
from engine.render import JinjaRenderer
from tests.support.books import DAY, HOUR, START, event
from tests.support.drive import Customers
from tests.support.journeys import loaded
from tests.support.points_shop import AT_ONCE, PLAIN, buy, refund, shop, take
from tests.support.segment_shop import KEPT, shop as segment_shop

ENDS = "  - { id: ends, when: { expiring: { ends: points.stars.expires_at, in: 30d } }, send: note }\n"
AT_TEN = ENDS.replace("in: 30d", 'in: 30d, at: "10:00"')
LEVEL = '  - { id: risk, when: { expiring: { ends: segments.tier.kept_until, in: 6w, at: "10:00" } }, send: note }\n'
TIER = """\
  - id: tier
    levels:
      low: events.buy.sum("amount", "365d") >= 50
      high: events.buy.sum("amount", "365d") >= 100
    keep: end of next year
"""


def announced(customers: Customers) -> list[str]:
    return [iso(one.moment) for one in customers.outreach]


def test_a_customer_hears_of_points_that_end_in_time(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, ENDS)).tell(buy(0, 50)).until(START + 400 * DAY)
    assert announced(there) == ["2026-12-02T00:00:00Z"]


def test_the_end_of_a_month_is_announced_by_the_customers_own_calendar(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE, AT_TEN)).tell(
        event("person", START, zone="America/New_York"), buy(10, 50)
    )
    assert announced(there.until(START + 500 * DAY)) == ["2027-01-02T15:00:00Z"], "30 days before 1 February, at ten"


def test_the_end_of_a_month_is_the_customers_own_and_is_announced_by_the_clock_that_the_rule_names(
    tmp_path: Path,
) -> None:
    there = Customers(shop(tmp_path, AT_ONCE, AT_TEN.replace('"10:00"', '"10:00", zone: Asia/Tokyo')))
    there.tell(event("person", START, zone="America/New_York"), buy(10, 50)).until(START + 500 * DAY)
    assert announced(there) == ["2027-01-02T01:00:00Z"], "30 days before 1 February, at ten in Tokyo"
    [sent] = there.outreach
    assert iso(sent.expires_at) == "2027-01-05T01:00:00Z"


def test_who_moves_to_another_zone_hears_of_it_once(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, AT_ONCE, AT_TEN)).tell(
        buy(10, 50), event("person", START + 50 * DAY, zone="Asia/Tokyo")
    )
    there.until(START + 366 * DAY).tell(event("person", START + 366 * DAY + 14 * HOUR, zone="America/New_York"))
    assert announced(there.until(START + 500 * DAY)) == ["2027-01-02T01:00:00Z"]


def test_who_moves_hears_of_an_end_that_stays_where_it_is_at_ten_in_the_new_zone(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, AT_TEN)).tell(
        buy(0, 50), event("person", START + 50 * DAY, zone="Asia/Tokyo")
    )
    assert announced(there.until(START + 500 * DAY)) == ["2026-12-02T01:00:00Z"]


def test_points_that_are_spent_in_time_are_not_announced(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, ENDS)).tell(buy(0, 50), buy(100, 50), take(300, 60))
    assert announced(there.until(START + 600 * DAY)) == ["2027-03-12T00:00:00Z"], "of the second purchase only"


def test_points_that_are_known_to_be_spent_when_lateness_is_over_are_not_announced(tmp_path: Path) -> None:
    book = shop(tmp_path, PLAIN, ENDS, policy="allowed_lateness: 3d\n")
    there = Customers(book).tell(buy(0, 50), buy(100, 50), take(336, 50)).until(START + 600 * DAY)
    assert announced(there) == ["2027-03-12T00:00:00Z"], "of the second purchase only, on the day after the 335th"


def test_a_level_that_is_known_to_go_on_when_lateness_is_over_is_not_announced_to_end(tmp_path: Path) -> None:
    rule = "  - { id: risk, when: { expiring: { ends: segments.tier.kept_until, in: 3d } }, send: note }\n"
    there = Customers(segment_shop(tmp_path, KEPT, rule, policy="allowed_lateness: 1d\n"))
    for day in (0, 37.5):
        there.tell(event("buy", START + round(day * DAY), id=f"b{day}", amount=120 + day))
    assert announced(there.until(START + 39 * DAY)) == []


def test_an_exit_of_long_ago_does_not_end_what_other_terms_of_points_begin(tmp_path: Path) -> None:
    rule = ENDS.replace("send:", "exit: { event: visit }, send:")
    there = Customers(shop(tmp_path / "a", PLAIN, rule)).tell(event("visit", START), buy(1, 50))
    there.until(START + 100 * DAY).meet(shop(tmp_path / "b", PLAIN.replace("365d", "400d"), rule))
    assert announced(there.until(START + 600 * DAY)) == ["2027-01-07T00:00:01Z"]


TRIAL = """\
version: 1
events:
  trial: { properties: { ends: time }, profile: { trial_ends_at: ends } }
  visit: {}
  lapsing: {}
"""


@pytest.mark.parametrize(
    ("told", "made"), [(["visit 9.5", "trial"], 1), (["trial", "visit 9.5"], 1), (["trial", "visit 10.5"], 0)]
)
def test_only_what_comes_after_the_news_of_an_end_stops_what_is_made_of_it(told: list[str], made: int) -> None:
    """The end becomes known on day 10, when the moment of its announcement, day 9, is past."""
    rule = (
        "{ id: r, when: { trial_expiring: { in: 3d } }, exit: { event: visit }, emit: { event: lapsing, after: 4d } }"
    )
    there = Customers(loaded(f"rules: [{rule}]", events=TRIAL))
    for type_, _, day in (one.partition(" ") for one in told):
        at = START + round(float(day or 10) * DAY)
        there.tell(event(type_, at) if day else event(type_, at, ends=START + 12 * DAY))
    there.until(START + 30 * DAY)
    assert [one.outcome for one in there.outcomes].count(Outcome.EMITTED) == made


def test_points_that_are_sent_back_are_not_announced(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, ENDS)).tell(buy(0, 50, "o-1"), refund(80, 50, "o-1"))
    assert announced(there.until(START + 600 * DAY)) == []


def test_ends_that_follow_each_other_closely_are_each_announced_when_they_become_the_next(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, AT_TEN)).tell(buy(0, 50), buy(10, 50)).until(START + 600 * DAY)
    assert announced(there) == ["2026-12-02T10:00:00Z", "2027-01-01T10:00:00Z"]
    assert [one.occurrence for one in there.outreach] == [str(START + 365 * DAY), str(START + 375 * DAY)]


def test_an_announcement_that_quiet_hours_hold_is_dropped_when_the_points_are_spent(tmp_path: Path) -> None:
    quiet = 'quiet_hours: { from: "00:00", to: "08:00" }\n'
    book = shop(tmp_path, PLAIN, ENDS, policy=quiet)
    there = Customers(book).tell(buy(0, 50)).until(START + 335 * DAY + HOUR)
    assert there.outreach == []
    there.tell(take(335.1, 50)).until(START + 336 * DAY)
    assert [one.outcome for one in there.outcomes] == [Outcome.DEFERRED, Outcome.SUPPRESSED]


def test_a_level_is_announced_to_end_by_the_calendar(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, LEVEL, segments=TIER)).tell(buy(0, 120)).until(START + 740 * DAY)
    assert announced(there) == ["2027-11-20T10:00:00Z"]


def test_who_moves_after_the_announcement_of_a_level_hears_no_second_one(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, LEVEL, segments=TIER))
    there.tell(buy(0, 120), event("person", START + 700 * DAY, zone="America/New_York")).until(START + 740 * DAY)
    assert announced(there) == ["2027-11-20T10:00:00Z"]


def test_a_level_that_renews_silently_is_announced_again_for_the_year_that_was_won(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, LEVEL, segments=TIER)).tell(buy(0, 120), buy(400, 120, "o-2"), buy(500, 1))
    there.until(START + 1100 * DAY)
    assert announced(there) == ["2028-11-20T10:00:00Z"], "high since 2026, but renewed in February 2027"


def test_a_level_that_renews_at_its_end_is_announced_for_the_next_one(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, PLAIN, LEVEL, segments=TIER))
    for number in range(6):
        there.tell(buy(200 * number, 120, f"o-{number}"))
    there.until(START + 1900 * DAY)
    assert announced(there) == ["2027-11-20T10:00:00Z", "2029-11-20T10:00:00Z"], "it holds in 2028, not in 2030"


def test_a_level_that_is_kept_for_a_while_is_announced_to_the_millisecond(tmp_path: Path) -> None:
    rule = "  - { id: risk, when: { expiring: { ends: segments.tier.kept_until, in: 3d } }, send: note }\n"
    there = Customers(segment_shop(tmp_path, KEPT, rule))
    there.tell(event("buy", START + 7, amount=60)).until(START + 100 * DAY)
    assert [one.moment - START for one in there.outreach] == [37 * DAY + 7]


def test_a_new_rule_tells_those_whose_end_is_ahead_and_floods_nobody(tmp_path: Path) -> None:
    near, far = Customers(shop(tmp_path / "a", PLAIN)), Customers(shop(tmp_path / "a", PLAIN))
    near.tell(buy(0, 50)).until(START + 350 * DAY).outreach.clear()
    far.tell(buy(100, 50)).until(START + 350 * DAY).outreach.clear()
    book = shop(tmp_path / "b", PLAIN, ENDS, policy="fresh_for: 3d\n")
    assert announced(near.meet(book).until(START + 500 * DAY)) == []
    assert [one.outcome for one in near.outcomes][-1] == Outcome.EXPIRED
    assert announced(far.meet(book).until(START + 500 * DAY)) == ["2027-03-12T00:00:00Z"]


@pytest.mark.parametrize(("day", "said"), [(0.0, "comes true at"), (340.0, "has come true"), (366.0, "there is no")])
def test_explain_says_when_it_comes_true(tmp_path: Path, day: float, said: str) -> None:
    book = shop(tmp_path, PLAIN, ENDS)
    there = Customers(book).tell(buy(0, 50)).until(START + round(day * DAY))
    assert said in explain(book, there.states["c-1"], "c-1", there.clock)[0].waits


def test_templates_say_what_is_missing_for_the_next_tier(tmp_path: Path) -> None:
    tiers = """\
  - id: tier
    levels: { low: points.stars.earned("365d") >= 50, high: 100 <= points.stars.earned("365d") }
"""
    note = (
        "{% block subject %}{{ segments.tier }} {{ segments.tier.above }} {{ segments.tier.missing }}{% endblock %}"
        "{% block text %}{{ points.stars.earned('365d') }} {{ points.stars.balance }}{% endblock %}\n"
    )
    rules = "  - { id: hello, when: { event: visit }, send: note }\n"
    book = shop(tmp_path, PLAIN, rules, segments=tiers, note=note)
    renderer, said = JinjaRenderer(tmp_path / "templates", book), []
    for day in (0, 2, 4, 6):
        again = Customers(book).tell(*(e for e in _all() if e.time <= START + day * DAY))
        renderer.render(again.outreach[-1], again.states["c-1"])
        said.append((again.outreach[-1].subject, again.outreach[-1].text.strip()))
    assert said == [
        ("none low 50", "0 0"),
        ("none low 30", "20 20"),
        ("low high 40", "60 30"),
        ("high none 0", "130 100"),
    ]


def _all() -> list[Event]:
    visits = [event("visit", START + day * DAY) for day in (0, 2, 4, 6)]
    return sorted([*visits, buy(1, 20), buy(3, 40), take(3.5, 30), buy(5, 70)], key=lambda one: one.time)
