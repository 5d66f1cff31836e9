"""The report's section of predictions, made from a fit.

`engine metrics` passes it to `build` as a further section.
"""

from collections.abc import Iterable

from engine.insight.figures.predicting import WEEKS_PER_YEAR, Check, Fitted, Sample
from engine.insight.figures.shop import Shop
from engine.insight.report.content import Bars, Figure, Lines, Section

AHEAD_WEEKS = 13


def predictions(shop: Shop, fitted: Fitted, today: Sample, check: Check) -> Section:
    """Of all customers, from the sample `today`."""
    model = fitted.purchases.model
    customers = [(one, model.alive(one.history)) for one in today.customers]
    whole = shop.row("SELECT count(*) FROM customers")[0] / len(customers)
    expected = sum(chance * model.yet_to_come(one.history, AHEAD_WEEKS) for one, chance in customers) * whole
    alive = sum(chance for _, chance in customers) / len(customers)
    figures = [
        Figure("expected_purchases", f"purchases to expect in {AHEAD_WEEKS} weeks", expected, "count"),
        Figure("alive", "still there", alive, "share", "P(alive), mean"),
        Figure(
            "brier",
            "Brier score",
            check.calibration.brier,
            "number",
            f"of chance: {check.calibration.base:.3f}",
            less_is_better=True,
        ),
        Figure("check_ratio", "came, of what was expected", check.happened / (check.expected or 1), "share"),
    ]
    if fitted.spending:
        how_much = fitted.spending.model
        spent = sum(
            chance * model.yet_to_come(one.history, WEEKS_PER_YEAR) * how_much.expected(one.spending)
            for one, chance in customers
        )
        mean = spent / len(customers)
        figures.insert(1, Figure("modelled_value", "worth in 12 months", mean, "money", "CLV, modelled; a customer"))
    name = "Pareto/NBD" if model.name == "pareto_nbd" else "BG/NBD"
    return Section(
        "predictions",
        "What they will do",
        f"{name} fitted to purchase days gives the chance that a customer is still there and how many purchases to"
        " expect; the check fits it to the earlier part alone and compares with what came. Value is expected purchases"
        " times Gamma-Gamma's expected spending, not discounted.",
        figures,
        [_calibration(check), _chances([chance for _, chance in customers], whole)],
        "On the line predictions come true: of a hundred customers given 30 %, thirty buy.",
    )


def _calibration(check: Check) -> Lines:
    """What was predicted, and what happened then."""
    bins = check.calibration.bins
    return Lines(
        f"Predicted and happened, {check.weeks} weeks from {check.until}",
        [one.predicted for one in bins],
        {"bought": [one.observed for one in bins]},
        "predicted",
        diagonal=True,
    )


def _chances(chances: Iterable[float], each: float) -> Bars:
    """How many customers are how likely still there; each of the sample stands for so many."""
    spread = [0.0] * 10
    for chance in chances:
        spread[min(9, int(chance * 10))] += each
    labels = [f"{10 * tenth}-{10 * tenth + 10} %" for tenth in range(10)]
    return Bars("Customers by the chance that they are still there", labels, spread, "P(alive)")
