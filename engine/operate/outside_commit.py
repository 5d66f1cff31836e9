"""Commits by commands instead of the partition's worker: erasure and reshard. They fence a running worker."""

from collections.abc import Callable
from contextlib import suppress

import msgspec

from engine.errors import Fenced
from engine.ports import Commit, Meta, StateStore
from engine.worker.placement import stamped

TRIES = 100


def commit_outside(store: StateStore, partition: int, change: Callable[[Meta], Commit]) -> None:
    """Commit what `change` makes of the present meta. The next commit of a running worker is refused.

    Raises Fenced if a worker is faster a hundred times.
    """
    for _ in range(TRIES):
        with suppress(Fenced):
            return store.commit(partition, change(store.meta(partition)))
    return store.commit(partition, change(store.meta(partition)))


def on_top(before: Meta, **changes: object) -> Commit:
    """A commit that follows this meta and changes these fields."""
    return Commit(before, msgspec.structs.replace(stamped(before), seq=before.seq + 1, **changes))
