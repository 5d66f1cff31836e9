"""Loads the project for a command: prints warnings; errors end the command."""

from collections.abc import Mapping

import typer

from engine.cli.console import complain
from engine.config import Settings
from engine.core.tables import Table
from engine.testing import Project, RulesBroken, load_project


def open_project(settings: Settings, *, fitting: bool = False, tables: Mapping[str, Table] | None = None) -> Project:
    """Load the project; print its warnings; errors end the command. `fitting`: scores.json is not read, nor missed.

    `tables`: in place of the files of these names.
    """
    try:
        project = load_project(settings.rules, settings.templates, tables=tables, fitting=fitting)
    except RulesBroken as error:
        complain(str(error))
        raise typer.Exit(1) from error
    for diagnostic in project.loaded.diagnostics:
        if fitting and diagnostic.code == "no-scores":
            continue
        complain(diagnostic.human())
    return project
