"""The record shop's figures: DuckDB's answers against the known ones, and against plain Python."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.errors import CommandFailed, UsageError
from engine.insight.archive import Archive, Outcome, Place
from engine.insight.figures.buying import buying, gaps, next_shares, returning, until_second
from engine.insight.figures.churn_points import Point, points
from engine.insight.figures.groups import cohorts, rfm
from engine.insight.figures.predicting import check_fit, fit_sample, sample, sample_to_check
from engine.insight.figures.responses import Funnel, funnels
from engine.insight.figures.retention import retention
from engine.insight.figures.shop import NoPurchases, Shop, ShopOptions, open_shop
from engine.insight.report.build import build_report, default_period
from engine.insight.report.goals import costs, goals
from engine.insight.report.page import page
from engine.lang.figures import load_figures
from engine.model import Event
from tests.support.shop_history import customers, purchases
from tests.support.small_shops import START, bought, opened

exactly = partial(pytest.approx, abs=1e-6, rel=0)
DAY = 86_400_000
MONTH = 30 * DAY
"""Records arrive a month at once: an archive has a file for each day of arrival, and writing 545 takes a second."""


@pytest.fixture(scope="module")
def record_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("archive")
    with Archive.opened(folder) as archive:
        for number, one in enumerate(purchases()):
            at = int(one.at.timestamp() * 1000)
            event = Event(f"e-{number}", "purchase", one.customer, at, {"amount": one.amount, "currency": "USD"})
            archive.add_event(Place("shop", 0, number), at // MONTH * MONTH, event)
        archive.commit()
    shop = open_shop([folder], ShopOptions(end=date(1998, 7, 1)))
    yield shop
    shop.close()


def test_rates_and_frequency_are_the_known_ones(record_shop: Shop) -> None:
    found = buying(record_shop)
    assert (found.customers, found.purchases) == (2357, 6919)
    assert found.repeat_tx == exactly(0.488757)
    assert found.repeat_days == exactly(0.483241)
    assert found.frequency == exactly(2.935511)
    assert found.revenue == pytest.approx(sum(one.amount for one in purchases()))


def test_the_same_purchases_have_the_same_figures_in_whichever_order_an_archive_has_them(tmp_path: Path) -> None:
    start = int(START.timestamp() * 1000)
    events = [
        Event(f"e-{n}", "purchase", f"c-{n % 1501}", start + n * DAY // 16, {"amount": (n * 7919 % 100_000) / 100})
        for n in range(6_000)
    ]
    found = []
    for number in range(4):
        random.Random(number).shuffle(events)
        with Archive.opened(tmp_path / str(number), commit_after=1_000) as archive:
            for offset, event in enumerate(events):
                archive.add_event(Place("shop", 0, offset), start, event)
            archive.commit()
        with closing(open_shop([tmp_path / str(number)], ShopOptions())) as shop:
            found.append((buying(shop), rfm(shop), sample(shop, shop.end)))
    assert found[1:] == found[:1] * 3


def test_gaps_are_the_known_ones(record_shop: Shop) -> None:
    found = gaps(record_shop)
    assert found.mean == exactly(70.860567)
    assert (found.median, found.p90) == (34, 196)
    known = [waited for days in purchase_days().values() for waited in waits(days)]
    assert (found.count, found.median) == (len(known), median(known))
    assert found.mean == pytest.approx(mean(known))
    assert dict(found.weeks) == Counter(waited // 7 for waited in known)


def purchase_days() -> dict[str, list[date]]:
    found: dict[str, set[date]] = {}
    for one in purchases():
        found.setdefault(one.customer, set()).add(one.at.date())
    return {customer: sorted(days) for customer, days in found.items()}


def waits(days: list[date]) -> list[int]:
    return [(after - before).days for before, after in pairwise(days)]


def test_second_purchases_and_the_ones_after_are_the_known_ones(record_shop: Shop) -> None:
    curve = until_second(record_shop)
    assert curve.at(30).survival == exactly(0.826050)
    assert curve.at(30).error == exactly(0.007808)
    assert curve.at(90).survival == exactly(0.708528)
    assert [share for _, share, _ in next_shares(record_shop, 3)] == [
        exactly(0.483241),
        exactly(0.646181),
        exactly(0.716033),
    ]


def test_a_quarter_in_which_the_textbook_hides_that_most_customers_left(record_shop: Shop) -> None:
    found = retention(record_shop, date(1997, 7, 1), date(1997, 10, 1))
    assert (found.start, found.end, found.new, found.resurrected) == (516, 408, 0, 199)
    assert found.textbook == exactly(0.790698)
    assert found.strict == exactly(0.405039)


@pytest.mark.parametrize(("start", "end"), [("1997-02-01", "1997-04-01"), ("1997-03-01", "1998-03-15")])
def test_both_retentions_agree_but_for_who_came_back_and_who_came_and_went(
    record_shop: Shop, start: str, end: str
) -> None:
    found = retention(record_shop, date.fromisoformat(start), date.fromisoformat(end))
    assert found.new > 0
    assert found.textbook == pytest.approx((found.stayed + found.resurrected - found.new_lapsed) / found.start)
    assert found.resurrected == len(active(end) - active(start) - new(start, end))
    assert found.new_lapsed == len(new(start, end) - active(end))
    assert found.stayed == len(active(end) & active(start))


def active(moment: str) -> set[str]:
    at = date.fromisoformat(moment)
    return {
        customer
        for customer, days in purchase_days().items()
        if any(at - timedelta(days=90) < day < at for day in days)
    }


def new(start: str, end: str) -> set[str]:
    span = (date.fromisoformat(start), date.fromisoformat(end))
    return {customer for customer, days in purchase_days().items() if span[0] <= days[0] < span[1]}


def test_the_cohort_of_january_is_the_known_one(record_shop: Shop) -> None:
    first = cohorts(record_shop)[0]
    assert first.month == date(1997, 1, 1)
    assert first.buyers[:6] == [781, 124, 95, 70, 65, 77]
    assert len(first.buyers) == 18
    assert [one.buyers[0] for one in cohorts(record_shop)] == [781, 857, 719]


def test_customers_with_equal_values_score_equally(record_shop: Shop) -> None:
    scored = rfm(record_shop)
    assert sum(one.customers for one in scored) == 2357
    counts = Counter(Counter(one.customer for one in purchases()).values())
    assert sum(one.customers for one in scored if one.frequency == 1) == counts[1]


def test_returning_buyers_of_a_period_are_those_who_had_bought_by_its_end(record_shop: Shop) -> None:
    found = returning(record_shop, date(1997, 2, 1), date(1997, 3, 1))
    inside = Counter(one.customer for one in purchases() if (one.at.year, one.at.month) == (1997, 2))
    until = Counter(one.customer for one in purchases() if one.at.date() < date(1997, 3, 1))
    assert found.buyers == len(inside)
    assert found.returning == pytest.approx(sum(until[one] >= 2 for one in inside) / len(inside))
    assert found.repeated == pytest.approx(sum(count >= 2 for count in inside.values()) / len(inside))


def test_a_fit_to_the_archive_is_the_fit_to_the_papers_calibration(record_shop: Shop) -> None:
    calibration = sample(record_shop, date(1997, 10, 1), weeks=39)
    fitted = fit_sample("pareto_nbd", calibration)
    found = fitted.purchases.model
    assert (found.r, found.alpha, found.s, found.beta) == pytest.approx(
        (0.553277, 10.577684, 0.606240, 11.668731), rel=1e-4
    )
    assert fitted.spending is not None
    assert fitted.spending.model.p == pytest.approx(6.249572, rel=1e-4)
    check = check_fit("pareto_nbd", calibration)
    assert check.happened == sum(one.bought_after for one in customers()) == 1882
    assert check.expected == pytest.approx(1665.513, rel=1e-5)
    later = sample_to_check(record_shop)
    assert later is not None
    assert (later.until, later.weeks) == (date(1998, 7, 1) - timedelta(weeks=31), 31)


def test_a_purchase_told_twice_counts_once_and_a_refund_is_none(tmp_path: Path) -> None:
    refund = Event("e3", "refund", "ann", bought("", "", 3).time, {"amount": 10})
    shop = opened(tmp_path, bought("e1", "ann", 0), bought("e2", "ann", 1), bought("e1", "ann", 0), refund)
    found = buying(shop)
    assert (found.customers, found.purchases, found.revenue) == (1, 2, 20)


def test_days_begin_where_the_shop_is(tmp_path: Path) -> None:
    """Half past eleven and half past midnight in Berlin are two days there, and one day in UTC."""
    events = [bought("e1", "ann", 22.5 / 24), bought("e2", "ann", 23.5 / 24)]
    assert buying(opened(tmp_path / "berlin", *events, zone="Europe/Berlin")).repeat_days == 1
    assert buying(opened(tmp_path / "utc", *events)).repeat_days == 0


def test_another_currency_counts_as_a_purchase_but_not_as_revenue(tmp_path: Path) -> None:
    shop = opened(
        tmp_path, bought("e1", "a", 0), bought("e2", "b", 0), bought("e3", "c", 0, currency="JPY", amount=5000)
    )
    assert shop.currency == "EUR"
    assert (buying(shop).purchases, buying(shop).revenue) == (3, 20)


def test_a_customer_is_active_for_exactly_so_many_days(tmp_path: Path) -> None:
    shop = opened(tmp_path, bought("e1", "ann", 0), bought("e2", "ben", 0.001), end=date(2026, 7, 1))
    assert retention(shop, date(2026, 4, 1), date(2026, 4, 2)).start == 1  # 90 days after midnight of January 1st


def test_without_a_purchase_there_is_a_word_and_no_figure(tmp_path: Path) -> None:
    visit = Event("v", "visit", "ann", bought("", "", 0).time)
    with pytest.raises(NoPurchases, match="no event of type purchase"):
        opened(tmp_path / "one", visit)
    with pytest.raises(NoPurchases, match="nothing from 2025-01-01 on"):
        opened(tmp_path / "two", bought("e", "ann", 0), end=date(2025, 1, 1))


def test_a_shop_with_one_customer_has_a_report_and_a_page(tmp_path: Path) -> None:
    shop = opened(tmp_path, bought("e1", "ann", 0))
    assert "How customers stay" in page(build_report(shop, *default_period(shop)))


def test_revenue_is_of_one_currency_and_says_what_it_leaves_out(tmp_path: Path) -> None:
    """Of equally frequent currencies it is the first by name, whatever came first."""
    money: list[dict[str, Any]] = [
        {"amount": 7, "currency": "USD"},
        {"amount": 5, "currency": "EUR"},
        {},
        {"amount": 2},
    ]
    events = [Event(f"e{n}", "purchase", f"c{n}", bought("", "", n).time, told) for n, told in enumerate(money)]
    shop = opened(tmp_path / "both", *events)
    figures = build_report(shop, *default_period(shop)).sections[0].figures
    revenue = next(one for one in figures if one.id == "revenue")
    assert (shop.currency, revenue.value) == ("EUR", 7)
    assert revenue.note == "without 2 purchases of no amount or in another currency"
    fewer = opened(tmp_path / "fewer", *events[:2])
    figures = build_report(fewer, *default_period(fewer)).sections[0].figures
    assert "without 1 purchase of no amount or in another currency" in [one.note for one in figures]
    total = opened(tmp_path / "none", *events, amount="totl")
    figures = build_report(total, *default_period(total)).sections[0].figures
    assert [(one.value, one.note[:27]) for one in figures if one.unit == "money"] == [
        (None, "no purchase names an amount"),
        (None, "CLV, historic"),
    ]


def test_the_currency_is_that_of_most_purchases_however_often_one_was_told(tmp_path: Path) -> None:
    dollars, late = (
        bought("d", "ann", 1, currency="USD"),
        [bought(f"l{n}", "cem", 40, currency="CHF") for n in range(9)],
    )
    shop = opened(tmp_path, bought("e", "ann", 0), bought("f", "bob", 0), *[dollars] * 3, *late, end=date(2026, 2, 1))
    assert shop.currency == "EUR", "and none counts that is bought after the end"
    assert buying(shop).revenue == 20


def test_a_figure_that_is_beyond_numbers_is_none_and_the_json_can_be_read(tmp_path: Path) -> None:
    events = [Event(f"e{n}", "purchase", "ann", bought("", "", n).time, {"amount": 1.7e308}) for n in range(2)]
    shop = opened(tmp_path, *events)
    report = build_report(shop, *default_period(shop))
    assert {one.value for one in report.sections[0].figures if one.unit == "money"} == {None}
    json.dumps(report.as_data(), allow_nan=False)


def test_outreach_is_followed_from_the_decision_to_the_purchase(tmp_path: Path) -> None:
    with Archive.opened(tmp_path) as archive:
        for number, event in enumerate((bought("e1", "ann", 0), bought("e2", "ann", 20), bought("e3", "ben", 40))):
            archive.add_event(Place("shop", 0, number), event.time, event)
        for number, (customer, outreach, outcome, day) in enumerate(
            [("ann", "m1", "fired", 10), ("ann", "m1", "sent", 10.1), *[("ben", "m2", "fired", 10)] * 2]
        ):
            at = START + timedelta(days=day)
            told = Outcome(f"o{number}", at, customer, "win-back", "1", outcome, outreach=outreach)
            archive.add_outcome(Place("outcomes", 0, number), told.time, told)
        for number, type_ in enumerate(("outreach_opened", "outreach_clicked", "outreach_opened")):
            feedback = Event(f"f{number}", type_, "ann", bought("", "", 11).time, {"outreach": "m1"})
            archive.add_event(Place("feedback", 0, number), feedback.time, feedback, feedback=True)
        archive.commit()
    shop = open_shop([tmp_path], ShopOptions())
    assert funnels(shop, timedelta(days=14)) == [Funnel("win-back", 2, 1, 1, 1, 1)]
    assert funnels(shop, timedelta(days=5)) == [Funnel("win-back", 2, 1, 1, 1, 0)]
    assert "What outreach led to" in page(build_report(shop, *default_period(shop)))


def test_it_shows_where_in_a_journey_people_leave(tmp_path: Path) -> None:
    """Runs: left after the first step, left before any, at the goal after the second, under way, and at it later."""
    told = [
        ("ann", "entered", "", 0), ("ann", "fired", "hello", 1), ("ann", "exited", "", 2),
        ("ben", "entered", "", 0), ("ben", "exited", "", 1),
        ("cid", "entered", "", 0), ("cid", "fired", "hello", 1),
        ("cid", "capped", "offer", 5), ("cid", "goal_reached", "", 6),
        ("dan", "entered", "", 0), ("dan", "fired", "hello", 1), ("dan", "fired", "later", 9),
        ("eve", "entered", "", 0), ("eve", "fired", "later", 3), ("eve", "completed", "later", 3),
        ("eve", "goal_reached", "", 5),
    ]  # fmt: skip
    with Archive.opened(tmp_path) as archive:
        archive.add_event(Place("shop", 0, 0), bought("", "", 9).time, bought("e1", "ann", 9))
        for number, (customer, outcome, step, day) in enumerate(told):
            outreach = f"m-{number}" if outcome == "fired" else "m-13" if customer == "eve" else None
            at = START + timedelta(days=day)
            one = Outcome(f"o{number}", at, customer, "onboarding", "1", outcome, outreach=outreach, step=step)
            archive.add_outcome(Place("outcomes", 0, number), one.time, one)
        archive.commit()
    shop = open_shop([tmp_path], ShopOptions())
    assert points(shop) == [
        Point("onboarding", "", 5, 1, 0, 0),
        Point("onboarding", "hello", 3, 1, 0, 0),
        Point("onboarding", "offer", 1, 0, 1, 0),
        Point("onboarding", "later", 2, 0, 0, 1, later=1),
    ]
    assert funnels(shop, timedelta(days=14)) == [
        Funnel("onboarding", 3, 0, 0, 0, 1, "hello"),
        Funnel("onboarding", 2, 0, 0, 0, 0, "later", goal=1),
    ]
    shown = page(build_report(shop, *default_period(shop)))
    assert "Where people leave journeys" in shown
    assert "onboarding / hello" in shown


def test_goals_stand_beside_what_is_and_costs_are_told_per_customer_who_stayed(
    record_shop: Shop, tmp_path: Path
) -> None:
    file = tmp_path / "goals.yaml"
    file.write_text(
        "version: 1\ngoals: { repeat_rate: 50%, frequency: 2.5 }\ncosts: { per_message: 0.1, monthly: 304.375 }\n"
    )
    wanted, findings = load_figures(file)
    assert wanted, findings
    report = build_report(record_shop, date(1997, 7, 1), date(1997, 10, 1))
    figures = goals(report, wanted.goals)[0].figures
    assert [one.value for one in figures] == [exactly(0.488757), exactly(2.935511)]
    assert [one.note for one in figures] == ["goal 50.0 %: 97.8 % of it", "goal 2.5: reached"]
    assert wanted.costs
    spent = costs(record_shop, date(1997, 7, 1), date(1997, 10, 1), wanted.costs.per_message, wanted.costs.monthly)
    assert [one.value for one in spent[0].figures] == [pytest.approx(920), pytest.approx(920 / 209), 0]
    with pytest.raises(CommandFailed, match=r"no figure 'repeat' to have a goal; there are .*repeat_rate"):
        goals(report, {"repeat": 0.5})


def test_a_goal_of_churn_is_reached_below_it(record_shop: Shop) -> None:
    report = build_report(record_shop, date(1997, 7, 1), date(1997, 10, 1))
    notes = [one.note for one in goals(report, {"churn": 0.7, "gap_median": 30})[0].figures]
    assert notes == ["goal 70.0 %: reached", "goal 30.0 days: 113.3 % of it"]


def test_a_goal_that_is_no_number_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "goals.yaml"
    file.write_text("version: 1\ngoals:\n  repeat_rate: half\n")
    found, findings = load_figures(file)
    assert found is None
    assert [(one.line, one.code, one.message) for one in findings] == [(3, "bad-value", "'half' is not a goal")]


def test_a_goal_of_40_is_not_taken_for_40_percent(tmp_path: Path) -> None:
    shop = opened(tmp_path, bought("e1", "ann", 0), bought("e2", "ann", 32))
    report = build_report(shop, *default_period(shop))
    with pytest.raises(CommandFailed, match="goal of repeat_rate is a share: 40 is 4000 %; write 40%"):
        goals(report, {"repeat_rate": 40.0})
    assert goals(report, {"repeat_rate": 1.2, "customers": 40.0})


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["--from", "2026-02-01", "--to", "2026-01-05"], "begin on 2026-02-01 and end before 2026-01-05"),
        (["--from", "2026-01-05", "--to", "2026-01-05"], "begin on 2026-01-05 and end before 2026-01-05"),
        (["--to", "2026-03-01"], "--to 2026-03-01: purchases count until before 2026-02-03; --until says"),
        (["--from", "0001-01-01"], "expected a day from 1970-01-01"),
        (["--until", "9999-12-31"], "to 2999-12-31"),
    ],
)
def test_a_period_that_has_no_figures_is_refused(tmp_path: Path, asked: list[str], message: str) -> None:
    """They would be numbers: nobody is active after the end, and at the end of a period that runs backwards."""
    opened(tmp_path, bought("e1", "ann", 0), bought("e2", "ann", 32))
    ran = CliRunner().invoke(app, ["metrics", str(tmp_path), "--zone", "UTC", *asked])
    assert isinstance(ran.exception, UsageError)
    assert message in str(ran.exception)
