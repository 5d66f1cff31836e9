"""Likelihoods of all customers together: those of the closed forms, and slopes that mpmath confirms."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp, fsum
from typing import Any

import mpmath
import pytest

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.arithmetic.special import digamma
from engine.insight.models import likelihood
from engine.insight.models.gamma_gamma import GammaGamma, Spending

CHOICES = 300


def some_history(draw: random.Random) -> PurchaseHistory:
    age = draw.choice([0, 1, 30, 400, 3000]) / 7 + draw.randrange(3)
    repeats = draw.choice([0, 0, 1, 2, 5, 40, 300])
    return PurchaseHistory(repeats, draw.uniform(0, age) if repeats else 0.0, age)


def some_parameters(draw: random.Random, middle: Sequence[float]) -> list[float]:
    """Within what a search looks through."""
    return [centre * exp(draw.uniform(-5, 5)) for centre in middle]


def some_spending(draw: random.Random) -> Spending:
    return Spending(draw.choice([1, 2, 30]), draw.uniform(0.5, 500))


SUMS: list[tuple[Any, Any, Any, Sequence[float]]] = [
    (ParetoNbd, likelihood.pareto_nbd, some_history, (0.5, 15.0, 0.5, 15.0)),
    (BgNbd, likelihood.bg_nbd, some_history, (0.5, 10.0, 0.8, 2.5)),
    (GammaGamma, likelihood.gamma_gamma, some_spending, (3.0, 3.0, 50.0)),
]


@pytest.mark.parametrize(("model", "climb", "some", "middle"), SUMS, ids=["pareto", "bg", "gamma"])
def test_the_sum_over_customers_is_that_of_each_ones_closed_form(
    model: Any, climb: Any, some: Any, middle: Sequence[float]
) -> None:
    draw = random.Random(7)
    for _ in range(CHOICES):
        at, kinds = some_parameters(draw, middle), Counter(some(draw) for _ in range(10))
        expected = fsum(count * model(*at).log_likelihood(one) for one, count in kinds.items())
        assert climb(at, kinds).value == pytest.approx(expected, rel=1e-9, abs=1e-7), at


@pytest.mark.parametrize(("model", "climb", "some", "middle"), SUMS, ids=["pareto", "bg", "gamma"])
def test_the_slopes_are_the_differences_of_the_sum(model: Any, climb: Any, some: Any, middle: Sequence[float]) -> None:
    draw = random.Random(8)
    for _ in range(CHOICES):
        at, kinds = some_parameters(draw, middle), Counter(some(draw) for _ in range(10))
        height = climb(at, kinds)
        for place, slope in enumerate(height.slope):
            assert slope * at[place] == pytest.approx(difference(climb, at, kinds, place), rel=1e-5, abs=2e-3), at


def difference(climb: Any, at: Sequence[float], kinds: Mapping[Any, int], place: int) -> float:
    """Of the sum, by the logarithm of one parameter."""
    ahead, behind = list(at), list(at)
    ahead[place] *= exp(1e-5)
    behind[place] *= exp(-1e-5)
    found: float = (climb(ahead, kinds).value - climb(behind, kinds).value) / 2e-5
    return found


@pytest.mark.parametrize("x", [1e-6, 0.01, 0.5, 1.0, 3.7, 7.999, 8.0, 150.0, 1e6])
def test_digamma_is_that_of_mpmath(x: float) -> None:
    assert digamma(x) == pytest.approx(float(mpmath.digamma(x)), rel=1e-12, abs=1e-13)
