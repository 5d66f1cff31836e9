"""Reads samples of sources from files, for `engine check --sample`."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from engine.core.catalog import Catalog
from engine.operate.sampled_records import SampledRecords
from engine.wiring.replay import HistoryFiles, inputs
from engine.wiring.wall_clock import wall_clock

MOST: Final = 10_000
"""Records of a file that are read: `engine check` stays quick, and what so many lack, the rest lacks."""


def sampled_files(paths: Sequence[Path], source: str, catalog: Catalog) -> list[tuple[Path, SampledRecords]]:
    """Each file with what its records show. Raises BadInputFile and UsageError."""
    found = []
    for path, one in zip(paths, inputs(HistoryFiles(paths, source=source), catalog), strict=True):
        records = SampledRecords(one.decoder, wall_clock())
        for record in islice(one.source.read({}), MOST):
            records.add(record)
        found.append((path, records))
    return found
