"""Finding one customer in a store."""

from dataclasses import dataclass
from typing import Any

import msgspec

from engine.cli.console import UsageError
from engine.core.codec import decode_state
from engine.model import State
from engine.ports import StateStore


@dataclass(frozen=True, slots=True)
class Found:
    """One customer as the store has them. `clock` is their partition's, epoch ms; `history` newest first."""

    partition: int
    state: State
    clock: int
    history: list[dict[str, Any]]


def find(store: StateStore, customer: str) -> Found:
    """Raises UsageError where no partition of the store has the customer."""
    for partition in range(max(1, store.meta(0).partitions)):
        data = store.load(partition, [customer])[0]
        if data is not None:
            history = [msgspec.json.decode(record) for record in store.history(partition, customer)]
            return Found(partition, decode_state(data), store.meta(partition).clock, history)
    message = f"the store has no customer {customer!r}"
    raise UsageError(message)
