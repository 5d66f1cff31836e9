"""Loads the project for a command: prints warnings; errors end the command."""

import typer

from engine.cli.console import complain
from engine.config import Settings
from engine.testing import Project, RulesBroken, load_project


def open_project(settings: Settings, *, fitting: bool = False) -> Project:
    """Load the project; print its warnings; errors end the command. `fitting`: scores.json is not read, nor missed."""
    try:
        project = load_project(settings.rules, settings.templates, fitting=fitting)
    except RulesBroken as error:
        complain(str(error))
        raise typer.Exit(1) from error
    for diagnostic in project.loaded.diagnostics:
        if fitting and diagnostic.code == "no-scores":
            continue
        complain(diagnostic.human())
    return project
