"""How the processes of a parallel run share the tests.

Tests on real servers wait more than they work, so there are five processes for two processors, and tests that only
compute are dealt out among those that wait. What takes long comes first, so that no process works alone at the end.
"""

import os
import re
from collections import defaultdict
from typing import Any

import pytest
from xdist.scheduler.loadscope import LoadScopeScheduling

ONE_BY_ONE = re.compile(
    r"tests/e2e/test_(faults_|histories|operat|sender|ingest|web|feedback|large|topic|faust|examples)"
)
"""Files whose tests take seconds each and share nothing; of every other file one process runs all."""
PARTS = {"outages": 0.3, "servers": 0.9, "computes": 1}
"""In which part of the run, from its start on, tests are dealt out. In an outage next to nothing works, for a minute:
all of them at once would leave the processors without work."""
_FOLDERS = ("tests/e2e/", "tests/contract/", "tests/simulation/")


class Spread(LoadScopeScheduling):  # type: ignore[misc]
    """Deals tests one by one, or a file at a time."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if ONE_BY_ONE.match(nodeid) else nodeid.partition("::")[0]

    def mark_test_complete(self, node: Any, item_index: int, duration: float = 0) -> None:
        """Forget, too, what is done: at every message xdist counts what is left of all that was dealt out."""
        super().mark_test_complete(node, item_index, duration)
        dealt, part = self.assigned_work[node], self._split_scope(self.registered_collections[node][item_index])
        if all(dealt[part].values()):
            del dealt[part]


def deal_out(items: list[pytest.Item]) -> None:
    """Put them in an order in which, at any time, some processes wait while others compute."""
    queues = defaultdict(list)
    for item in sorted(items, key=_rank):
        queues[_kind(item)].append(item)
    place = {item: PARTS[kind] * n / len(queue) for kind, queue in queues.items() for n, item in enumerate(queue)}
    items.sort(key=place.__getitem__)


def _kind(item: pytest.Item) -> str:
    if item.get_closest_marker("kills_brokers"):
        return "outages"
    return "servers" if item.nodeid.startswith(_FOLDERS[:2]) else "computes"


def _rank(item: pytest.Item) -> tuple[int, bool]:
    """The lower, the sooner."""
    folder = next((place for place, name in enumerate(_FOLDERS) if item.nodeid.startswith(name)), len(_FOLDERS))
    return folder, not ONE_BY_ONE.match(item.nodeid)


def number_of_processes(asked: Any) -> int | None:
    """`auto` of xdist's -n; `logical` is one for each processor, for tests that only compute."""
    return 5 * len(os.sched_getaffinity(0)) // 2 if asked == "auto" and hasattr(os, "sched_getaffinity") else None
