"""Commands that have commands of their own, such as `engine topics create`."""

from collections.abc import Callable

import typer

from engine.cli.table import COMMANDS


def add_group(app: typer.Typer, name: str, /, **commands: Callable[..., None]) -> None:
    """Add the group of this name, with its help from the table. `commands`: name -> the function that runs."""
    group = typer.Typer(help=COMMANDS[name].help, no_args_is_help=True)
    group.callback()(lambda: None)  # or Typer would make an only command the group itself
    for command, run in commands.items():
        group.command(command)(run)
    app.add_typer(group, name=name)
