"""Finds, exports and erases one customer in a store, for `engine customer`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from engine.core.seen import moments
from engine.core.state.codec import decode_state
from engine.core.state.model import State
from engine.core.zones import iso, iso_or_none
from engine.errors import CommandFailed, StoreDamaged
from engine.operate.erasure import erase, looks_name, pending
from engine.operate.statement import statement
from engine.ports import ClaimStore, Meta, StateStore
from engine.wire.histories import decode_history
from engine.wire.partitioner import murmur2_partition
from engine.worker.opening_checks import stored_meta
from engine.worker.rollout_rules import revision_for
from engine.worker.values import read_value, state_of

NOTHING_STORED = "the store is empty: no customer in this namespace. `engine run` fills it, or `engine replay --store`"


@dataclass(frozen=True, slots=True)
class FoundCustomer:
    """One customer as the store has them. `clock` is their partition's, or their newest event's if that is later: a
    live clock stands still until all topics have been read. Epoch ms. `history` newest first. `trial`: the revision of
    the book that decides the customer while two books decide; "" without a roll-out. `aside`: the state that the old
    book alone would have made meanwhile, encoded.
    """

    partition: int
    state: State
    clock: int
    history: list[dict[str, Any]]
    trial: str = ""
    aside: bytes | None = None


def partition_of(customer: str, partitions: int) -> int:
    """The partition of a customer's events."""
    return murmur2_partition(customer.encode(errors="replace"), partitions)


def likely_partitions(store: StateStore, customer: str) -> Iterator[int]:
    """The customer's own partition first, then all others: producers may have used another partitioner."""
    if not _can_be_stored(customer):
        return
    meta = stored_meta(store)
    count = max(1, meta.partitions, meta.moving_to) if meta else 1
    first = partition_of(customer, count)
    yield first
    yield from (number for number in range(count) if number != first)


def find(store: StateStore, customer: str) -> FoundCustomer:
    """Raises CommandFailed if no partition of the store has the customer, StateUnreadable and StoreDamaged."""
    for partition in likely_partitions(store, customer):
        value = read_value(store.load(partition, [customer])[0])
        state = state_of(value)
        if state is not None:
            meta = store.meta(partition)
            history = _history(customer, value.history, meta, partition)
            trial = revision_for(meta, customer) if meta.rollout is not None else ""
            aside = value.shadow.state if value.shadow is not None else None
            return FoundCustomer(partition, state, max(meta.clock, state.last), history, trial, aside)
    if stored_meta(store) is None:
        raise CommandFailed(NOTHING_STORED)
    message = f"the store has no customer {customer!r}"
    raise CommandFailed(message)


def _history(customer: str, history: bytes, meta: Meta, partition: int) -> list[dict[str, Any]]:
    try:
        return decode_history(customer, history, meta.names)
    except msgspec.DecodeError as error:
        raise StoreDamaged("the store", f"the history of {customer!r} in partition {partition}", str(error)) from error


def add_endings(history: Sequence[dict[str, Any]], claims: ClaimStore) -> None:
    """Add the senders' result of each outreach under `ended`; None if they have none.

    They don't keep what failed, so that it can be replayed from the dead letters.
    """
    told = [one for one in history if one["outreach"]]
    results = claims.results([one["outreach"] for one in told]) if told else []
    for one, claim in zip(told, results, strict=True):
        known = (
            claim and claim.outcome and {"outcome": claim.outcome.value, "at": iso(claim.at), "reason": claim.reason}
        )
        one["ended"] = known or None


def rule_and_step(one: Mapping[str, Any]) -> str:
    """What made an entry of a history or an outbox: win-back, or of a journey welcome/reminder."""
    return "/".join(filter(None, (one["rule"], one.get("step"))))


def outcome_in_words(one: dict[str, Any]) -> str:
    """The text of a history's entry: fired, bounced at … (550 no such user)."""
    ended = one.get("ended")
    if not ended:
        return str(one["outcome"])
    why = f" ({ended['reason']})" if ended["reason"] else ""
    return f"{one['outcome']}, {ended['outcome'].replace('_', ' ')} at {ended['at']}{why}"


def _can_be_stored(customer: str) -> bool:
    """False for an argument whose bytes were not UTF-8."""
    try:
        return bool(customer.encode())
    except UnicodeEncodeError:
        return False


def erase_everywhere(store: StateStore, customer: str, at: int) -> dict[str, Any]:
    """Erase the customer from every partition, and leave a tombstone where their events go. `at`: now, epoch ms.

    Raises CommandFailed where nothing is stored.
    """
    meta = stored_meta(store)
    if meta is None:
        message = "nothing is stored in this namespace"
        raise CommandFailed(message)
    home, *others = likely_partitions(store, customer)
    there = [number for number in (home, *others) if store.load(number, [customer])[0] is not None]
    named = [number for number in others if looks_name(store, number, customer)]  # by what a reshard has left
    outreach = 0
    for number in dict.fromkeys((home, *there, *named)):
        outreach += len(pending(store, number, customer))
        erase(store, number, customer, at, meta.partitions)
    return {"known": bool(there), "outreach": outreach}


def everything(store: StateStore, customer: str, found: FoundCustomer) -> dict[str, Any]:
    """The entry with instants in ISO 8601."""
    state = found.state
    aside = decode_state(found.aside) if found.aside is not None else None
    return {
        "customer": customer,
        "partition": found.partition,
        "clock": iso(found.clock),
        "profile": state.profile,
        "became": {"customer": state.became, "at": iso(state.identified)} if state.identified else None,
        "events": {
            name: {"count": known.count, "first": iso(known.first), "last": iso(known.last)}
            for name, known in state.events.items()
        },
        "timers": _timers(state),
        "segments": {
            id_: {"level": one.level, "since": iso(one.since)}
            for id_, one in state.segments.items()
            if one.level and not one.parked
        },
        "points": {id_: statement(one) for id_, one in state.points.items() if not one.parked},
        "runs": _runs(state),
        "coupons": _coupons(state),
        "deferred": [{"rule": one.rule, "until": iso(one.due), "reason": one.reason} for one in state.deferred],
        "sent": [{"at": iso(one.at), "purpose": one.purpose, "channel": one.channel} for one in state.sent],
        "history": found.history,
        "outbox": [msgspec.json.decode(entry.value) for entry in pending(store, found.partition, customer)],
        "state": fields_of(state) | {"seen": moments(state)},
        **({"without_roll_out": fields_of(aside) | {"seen": moments(aside)}} if aside is not None else {}),
    }


def _timers(state: State) -> list[dict[str, Any]]:
    return [
        {"rule": rule, "due": iso(timer.due), "since": iso(timer.since), "key": timer.key}
        for rule, slot in state.rules.items()
        for timer in slot.timers
        if timer.due and slot.parked is None
    ]


def _runs(state: State) -> list[dict[str, Any]]:
    return [
        {"rule": rule, "step": run.step, "since": iso(run.came), "due": iso_or_none(run.due), "key": run.key}
        for rule, slot in state.rules.items()
        for run in slot.runs
        if slot.parked is None
    ]


def _coupons(state: State) -> list[dict[str, Any]]:
    """Those of runs; of parked ones too, as the customer has the code."""
    return [
        {"coupon": id_, "code": one.code, "valid_until": iso(one.valid_until), "rule": rule}
        for rule, slot in state.rules.items()
        for run in slot.runs
        for id_, one in run.coupons.items()
    ]


def fields_of(value: Any) -> Any:
    """All fields of the state under their names. Instants in epoch ms."""
    if isinstance(value, msgspec.Struct):
        return {name: fields_of(field) for name, field in msgspec.structs.asdict(value).items()}
    if isinstance(value, dict):
        return {name: fields_of(field) for name, field in value.items()}
    if isinstance(value, list | tuple):
        return [fields_of(one) for one in value]
    return value
