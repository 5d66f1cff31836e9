"""Sees a folder change while another process writes to it, so that the process can be killed at such moments."""

import time
from collections.abc import Callable, Iterator
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


def _snapshot(folder: Path) -> frozenset[tuple[str, int]]:
    found = set()
    for path in folder.rglob("*"):
        try:
            found.add((str(path), path.stat().st_size))
        except FileNotFoundError:
            continue
    return frozenset(found)
