"""Fits to the tenth of CDNOW: the published answers, and that mpmath finds no way up from them."""

import random
from collections import Counter
from dataclasses import astuple
from functools import cache
from math import fsum
from typing import Any

import mpmath
import pytest

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.insight.models.calibration import calibration
from engine.insight.models.fitting import (
    Fit,
    TooFew,
    fit_bg_nbd,
    fit_pareto_nbd,
    fit_spending,
)
from engine.insight.models.gamma_gamma import GammaGamma, Spending
from tests.support import shop_history as shop


@cache
def pareto() -> Fit[ParetoNbd]:
    return fit_pareto_nbd(shop.histories())


@cache
def bg() -> Fit[BgNbd]:
    return fit_bg_nbd(shop.histories())


@cache
def spending() -> Fit[GammaGamma]:
    return fit_spending(one.spending for one in shop.customers() if one.spending)


def test_pareto_nbd_finds_the_known_parameters_of_the_record_shop() -> None:
    model = pareto().model
    assert (model.r, model.alpha, model.s, model.beta) == pytest.approx(
        (0.553277, 10.577684, 0.606240, 11.668731), rel=1e-4
    )
    assert pareto().log_likelihood == pytest.approx(-9594.9762, abs=1e-4)
    assert pareto().converged


def test_bg_nbd_finds_the_known_parameters_of_the_record_shop() -> None:
    model = bg().model
    assert (model.r, model.alpha, model.a, model.b) == pytest.approx((0.242595, 4.413602, 0.792922, 2.425907), rel=1e-4)
    assert bg().log_likelihood == pytest.approx(-9582.4292, abs=1e-4)
    assert bg().converged


def test_gamma_gamma_finds_the_known_parameters_of_the_record_shop() -> None:
    model = spending().model
    assert (model.p, model.q, model.v) == pytest.approx((6.249572, 3.744225, 15.443520), rel=1e-4)
    assert spending().customers == 946


def test_customers_who_all_leave_at_one_rate_have_no_best_fit_and_that_is_told() -> None:
    draw, histories = random.Random(16), []
    for _ in range(600):
        rate, life, age = draw.gammavariate(2, 0.05), draw.expovariate(1 / 40), draw.randrange(30, 100)
        at, moments = 0.0, [0.0]
        while (at := at + draw.expovariate(rate)) < min(life, age):
            moments.append(at)
        histories.append(PurchaseHistory(len(moments) - 1, moments[-1], age))
    found = fit_pareto_nbd(histories, coarse=100)
    assert not found.converged
    assert found.customers == 600
    assert found.log_likelihood == pytest.approx(fsum(map(found.model.log_likelihood, histories)))
    assert found.model.r / found.model.alpha == pytest.approx(0.1, rel=0.3)


@pytest.mark.parametrize(("fit", "bought"), [(pareto, 1665.513), (bg, 1653.409)])
def test_customers_bought_somewhat_more_than_both_models_expected(fit: Any, bought: float) -> None:
    model = fit().model
    assert fsum(model.expected(one, shop.WEEKS_AFTER) for one in shop.histories()) == pytest.approx(bought, rel=1e-5)
    assert sum(one.bought_after for one in shop.customers()) == 1882


@pytest.mark.parametrize(("fit", "brier"), [(pareto, 0.1619), (bg, 0.1612)])
def test_who_buys_again_is_predicted_better_than_by_the_overall_share(fit: Any, brier: float) -> None:
    model = fit().model
    predicted = [model.buys_within(one, shop.WEEKS_AFTER) for one in shop.histories()]
    result = calibration(predicted, [one.bought_after > 0 for one in shop.customers()])
    assert result.brier == pytest.approx(brier, abs=5e-5)
    assert result.base == pytest.approx(0.2060, abs=5e-5)
    assert sum(one.customers for one in result.bins) == 2357


@pytest.mark.parametrize("each", [1, 2])
def test_predictions_are_compared_with_what_happened_ten_bins_at_a_time(each: int) -> None:
    predicted = [(number % 10 + number // 10 / 2) / 20 for number in range(10 * each)]
    happened = [number % 10 >= 5 or number >= 15 for number in range(10 * each)]
    bins = calibration(predicted, happened).bins
    assert [one.customers for one in bins] == [each] * 10
    assert [one.predicted for one in bins] == pytest.approx([(place + (each - 1) / 4) / 20 for place in range(10)])
    assert [one.observed for one in bins] == [0.0] * 5 + [1.0] * 5
    assert len(calibration(predicted[:3], happened[:3]).bins) == 3


def test_ranking_by_bg_nbd_finds_the_wrong_customers_as_it_calls_everybody_alive_who_never_came_back() -> None:
    silent = [one.bought_after == 0 for one in shop.customers()]
    of_bg = calibration([1 - bg().model.alive(one) for one in shop.histories()], silent).ranking
    of_pareto = calibration([1 - pareto().model.alive(one) for one in shop.histories()], silent).ranking
    of_recency = calibration([one.age - one.recency for one in shop.histories()], silent).ranking
    assert (of_bg, of_pareto, of_recency) == pytest.approx((0.316, 0.726, 0.771), abs=5e-4)
    assert bg().model.alive(PurchaseHistory(0, 0.0, 39.0)) == 1.0


gamma, beta_function = cache(mpmath.gamma), cache(mpmath.beta)


def pareto_by_the_integral(parameters: list[Any], history: PurchaseHistory) -> Any:
    """The likelihood as the paper derives it: a customer left at some moment after the last purchase, or is here."""
    r, alpha, s, beta = parameters
    x, recency, age = history

    def left_at(moment: Any) -> Any:
        return s * (alpha + moment) ** -(r + x) * (beta + moment) ** -(s + 1)

    here = (alpha + age) ** -(r + x) * (beta + age) ** -s
    before = mpmath.gamma(r + x) / mpmath.gamma(r) * alpha**r * beta**s
    pieces, length = [mpmath.mpf(recency)], (min(alpha, beta) + recency) / (1 + r + s + x)
    while pieces[-1] < age:  # the integrand falls steeply at first
        pieces.append(min(mpmath.mpf(age), pieces[-1] + length))
        length *= 2
    return mpmath.log(before * (here + mpmath.quad(left_at, pieces)))


def bg_by_definition(parameters: list[Any], history: PurchaseHistory) -> Any:
    r, alpha, a, b = parameters
    x, recency, age = history
    here = beta_function(a, b + x) / beta_function(a, b) * (alpha + age) ** -(r + x)
    left = beta_function(a + 1, b + x - 1) / beta_function(a, b) * (alpha + recency) ** -(r + x) if x else 0
    return mpmath.log(gamma(r + x) / gamma(r) * alpha**r * (here + left))


HISTORIES = [
    PurchaseHistory(0, 0.0, 39.0),
    PurchaseHistory(0, 0.0, 0.0),
    PurchaseHistory(3, 20.5, 38.86),
    PurchaseHistory(40, 38.0, 38.0),
    PurchaseHistory(2, 0.3, 500.0),
    PurchaseHistory(300, 150.0, 152.0),
]
PARETOS = [
    (0.553, 10.58, 0.606, 11.67),
    (0.553, 11.67, 0.606, 10.58),
    (2.0, 5.0, 1.0, 5.0),
    (0.01, 300.0, 3.0, 0.01),
    (4.0, 0.02, 0.05, 200.0),
    (1.04, 6.65, 12_941.0, 1_230_235.0),
    (3.0, 700.0, 0.2, 0.1),
]


@pytest.mark.parametrize("history", HISTORIES, ids=str)
@pytest.mark.parametrize("parameters", PARETOS, ids=str)
def test_pareto_nbd_agrees_with_mpmaths_integral_whatever_the_customer(
    parameters: tuple[float, ...], history: PurchaseHistory
) -> None:
    with mpmath.workdps(40):
        expected = float(pareto_by_the_integral([mpmath.mpf(one) for one in parameters], history))
    assert ParetoNbd(*parameters).log_likelihood(history) == pytest.approx(expected, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("history", HISTORIES, ids=str)
@pytest.mark.parametrize("parameters", [(0.24, 4.4, 0.79, 2.43), (1.5, 0.1, 3.0, 0.4), (0.01, 80.0, 0.2, 0.5)], ids=str)
def test_bg_nbd_agrees_with_mpmath_whatever_the_customer(
    parameters: tuple[float, ...], history: PurchaseHistory
) -> None:
    with mpmath.workdps(40):
        expected = float(bg_by_definition([mpmath.mpf(one) for one in parameters], history))
    assert BgNbd(*parameters).log_likelihood(history) == pytest.approx(expected, rel=1e-10, abs=1e-10)


@pytest.mark.parametrize("history", HISTORIES[:5], ids=str)
def test_purchases_to_expect_are_those_that_mpmath_integrates(history: PurchaseHistory) -> None:
    """Of an expected count the rate at each moment is P(still there) times the purchase rate then."""
    pareto_model, bg_model, weeks = ParetoNbd(0.553, 10.58, 0.606, 11.67), BgNbd(0.24, 4.4, 0.79, 2.43), 52.0
    x, _, age = history

    def pareto_rate(moment: Any) -> Any:
        stays = ((pareto_model.beta + age) / (pareto_model.beta + age + moment)) ** pareto_model.s
        return (pareto_model.r + x) / (pareto_model.alpha + age) * stays

    def bg_rate(moment: Any) -> Any:
        past = bg_model.alpha + age
        spread = mpmath.hyp2f1(bg_model.r + x + 1, bg_model.a, bg_model.a + bg_model.b + x, -moment / past)
        return (bg_model.r + x) / past * spread

    of_pareto = pareto_model.alive(history) * float(mpmath.quad(pareto_rate, [0, weeks]))
    of_bg = bg_model.alive(history) * float(mpmath.quad(bg_rate, [0, weeks]))
    assert pareto_model.expected(history, weeks) == pytest.approx(of_pareto, rel=1e-9)
    assert bg_model.expected(history, weeks) == pytest.approx(of_bg, rel=1e-9)


def test_the_limits_at_which_formulas_divide_by_zero_are_passed_smoothly() -> None:
    history = PurchaseHistory(2, 10.0, 30.0)
    for just, beside in (((0.5, 10.0, 1.0, 12.0), 1e-5), ((0.5, 12.0, 1.0, 12.0), 1e-5)):
        r, alpha, s, beta = just
        near = ParetoNbd(r, alpha, s + beside, beta + beside).expected(history, 20)
        assert ParetoNbd(*just).expected(history, 20) == pytest.approx(near, rel=1e-4)
    near = BgNbd(0.5, 10.0, 1 + 1e-4, 2.0).expected(history, 20)
    assert BgNbd(0.5, 10.0, 1.0, 2.0).expected(history, 20) == pytest.approx(near, rel=1e-3)
    assert BgNbd(0.5, 10.0, 0.4, 0.6).expected(PurchaseHistory(0, 0.0, 30.0), 20) > 0


def test_no_parameter_can_be_changed_a_little_and_explain_the_customers_better() -> None:
    """Slopes by mpmath at the fitted point, in 20 digits: the optimiser had no part in them."""
    kinds, model = Counter(shop.histories()), bg().model
    point = [model.r, model.alpha, model.a, model.b]

    def total(place: int, factor: float) -> Any:
        moved = [mpmath.mpf(number) * (factor if at == place else 1) for at, number in enumerate(point)]
        return sum(count * bg_by_definition(moved, history) for history, count in kinds.items())

    with mpmath.workdps(20):
        slopes = [(total(place, 1.001) - total(place, 0.999)) / 0.002 for place in range(4)]
    assert max(map(abs, slopes)) < 0.01  # of 9,582


def test_simulated_customers_lead_back_to_the_parameters_they_were_made_with() -> None:
    rng = random.Random(11)
    made = ParetoNbd(1.2, 8.0, 0.8, 10.0)
    fitted = fit_pareto_nbd([_simulated(rng, made) for _ in range(2000)])
    assert fitted.converged
    found = fitted.model
    assert (found.r, found.alpha) == pytest.approx((made.r, made.alpha), rel=0.2)
    assert (found.s, found.beta) == pytest.approx((made.s, made.beta), rel=0.5)


def _simulated(rng: random.Random, model: ParetoNbd) -> PurchaseHistory:
    age = float(rng.choice([26, 52]))
    rate, leaving = rng.gammavariate(model.r, 1 / model.alpha), rng.gammavariate(model.s, 1 / model.beta)
    stays, at, repeats, last = min(age, rng.expovariate(leaving)), 0.0, 0, 0.0
    while (at := at + rng.expovariate(rate)) < stays:
        repeats, last = repeats + 1, at
    return PurchaseHistory(repeats, float(round(last)), age)


def test_too_few_customers_are_refused_instead_of_fitted_to_noise() -> None:
    with pytest.raises(TooFew, match="0 of 500 customers have bought again"):
        fit_pareto_nbd([PurchaseHistory(0, 0.0, 10.0)] * 500)
    with pytest.raises(TooFew, match="0 customers have paid"):
        fit_spending([Spending(2, 0.0)] * 500)


def test_customers_who_all_stay_for_ever_do_not_send_the_search_to_infinity() -> None:
    rng = random.Random(3)
    fitted = fit_pareto_nbd([PurchaseHistory(rng.randint(3, 30), 49.9, 50.0) for _ in range(300)])
    assert fitted.model.alive(PurchaseHistory(10, 49.9, 50.0)) > 0.99


def test_a_customers_next_purchase_is_worth_something_between_their_own_and_everybodys() -> None:
    model = spending().model
    everybody = model.expected(None)
    once, often = model.expected(Spending(1, 100.0)), model.expected(Spending(50, 100.0))
    assert everybody == pytest.approx(model.p * model.v / (model.q - 1))
    assert everybody < once < often < 100
    assert fsum(model.expected(one.spending) for one in shop.customers()) / 2357 == pytest.approx(35.5, abs=2)


def test_a_search_that_begins_with_some_customers_ends_where_one_of_all_does() -> None:
    histories = list(shop.histories())
    for found, known in ((fit_pareto_nbd(histories, 300), pareto()), (fit_bg_nbd(histories, 300), bg())):
        assert found.converged
        assert found.customers == known.customers
        assert found.log_likelihood == pytest.approx(known.log_likelihood, abs=1e-5)
        assert astuple(found.model) == pytest.approx(astuple(known.model), rel=1e-4)
