"""Owners of the model's partition: the product's own memory (`Holding`), and batches that are decided on it."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.core.zones import DAY
from engine.operate.upgrade import upgrade
from engine.ports import Entry, Meta
from engine.wire.digests import customer_digest
from engine.worker.executors import InlineExecutor
from engine.worker.holding import Decided, Holding
from engine.worker.looks import Looks
from engine.worker.values import Value
from tests.support.store_model.client import Client
from tests.support.store_model.old_engine import Format2, moved
from tests.support.store_model.server import World
from tests.support.store_model.truth import (
    HOUR,
    PEOPLE,
    Happening,
    Rules,
    cut,
    event,
    fired,
    forgotten,
    outcome,
    read_up_to,
    visited,
)

TAG = 8


class BrokenLooks(Looks):
    """The looks of an owner, without the rules that are switched off."""

    rules = Rules()

    def missing(self, clock: int) -> list[int]:
        return super().missing(clock) if self.rules.loads_days or self._until < 0 else []

    def needed(self, wake: int, look: int, until: int) -> int:  # type: ignore[override]
        if wake and not self.rules.looks_again and look and wake >= look:
            return 0
        if wake and not self.rules.looks_earlier and look > until:
            return 0
        if wake and not self.rules.does_not_renew:
            return wake
        return super().needed(wake, look, until)

    def gone(self, clock: int) -> list[int]:
        if not self.rules.keeps_unfinished_days:
            return sorted(day for day in self._stored if day < clock // DAY)
        return super().gone(clock)

    def written(self, looks: Mapping[int, Sequence[tuple[int, str]]], gone: Any) -> None:
        if self.rules.adds_looks_to_heap:
            super().written(looks, gone)
        else:
            super().written({}, gone)
            self._stored.update(looks)


class Owner:
    """A worker that opened the partition at some time. Raises Fenced and StoreUnavailable, and is done for then."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = Client(world)
        upgrade(self.client, Format2(world), 0, convert=moved)
        self.holding = Holding(0, self.client, InlineExecutor(), cache_size=2)
        self.holding.looks = BrokenLooks(self.client.days(0))
        self.holding.looks.rules = world.rules
        self.done: list[int] = []
        for seq, entries in self.client.outbox(0).items():
            self._publish(seq, [entry.id for entry in entries])

    def _publish(self, seq: int, ids: Sequence[str]) -> None:
        self.world.published.update(ids)
        self.done.append(seq)

    def work(self, *, events: int = 3, limit: int = 3, fails: bool = False) -> None:
        """Read events, fire what is due, commit, publish."""
        world, holding, random = self.world, self.holding, self.world.random
        meta = holding.meta
        clock = max(meta.clock, world.wall)
        until = clock - world.lateness
        list(holding.load_days(clock))
        taken = holding.looks.take(until, limit)
        offset = meta.offsets.get("log", 0)
        told = list(enumerate(world.log[offset : offset + events], offset))
        told = [one for one in told if one[0] > holding.erased.get(customer_digest(one[1]), -1)]
        visits = random.sample(PEOPLE, 2) if random.random() < 0.1 else []
        loading = holding.load([*visits, *(customer for _, customer in told), *(customer for customer, _ in taken)])
        before = returned(loading)
        if fails:
            if world.rules.forgets_after_failure:
                holding.forget()
            return
        read = min(len(world.log), offset + events)
        deciding = Deciding(world, before, until)
        deciding.all(read_up_to(offset, read), visits, told, [customer for customer, _ in taken])
        new = msgspec.structs.replace(meta, seq=meta.seq + 1, clock=clock, offsets={"log": read})
        self._commit(new, deciding, taken, until)

    def _commit(self, meta: Meta, deciding: "Deciding", taken: Sequence[tuple[str, int]], until: int) -> None:
        after_ok = self.world.rules.memory_after_ok
        if not after_ok:
            self.world.published.update(deciding.tags)
        self.client.happened = deciding.happened
        outbox = [Entry(tag, msgspec.json.encode({"customer": tag.split("-")[0]})) for tag in deciding.tags]
        trim = list(self.done)
        for _ in self.holding.commit(meta, deciding.before, deciding.decided, taken, until, outbox, trim):
            pass
        del self.done[: len(trim)]
        if deciding.tags:
            self._publish(meta.seq, deciding.tags)


class Deciding:
    """One batch: what it decides, for the owner, and what happens, for the truth."""

    def __init__(self, world: World, before: Mapping[str, Value], until: int) -> None:
        self.world = world
        self.before = before
        self.until = until
        self.decided = Decided()
        self.happened: list[Happening] = []
        self.tags: list[str] = []

    def _value(self, customer: str) -> Value:
        return self.decided.values.get(customer, self.before[customer])

    def _change(self, customer: str, **fields: Any) -> None:
        self.decided.values[customer] = msgspec.structs.replace(self._value(customer), **fields)

    def all(
        self, read: Happening, visits: Sequence[str], told: Sequence[tuple[int, str]], taken: Sequence[str]
    ) -> None:
        """Everything of the batch."""
        self.happened.append(read)
        for customer in visits:
            self.visit(customer)
        for number, customer in told:
            self.event(number, customer)
        for customer in taken:
            self.look(customer)

    def event(self, number: int, customer: str) -> None:
        state = self._value(customer).state
        if state is not None and not state.isdigit():
            return
        wake = self._new_wake(customer)
        self._set(customer, int(state or b"0") + 1, wake)
        self.happened.append(event(number, customer, number, wake))
        if self.world.random.random() < 0.4:
            self._outcome(customer)
        if self.world.random.random() < 0.1:
            self._forget(customer)

    def visit(self, customer: str) -> None:
        """A new rule book changes the wake-up; the history is cut."""
        state = self._value(customer).state
        if state is not None and state.isdigit():
            wake = self._new_wake(customer)
            self._set(customer, int(state), wake)
            self.happened.append(visited(customer, wake))
        history = self._value(customer).history
        if len(history) > 2 * TAG:
            self._change(customer, history=history[: 2 * TAG])
            self.happened.append(cut(customer, 2))

    def look(self, customer: str) -> None:
        state, wake = self._value(customer).state, self._value(customer).wake
        if state is None or not wake or wake > self.until:
            return
        if not state.isdigit():
            if self.world.rules.looks_at_unreadable_again:
                self.decided.unreadable.append(customer)
            return
        again = self._new_wake(customer, fired=True)
        self._set(customer, int(state), again)
        self.happened.append(fired(customer, wake, again))
        self._outcome(customer)

    def _new_wake(self, customer: str, fired: bool = False) -> int:
        random, wake = self.world.random, self._value(customer).wake
        if random.random() < 0.2 or (fired and not self.world.faults):
            return 0
        if not fired and wake > self.until and random.random() < 0.3:
            return wake
        return self.until + 1 + random.choice((0, HOUR, 20 * HOUR, 3 * DAY, random.randrange(6 * DAY)))

    def _set(self, customer: str, count: int, wake: int) -> None:
        self._change(customer, state=b"%d" % count, wake=wake)

    def _outcome(self, customer: str) -> None:
        tag = b"%08x" % self.world.random.getrandbits(32)
        self._change(customer, history=tag + self._value(customer).history)
        self.tags.append(f"{customer}-{tag.decode()}")
        self.happened.append(outcome(customer, tag))

    def _forget(self, customer: str) -> None:
        self._change(customer, state=None, wake=0)
        if self.world.rules.clears_history:
            self._change(customer, history=b"")
        self.happened.append(forgotten(customer))
        if self.world.random.random() < 0.3:
            self._outcome(customer)


def returned(steps: Any) -> Any:
    """The value of a generator whose steps are done."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value
