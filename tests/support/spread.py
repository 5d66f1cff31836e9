"""How the processes of a parallel run share the tests.

Tests on real servers wait more than they work, so there are twice as many processes as processors, and the tests that
wait longest come first: those without servers fill the gaps at the end.
"""

import os
import re
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

ONE_BY_ONE = re.compile(r"tests/e2e/test_(faults_|operat|sender|ingest|web|feedback|large|topic|faust|examples)")
"""Files whose tests take seconds each and share nothing; of every other file one process runs all."""
_FOLDERS = ("tests/e2e/", "tests/contract/", "tests/simulation/")


class Spread(LoadScopeScheduling):  # type: ignore[misc]
    """Deals tests one by one, or a file at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if ONE_BY_ONE.match(nodeid) else nodeid.partition("::")[0]


def rank(item: pytest.Item) -> tuple[bool, int, bool]:
    """The lower, the sooner."""
    folder = next((place for place, name in enumerate(_FOLDERS) if item.nodeid.startswith(name)), len(_FOLDERS))
    return not item.get_closest_marker("kills_brokers"), folder, not ONE_BY_ONE.match(item.nodeid)


def number_of_processes(asked: Any) -> int | None:
    """`auto` of xdist's -n; `logical` is one for each processor, for tests that only compute."""
    return 2 * len(os.sched_getaffinity(0)) if asked == "auto" and hasattr(os, "sched_getaffinity") else None
