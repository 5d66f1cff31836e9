"""How many partitions a namespace has. Another number of them would put customers where nobody looks for them."""

from engine.errors import PartitionsDiffer
from engine.ports import Meta, StateStore

MOST_LOOKED_AT = 256
"""Partitions that are looked at for one that has been written to."""


def stored_meta(store: StateStore) -> Meta | None:
    """The meta of the first partition that has been written to; None where nothing is stored."""
    metas = (store.meta(partition) for partition in range(MOST_LOOKED_AT))
    return next((meta for meta in metas if meta.seq), None)


def check_stored(store: StateStore, partitions: int) -> None:
    """Raises PartitionsDiffer where the namespace was written with another number of partitions."""
    meta = stored_meta(store)
    if meta is not None:
        check_meta(meta, 0, partitions)


def check_meta(meta: Meta, partition: int, partitions: int) -> None:
    """Raises PartitionsDiffer where this partition cannot be one of so many, or a reshard has not been finished."""
    if meta.moving_to or meta.partitions != partitions or partition >= partitions:
        raise PartitionsDiffer(meta.partitions, max(partitions, partition + 1), meta.moving_to)
