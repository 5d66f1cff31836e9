"""`engine check`: prints every problem of the rules at once. It runs on every save, and so imports little: no rich."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.options import RulesDir, TemplatesDir, project_settings_of
from engine.lang import diagnostics as findings
from engine.lang.diagnostics import Diagnostic
from engine.lang.project import Loaded, load
from engine.lang.rule_tests import load_tests
from engine.operate.coupons import missing_secret
from engine.operate.words import count_of
from engine.project_settings import ProjectSettings
from engine.render import inspect_templates


class Format(StrEnum):
    """The formats of findings."""

    HUMAN = "human"
    JSON = "json"
    GITHUB = "github"


def check(
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    format: Annotated[Format, typer.Option(help="For a person, a program, or GitHub's annotations.")] = Format.HUMAN,
    sample: Annotated[
        list[Path] | None, typer.Option(help="Records as JSON lines: do they say what events.yaml expects?")
    ] = None,
    source: Annotated[str, typer.Option(help="The source of the sample; found by a look at the file if missing.")] = "",
) -> None:
    """Check rules, policy, events, templates and rule tests; show every finding with its place.

    With --sample it says too what a file of a source's records lacks: declared properties that are never there, times
    in another unit, records that would be dead letters. Exits 0 when all is well, 1 with errors, 3 with only warnings.

    Example: engine check --rules rules --format github
    """
    settings = project_settings_of(rules=rules, templates=templates)
    loaded = load(settings.rules, inspect_templates(settings.templates))
    sampled, summaries = _sampled(loaded, sample or [], source)
    found = sorted({*loaded.diagnostics, *_tests(settings.rules, loaded), *sampled})
    if format is Format.JSON:
        typer.echo(findings.as_json(found))
    elif found:
        typer.echo(findings.github(found) if format is Format.GITHUB else findings.human(found))
    if format is Format.HUMAN:
        _sum_up(loaded, found)
        for summary in summaries:
            typer.echo(summary)
        _tell_of_coupons(settings, loaded)
    raise typer.Exit(findings.exit_code(found))


def _sampled(loaded: Loaded, files: list[Path], source: str) -> tuple[list[Diagnostic], list[str]]:
    """What samples show, and a line about each. Nothing while there are errors: how to read them is not known then."""
    if loaded.book is None or not files:
        return [], []
    from engine.wiring.sampling import sampled_files  # a check without a sample starts faster

    sampled = sampled_files(files, source, loaded.book.catalog)
    found = [
        Diagnostic(
            str(path), one.number, 1, 1, "warning" if records.usable else "error", one.code, one.says, one.advice
        )
        for path, records in sampled
        for one in records.remarks()
    ]
    return found, [f"{path}: {records.summary()}" for path, records in sampled]


def _tests(rules: Path, loaded: Loaded) -> list[Diagnostic]:
    if loaded.book is None:
        return []
    return [one for path in sorted(rules.glob("*.test.yaml")) for one in load_tests(path, loaded)[1]]


def _sum_up(loaded: Loaded, found: list[Diagnostic]) -> None:
    errors = sum(one.severity == "error" for one in found)
    warnings = len(found) - errors
    if loaded.book and not errors:
        note = f", {count_of(warnings, 'warning')}" if warnings else ""
        files = count_of(len(loaded.files), "file")
        _print("ok", "green", f" {count_of(len(loaded.book.rules), 'rule')} in {files}{note}")
    else:
        _print(count_of(errors, "error"), "red", f", {count_of(warnings, 'warning')}", err=True)


def _print(head: str, color: str, rest: str, *, err: bool = False) -> None:
    typer.echo(typer.style(head, fg=color) + rest, err=err, color=False if os.environ.get("NO_COLOR") else None)


def _tell_of_coupons(settings: ProjectSettings, loaded: Loaded) -> None:
    """No finding: rules are checked where the secrets of workers are not, and should not be."""
    if loaded.book and (why := missing_secret(settings, loaded.book)):
        typer.echo(f"note: where workers run, ENGINE_COUPON_SECRET {why}; it is not set here", err=True)
