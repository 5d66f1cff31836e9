"""The report of a shop: it chooses the figures, their order and their words.

`engine metrics` calls it with an open `Shop`. It asks `figures` for every number and computes none itself.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise

from engine.insight.figures.buying import Buying, buying, gaps, next_shares, returning, until_second
from engine.insight.figures.churn_points import points
from engine.insight.figures.groups import cohorts, rfm
from engine.insight.figures.responses import Nps, funnels, nps
from engine.insight.figures.retention import Retention, retentions
from engine.insight.figures.shop import Shop, month_before, whole_months
from engine.insight.report.content import Bars, Figure, Heat, Lines, Report, Section

RETENTION_MONTHS = 12
"""Months of the retention chart, and half of those of the cohorts: two years fit on a page."""
PURCHASE_WINDOW = timedelta(days=14)


def default_period(shop: Shop) -> tuple[date, date]:
    """The last three whole months, or the shop's whole time if shorter."""
    end = month_before(shop.end, 0)
    return max(shop.first, month_before(end, 3)), end if end > shop.first else shop.end


def build_report(shop: Shop, start: date, end: date, more: Sequence[Section] = ()) -> Report:
    """Build the report. `more`: further sections, such as predictions."""
    sections = [_buying(shop, start, end), _retention(shop, start, end), _second(shop), _gaps(shop), _cohorts(shop)]
    sections += [_rfm(shop), *more, *_nps(shop, start, end), *_outreach(shop), *_leaving(shop)]
    period = (start.isoformat(), end.isoformat())
    return Report(shop.first.isoformat(), shop.end.isoformat(), period, shop.asked.zone.key, shop.currency, sections)


def _buying(shop: Shop, start: date, end: date) -> Section:
    found, inside = buying(shop), returning(shop, start, end)
    return Section(
        "buying",
        "Who buys, and how often",
        "A customer has bought at least once; the repeat rate is the share of them with two purchases or more"
        " (by days: on two days or more), the frequency purchases per customer, and the returning rate the share of the"
        " period's buyers whose purchases until its end are two or more.",
        [
            Figure("customers", "customers", found.customers, "count"),
            Figure("purchases", "purchases", found.purchases, "count"),
            Figure("revenue", "revenue", found.revenue, "money", _priced(found)),
            Figure("repeat_rate", "repeat rate", found.repeat_tx, "share"),
            Figure("repeat_rate_days", "repeat rate by days", found.repeat_days, "share"),
            Figure("frequency", "purchases per customer", found.frequency, "number"),
            Figure("returning_rate", "returning in the period", inside.returning, "share"),
            Figure("repeat_in_period", "twice in the period", inside.repeated, "share"),
            Figure("historic_value", "revenue per customer", found.historic_value, "money", "CLV, historic"),
            Figure("lifespan", "from first to last purchase", found.lifespan_days, "days", "mean of all customers"),
        ],
    )


def _priced(found: Buying) -> str:
    if not found.priced:
        return "no purchase names an amount; --amount says how it is called here"
    missing = found.purchases - found.priced
    purchases = f"{missing:,} purchase{'' if missing == 1 else 's'}"
    return f"without {purchases} of no amount or in another currency" if missing else ""


def _retention(shop: Shop, start: date, end: date) -> Section:
    starts = whole_months(shop.first, shop.end, RETENTION_MONTHS)
    found, *months = retentions(shop, [(start, end), *pairwise(starts)])
    days = shop.asked.active_days
    labels = [f"{one:%b %y}" for one in starts[:-1]]
    course: dict[str, list[float | None]] = {
        "strict": [one.strict for one in months],
        "textbook": [one.textbook for one in months],
    }
    numbers = [float(place) for place in range(len(labels))]
    charts = [Lines("Month by month", numbers, course, "month", labels)] if len(labels) > 1 else []
    return Section(
        "retention",
        "Who stays",
        f"Active at a moment is who bought within the {days} days before it; of those active at the start of the period"
        " (S) strict retention is the share still active at its end, and the textbook's is (E - N) / S with E active at"
        " the end and N new.",
        [
            Figure("retention_strict", "strict retention", found.strict, "share"),
            Figure("retention_textbook", "textbook retention", found.textbook, "share"),
            Figure(
                "churn",
                "churn",
                None if found.strict is None else 1 - found.strict,
                "share",
                "1 - strict",
                less_is_better=True,
            ),
            Figure("active_start", "active at the start", found.start, "count", "S"),
            Figure("active_end", "active at the end", found.end, "count", "E"),
            Figure("new", "new", found.new, "count", "N"),
            Figure("resurrected", "resurrected", found.resurrected, "count", "neither active at the start nor new"),
            Figure("new_lapsed", "new and gone again", found.new_lapsed, "count", less_is_better=True),
        ],
        list(charts),
        _beware(found),
    )


def _beware(found: Retention) -> str:
    if found.strict is None or found.textbook is None or not found.resurrected:
        return ""
    return (
        f"The textbook figure counts {found.resurrected:,} who came back from earlier as if they had stayed: it says"
        f" {100 * found.textbook:.1f} %, but {100 * found.strict:.1f} % of the customers of the start are still active."
    )


def _second(shop: Shop) -> Section:
    curve, shares = until_second(shop), next_shares(shop)
    steps = [one for one in curve.steps if one.time <= 365]
    chart = Lines(
        "Have bought again, by days since the first purchase",
        [0.0, *(one.time for one in steps)],
        {"bought again": [0.0, *(1 - one.survival for one in steps)]},
        "days",
        band=[(0.0, 0.0), *((1 - one.high, 1 - one.low) for one in steps)],
        steps=True,
    )
    labels = [f"{nth} → {nth + 1}" for nth, *_ in shares]
    bars = Bars("Buy once more", labels, [share for _, share, _ in shares], "", "share")
    return Section(
        "second",
        "To the second purchase, and on",
        "Kaplan and Meier's estimate: customers who have not had the time yet count for the time they had, with 95 %"
        " bounds by Greenwood's error; n → n + 1 is the share of those with n purchase days who have another so far.",
        [
            *(
                Figure(f"again_{days}", f"again within {days} days", curve.share_by(days), "share")
                for days in (30, 90, 180)
            ),
            Figure("again_half", "until half have bought again", curve.quantile(0.5), "days", less_is_better=True),
        ],
        [chart, bars],
    )


def _gaps(shop: Shop) -> Section:
    found = gaps(shop)
    weeks = dict(found.weeks)
    labels = [str(week) for week in range(min(max(weeks, default=0), 51) + 1)]
    bars = Bars("Gaps by weeks", labels, [float(weeks.get(int(week), 0)) for week in labels], "weeks")
    return Section(
        "gaps",
        "Time between purchases",
        "Days from a purchase day to the same customer's next; only gaps that have ended count.",
        [
            Figure("gap_median", "median", found.median, "days", less_is_better=True),
            Figure("gap_mean", "mean", found.mean, "days", less_is_better=True),
            Figure("gap_p90", "nine of ten within", found.p90, "days", less_is_better=True),
        ],
        [bars] if found.count else [],
    )


def _cohorts(shop: Shop) -> Section:
    found = cohorts(shop)[-RETENTION_MONTHS * 2 :]
    width = min(max(len(one.buyers) for one in found), RETENTION_MONTHS * 2)
    rows = [one.buyers[:width] for one in found]
    cells = [[buyers / row[0] for buyers in row] for row in rows]
    shown = [
        [f"{row[0]:,}", *(f"{share:.0%}" for share in shares[1:])] for row, shares in zip(rows, cells, strict=True)
    ]
    heat = Heat(
        "Share that buys, by months since the first purchase",
        [f"{one.month:%b %y}" for one in found],
        [str(month) for month in range(width)],
        [[*row, *[None] * (width - len(row))] for row in cells],
        [[*row, *[""] * (width - len(row))] for row in shown],
        "months later",
    )
    return Section(
        "cohorts",
        "Cohorts",
        "Customers by the month of their first purchase, and which share of them bought in each month after it; month 0"
        " shows how many they are.",
        charts=[heat],
    )


def _rfm(shop: Shop) -> Section:
    found = rfm(shop)
    total = sum(one.customers for one in found)
    count = {(r, f): 0 for r in range(1, 6) for f in range(1, 6)}
    for one in found:
        count[one.recency, one.frequency] += one.customers
    levels = range(5, 0, -1)
    heat = Heat(
        "Customers by recency and frequency",
        [f"R{r}" for r in levels],
        [f"F{f}" for f in range(1, 6)],
        [[count[r, f] / total for f in range(1, 6)] for r in levels],
        [[f"{count[r, f]:,}" for f in range(1, 6)] for r in levels],
        "frequency",
    )
    best = sum(one.customers for one in found if min(one.recency, one.frequency, one.monetary) == 5)
    gone = sum(one.customers for one in found if one.recency == 1 and one.frequency >= 4)
    return Section(
        "rfm",
        "Recency, frequency, money",
        "Scores from 1 to 5 by the values at the quintiles of days since the last purchase, purchases and revenue:"
        " customers with equal values score equally.",
        [
            Figure("rfm_best", "score 555", best, "count"),
            Figure(
                "rfm_slipping", "bought often, silent longest", gone, "count", "R1 with F4 or F5", less_is_better=True
            ),
        ],
        [heat],
    )


def _nps(shop: Shop, start: date, end: date) -> list[Section]:
    return [_nps_of(found) for found in nps(shop, start, end)]


def _nps_of(found: Nps) -> Section:
    id_ = "nps" if found.survey == "nps" else f"nps_{found.survey}"
    low, high = found.interval
    figures = [
        Figure(id_, "NPS", found.score, "number", f"{low} to {high}"),
        Figure(f"{id_}_low", "at least", low, "number", "95 % interval"),
        Figure(f"{id_}_high", "at most", high, "number", "95 % interval"),
        Figure(f"{id_}_answers", "answers", found.answers, "count"),
        Figure(f"{id_}_promoters", "promoters", found.promoters, "count"),
        Figure(f"{id_}_detractors", "detractors", found.detractors, "count", less_is_better=True),
    ]
    definition = (
        "Of the period's answers from 0 to 10, percent with 9 or 10 less percent with 6 or less; the interval is the"
        " score interval (Tango 1998). Of several answers to one message the first counts."
    )
    title = "Net promoter score" if id_ == "nps" else f"Net promoter score: {found.survey}"
    return Section(id_, title, definition, figures)


def _outreach(shop: Shop) -> list[Section]:
    found = funnels(shop, PURCHASE_WINDOW)
    if not found:
        return []
    rows = [[one.fired, one.sent, one.opened, one.clicked, one.bought, one.goal] for one in found]
    heat = Heat(
        "What became of the outreach of each rule and step",
        [f"{one.rule} / {one.step}" if one.step else one.rule for one in found],
        ["fired", "sent", "opened", "clicked", "bought", "goal"],
        [[count / (row[0] or 1) for count in row] for row in rows],
        [[f"{count:,}" for count in row] for row in rows],
        "",
    )
    definition = (
        "Outreach by rule and step: decided, handed over, opened and clicked as providers tell, followed by a purchase"
        f" within {PURCHASE_WINDOW.days} days of the hand-over (of the decision where no hand-over is told); and the"
        " newest message of a run before its journey's goal, if the goal came within the time that the rule says."
    )
    note = "Who bought afterwards might have bought anyway: only a holdout tells what outreach has caused."
    return [Section("outreach", "What outreach led to", definition, charts=[heat], note=note)]


def _leaving(shop: Shop) -> list[Section]:
    found = points(shop)
    if not found:
        return []
    rows = [[one.reached, one.exited, one.goal, one.completed, one.later] for one in found]
    heat = Heat(
        "Runs by the last step they came to",
        [f"{one.rule} / {one.step or 'before the first'}" for one in found],
        ["came to it", "left here", "goal here", "ended here", "goal later"],
        [[count / (row[0] or 1) for count in row] for row in rows],
        [[f"{count:,}" for count in row] for row in rows],
        "",
    )
    definition = (
        "Of the runs of each journey: how many came to a step, and for how many it was the last that made anything, or"
        " was refused, before the run was left, reached its goal, or came to its end. Runs that go on are in none of"
        " these columns. Goal later: of those left or ended here, how many reached the goal in time after all."
    )
    return [Section("leaving", "Where people leave journeys", definition, charts=[heat])]
