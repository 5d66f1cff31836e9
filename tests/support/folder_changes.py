"""Sees a folder change while another process writes to it, so that the process can be killed at such moments."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

PATIENCE = 120.0
"""Seconds that a writer may take."""


def changes(folder: Path, has_ended: Callable[[], bool]) -> Iterator[None]:
    """Each time that anything in the folder is seen to have changed, until the writer has ended.

    `has_ended` is asked before each look, and may wait a little.
    """
    before, deadline = _snapshot(folder), time.monotonic() + PATIENCE
    while not has_ended():
        assert time.monotonic() < deadline
        now = _snapshot(folder)
        if now != before:
            before = now
            yield


def _snapshot(folder: Path) -> dict[str, int]:
    """Sizes by path. Quick, as it is taken beside a writer that wants the processor."""
    return dict(_sizes(folder))


def _sizes(folder: str | Path) -> Iterator[tuple[str, int]]:
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                yield entry.path, entry.stat(follow_symlinks=False).st_size
            if entry.is_dir(follow_symlinks=False):
                yield from _sizes(entry.path)
