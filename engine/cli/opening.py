"""Loads the project for a command: prints warnings; errors end the command."""

import typer

from engine.cli.console import complain
from engine.config import Settings
from engine.testing import Project, RulesBroken, load_project


def open_project(settings: Settings) -> Project:
    """Load the project; print its warnings; errors end the command."""
    try:
        project = load_project(settings.rules, settings.templates)
    except RulesBroken as error:
        complain(str(error))
        raise typer.Exit(1) from error
    for diagnostic in project.loaded.diagnostics:
        complain(diagnostic.human())
    return project
