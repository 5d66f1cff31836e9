"""`engine fit`: fits a model of when customers buy again and writes its parameters to a file in the rules' folder."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from engine.cli.console import out
from engine.cli.options import AsJson, FileSource, RulesDir, TemplatesDir, day_of, settings_of
from engine.cli.purchases import Amount, Purchase, Sources, Until, Zone, open_sources
from engine.cli.scores_file import as_data, write_scores
from engine.errors import CommandFailed, UsageError
from engine.insight.figures.predicting import check_fit, fit_sample, sample, sample_to_check
from engine.insight.figures.shop import Shop, ShopOptions
from engine.insight.models.fitting import MODELS, TooFew


def fit(
    sources: Sources,
    model: Annotated[str, typer.Option(help=f"Which model: {', '.join(MODELS)}.")] = "pareto_nbd",
    until: Until = "",
    purchase: Purchase = "purchase",
    amount: Amount = "amount",
    zone: Zone = "",
    source: FileSource = "",
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the parameters and the check.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fit a model to the purchases of an archive and write its parameters to scores.json in the folder of the rules.

    It is checked too: fitted to the earlier part of the time, do predictions for the rest come true? More than 20,000
    customers are sampled.

    Example: engine fit archive --dry-run
    """
    if model not in MODELS:
        message = f"--model {model}: there are {', '.join(MODELS)}"
        raise UsageError(message)
    settings = settings_of(rules=rules, templates=templates)
    with TemporaryDirectory(prefix="engine-") as folder:
        asked = ShopOptions(purchase, amount, end=day_of(until, "--until"))
        shop = open_sources(sources, asked, zone, settings, Path(folder), source, fitting=True)
        told = _fitted(shop, model)
        shop.close()
    path = None if dry_run else write_scores(settings.rules, told)
    if as_json:
        out.print_json(data=told)
    else:
        _show(told, path)


def _fitted(shop: Shop, model: str) -> dict[str, Any]:
    earlier = sample_to_check(shop)
    try:
        fitted = fit_sample(model, sample(shop, shop.end))
        check = check_fit(model, earlier) if earlier else None
    except TooFew as error:
        raise CommandFailed(str(error)) from error
    return as_data(shop, fitted, check)


def _show(told: dict[str, Any], path: Path | None) -> None:
    numbers = ", ".join(f"{name} {value:.6g}" for name, value in told["parameters"].items())
    fitted, check = told["fit"], told["check"]
    out.print(f"[bold]{told['model']}[/] {numbers}; {fitted['customers']:,} customers", highlight=False)
    if not fitted["converged"]:
        out.print("[yellow]The search found no highest point: the data hardly tell these parameters apart.[/]")
    if check:
        out.print(
            f"check: {check['weeks']} weeks from {check['until']}: {check['happened']:,} purchase days, expected"
            f" {check['expected']:,.0f}; Brier score {check['brier']:.4f} (of chance {check['brier_of_chance']:.4f})",
            highlight=False,
        )
        for one in check["bins"]:
            share = f"predicted {one['predicted']:6.1%}  happened {one['observed']:6.1%}"
            out.print(f"  {share}  {one['customers']:,} customers", highlight=False)
    if path:
        out.print(f"wrote {path}", markup=False, highlight=False)
