"""The arithmetic of experiments against known answers."""

import random
from collections import Counter

import mpmath
import pytest

from engine.arithmetic.assignment import position_of, variant_of
from engine.insight.experiments.arms import Arm
from engine.insight.experiments.cuped import adjusted
from engine.insight.experiments.decision import judge, standard_error
from engine.insight.experiments.lift import relative_lift
from engine.insight.experiments.planning import Metric, Split, customers_needed, lift_found
from engine.insight.experiments.ratios import as_arm, ratio_of
from engine.insight.experiments.sample_ratio import is_off, log_bayes_factor
from engine.insight.models.fitting import fit_pareto_nbd, fit_spending
from tests.support import shop_history as shop

conversions = Arm.of_conversions


@pytest.mark.parametrize(
    ("salt", "customer", "place"),
    [
        ("welcome-test", "c-1042", 0.124094670155),
        ("global", "c-1042", 0.040639672937),
        ("é", "Zoë", 0.613814482651),
    ],
)
def test_a_customers_place_is_the_same_everywhere(salt: str, customer: str, place: float) -> None:
    assert position_of(salt, customer) == pytest.approx(place, abs=1e-12)


def test_customers_fall_into_variants_by_their_shares_in_file_order() -> None:
    shares = {"a": 45.0, "b": 45.0, "none": 10.0}
    counts = Counter(variant_of(shares, "spring", f"c-{number}") for number in range(20_000))
    assert not is_off([counts[name] for name in shares], list(shares.values()))
    assert variant_of({"a": 100.0, "b": 0.0}, "spring", "c-1") == "a"
    assert variant_of({"first": 12.5, "second": 87.5}, "welcome-test", "c-1042") == "first"
    assert variant_of({"first": 12.4, "second": 87.6}, "welcome-test", "c-1042") == "second"


@pytest.mark.parametrize(
    ("control", "treated", "planned", "interval"),
    [
        (conversions(250, 5000), conversions(310, 5000), 5_000, (-0.0020787065, 0.0260787065)),
        (conversions(250, 5000), conversions(340, 5000), 10_000, (0.0036958805, 0.0323041195)),
        (conversions(20, 500), conversions(570, 9500), 10_000, (-0.0128159007, 0.0528159007)),
    ],
)
def test_intervals_are_the_known_ones(control: Arm, treated: Arm, planned: int, interval: tuple[float, float]) -> None:
    verdict = judge(control, treated, planned=planned)
    assert (verdict.low, verdict.high) == pytest.approx(interval, abs=5e-11)


def test_the_verdict_says_better_only_where_the_interval_leaves_zero_and_both_arms_have_outcomes() -> None:
    won = judge(conversions(250, 5000), conversions(340, 5000), planned=10_000)
    assert won.p_value == pytest.approx(0.0045950522, abs=5e-11)
    assert (won.better, won.ready) == (1, True)
    assert judge(conversions(340, 5000), conversions(250, 5000), planned=10_000).better == -1
    assert judge(conversions(250, 5000), conversions(310, 5000)).better == 0
    early = judge(conversions(0, 200), conversions(190, 3_800))
    assert (early.better, early.ready) == (0, False)


def test_nobody_has_bought_yet_is_no_division_by_zero() -> None:
    verdict = judge(conversions(0, 10), conversions(0, 10))
    assert (verdict.low, verdict.high, verdict.p_value, verdict.better) == (0, 0, 1, 0)
    assert relative_lift(conversions(0, 10), conversions(3, 10)) is None


def test_the_larger_standard_error_counts() -> None:
    """Unpooled alone, the first known interval would be [-.0020732082, .0260732082], as gbstats 0.8.0 has it."""
    control, treated = conversions(250, 5000), conversions(310, 5000)
    unpooled = (0.05 * 0.95 / 5000 + 0.062 * 0.938 / 5000) ** 0.5
    verdict = judge(control, treated)
    width = (verdict.high - verdict.difference) / standard_error(control, treated) * unpooled
    assert 0.012 - width == pytest.approx(-0.0020732082, abs=5e-11)


def test_fiellers_interval_holds_every_lift_that_the_absolute_test_would_not_refuse() -> None:
    """Its ends are the ratios rho for which mean - rho * control's is just as many errors away as the test allows."""
    control, treated = conversions(250, 5000), conversions(340, 5000)
    lift = relative_lift(control, treated, planned=10_000)
    assert lift is not None
    assert lift.low is not None
    assert lift.high is not None
    assert lift.estimate == pytest.approx(0.36)
    reach = (0.0323041195 - 0.018) / standard_error(control, treated)
    for end in (lift.low, lift.high):
        ratio = 1 + end
        error = (treated.variance / 5000 + ratio**2 * control.variance / 5000) ** 0.5
        assert abs(treated.mean - ratio * control.mean) / error == pytest.approx(reach, rel=1e-6)
    unbounded = relative_lift(conversions(2, 100), conversions(9, 100))
    assert unbounded is not None
    assert unbounded.low is None


@pytest.mark.parametrize(
    ("counts", "shares", "factor"),
    [([4800, 5200], [1, 1], 5.613613), ([9400, 600], [95, 5], 7.419085), ([950, 1050], [1, 1], 0.858346)],
)
def test_a_split_that_is_off_is_told_from_chance(counts: list[int], shares: list[float], factor: float) -> None:
    assert log_bayes_factor(counts, shares) == pytest.approx(factor, abs=5e-7)
    assert is_off(counts, shares) == (factor > 4.6)
    assert log_bayes_factor([*counts, 3], [*shares, 0.0]) == log_bayes_factor(counts, shares)


def test_mpmath_counts_the_same_evidence_in_exact_numbers() -> None:
    with mpmath.workdps(40):
        odds = mpmath.beta(50 + 4800, 50 + 5200) / mpmath.beta(50, 50) / mpmath.mpf("0.5") ** 10_000
        assert log_bayes_factor([4800, 5200], [1, 1]) == pytest.approx(float(mpmath.log(odds)), rel=1e-9)


def test_clicks_per_message_vary_by_customer_not_by_message() -> None:
    rng = random.Random(5)
    estimates, promised = [], 0.0
    for _ in range(300):
        habits = [(rng.betavariate(0.5, 2), rng.randint(1, 8)) for _ in range(150)]
        pairs = [(float(sum(rng.random() < habit for _ in range(sent))), float(sent)) for habit, sent in habits]
        ratio = ratio_of(pairs)
        assert ratio is not None
        arm = as_arm(pairs)
        assert arm is not None
        assert (arm.mean, arm.variance / arm.customers) == pytest.approx((ratio.value, ratio.variance), rel=0.01)
        estimates.append(ratio.value)
        promised += ratio.variance / 300
    mean = sum(estimates) / 300
    actual = sum((one - mean) ** 2 for one in estimates) / 299
    assert promised == pytest.approx(actual, rel=0.2)
    assert ratio_of([(0, 0)]) is None


def test_what_the_models_expect_of_a_customer_takes_a_third_of_the_noise_out_of_revenue() -> None:
    when = fit_pareto_nbd(shop.histories()).model
    how_much = fit_spending(one.spending for one in shop.customers() if one.spending).model
    spent: dict[str, float] = {}
    for one in shop.purchases():
        if one.at.date() > shop.CALIBRATION_END:
            spent[one.customer] = spent.get(one.customer, 0.0) + one.amount
    pairs = [
        (spent.get(one.customer, 0.0), when.expected(one.history, 39) * how_much.expected(one.spending))
        for one in shop.customers()
    ]
    arms = [pairs[::2], pairs[1::2]]
    before = Arm.of(after for after, _ in pairs).variance
    after = [Arm.of(arm) for arm in adjusted(arms)]
    assert 1 - after[0].with_(after[1]).variance / before == pytest.approx(0.327, abs=0.002)
    assert after[0].with_(after[1]).mean == pytest.approx(Arm.of(after for after, _ in pairs).mean)


def test_the_plan_names_a_number_of_customers_whose_interval_just_shows_the_lift() -> None:
    metric, half = Metric.conversion(0.05), Split(0.5, 0.5)
    needed = customers_needed(metric, 0.2, half, power=0.5)
    planned = judge(
        conversions(round(needed / 2 * 0.05), needed // 2),
        conversions(round(needed / 2 * 0.06), needed // 2),
        planned=needed,
    )
    assert planned.low == pytest.approx(0, abs=1e-4)
    assert customers_needed(metric, 0.2, half) > needed
    assert customers_needed(metric, 0.2, Split(0.05, 0.95)) > 5 * needed
    assert lift_found(metric, customers_needed(metric, 0.2, half), half) == pytest.approx(0.2, rel=1e-3)


def test_a_lift_is_never_promised_that_the_customers_are_too_few_for_or_that_cannot_be() -> None:
    half = Split(0.5, 0.5)
    assert lift_found(Metric.conversion(0.05), 100, half) is None
    often = Metric.conversion(0.6)
    assert often.largest_lift == pytest.approx(2 / 3)
    assert often.lifted(2).mean == 1
    assert lift_found(often, 10**6, half) == pytest.approx(0.00633, rel=0.01)
    assert lift_found(Metric.conversion(1.0), 10**6, half) is None


def test_an_experiment_on_revenue_needs_what_its_spread_asks_for() -> None:
    """(3.04 + 0.84)² standard errors, of two arms of half the customers, of which the better one spreads wider."""
    metric, half = Metric(5.0, 20.0, 0.1), Split(0.5, 0.5)
    spread = 2 * (20.0**2 + 24.0**2) + 4 * 0.25 * 1.0**2  # the pooled error also has the difference in it
    assert customers_needed(metric, 0.2, half) == pytest.approx((3.0353 + 0.8416) ** 2 * spread, rel=1e-3)
    assert metric.lifted(0.2) == Metric(6.0, 24.0, 0.1)
