"""Checks whether a partition may be opened, or read on, by its number of partitions and the version of its states.

The worker, the replay and the commands call it before they write. With another number of partitions a customer's
events would meet a partition without the customer's state; an older engine would drop state fields it does not know.
"""

from collections.abc import Mapping

import msgspec

from engine.core.state.model import STATE_MINOR, STATE_VERSION
from engine.errors import EngineError, OtherFormat, PartitionsDiffer, StateTooNew
from engine.ports import STORE_FORMAT, Meta, StateStore

KNOWN_STATES = (STATE_VERSION, STATE_MINOR)
MAX_PARTITIONS_PROBED = 256
"""Partitions that are probed for one that has been written to; each probe is one read of the store."""


class PartitionsChanged(EngineError):
    """A topic has got another number of partitions while it is read."""

    topic: str
    before: int
    now: int

    def __str__(self) -> str:
        now = f"{self.now} partitions" if self.now else "more partitions"
        return (
            f"{self.topic} has {now} now, and had {self.before} when this worker started: events come to partitions"
            " that do not have their customers. `engine reshard` moves them; docs/operations.md says how (A topic has"
            " grown)"
        )


def stored_meta(store: StateStore) -> Meta | None:
    """The meta of the first partition that has been written to; None where nothing is stored."""
    metas = (store.meta(partition) for partition in range(MAX_PARTITIONS_PROBED))
    return next((meta for meta in metas if meta.seq), None)


def check_stored(store: StateStore, partitions: int) -> None:
    """Raises PartitionsDiffer when the namespace was written with another number of partitions, and StateTooNew."""
    meta = stored_meta(store)
    if meta is not None:
        check_meta(meta, 0, partitions)


def check_meta(meta: Meta, partition: int, partitions: int) -> None:
    """Raises PartitionsDiffer when the partition was written with another number of partitions, or a reshard is
    unfinished. Raises StateTooNew when a newer engine has written to it.
    """
    check_moved(meta)
    if meta.states > KNOWN_STATES:
        raise StateTooNew(meta.states, KNOWN_STATES, meta.engine)
    if meta.moving_to or meta.partitions != partitions or partition >= partitions:
        raise PartitionsDiffer(meta.partitions, max(partitions, partition + 1), meta.moving_to)


def check_counts(counts: Mapping[str, int], before: int, shared_out: int = 0) -> None:
    """Raises PartitionsChanged where a topic has not as many as `before`: customers' events move with it.

    `counts` has the partitions of each topic. `shared_out`: a partition of the group shows that there are at least so
    many, before the source knows.
    """
    changed = [topic for topic, now in counts.items() if now != before]
    if changed or shared_out > before:
        topic = changed[0] if changed else "a topic"
        raise PartitionsChanged(topic, before, counts.get(topic, 0))


def check_moved(meta: Meta) -> None:
    """Raises OtherFormat while the partition is being moved from an older format: some customers are still there."""
    if meta.moving_from:
        raise OtherFormat("the store", meta.moving_from, STORE_FORMAT)


def stamped(meta: Meta) -> Meta:
    """The meta with this engine's state version, for a partition that this engine is about to write to."""
    if meta.states >= KNOWN_STATES:
        return meta
    from importlib.metadata import version  # takes 7 ms, which commands that write to no store do without

    return msgspec.structs.replace(meta, states=KNOWN_STATES, engine=version("trigger-engine"))
