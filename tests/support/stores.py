"""The stores that every contract suite of stores runs over, and short ways to write and read customers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pytest

from engine.core.state.model import State
from engine.core.zones import DAY
from engine.model import OutcomeRecord
from engine.operate.overdue import overdue
from engine.ports import Commit, Meta, StateStore
from engine.wire.histories import Names, encode_past, outcomes_of
from engine.worker.values import Value, encode_looks, encode_value, read_value, state_of

OpenStore = Callable[[str], StateStore]
"""Opens the store of a namespace; opened again, it is the same data through a second client."""

STORES = ["memory", *(pytest.param(name, marks=pytest.mark.redis) for name in ("redis", "cluster", "restricted"))]
"""`restricted`: a user who may do what docs/deployment.md lists, and no more."""
WAYS = [
    *STORES,
    *(pytest.param(f"{name} transaction", marks=pytest.mark.redis) for name in ("redis", "cluster", "restricted")),
]
"""And all that goes in a transaction where it is much does so where it is little, too."""


def put(
    store: StateStore,
    partition: int = 0,
    meta: Meta | None = None,
    *,
    states: Mapping[str, bytes | None] | None = None,
    wakes: Mapping[str, int] | None = None,
    pasts: Mapping[str, Sequence[OutcomeRecord]] | None = None,
    **changes: Any,
) -> Meta:
    """Commit customers on top of what is there. `pasts`: outcomes, newest first."""
    opened = store.open(partition)
    names, wakes = Names(opened.meta.names), wakes or {}
    after = msgspec.structs.replace(meta or opened.meta)
    after.seq = after.seq if meta else opened.meta.seq + 1
    looks: dict[int, list[tuple[int, str]]] = {}
    values: dict[str, bytes | None] = {}
    for customer, state in (states or {}).items():
        wake = wakes.get(customer, 0)
        history = b"".join(encode_past(past, names) for past in (pasts or {}).get(customer, ()))
        values[customer] = encode_value(Value(state, wake, 0, history)) if state is not None else None
        if wake:
            looks.setdefault(wake // DAY, []).append((wake, customer))
    after.names = names.all
    encoded = {day: encode_looks(some) for day, some in looks.items()}
    store.commit(partition, Commit(opened.seal, after, values, encoded, **changes))
    return after


def raw_state(store: StateStore, customer: str, partition: int = 0) -> bytes | None:
    """The encoded state; its wake-up is in the value."""
    return read_value(store.load(partition, [customer])[0]).state


def state(store: StateStore, customer: str, partition: int = 0) -> State | None:
    return state_of(read_value(store.load(partition, [customer])[0]))


def wakes(store: StateStore, partition: int = 0, until: int = 2**52) -> dict[str, int]:
    """Those who would be found at their wake-up, by looks, and when."""
    return dict(overdue(store, partition, until, 100_000))


def history(store: StateStore, customer: str, partition: int = 0) -> list[OutcomeRecord]:
    """Newest first."""
    return histories(store, [customer], partition)[0]


def histories(store: StateStore, customers: Sequence[str], partition: int = 0) -> list[list[OutcomeRecord]]:
    """In the order asked, of each the newest first."""
    values = [read_value(value).history for value in store.load(partition, customers)]
    names = store.meta(partition).names  # after what uses them
    return [outcomes_of(customer, value, names) for customer, value in zip(customers, values, strict=True)]
