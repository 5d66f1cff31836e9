"""Commits by commands instead of the partition's worker: erasure and reshard. They fence a running worker."""

from collections.abc import Callable

import msgspec

from engine.errors import Fenced
from engine.ports import Commit, Opened, StateStore
from engine.worker.opening_checks import check_moved, stamped

TRIES = 100
"""Attempts at a commit beside a working partition: each loses only against a commit of the worker in between."""


def commit_outside(
    store: StateStore,
    partition: int,
    change: Callable[[Opened], Commit],
    refused: Callable[[Fenced], None] = lambda error: None,
) -> None:
    """Commit what `change` makes of the present partition. The next commit of a running worker is refused.

    `refused` is called for each refusal, before the next attempt. Raises Fenced if a worker was faster TRIES times, and
    OtherFormat.
    """

    def commit() -> None:
        opened = store.open(partition)
        check_moved(opened.meta)
        store.commit(partition, change(opened))

    repeat_if_fenced(commit, refused)


def repeat_if_fenced(act: Callable[[], None], refused: Callable[[Fenced], None] = lambda error: None) -> None:
    """Do it until no other commit comes in between. Raises Fenced if one did TRIES times."""
    for attempt in range(1, TRIES + 1):
        try:
            act()
        except Fenced as error:
            if attempt == TRIES:
                raise
            refused(error)
        else:
            return


def on_top(before: Opened, **changes: object) -> Commit:
    """A commit that follows this one and changes these fields."""
    meta = before.meta
    return Commit(before.seal, msgspec.structs.replace(stamped(meta), seq=meta.seq + 1, **changes))
