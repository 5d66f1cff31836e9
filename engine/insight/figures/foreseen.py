"""What could be foreseen of each customer's spending when they were exposed to an experiment, for CUPED.

By Pareto/NBD and Gamma-Gamma, fitted to what all exposed customers had bought before: nothing that came after the
exposure may have a part in it, or the adjustment would hide the effect. Where too few had bought, it is what they spent
in as long a time before the exposure.
"""

from collections.abc import Sequence
from typing import NamedTuple

from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.insight.figures.predicting import MAX_SAMPLE
from engine.insight.models.fitting import TooFew, fit_pareto_nbd, fit_spending
from engine.insight.models.gamma_gamma import GammaGamma, Spending


class Before(NamedTuple):
    """What a customer had bought until their exposure.

    `days`: with a purchase; 0: none. `recency`, `age`: days from the first one to the last, and to the exposure.
    `spent_again`: on all days but the first; `lately`: in as long a time as the goal counts.
    """

    days: int
    recency: int
    age: int
    spent_again: float
    lately: float

    @property
    def history(self) -> PurchaseHistory:
        return PurchaseHistory.of_days(self.days - 1, self.recency, self.age)

    @property
    def spending(self) -> Spending | None:
        return Spending.of_repeats(self.days - 1, self.spent_again)


def foreseen(customers: Sequence[Before], weeks: float) -> list[float]:
    """The spending to expect of each customer within so many weeks of the exposure; of those who had not bought, 0."""
    models = _fitted([one for one in customers if one.days])
    if models is None:
        return [one.lately for one in customers]
    when, how_much = models
    return [
        when.expected(one.history, weeks) * how_much.expected(one.spending) if one.days else 0.0 for one in customers
    ]


def _fitted(buyers: Sequence[Before]) -> tuple[ParetoNbd, GammaGamma] | None:
    """None: too few had bought, or their spending has no mean (q up to 1)."""
    some = buyers[:: max(1, len(buyers) // MAX_SAMPLE)]
    try:
        when = fit_pareto_nbd(one.history for one in some).model
        how_much = fit_spending(one.spending for one in some if one.spending).model
    except TooFew:
        return None
    return (when, how_much) if how_much.q > 1 else None
