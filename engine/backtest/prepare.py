"""Prepares a history for backtests, once: a second backtest of the same history and catalogue begins at once.

The prepared history is kept in a folder beside the history, NAME.backtest; deleting it loses nothing. Its name depends
on the files, their sizes and times, and on what events.yaml says.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.backtest.gather import Gathering
from engine.backtest.history import VERSION, Manifest, Prepared
from engine.backtest.sorting import sort_archives, sort_spooled
from engine.core.catalog import Catalog
from engine.errors import CommandFailed, UsageError
from engine.insight.archive import files_of
from engine.replay.replay import Input

KEPT: Final = 3
"""Prepared histories kept beside one history: enough for two catalogues that are compared, while a third is made."""


@dataclass(frozen=True)
class Location:
    """The history's paths, all archives or all files, and the folder where prepared histories are kept."""

    paths: Sequence[Path]
    beside: Path

    @property
    def is_archive(self) -> bool:
        return self.paths[0].is_dir()

    def prepared(self, catalog: Catalog, source: str = "") -> Prepared:
        """The folder for this catalogue, made or not."""
        about = [(str(path.resolve()), *_facts(path)) for path in self.paths]
        decoding = catalog.sources, catalog.events, catalog.accept
        text = msgspec.json.encode([VERSION, about, source, decoding], order="deterministic")
        return Prepared(self.beside / blake2b(text, digest_size=8).hexdigest())


def locate(paths: Sequence[Path]) -> Location:
    """Raises UsageError for archives and files together, CommandFailed for what is not there, and ArchiveBroken.

    ArchiveBroken: a folder is no archive.
    """
    if any(not path.exists() for path in paths):
        message = f"--events {next(path for path in paths if not path.exists())}: there is no such file or folder"
        raise CommandFailed(message)
    if len({path.is_dir() for path in paths}) > 1:
        message = "--events names archives and files; `engine archive FILES --to ARCHIVE` puts files into an archive"
        raise UsageError(message)
    for path in paths:
        if path.is_dir():
            files_of(path, "events")  # raises ArchiveBroken
    return Location(paths, paths[0].resolve().with_name(f"{paths[0].resolve().name}.backtest"))


def _facts(path: Path) -> tuple[int, int]:
    """What changes with a file's content, or with an archive's."""
    about = (path / "archive.json" if path.is_dir() else path).stat()
    return about.st_size, about.st_mtime_ns


def prepare(
    prepared: Prepared,
    location: Location,
    catalog: Catalog,
    inputs: Callable[[], Sequence[Input]],
    wall: int,
    progress: Callable[[int], None],
) -> Manifest:
    """Make the prepared history. `inputs` opens the files; `wall`: the time now, so that no event is from the future.

    Raises EngineError. A run that is killed leaves a folder without a manifest, which the next one makes anew.
    """
    shutil.rmtree(prepared.folder, ignore_errors=True)
    try:
        prepared.folder.mkdir(parents=True)
        if location.is_archive:
            manifest = Manifest()
            sort_archives(prepared, location.paths, catalog, manifest)
        else:
            gathering = Gathering(inputs(), wall, progress)
            manifest = gathering.manifest
            sort_spooled(prepared, gathering.chunks(), manifest)
    except BaseException:
        shutil.rmtree(prepared.folder, ignore_errors=True)
        raise
    _drop_old(prepared)
    return manifest


def _drop_old(kept: Prepared) -> None:
    others = [path for path in kept.folder.parent.iterdir() if path.is_dir() and path != kept.folder]
    for path in sorted(others, key=_made, reverse=True)[KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)


def _made(path: Path) -> Any:
    with suppress(OSError):
        return path.stat().st_mtime_ns
    return 0
