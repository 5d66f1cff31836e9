"""Whether a partition may be opened: by the number of partitions, and by the engines that have written to it.

With another number of partitions customers would be where nobody looks for them. An engine that does not know all
fields of the states in a partition would drop them.
"""

from importlib.metadata import version

import msgspec

from engine.core.state.model import STATE_MINOR, STATE_VERSION
from engine.errors import PartitionsDiffer, StateTooNew
from engine.ports import Meta, StateStore

KNOWN_STATES = (STATE_VERSION, STATE_MINOR)
MOST_LOOKED_AT = 256
"""Partitions that are looked at for one that has been written to."""


def stored_meta(store: StateStore) -> Meta | None:
    """The meta of the first partition that has been written to; None where nothing is stored."""
    metas = (store.meta(partition) for partition in range(MOST_LOOKED_AT))
    return next((meta for meta in metas if meta.seq), None)


def check_stored(store: StateStore, partitions: int) -> None:
    """Raises PartitionsDiffer where the namespace was written with another number of partitions, and StateTooNew."""
    meta = stored_meta(store)
    if meta is not None:
        check_meta(meta, 0, partitions)


def check_meta(meta: Meta, partition: int, partitions: int) -> None:
    """Raises PartitionsDiffer where this partition cannot be one of so many, or a reshard has not been finished.

    Raises StateTooNew where a newer engine has written to it.
    """
    if meta.states > KNOWN_STATES:
        raise StateTooNew(meta.states, KNOWN_STATES, meta.engine)
    if meta.moving_to or meta.partitions != partitions or partition >= partitions:
        raise PartitionsDiffer(meta.partitions, max(partitions, partition + 1), meta.moving_to)


def stamped(meta: Meta) -> Meta:
    """The meta of a partition that may hold states of this engine from now on."""
    if meta.states >= KNOWN_STATES:
        return meta
    return msgspec.structs.replace(meta, states=KNOWN_STATES, engine=version("trigger-engine"))
