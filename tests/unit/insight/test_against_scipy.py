"""The fits against SciPy: its functions, its optimiser, and none of our code. Skipped where SciPy is not installed."""

from collections import Counter
from math import inf

import pytest

from engine.insight.models.fitting import fit_bg_nbd, fit_pareto_nbd
from tests.support import shop_history as shop

WHY = "SciPy is an oracle of the tests only: pip install scipy"
optimize = pytest.importorskip("scipy.optimize", reason=WHY)
special = pytest.importorskip("scipy.special", reason=WHY)
numpy = pytest.importorskip("numpy", reason=WHY)

KINDS = Counter(shop.histories())
X, RECENCY, AGE = (numpy.array(one, dtype=float) for one in zip(*KINDS, strict=True))
COUNTS = numpy.array(list(KINDS.values()), dtype=float)


def bg_nbd(logs: object) -> float:
    """Fader, Hardie and Lee (2005), equation 6."""
    r, alpha, a, b = numpy.exp(logs)
    common = special.gammaln(r + X) - special.gammaln(r) + r * numpy.log(alpha)
    here = special.betaln(a, b + X) - special.betaln(a, b) - (r + X) * numpy.log(alpha + AGE)
    left = special.betaln(a + 1, b + numpy.maximum(X, 1) - 1) - special.betaln(a, b)
    left = numpy.where(X > 0, left - (r + X) * numpy.log(alpha + RECENCY), -inf)
    return float(-numpy.dot(COUNTS, common + numpy.logaddexp(here, left)))


def pareto_nbd(logs: object) -> float:
    """Fader and Hardie (2005), the likelihood for alpha < beta and for alpha >= beta."""
    r, alpha, s, beta = numpy.exp(logs)
    whole, high = r + s + X, max(alpha, beta)
    b = s + 1 if alpha >= beta else r + X

    def tail(time: object) -> object:
        far = high + time
        return special.hyp2f1(whole, b, whole + 1, abs(alpha - beta) / far) / far**whole

    here = 1 / ((alpha + AGE) ** (r + X) * (beta + AGE) ** s)
    left = s / whole * (tail(RECENCY) - tail(AGE))  # type: ignore[operator]
    common = special.gammaln(r + X) - special.gammaln(r) + r * numpy.log(alpha) + s * numpy.log(beta)
    return float(-numpy.dot(COUNTS, common + numpy.log(here + left)))


@pytest.mark.parametrize(("cost", "fit"), [(bg_nbd, fit_bg_nbd), (pareto_nbd, fit_pareto_nbd)])
def test_scipy_finds_the_same_parameters_by_its_own_way(cost: object, fit: object) -> None:
    ours = fit(shop.histories())  # type: ignore[operator]
    found = optimize.minimize(
        cost, [0.0, 1.5, 0.0, 1.5], method="Nelder-Mead", options={"xatol": 1e-7, "maxiter": 4000}
    )
    parameters = [getattr(ours.model, name) for name in type(ours.model).__slots__]
    assert parameters == pytest.approx(list(numpy.exp(found.x)), rel=1e-4)
    assert ours.log_likelihood == pytest.approx(-found.fun, abs=1e-4)
