"""What expressions mean."""

from typing import Any

import pytest

from engine.core.durations import milliseconds
from engine.core.expr import compile_expression
from engine.core.expression import Expression, Keeps, Needs, Reads
from engine.core.scope import MISSING, Scope
from engine.core.state.model import History, Memory, State
from engine.model import Event, KeptEvent
from tests.support.expressions import CATALOG, DAY, NOON


def expression(text: str, *types: str) -> Expression:
    compiled, problems = compile_expression(text, CATALOG, frozenset(types or ("purchase",)))
    assert compiled is not None, problems
    return compiled


def value(text: str, state: State | None = None, /, **properties: Any) -> Any:
    """What the expression is for a customer who has just bought something with these properties."""
    event = Event("e-9", "purchase", "c-1", NOON, properties)
    return expression(text).test(Scope(state or State(), event, NOON))


def customer(**profile: Any) -> State:
    return State(profile=profile)


def buyer() -> State:
    """Bought for 20, 30 and 50, ten days, three days and an hour ago."""
    entries = [(NOON - 10 * DAY, 20.0), (NOON - 3 * DAY, 30.0), (NOON - DAY // 24, 50.0)]
    latest = KeptEvent("e-3", "purchase", entries[2][0], {"amount": 50.0, "cart_id": None})
    window = [time for time, _ in entries]
    history = History(latest, {"amount": 100.0}, window, {"amount": [20.0, 30.0, 50.0]}, span=30 * DAY)
    return State(events={"purchase": Memory(3, entries[2][0], entries[2][0] - entries[0][0], history)})


@pytest.mark.parametrize(
    "text",
    [
        "event.amount > 0",
        "event.amount == 20 and event.lines != 3",
        "0 < event.amount <= 20.0",
        "20 == event.amount",
        "30 > event.amount",
        "event.cart_id == 'k-1'",
        "event.cart_id != 'k-2'",
        "event.cart_id in ['k-1', 'k-2']",
        "event.cart_id not in ('k-3',)",
        "event.lines in [1, 2.0, -3]",
        "'k' in event.cart_id",
        "'gold' in event.note",
        "7 not in event.note",
        "event.amount * event.lines - 10 == 30",
        "(event.amount + 1) / 2 > 10",
        "-event.amount < -19",
        "+event.amount == 20",
        "event.gift == true and event.gift == True",
        "event.gift",
        "not event.gift == false",
        "event.time >= '2026-01-01T13:00:00+01:00'",
        "'2026-01-01' < event.time < '2026-01-02'",
        "event.time not in ['2026-01-01']",
        "event.type == 'purchase' and event.id == 'e-9'",
        "false or event.gift",
        "event.amount == null or event.amount > 5",
    ],
)
def test_the_event_that_fires_is_read_by_property(text: str) -> None:
    found = value(text, amount=20.0, lines=2, cart_id="k-1", gift=True, note=["gold", 3])
    assert found is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("events.purchase.count()", 3),
        ("events.purchase.count('7d')", 2),
        ("events.purchase.count('3d')", 1),
        ("events.site_visit.count()", 0),
        ("events.site_visit.count('7d')", 0),
        ("events.purchase.sum('amount')", 100.0),
        ("events.purchase.sum('amount', '7d')", 80.0),
        ("events.site_visit.sum('seconds')", 0.0),
        ("events.purchase.last.amount", 50.0),
        ("events.purchase.last.cart_id", MISSING),
        ("events.purchase.last.time", NOON - DAY // 24),
        ("events.purchase.first.time", NOON - 10 * DAY),
        ("events.site_visit.last.page", MISSING),
        ("events.site_visit.last.time", MISSING),
        ("events.purchase.sum('amount') / events.purchase.count() > 33", True),
    ],
)
def test_a_customers_history_is_counted_and_summed(text: str, expected: object) -> None:
    assert value(text, buyer()) == expected


@pytest.mark.parametrize("order", ["==", "!=", "<", "<=", ">", ">="])
@pytest.mark.parametrize("profile", [{}, {"age": None}])
def test_a_customer_whose_age_is_unknown_is_neither_young_nor_old(order: str, profile: dict[str, Any]) -> None:
    found = [f"profile.age {order} 30", f"30 {order} profile.age", f"profile.age {order} profile.score"]
    assert [value(text, customer(**profile)) for text in found] == [False] * 3


@pytest.mark.parametrize(
    "text", ["profile.country in ['DE']", "profile.country not in ['DE']", "'a' not in profile.tags"]
)
def test_a_customer_without_a_country_is_neither_in_a_list_nor_outside_it(text: str) -> None:
    assert value(text) is False


def test_whether_a_field_is_there_is_asked_with_null() -> None:
    known, unknown = customer(country="DE"), customer(country=None)
    assert [value("profile.country == null", state) for state in (known, unknown, State())] == [False, True, True]
    assert [value("null != profile.country", state) for state in (known, unknown, State())] == [True, False, False]


def test_what_is_missing_is_falsy_and_makes_arithmetic_missing() -> None:
    assert value("profile.age") is MISSING
    assert value("profile.age + 1") is MISSING
    assert value("-profile.age == null")
    assert value("not profile.age")
    assert value("profile.age or profile.email_opt_in") is False


def test_without_an_event_whatever_reads_it_is_missing() -> None:
    for text in ("event.amount > 0", "event.amount", "event.time > '2020-01-01'", "event.amount * 2 > 1"):
        assert not expression(text).test(Scope(State(), None, NOON))


@pytest.mark.parametrize("amount", ["20", True, [20], {"value": 20}, float("nan")])
@pytest.mark.parametrize("order", ["==", "!=", "<", "<=", ">", ">="])
def test_an_amount_that_is_not_a_number_compares_false(amount: Any, order: str) -> None:
    texts = [f"event.amount {order} 1", f"event.amount {order} event.lines", f"event.amount * 1 {order} 1"]
    assert [value(text, amount=amount, lines=1) for text in texts] == [False] * 3
    assert value("event.amount not in [5]", amount=amount) is False


def test_an_amount_that_is_not_a_number_is_not_outside_a_list_either() -> None:
    assert value("event.amount not in profile.tags", customer(tags=[5]), amount=float("nan")) is False


@pytest.mark.parametrize("amount", [1e300, 10**400, float("inf"), float("nan")])
@pytest.mark.parametrize("text", ["event.amount / event.lines", "event.amount * 1e18", "1 + 2.0 * event.amount * 1e9"])
def test_a_result_that_is_no_finite_number_is_missing(text: str, amount: float) -> None:
    assert value(text, amount=amount, lines=0) is MISSING


def test_true_is_not_one() -> None:
    assert value("event.note == 1", note=True) is False
    assert value("event.note in [1]", note=True) is False
    assert value("event.note == true", note=1) is False
    assert value("1 in event.note", note=[True]) is False
    assert value("event.note < profile.tags", customer(tags=True), note=False) is False


def test_and_and_or_stop_early_and_give_truth() -> None:
    assert value("profile.country and profile.age", customer(country="DE", age=3)) is True
    assert value("profile.age or profile.country", customer(country="DE", age=0)) is True
    assert value("event.gift or event.amount / 0 > 1", gift=True) is True


def test_birthdays_compare_as_dates_and_only_with_a_year_in_order() -> None:
    anna, ben = customer(birthday="1990-02-28"), customer(birthday="02-28")
    assert value("profile.birthday < '2000-01-01'", anna) is True
    assert value("profile.birthday < '2000-01-01'", ben) is False
    assert value("profile.birthday == '02-28'", ben) is True
    assert value("profile.birthday < profile.joined_on", customer(birthday="1990-02-28", joined_on="2020-01-01"))
    assert value("'2000-01-01' > profile.birthday", ben) is False


def test_a_trial_end_compares_with_other_moments_and_with_iso_text() -> None:
    state = customer(trial_ends_at=NOON + DAY)
    assert value("profile.trial_ends_at > event.time", state)
    assert value("profile.trial_ends_at == '2026-01-02T12:00:00Z'", state)
    assert value("profile.trial_ends_at in ['2026-01-02 12:00', '2026-01-03']", state)


def test_a_trial_end_that_is_a_day_compares_as_its_begin_in_utc() -> None:
    state = customer(trial_ends_at="2026-01-02")
    assert value("profile.trial_ends_at > event.time", state)
    assert value("profile.trial_ends_at == '2026-01-02' and profile.trial_ends_at < '2026-01-02T01:00:00Z'", state)
    assert value("profile.trial_ends_at in ['2026-01-02', '2026-01-03']", state)
    assert value("profile.trial_ends_at > '2026-01-01'", customer(trial_ends_at="soon")) is False


def test_and_binds_before_or_and_not_before_and() -> None:
    assert value("true or true and false") is True
    assert value("not true and false or true") is True
    assert value("1 + 2 * 3 - 4 / 2 == 5") is True


def test_an_expression_may_go_over_several_lines() -> None:
    assert value("\n  event.amount > 0\n  and event.lines == 2\n", amount=1, lines=2) is True


def test_an_expression_says_what_history_it_needs() -> None:
    parts = (
        "profile.age > 1",
        "'x' in profile.tags",
        "profile.country == null",
        "event.amount > 2",
        "events.purchase.count() > 1",
        "events.purchase.last.time > '2020-01-01'",
        "events.purchase.last.amount > 1",
        "events.purchase.sum('amount') > 1",
        "not -events.purchase.sum('lines', '1w') in [1]",
        "events.purchase.count('7d') > 1",
    )
    text = " and ".join(parts)
    week = milliseconds("7d")
    assert expression(f" {text}\n").text == text
    assert expression(text).needs == Needs(
        Reads(
            frozenset({"age", "tags", "country"}), frozenset({"purchase"}), event=True, properties=frozenset({"amount"})
        ),
        Keeps(
            last=frozenset({"purchase"}),
            sums=frozenset({("purchase", "amount")}),
            windows=frozenset({("purchase", None, week), ("purchase", "lines", week)}),
        ),
    )


def test_counts_and_times_of_a_history_need_nothing_kept() -> None:
    for text in ("events.purchase.count()", "events.purchase.last.time", "events.purchase.first.time", "1 == 1"):
        assert expression(text).needs.keeps == Keeps()


def test_a_property_that_one_of_several_types_declares_may_be_read() -> None:
    either = expression("event.lines > 1 or event.page == '/'", "purchase", "site_visit")
    visit = Event("e-1", "site_visit", "c-1", NOON, {"page": "/"})
    assert either.test(Scope(State(), visit, NOON)) is True


def test_a_property_that_two_types_declare_differently_may_be_compared_with_both() -> None:
    assert expression("event.amount > 5 or event.amount == 'much'", "purchase", "site_visit")


def test_a_rule_for_an_unknown_event_gets_no_second_error_for_its_properties() -> None:
    assert compile_expression("event.amount > 5", CATALOG, frozenset({"purchse"}))[1] == []
