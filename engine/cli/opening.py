"""Loads the project for a command: a line counts its warnings, which `engine check` prints; errors end the command."""

from collections import Counter
from collections.abc import Mapping

import typer

from engine.cli.console import complain
from engine.config import Settings
from engine.core.tables import Table
from engine.testing import Project, RulesBroken, load_project


def open_project(settings: Settings, *, fitting: bool = False, tables: Mapping[str, Table] | None = None) -> Project:
    """Load the project; count its warnings; errors end the command. `fitting`: scores.json is not read, nor missed.

    `tables`: in place of the files of these names.
    """
    try:
        project = load_project(settings.rules, settings.templates, tables=tables, fitting=fitting)
    except RulesBroken as error:
        complain(str(error))
        raise typer.Exit(1) from error
    codes = Counter(each.code for each in project.loaded.diagnostics if not (fitting and each.code == "no-scores"))
    if codes:
        number = "1 warning" if codes.total() == 1 else f"{codes.total()} warnings"
        complain(f"note: `engine check` has {number} about {settings.rules}: {', '.join(sorted(codes))}")
    return project
