"""`engine check`: prints every problem of the rules at once."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import complain, err, out
from engine.cli.options import RulesDir, TemplatesDir, settings_of
from engine.config import Settings
from engine.lang import diagnostics as findings
from engine.lang.diagnostics import Diagnostic
from engine.lang.project import Loaded, load
from engine.lang.rule_tests import load_tests
from engine.operate.coupons import missing_secret
from engine.operate.words import count_of
from engine.render import inspect_templates


class Format(StrEnum):
    """The formats of findings."""

    HUMAN = "human"
    JSON = "json"
    GITHUB = "github"


def register(app: typer.Typer) -> None:
    app.command("check")(check)


def check(
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    format: Annotated[Format, typer.Option(help="For a person, a program, or GitHub's annotations.")] = Format.HUMAN,
) -> None:
    """Check rules, policy, events, templates and rule tests; show every finding with its place.

    Exits 0 when all is well, 1 with errors, 3 with only warnings.

    Example: engine check --rules rules --format github
    """
    settings = settings_of(rules=rules, templates=templates)
    loaded = load(settings.rules, inspect_templates(settings.templates))
    found = sorted({*loaded.diagnostics, *_tests(settings.rules, loaded)})
    if format is Format.JSON:
        typer.echo(findings.as_json(found))
    elif found:
        typer.echo(findings.github(found) if format is Format.GITHUB else findings.human(found))
    if format is Format.HUMAN:
        _sum_up(loaded, found)
        _tell_of_coupons(settings, loaded)
    raise typer.Exit(findings.exit_code(found))


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
        out.print(f"[green]ok[/] {count_of(len(loaded.book.rules), 'rule')} in {files}{note}", highlight=False)
    else:
        err.print(f"[red]{count_of(errors, 'error')}[/], {count_of(warnings, 'warning')}", highlight=False)


def _tell_of_coupons(settings: Settings, loaded: Loaded) -> None:
    """No finding: rules are checked where the secrets of workers are not, and should not be."""
    if loaded.book and (why := missing_secret(settings, loaded.book)):
        complain(f"note: where workers run, ENGINE_COUPON_SECRET {why}; it is not set here")
