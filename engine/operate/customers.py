"""Finding one customer in a store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.adapters.kafka.partitioner import murmur2_partition
from engine.config import Settings
from engine.core.state.codec import decode_state
from engine.core.state.model import State
from engine.core.zones import iso
from engine.errors import UsageError
from engine.ports import StateStore
from engine.wire.records import decode_past
from engine.wiring.store import open_sending
from engine.worker.placement import stored_meta


@dataclass(frozen=True, slots=True)
class Found:
    """One customer as the store has them. `clock` is their partition's, or their newest event's if that is later: a
    live clock stands still until all topics have been read. Epoch ms. `history` newest first.
    """

    partition: int
    state: State
    clock: int
    history: list[dict[str, Any]]


def place(customer: str, partitions: int) -> int:
    """The partition that producers put a customer's events into."""
    return murmur2_partition(customer.encode(errors="replace"), partitions)


def likely_partitions(store: StateStore, customer: str) -> Iterator[int]:
    """Where they belong first, then all others: producers may have used another partitioner."""
    if not _can_be_stored(customer):
        return
    meta = stored_meta(store)
    count = max(1, meta.partitions, meta.moving_to) if meta else 1
    first = place(customer, count)
    yield first
    yield from (number for number in range(count) if number != first)


def find(store: StateStore, customer: str) -> Found:
    """Raises UsageError where no partition of the store has the customer."""
    for partition in likely_partitions(store, customer):
        data = store.load(partition, [customer])[0]
        if data is not None:
            history = [decode_past(customer, record) for record in store.history(partition, customer)]
            state = decode_state(data)
            return Found(partition, state, max(store.meta(partition).clock, state.last), history)
    message = f"the store has no customer {customer!r}"
    if stored_meta(store) is None:
        message = "the store is empty; replay --store embedded, or with a URL, is one way to fill it"
    raise UsageError(message)


def add_endings(history: Sequence[dict[str, Any]], settings: Settings) -> None:
    """What senders on the same store know of how each outreach ended, under `ended`; None where they know nothing.

    They don't keep what failed, so that it can be replayed from the dead letters.
    """
    told = [one for one in history if one["outreach"]]
    if not told:
        return
    with open_sending(settings) as (claims, _):
        endings = claims.endings([one["outreach"] for one in told])
    for one, claim in zip(told, endings, strict=True):
        known = (
            claim and claim.outcome and {"outcome": claim.outcome.value, "at": iso(claim.at), "reason": claim.reason}
        )
        one["ended"] = known or None


def outcome_in_words(one: dict[str, Any]) -> str:
    """Of one entry of a history: fired, bounced at … (550 no such user)."""
    ended = one.get("ended")
    if not ended:
        return str(one["outcome"])
    why = f" ({ended['reason']})" if ended["reason"] else ""
    return f"{one['outcome']}, {ended['outcome'].replace('_', ' ')} at {ended['at']}{why}"


def _can_be_stored(customer: str) -> bool:
    """Not so for bytes of a command line that are not UTF-8."""
    try:
        return bool(customer.encode())
    except UnicodeEncodeError:
        return False
