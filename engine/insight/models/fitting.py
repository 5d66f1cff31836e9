"""Parameters by maximum likelihood, no penalty: `fit_purchases` for when they buy, `fit_spending` for how much.

Customers with equal histories are counted, not repeated: a shop of a million has some tens of thousands of kinds.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum
from typing import Final, Generic, TypeVar

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.insight.models import likelihood
from engine.insight.models.gamma_gamma import GammaGamma, Spending
from engine.insight.models.optimum import Height, Optimum, maximum

MODELS: Final[Mapping[str, type[ParetoNbd] | type[BgNbd]]] = {ParetoNbd.name: ParetoNbd, BgNbd.name: BgNbd}
MIN_REPEAT_BUYERS = 30
"""Customers with a repeat purchase that a fit needs. With fewer the four parameters are noise."""
COARSE: Final = 500
"""Kinds of customers that a search begins with, if there are at least twice as many. The optimum of so many is within
some percent of that of all, and nearly all steps of a search are spent on the way there."""

M = TypeVar("M", ParetoNbd, BgNbd, GammaGamma)
K = TypeVar("K", PurchaseHistory, Spending)


class TooFew(ValueError):
    """Raised if there are not enough customers for a fit; the message says how many there are."""


@dataclass(frozen=True, slots=True)
class Fit(Generic[M]):
    """A model, its log likelihood over `customers`, and whether the search converged."""

    model: M
    log_likelihood: float
    customers: int
    converged: bool


def fit_pareto_nbd(histories: Iterable[PurchaseHistory], coarse: int = COARSE) -> Fit[ParetoNbd]:
    """Raises TooFew."""
    kinds = _counted(histories)
    scale = _mean_age(kinds)
    best = _best(likelihood.pareto_nbd, kinds, (0.5, scale / 3, 0.5, scale / 3), coarse)
    return Fit(ParetoNbd(*best.at), best.value, kinds.total(), best.converged)


def fit_bg_nbd(histories: Iterable[PurchaseHistory], coarse: int = COARSE) -> Fit[BgNbd]:
    """Raises TooFew."""
    kinds = _counted(histories)
    best = _best(likelihood.bg_nbd, kinds, (0.5, _mean_age(kinds) / 4, 0.8, 2.5), coarse)
    return Fit(BgNbd(*best.at), best.value, kinds.total(), best.converged)


def fit_purchases(name: str, histories: Iterable[PurchaseHistory]) -> Fit[ParetoNbd] | Fit[BgNbd]:
    """Fit the model of this name. Raises TooFew."""
    return fit_bg_nbd(histories) if name == BgNbd.name else fit_pareto_nbd(histories)


def fit_spending(spendings: Iterable[Spending]) -> Fit[GammaGamma]:
    """Fit spending. Customers without a paid repeat purchase are left out. Raises TooFew."""
    kinds = Counter(one for one in spendings if one.purchases > 0 and one.mean > 0)
    customers = kinds.total()
    if customers < MIN_REPEAT_BUYERS:
        message = f"{customers} customers have paid for a repeat purchase; a fit needs {MIN_REPEAT_BUYERS}"
        raise TooFew(message)
    mean = fsum(spending.mean * count for spending, count in kinds.items()) / customers
    best = _best(likelihood.gamma_gamma, kinds, (3.0, 3.0, mean), COARSE)
    return Fit(GammaGamma(*best.at), best.value, customers, best.converged)


def _best(
    climb: Callable[[Sequence[float], Mapping[K, int]], Height],
    kinds: Mapping[K, int],
    start: Sequence[float],
    coarse: int,
) -> Optimum:
    """Of many kinds some are searched first, to come near the highest point.

    Parameters that some of them do not tell apart are not looked for among all.
    """
    near, every = None, len(kinds) // coarse
    if every > 1:
        some = dict(sorted(kinds.items())[::every])
        near = maximum(lambda at: climb(at, some), start)
        if not near.converged:
            return Optimum(near.at, climb(near.at, kinds).value, converged=False)
        share = sum(some.values()) / sum(kinds.values())
        near = replace(near, curvature=[[share * number for number in row] for row in near.curvature])
    return maximum(lambda at: climb(at, kinds), start, near)


def _counted(histories: Iterable[PurchaseHistory]) -> Counter[PurchaseHistory]:
    kinds = Counter(histories)
    returned = sum(count for history, count in kinds.items() if history.repeats)
    if returned < MIN_REPEAT_BUYERS:
        message = f"{returned} of {kinds.total()} customers have bought again; a fit needs {MIN_REPEAT_BUYERS}"
        raise TooFew(message)
    return kinds


def _mean_age(kinds: Counter[PurchaseHistory]) -> float:
    return fsum(history.age * count for history, count in kinds.items()) / kinds.total() or 1.0
