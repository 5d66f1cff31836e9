"""Looks into a store and checks what must hold in it, for `engine store` and `engine doctor`. It changes nothing.

It may run beside workers: what looks wrong is looked at again before it counts, as a commit may have come in between.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from engine.core.state.codec import decode_state
from engine.core.zones import DAY, iso, iso_or_none
from engine.errors import StateTooNew, StateUnreadable, StoreDamaged
from engine.operate.customers import fields_of, likely_partitions
from engine.ports import StateStore
from engine.wire.histories import decode_history
from engine.worker.values import Value, read_looks, read_value

PAGE = 1_000
MAX_LOOKS = 100
"""Looks of the future at one customer. Each wake-up that moves closer leaves one; a hundred are a mistake."""


@dataclass
class Checked:
    """What a check has counted. `problems`: (customer or key, what is wrong)."""

    customers: int = 0
    histories: int = 0
    """Values that have only a history: of people who are no customers any more."""
    looks: int = 0
    bytes: int = 0
    largest: tuple[int, str] = (0, "")
    """Bytes of the largest value, and whose it is."""
    problems: list[tuple[str, str]] = field(default_factory=list)


def where(store: StateStore, customer: str) -> Iterator[dict[str, Any]]:
    """What each partition has of a customer, the customer's own partition first."""
    for partition in likely_partitions(store, customer):
        data = store.load(partition, [customer])[0]
        days = _days_of(store, partition, customer)
        if data is not None or days:
            yield {"partition": partition, **_shown(customer, data, store.meta(partition).names), "looks": days}


def _days_of(store: StateStore, partition: int, customer: str) -> list[str]:
    return [iso(moment) for moment in sorted(_moments(store, partition, customer))]


def _moments(store: StateStore, partition: int, customer: str) -> list[int]:
    return [moment for moment, name in _looks(store, partition, []) if name == customer]


def _looks(store: StateStore, partition: int, damaged: list[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    """All looks of the partition. Days that cannot be read are left out, and added to `damaged`: (key, reason)."""
    for day in store.days(partition):
        try:
            yield from _looks_of(store, partition, day)
        except StoreDamaged as error:
            damaged.append((error.key, error.reason))


def _looks_of(store: StateStore, partition: int, day: int) -> list[tuple[int, str]]:
    return read_looks(partition, store.looks(partition, {day: 0}))[day]


def dump(store: StateStore, partition: int) -> Iterator[dict[str, Any]]:
    """The partition's meta, then every customer, then every day of looks."""
    meta = store.meta(partition)
    yield {"partition": partition, "meta": msgspec.to_builtins(meta)}
    for customer, data in values_of(store, partition):
        yield _shown(customer, data, meta.names)
    for day in store.days(partition):
        yield dump_day(store, partition, day)


def dump_day(store: StateStore, partition: int, day: int) -> dict[str, Any]:
    """The looks of one day, soonest first. Raises StoreDamaged."""
    looks = sorted(_looks_of(store, partition, day))
    return {"day": day, "date": iso(day * DAY)[:10], "looks": [[iso(moment), customer] for moment, customer in looks]}


def check(store: StateStore, partition: int) -> Checked:
    """Check every customer of the partition."""
    checked = Checked()
    for customer, data in values_of(store, partition):
        _count(checked, customer, data)
    suspects = _suspects(store, partition, checked)
    for customer in suspects:
        checked.problems += [(customer, says) for says in _problems(store, partition, customer)]
    return checked


def largest_of_a_page(store: StateStore, partition: int) -> tuple[int, str]:
    """Bytes of the largest value among a page of customers, and whose it is; (0, "") without customers."""
    page, _ = store.customers(partition, "", PAGE)
    values = zip(store.load(partition, page), page, strict=True)
    return max(((len(data), customer) for data, customer in values if data is not None), default=(0, ""))


def pages_of(store: StateStore, partition: int, size: int = PAGE) -> Iterator[Sequence[str]]:
    """The customers of the partition. The store may return one several times, on one page too."""
    cursor = ""
    while True:
        page, cursor = store.customers(partition, cursor, size)
        yield page
        if not cursor:
            return


def values_of(store: StateStore, partition: int) -> Iterator[tuple[str, bytes]]:
    """Every customer of the partition with what is stored of them, each once."""
    seen = set[str]()
    for page in pages_of(store, partition):
        new = [customer for customer in dict.fromkeys(page) if customer not in seen]
        seen.update(new)
        for customer, data in zip(new, store.load(partition, new), strict=True):
            if data is not None:
                yield customer, data


def _count(checked: Checked, customer: str, data: bytes) -> None:
    checked.bytes += len(data)
    checked.largest = max(checked.largest, (len(data), customer))
    if read_value(data).state is None:
        checked.histories += 1
    else:
        checked.customers += 1


def _suspects(store: StateStore, partition: int, checked: Checked) -> list[str]:
    """The customers to look at again: those whose live look is not listed, and those with very many looks."""
    listed: dict[str, list[int]] = {}
    for moment, customer in _looks(store, partition, checked.problems):
        listed.setdefault(customer, []).append(moment)
    checked.looks = sum(map(len, listed.values()))
    meta = store.meta(partition)
    return [
        customer
        for customer, data in values_of(store, partition)
        if any(_wrong(read_value(data), listed.get(customer, ()), meta.names, meta.clock))
    ]


def _problems(store: StateStore, partition: int, customer: str) -> Sequence[str]:
    """What is wrong with a customer now; nothing of what a commit has put right meanwhile."""
    value = read_value(store.load(partition, [customer])[0])
    moments = _moments(store, partition, customer)
    meta = store.meta(partition)
    return list(_wrong(value, moments, meta.names, meta.clock))


def _unreadable(value: Value, names: Sequence[str]) -> Iterator[str]:
    aside = value.shadow.state if value.shadow is not None else None
    try:
        for state in (value.state, aside):
            if state is not None:
                decode_state(state)
    except (StateUnreadable, StateTooNew) as error:
        yield str(error)
    try:
        decode_history("", value.history, names)
    except msgspec.DecodeError as error:
        yield f"the history cannot be read: {error}"


def _wrong(value: Value, listed: Sequence[int], names: Sequence[str], clock: int) -> Iterator[str]:
    yield from _unreadable(value, names)
    if value.state is not None and value.wake and value.look not in listed:
        yield f"is to wake at {iso(value.wake)}, and no look at {iso(value.look)} is listed: nothing would wake them"
    if value.wake and value.look > value.wake > clock:
        yield f"is to wake at {iso(value.wake)}, and looked at only at {iso(value.look)}"
    if (future := sum(moment > clock for moment in listed)) > MAX_LOOKS:
        yield f"{future} looks at one customer"


def _shown(customer: str, data: bytes | None, names: Sequence[str]) -> dict[str, Any]:
    """A value as JSON, without what the book would be needed for."""
    if data is None:
        return {"customer": customer, "bytes": 0}
    value = read_value(data)
    shown: dict[str, Any] = {"customer": customer, "bytes": len(data)}
    shown["wake"] = iso_or_none(value.wake)
    shown["look"] = iso_or_none(value.look)
    try:
        shown["state"] = fields_of(decode_state(value.state)) if value.state is not None else None
    except (StateUnreadable, StateTooNew) as error:
        shown["state"] = {"unreadable": str(error), "hex": (value.state or b"").hex()}
    try:
        shown["history"] = decode_history(customer, value.history, names)
    except msgspec.DecodeError as error:
        shown["history"] = {"unreadable": str(error), "hex": value.history.hex()}
    return shown
