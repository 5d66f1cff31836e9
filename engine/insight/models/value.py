"""Customer lifetime value: purchases to expect times what they are worth, month by month, discounted.

The modelled figure; the historic one (revenue a customer times lifespan) is in `figures`.
"""

from engine.arithmetic.history import History
from engine.insight.models.fitting import PurchaseModel
from engine.insight.models.gamma_gamma import GammaGamma, Spending

WEEKS_PER_MONTH = 365.25 / 12 / 7


def lifetime_value(
    when: PurchaseModel,
    how_much: GammaGamma,
    history: History,
    spending: Spending | None,
    *,
    months: int = 12,
    yearly_discount: float = 0.0,
) -> float:
    """The customer's expected spending within so many months, in today's money (discount .1: 10 % a year)."""
    monthly = (1 + yearly_discount) ** (1 / 12)
    before, total = 0.0, 0.0
    for month in range(1, months + 1):
        until = when.yet_to_come(history, month * WEEKS_PER_MONTH)
        total += (until - before) / monthly**month
        before = until
    return when.alive(history) * total * how_much.expected(spending)
