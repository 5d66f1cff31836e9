"""`engine experiment plan`: how many customers and weeks an experiment needs; `report`: what it has shown."""

from math import ceil, inf
from pathlib import Path
from typing import Annotated, Any

import typer

from engine.cli.console import out
from engine.cli.figures import hand_over
from engine.cli.opening import open_project
from engine.cli.options import AsJson, RulesDir, TemplatesDir, day_of, settings_of
from engine.errors import UsageError
from engine.insight.experiments.planning import Metric, Split, customers_needed, lift_found
from engine.operate.words import count_of

WEEKS = (1, 2, 4, 8, 13, 26)
SMALLEST_LIFT = 0.01
"""Percent. A smaller one takes more customers than there are people."""
LARGEST = 1e12
"""The largest count or amount. Squares of larger ones become infinite."""


def plan(
    per_week: Annotated[
        float, typer.Option(min=1, max=LARGEST, help="Customers that come into the experiment in a week.")
    ],
    conversion: Annotated[float, typer.Option(help="Percent that reach the goal without it.")] = 0.0,
    mean: Annotated[float, typer.Option(help="Instead: what a customer spends on average ...")] = 0.0,
    deviation: Annotated[float, typer.Option(help="... its standard deviation ...")] = 0.0,
    buyers: Annotated[float, typer.Option(help="... and percent that spend anything.")] = 0.0,
    lift: Annotated[float, typer.Option(help="Percent better that shall be found.")] = 20.0,
    shares: Annotated[str, typer.Option(help="Percent in the two arms that are compared, control first.")] = "50/50",
    power: Annotated[float, typer.Option(help="Percent of such lifts that shall be found.")] = 80.0,
    as_json: AsJson = False,
) -> None:
    """Say how many customers and weeks an experiment needs, and which lift it shows after how long.

    For experiments that are looked at every day and stopped when they are decided (docs/insight.md). A real lift of
    that size is mostly found sooner.

    Example: engine experiment plan --conversion 5 --lift 20 --per-week 2000 --shares 50/50
    """
    metric = _metric(conversion, mean, deviation, buyers)
    control, treated = _shares(shares)
    split, found = Split.of(control, treated), _percent(power, "--power", 99.9)
    taking_part = per_week * (control + treated) / 100
    _check_lift(metric, lift)
    needed = customers_needed(metric, lift / 100, split, power=found)
    told: dict[str, Any] = {
        "customers": needed,
        "weeks": ceil(needed / taking_part),
        "lift_found": {week: lift_found(metric, int(week * taking_part), split, power=found) for week in WEEKS},
    }
    if as_json:
        out.print_json(data=told)
        return
    weeks = count_of(told["weeks"], "week")
    out.print(f"[bold]{weeks}[/]: {needed:,} customers in both arms, to find a lift of {lift:g} %", highlight=False)
    for week, shown in told["lift_found"].items():
        lifts = "too few customers for any lift" if shown is None else f"a lift of {100 * shown:,.0f} % shows"
        out.print(f"  after {week:2} {'week: ' if week == 1 else 'weeks:'} {lifts}", highlight=False)


def _check_lift(metric: Metric, lift: float) -> None:
    if not SMALLEST_LIFT <= lift < inf:
        message = f"--lift {lift:g}: expected percent, at least {SMALLEST_LIFT}"
        raise UsageError(message)
    if lift / 100 > metric.largest_lift + 1e-9:
        most = f"{100 * metric.mean:g} % can become 100 % at most, a lift of {100 * metric.largest_lift:.4g}"
        message = f"--lift {lift:g}: {most}"
        raise UsageError(message)


def _metric(conversion: float, mean: float, deviation: float, buyers: float) -> Metric:
    if bool(conversion) == bool(mean):
        message = "say either --conversion, or --mean with --deviation and --buyers"
        raise UsageError(message)
    if conversion:
        return Metric.conversion(_percent(conversion, "--conversion", 100))
    if not (0 < mean <= LARGEST and 0 < deviation <= LARGEST):
        message = f"--mean {mean:g} --deviation {deviation:g}: both must be above 0, and at most {LARGEST:g}"
        raise UsageError(message)
    return Metric(mean, deviation, _percent(buyers, "--buyers", 100))


def _percent(value: float, option: str, most: float) -> float:
    if not 0 < value <= most:
        message = f"{option} {value:g}: expected percent, above 0 and at most {most:g}"
        raise UsageError(message)
    return value / 100


def _shares(text: str) -> tuple[float, float]:
    try:
        control, treated = map(float, text.split("/"))
    except ValueError:
        control = treated = 0.0
    if not (control > 0 and treated > 0 and control + treated <= 100):
        message = f"--shares {text}: expected two percentages that sum to 100 at most, such as 50/50 or 5/95"
        raise UsageError(message)
    return control, treated


def report(
    name: Annotated[str, typer.Argument(help="The experiment's id, or `holdout` for the policy's holdout.")],
    archives: Annotated[list[Path], typer.Argument(help="Archives with the events and the outcomes.")],
    planned: Annotated[
        int, typer.Option(min=2, help="Customers in two variants at which the interval is narrowest.")
    ] = 5_000,
    goal: Annotated[str, typer.Option(help="Of the holdout: the type of event that counts. Default: purchase.")] = "",
    within: Annotated[str, typer.Option(help="Of the holdout: how long it counts, such as 90d.")] = "",
    since: Annotated[
        str, typer.Option(help="Only customers who came into it from this day on (UTC): when shares were changed.")
    ] = "",
    cuped: Annotated[bool, typer.Option("--cuped", help="Less noise: take off what could be foreseen.")] = False,
    per_message: Annotated[
        bool, typer.Option("--per-message", help="Also the goal per message, such as clicks per message.")
    ] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page.")] = None,
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    as_json: AsJson = False,
) -> None:
    """Show what an experiment has done so far, and whether it is decided; look as often as you like.

    Each comparison is with the variant `none`, or else with the first.

    Example: engine experiment report rhythm archive --html rhythm.html
    """
    from engine.cli.experiment_report import write_report  # needs DuckDB, which a plan does not

    book = open_project(settings_of(rules=rules, templates=templates)).book
    first = day_of(since, "--since")
    told = write_report(book, name, archives, planned, goal, within, first, cuped=cuped, per_message=per_message)
    hand_over(told, html, as_json=as_json)
