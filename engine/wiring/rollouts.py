"""What an archive keeps of roll-outs: the phases that the partitions of the store are in when it is written to.

`engine archive` notes them and `engine replay --as-decided` follows them: no event says who is decided by which rules.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.config import Settings
from engine.ports import Rollout
from engine.replay.rolled_out import Phase
from engine.wiring.store import open_store
from engine.worker.opening_checks import stored_meta


def rollout_phases(settings: Settings) -> list[dict[str, Any]]:
    """The roll-out of each partition, without what it has counted. Raises EngineError.

    Nothing of a store that is no server: the worker has it for itself.
    """
    if "://" not in settings.store:
        return []
    with open_store(settings) as store:
        first = stored_meta(store)
        partitions = first.partitions if first is not None else 0
        found = [(number, store.meta(number).rollout) for number in range(partitions)]
    return [noted(number, partitions, rollout) for number, rollout in found if rollout is not None]


def noted(partition: int, partitions: int, rollout: Rollout) -> dict[str, Any]:
    """A partition's phase as an archive keeps it."""
    plain = msgspec.structs.replace(rollout, limits=None, counts=None, past=())
    found: dict[str, Any] = msgspec.to_builtins(Phase(partition, partitions, plain))
    return found


def phases_of(kept: Sequence[Mapping[str, Any]]) -> list[Phase]:
    """What an archive has noted."""
    return msgspec.convert(kept, list[Phase])
