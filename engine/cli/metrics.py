"""`engine metrics`: prints how customers stay, in the terminal, as JSON, or as a page."""

from dataclasses import replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from engine.cli.console import complain
from engine.cli.figures import hand_over
from engine.cli.opening import open_project
from engine.cli.options import AsJson, FileSource, RulesDir, TemplatesDir, day_of, settings_of
from engine.cli.purchases import Amount, Purchase, Sources, Until, Zone, open_sources
from engine.cli.scores_file import fit_beside
from engine.config import Settings
from engine.errors import UsageError
from engine.insight.figures.predicting import check_fit, fit_sample, sample, sample_to_check
from engine.insight.figures.recurring import Recurring
from engine.insight.figures.shop import Shop, ShopOptions
from engine.insight.models.fitting import TooFew
from engine.insight.report.build import build_report, default_period
from engine.insight.report.content import Report, Section
from engine.insight.report.goals import costs, goals, recurring
from engine.insight.report.predictions import predictions
from engine.lang.diagnostics import human
from engine.lang.figures import FiguresFile, RecurringFields, load_figures
from engine.lang.project import EVENTS


def metrics(
    sources: Sources,
    since: Annotated[str, typer.Option("--from", help="First day of the period that retention is told of.")] = "",
    to: Annotated[str, typer.Option(help="The day after its last; by default the last three whole months.")] = "",
    until: Until = "",
    active: Annotated[
        int, typer.Option(min=1, max=36_500, help="Days since the last purchase for which a customer is active.")
    ] = 90,
    purchase: Purchase = "purchase",
    amount: Amount = "amount",
    zone: Zone = "",
    source: FileSource = "",
    predict: Annotated[bool, typer.Option("--predict/--no-predict", help="Fit a model and check it too.")] = True,
    against: Annotated[
        Path | None, typer.Option(help="A YAML file of goals, costs and what carries MRR (docs/insight.md).")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page.")] = None,
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    as_json: AsJson = False,
) -> None:
    """Show how customers stay: retention, churn, repeat purchases, cohorts, RFM, predictions, what outreach led to.

    Every figure says in a sentence how it is defined (docs/insight.md has all of them).

    Example: engine metrics archive --html retention.html
    """
    settings = settings_of(rules=rules, templates=templates)
    wanted = _wanted(against, settings) if against else None
    with TemporaryDirectory(prefix="engine-") as folder:
        asked = ShopOptions(purchase, amount, end=day_of(until, "--until"), active_days=active)
        shop = open_sources(sources, asked, zone, settings, Path(folder), source)
        period = _period(shop, since, to)
        report = build_report(shop, *period, predicted(shop, settings.rules) if predict else ())
        if wanted:
            report = _beside(report, shop, period, wanted)
        shop.close()
    hand_over(report, html, as_json=as_json)


def _period(shop: Shop, since: str, to: str) -> tuple[date, date]:
    """The period of retention: the last whole months, unless they are given. After the end of the figures nobody would
    be active. Raises UsageError.
    """
    start, end = default_period(shop)
    start, end = day_of(since, "--from") or start, day_of(to, "--to") or end
    if end > shop.end:
        message = f"--to {end}: purchases count until before {shop.end}; --until says how far the history goes"
        raise UsageError(message)
    if start >= end:
        message = f"the period would begin on {start} and end before {end}; say both --from and --to"
        raise UsageError(message)
    return start, end


def _wanted(path: Path, settings: Settings) -> FiguresFile:
    """The file of goals. Its event types are looked up in events.yaml, if there is one."""
    found, findings = load_figures(path)
    if found and found.mrr and (settings.rules / EVENTS).exists():
        found, findings = load_figures(path, open_project(settings).book.catalog)
    if findings:
        complain(human(findings))
    if found is None:
        raise typer.Exit(1)
    return found


def _beside(report: Report, shop: Shop, period: tuple[date, date], wanted: FiguresFile) -> Report:
    spent = costs(shop, *period, wanted.costs.per_message, wanted.costs.monthly) if wanted.costs else []
    carried = _carried(shop, period, wanted.mrr) if wanted.mrr else []
    report = replace(report, sections=[*report.sections, *carried, *spent])
    return replace(report, sections=[*goals(report, wanted.goals), *report.sections])


def _carried(shop: Shop, period: tuple[date, date], mrr: RecurringFields) -> list[Section]:
    return recurring(shop, Recurring(mrr.sets, tuple(mrr.ends), mrr.per or ""), mrr.definition, *period)


def predicted(shop: Shop, rules: Path) -> list[Section]:
    """By the fit that the rules use, if there is one. Empty with too few customers or too little time to check."""
    earlier = sample_to_check(shop)
    if earlier is None:
        return []
    today = sample(shop, shop.end)
    try:
        fitted = fit_beside(rules, shop.asked.purchase) or fit_sample("pareto_nbd", today)
        check = check_fit(fitted.purchases.model.name, earlier)
    except TooFew as error:
        complain(f"no predictions: {error}")
        return []
    return [predictions(shop, fitted, today, check)]
