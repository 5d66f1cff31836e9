"""Progress bars on standard error, on a terminal only."""

from contextlib import ExitStack

from engine.cli.console import err, is_terminal
from engine.wiring.processes import Begin, Progress, Stage


def stages(stack: ExitStack) -> Begin:
    """A bar for each stage."""
    if not is_terminal():
        return lambda stage: lambda done: None
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress as Bars,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    bars = stack.enter_context(Bars(*columns, console=err, transient=True))

    def begin(stage: Stage) -> Progress:
        task = bars.add_task(stage.name, total=stage.size or None)
        return lambda done: bars.advance(task, done)

    return begin


def records(stack: ExitStack) -> Progress:
    """How many records were read, of nobody knows how many."""
    return stages(stack)(Stage("records"))
