"""The report of an experiment in words that a marketer reads; `engine experiment report` calls it.

It asks `figures.trial` for the arms and `experiments` for the verdicts, and computes nothing itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10

from engine.arithmetic.local_time import DAY, from_millis
from engine.insight.experiments.arms import Arm
from engine.insight.experiments.decision import ALPHA, MIN_POSITIVE, Verdict, judge
from engine.insight.experiments.lift import Lift, relative_lift
from engine.insight.experiments.sample_ratio import is_off
from engine.insight.figures.trial import Look, Trial
from engine.insight.report.content import Figure, Lines, Report, Section

DEFINITION = (
    "A customer counts from the first decision that depended on their variant, whether or not they got anything;"
    " {goal} after it counts{within}. The interval of a difference holds at every look, so the experiment may be looked"
    " at daily and stopped as soon as it is decided."
)

_ALONE = "There is nothing to compare: only {} has a share of the customers."


@dataclass(frozen=True)
class Question:
    """What the report is about. `planned`: customers in both arms at which the interval shall be narrowest."""

    name: str
    hypothesis: str
    goal: str
    within: str
    planned: int


@dataclass(frozen=True)
class _Seen:
    """The course of the experiment, and the arms now: by revenue, and by the goal per message where that is asked."""

    looks: list[Look]
    spent: Mapping[str, Arm]
    per_message: Mapping[str, Arm | None] | None


def experiment_report(
    trial: Trial,
    question: Question,
    revenue: Mapping[str, Arm] | None = None,
    per_message: Mapping[str, Arm | None] | None = None,
) -> Report:
    """`revenue`: the arms by another reckoning than plain revenue, such as CUPED. `per_message`: as `Trial` has it."""
    looks = trial.looks()
    now = looks[-1]
    seen = _Seen(looks, revenue or now.revenue, per_message)
    control, *others = trial.asked.variants
    sections = [_overview(trial, seen, question)]
    sections += [_comparison(control, other, len(others), seen, question) for other in others]
    since, until = (f"{from_millis(at):%Y-%m-%d}" for at in (trial.first, trial.end + DAY))
    lead = question.hypothesis or f"What {question.name} does to customers."
    return Report(
        since, until, (since, until), "UTC", trial.currency, sections, f"Experiment {question.name}", lead,
        "engine experiment report",
    )  # fmt: skip


def _overview(trial: Trial, seen: _Seen, question: Question) -> Section:
    figures, now = [], seen.looks[-1]
    for variant, arm in now.converted.items():
        money = now.revenue[variant]
        figures += [
            Figure(f"exposed_{variant}", f"{variant}: exposed", arm.customers, "count"),
            Figure(f"converted_{variant}", f"{variant}: {question.goal}", _mean(arm), "share", f"{arm.positive:,}"),
            Figure(f"revenue_{variant}", f"{variant}: revenue per customer", _mean(money), "money"),
        ]
        if seen.per_message is not None:
            ratio = seen.per_message[variant]
            name, note = f"{variant}: {question.goal} per message", "" if ratio else "nobody got a message"
            figures.append(Figure(f"per_message_{variant}", name, ratio and ratio.mean, "share", note))
    counts = [arm.customers for arm in now.converted.values()]
    alarm = is_off(counts, list(trial.asked.variants.values()))
    within = f" within {question.within}" if question.within else ""
    return Section(
        "arms",
        "The variants",
        DEFINITION.format(goal=question.goal, within=within),
        figures,
        note=_broken(trial, counts) if alarm else "" if len(counts) > 1 else _ALONE.format(*trial.asked.variants),
    )


def _broken(trial: Trial, counts: list[int]) -> str:
    shares = list(trial.asked.variants.values())
    whole, total = sum(shares), sum(counts)
    planned = ", ".join(f"{total * share / whole:,.0f}" for share in shares)
    return (
        f"Do not believe these figures: the variants have {', '.join(f'{count:,}' for count in counts)} customers where"
        f" their shares give {planned}. That does not come by chance; find out which customers are missing first."
        " If the shares were changed, --since that day counts those who have come since."
    )


def _mean(arm: Arm) -> float | None:
    return arm.mean if arm.customers else None


def _comparison(control: str, other: str, comparisons: int, seen: _Seen, question: Question) -> Section:
    looks, spent = seen.looks, seen.spent
    now, alpha = looks[-1], ALPHA / comparisons
    arms = now.converted[control], now.converted[other]
    if not all(arm.customers for arm in (*arms, spent[control], spent[other])):
        note = f"Nobody is in {control if not arms[0].customers else other} yet."
        return Section(f"compared_{other}", f"{other} against {control}", "Not to be told yet.", note=note)
    by_goal = judge(*arms, planned=question.planned, alpha=alpha)
    by_money = judge(spent[control], spent[other], planned=question.planned, alpha=alpha)
    lift = relative_lift(*arms, planned=question.planned, alpha=alpha)
    figures = [
        Figure("difference", "difference", by_goal.difference, "share", _between(by_goal)),
        Figure("lift", "relative lift", lift.estimate if lift else None, "share", _bounds(lift)),
        Figure("revenue", "difference of revenue per customer", by_money.difference, "money", _money(by_money)),
        *_per_message(control, other, seen, question, alpha),
        Figure("e_value", "e-value", min(by_goal.e_value, 1e12), "number", _evidence(by_goal, alpha)),
    ]
    share = f" ({comparisons} comparisons share the 5 % of doubt)" if comparisons > 1 else ""
    definition = f"The difference of the shares with {question.goal}, {other} less {control}, with its interval{share}."
    return Section(
        f"compared_{other}",
        f"{other} against {control}",
        definition,
        figures,
        [_course(control, other, looks, question, alpha)],
        verdict_in_words(control, other, by_goal, arms, question),
    )


def _per_message(control: str, other: str, seen: _Seen, question: Question, alpha: float) -> list[Figure]:
    """Judged by customer: messages to one customer are not independent of each other."""
    if seen.per_message is None:
        return []
    name, arms = f"difference of {question.goal} per message", (seen.per_message[control], seen.per_message[other])
    if arms[0] is None or arms[1] is None:
        return [Figure("per_message", name, None, "share", "one of the two got no message")]
    verdict = judge(arms[0], arms[1], planned=question.planned, alpha=alpha)
    doubt = "" if verdict.ready else f"; too few have {question.goal}"
    bounds = f"{verdict.low:+z.2%} to {verdict.high:+z.2%}{doubt}"
    return [Figure("per_message", name, verdict.difference, "share", bounds)]


def _evidence(verdict: Verdict, alpha: float) -> str:
    return f"decided at {1 / alpha:g}; p {verdict.p_value:.2g}, decided at {alpha:.2g}"


def _between(verdict: Verdict) -> str:
    """The interval of a difference of two shares, which is never beyond 100 %: with few customers the method's is."""
    return f"{max(verdict.low, -1):+z.2%} to {min(verdict.high, 1):+z.2%}"


def _bounds(lift: Lift | None) -> str:
    if lift is None or lift.low is None or lift.high is None:
        return "the data allow any lift"
    return f"{lift.low:+z.0%} to {lift.high:+z.0%}"


def _money(verdict: Verdict) -> str:
    return f"{verdict.low:+z.2f} to {verdict.high:+z.2f}" + ("" if verdict.ready else "; too few have bought")


def verdict_in_words(control: str, other: str, verdict: Verdict, arms: tuple[Arm, Arm], question: Question) -> str:
    """The verdict as one would say it."""
    if not verdict.ready:
        least = min(arm.positive for arm in arms)
        return (
            f"Too early to tell: each variant needs {MIN_POSITIVE} customers with {question.goal}, and one has {least}."
        )
    low, high = 100 * verdict.low, 100 * verdict.high
    told = f"have {question.goal} in {other} than in {control}."
    if verdict.better > 0:
        return f"Decided: of 100 customers {low:z.2f} to {high:z.2f} more {told}"
    if verdict.better < 0:
        return f"Decided: of 100 customers {-high:z.2f} to {-low:z.2f} fewer {told}"
    return f"Not decided yet: of 100 customers between {0 - low:z.2f} fewer and {high:z.2f} more {told}"


def _course(control: str, other: str, looks: list[Look], question: Question, alpha: float) -> Lines:
    values: list[float | None] = []
    for look in looks:
        arms = look.converted[control], look.converted[other]
        ready = all(arm.customers for arm in arms)
        e_value = judge(*arms, planned=question.planned, alpha=alpha).e_value if ready else None
        values.append(None if e_value is None else log10(max(1.0, e_value)))  # below 1 there is none
    bar: list[float | None] = [log10(1 / alpha)] * len(looks)
    return Lines(
        "Evidence day by day: decided above the line (e-value, as a power of ten)",
        [float(place) for place in range(len(looks))],
        {"evidence": values, "decided": bar},
        "day",
        [f"{look.at:%d %b}" for look in looks],
        unit="number",
    )
