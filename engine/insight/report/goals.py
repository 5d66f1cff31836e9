"""The report's sections of goals, of costs and of recurring revenue, from the file of `engine metrics --against`."""

from collections.abc import Mapping
from datetime import date

from engine.errors import CommandFailed
from engine.insight.figures.recurring import DEFINITIONS, Recurring, movements
from engine.insight.figures.retention import retention
from engine.insight.figures.shop import Shop
from engine.insight.report.content import Figure, Report, Section, written

DAYS_PER_MONTH = 365.25 / 12
LARGEST_SHARE = 2
"""The largest goal of a share: a larger number is meant in percent. Some shares are above 1, such as `check_ratio`."""


def goals(report: Report, wanted: Mapping[str, float]) -> list[Section]:
    """Today's figures against what they shall be. Raises CommandFailed for a figure that the report does not have, and
    for a share of 40 where 40 % are meant.
    """
    figures = []
    for id_, goal in wanted.items():
        found = report.figure(id_)
        if found is None:
            known = sorted(figure.id for section in report.sections for figure in section.figures)
            message = f"there is no figure {id_!r} to have a goal; there are {', '.join(known)}"
            raise CommandFailed(message)
        if found.unit == "share" and goal > LARGEST_SHARE:
            message = f"the goal of {id_} is a share: {goal:g} is {100 * goal:g} %; write {goal:g}%"
            raise CommandFailed(message)
        figures.append(Figure(f"goal_{id_}", found.name, found.value, found.unit, _missing(found, goal, report)))
    definition = "Today's figures beside what they shall be."
    return [Section("goals", "Goals", definition, figures)] if figures else []


def _missing(found: Figure, goal: float, report: Report) -> str:
    aim = f"goal {written(goal, found.unit, report.currency)}"
    if found.value is None:
        return aim
    if found.value <= goal if found.less_is_better else found.value >= goal:
        return f"{aim}: reached"
    return f"{aim}: {written(found.value / goal, 'share')} of it" if goal > 0 else aim


def costs(shop: Shop, start: date, end: date, per_message: float, monthly: float) -> list[Section]:
    """What keeping customers has cost in the period, and per customer who stayed."""
    query = """
        SELECT count(DISTINCT outreach) FROM outcomes
        WHERE outcome = 'fired' AND outreach IS NOT NULL AND epoch_ms(decided_at) >= ? AND epoch_ms(decided_at) < ?
    """
    messages = int(shop.row(query, shop.instant(start), shop.instant(end))[0])
    stayed = retention(shop, start, end).stayed
    whole = messages * per_message + monthly * (end - start).days / DAYS_PER_MONTH
    figures = [
        Figure("cost", "cost of the period", whole, "money", less_is_better=True),
        Figure(
            "cost_per_stayed",
            "per customer who stayed",
            whole / stayed if stayed else None,
            "money",
            less_is_better=True,
        ),
        Figure("cost_messages", "messages", messages, "count", f"{per_message:g} each"),
    ]
    definition = (
        "Messages of the period times what one costs, and the monthly costs for its days; divided by the customers who"
        " were active at its start and at its end. They might have stayed without: only a holdout tells."
    )
    return [Section("costs", "What keeping customers costs", definition, figures)]


def recurring(shop: Shop, recurring: Recurring, definition: str, start: date, end: date) -> list[Section]:
    """Recurring revenue of the period and churn of it by the definition of this name; beside it, that by the others."""
    found, chosen = movements(shop, recurring, start, end), DEFINITIONS[definition]
    whole = found.start
    gross = {name: one.gross(found) / whole if whole else None for name, one in DEFINITIONS.items()}
    net = chosen.net(found) / whole if whole and chosen.net else None
    others = ", ".join(
        f"{name} {written(share, 'share')}" for name, share in gross.items() if share is not None and name != definition
    )
    figures = [
        Figure("mrr_churn_gross", "gross churn of MRR", gross[definition], "share", definition, less_is_better=True),
        Figure("mrr_churn_net", "net churn of MRR", net, "share", definition, less_is_better=True),
        Figure("mrr_start", "MRR at the start", found.start, "money"),
        Figure("mrr_new", "new", found.new, "money"),
        Figure("mrr_reactivation", "reactivation", found.reactivation, "money", "had left, and pay again"),
        Figure("mrr_expansion", "expansion", found.expansion, "money"),
        Figure("mrr_contraction", "contraction", found.contraction, "money", less_is_better=True),
        Figure("mrr_churned", "churned", found.churn, "money", less_is_better=True),
        Figure("mrr_end", "MRR at the end", found.end, "money"),
    ]
    told = f"Gross churn of recurring revenue: {chosen.sentence}. Movements are of all customers, as they happened."
    note = f"Gross churn by other definitions: {others}." if others else ""
    return [Section("recurring", "Recurring revenue", told, figures, note=note)]
