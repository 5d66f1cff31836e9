"""Builds backtests from settings: it prepares the history where that is not done, and shares the work out.

`engine backtest` calls it, and `engine plan` for its forecast.
"""

import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.adapters.file import STANDARD
from engine.backtest.history import Manifest, Piece, Prepared
from engine.backtest.meeting import Meeting
from engine.backtest.prepare import Location, prepare
from engine.backtest.run import BookOverHistory, Outputs, Result, Run
from engine.backtest.sorting import in_order
from engine.core.catalog import Catalog
from engine.core.coupons import TEST_SECRET
from engine.errors import HistoryChanged
from engine.wiring.garbage import collect_rarely
from engine.wiring.processes import Begin, Progress, Stage, in_processes, processors, shared_counter
from engine.wiring.replay import HistoryFiles, inputs
from engine.wiring.rule_folders import RuleFolders


@dataclass(frozen=True)
class ResultFiles:
    """Where the lines of outreach and outcomes go; None: nowhere."""

    outreach: Path | None = None
    outcomes: Path | None = None


@dataclass(frozen=True)
class BacktestTask:
    """A backtest. `old`: the book to compare with; `until`: epoch ms, None: to the last event."""

    history: HistoryFiles
    new: RuleFolders
    old: RuleFolders | None = None
    until: int | None = None
    processes: int = 0
    """0: one per processor."""
    coupon_secret: str = field(default=TEST_SECRET, repr=False)


def _prepared_for(
    location: Location, history: HistoryFiles, rules: RuleFolders, catalog: Catalog, begin: Begin
) -> tuple[Prepared, Manifest]:
    """The prepared history for the catalogue of these rules; made now if that was not done."""
    prepared = location.prepared(catalog, history.source)
    manifest = prepared.manifest()
    if manifest is not None and "time-in-future" not in manifest.dead_letters:  # else it may be past by now
        return prepared, manifest
    work = partial(_prepare, prepared, location, history, rules)
    return prepared, in_processes([work], begin(Stage("sorting the history by customer")))[0]


def _prepare(
    prepared: Prepared, location: Location, history: HistoryFiles, rules: RuleFolders, progress: Progress
) -> Manifest:
    catalog = rules.load().book.catalog
    return prepare(prepared, location, catalog, lambda: inputs(history, catalog), history.now, progress)


def backtest(task: BacktestTask, location: Location, files: ResultFiles, begin: Begin) -> tuple[Manifest, Result]:
    """Run a backtest. Lines are written in the order of customers. Raises EngineError.

    Where customers meet, one process does all.
    """
    books = [one.load().book for one in (task.new, task.old) if one]
    meeting = sum(bool(book.makes_for_others) for book in books)
    new, manifest = _prepared_for(location, task.history, task.new, books[0].catalog, begin)
    old = _prepared_for(location, task.history, task.old, books[1].catalog, begin)[0] if task.old else None
    number = min(1 if meeting else task.processes or processors(), len(manifest.pieces))
    with TemporaryDirectory(prefix="engine-") as folder:
        outputs = _outputs(files, Path(folder))
        counter = shared_counter()
        work = partial(_decide, task, location, new, old, manifest.pieces, outputs, counter)
        rows = sum(one.rows for one in manifest.pieces) * (1 + meeting)
        results = in_processes([work] * number, begin(Stage("deciding", rows)))
        for target, parts in ((files.outreach, outputs.outreach), (files.outcomes, outputs.outcomes)):
            if target and parts:
                _put_together(target, parts)
    result = results[0]
    for other in results[1:]:
        result = result.plus(other)
    return manifest, result


def _decide(
    task: BacktestTask,
    location: Location,
    new: Prepared,
    old: Prepared | None,
    pieces: Sequence[Piece],
    outputs: Outputs,
    counter: Callable[[], int],
    progress: Progress,
) -> Result:
    """One process: it takes the next piece until none is left."""
    collect_rarely()
    if new.manifest() is None or (old and old.manifest() is None):
        raise HistoryChanged
    sides = [
        _side(rules, one, task, location, progress)
        for rules, one in ((task.new, new), (task.old, old))
        if rules and one
    ]
    run = Run(sides[0], sides[1] if task.old else None, task.until, outputs)
    try:
        while (place := counter()) < len(pieces):
            run.take(place, pieces[place], progress)
    finally:
        run.close()
    return run.result()


def _side(
    rules: RuleFolders, prepared: Prepared, task: BacktestTask, location: Location, progress: Progress
) -> BookOverHistory:
    project = rules.load().signing(task.coupon_secret)
    book, history = project.book, task.history
    if not book.makes_for_others:
        return BookOverHistory(book, project.renderer, prepared)
    meeting = Meeting(book, project.renderer, progress)
    if location.is_archive:
        arrived = in_order(prepared, location.paths, book.catalog)
        meeting.of_archives(arrived, wall=history.now, until=task.until)
    else:
        meeting.of_files(inputs(history, book.catalog), wall=history.now, until=task.until)
    return BookOverHistory(book, project.renderer, prepared, meeting)


def _outputs(files: ResultFiles, folder: Path) -> Outputs:
    wanted = {"outreach": files.outreach, "outcomes": files.outcomes}
    for name in wanted:
        (folder / name).mkdir()
    return Outputs(**{name: folder / name for name, target in wanted.items() if target})


def _put_together(target: Path, parts: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with nullcontext(sys.stdout.buffer) if str(target) == STANDARD else target.open("wb") as file:
        for part in sorted(parts.iterdir()):
            with part.open("rb") as lines:
                shutil.copyfileobj(lines, file)
