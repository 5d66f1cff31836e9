"""What the owner of a partition holds of it in memory: seal, meta, cached values, looks; its reads and its commits.

`Partition` decides on it. Everything in memory changes only after the store has accepted a commit, and every read says
the seal. The model test of the store explores this class; it must know nothing of events and rules.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import msgspec

from engine.core.zones import DAY
from engine.ports import Commit, Entry, Meta, StateStore
from engine.worker.cache import StateCache
from engine.worker.looks import Looks
from engine.worker.values import Value, encode_looks, encode_value, encode_with_look, read_looks, read_values

RETRY_WAKE = 3_600_000
"""Milliseconds until a customer whose wake-up failed is tried again. Without it a state that `decide` cannot handle
would fail again in every round."""


class Decided(msgspec.Struct):
    """What a batch has decided on customers; the others stay as they are.

    `values`: customer -> what to store; the commit fills in where their look is (`early`). `unreadable`: customers who
    were due, and whose state cannot be read.
    """

    values: dict[str, Value] = {}
    unreadable: list[str] = []


class Holding:
    """Opens the partition. Raises what the store raises. Must not be used after Fenced and StoreUnavailable.

    Methods that return an iterator yield the Future of each call of the store, and must be resumed when it is done.
    """

    def __init__(self, number: int, store: StateStore, executor: Executor, cache_size: int = 50_000) -> None:
        self.number = number
        self.store = store
        self.executor = executor
        opened = store.open(number)
        self.seal, self.meta = opened.seal, opened.meta
        self.erased = opened.erased
        """Digest of an erased customer -> moment of the erasure. Another process erases; its commit fences this owner,
        and reopening the partition reads the tombstones again."""
        self.looks = Looks(opened.days)
        self.cache = StateCache(cache_size)
        self.largest = 0
        """Bytes of the largest value that was measured since somebody set this to 0."""

    def load_days(self, clock: int) -> Iterator[Future[Any]]:
        """Have all looks up to the day after `clock` in memory, as a batch must that ends there."""
        found: dict[int, list[tuple[int, str]]] = {}
        if days := dict.fromkeys(self.looks.missing(clock), 0):
            yield (asked := self.executor.submit(self.store.looks, self.number, days, self.seal))
            found = read_looks(self.number, asked.result())
        self.looks.learn(clock, found)

    def load(self, customers: Iterable[str]) -> Generator[Future[Any], None, dict[str, Value]]:
        """The customers' values; those that are not cached are read in one call."""
        asked = dict.fromkeys(customers)
        missing = self.cache.missing(asked)
        if missing:
            yield (found := self.executor.submit(self.store.load, self.number, missing, self.seal))
            self.cache.put(zip(missing, found.result(), strict=True))
        return read_values(self.cache.young, asked)

    def commit(
        self,
        meta: Meta,
        before: Mapping[str, Value],
        decided: Decided,
        taken: Sequence[tuple[str, int]],
        until: int,
        outbox: list[Entry],
        trim: list[int],
    ) -> Iterator[Future[Any]]:
        """Commit what was decided. `before`: everybody concerned, as loaded; `taken`: the looks that came up.

        `until`: the clock of the commit less the allowed lateness: up to here, looks count as passed.
        """
        values, looks = self._values(meta.clock, before, decided, taken, until)
        gone = self.looks.gone(meta.clock)
        lists = {day: encode_looks(some) for day, some in looks.items()}
        commit = Commit(self.seal, meta, values, lists, gone, outbox, trim)
        yield (written := self.executor.submit(self.store.commit, self.number, commit))
        self.seal = written.result()
        self.meta = meta
        self.cache.keep(values)
        self.measure(values.values())
        self.looks.written(looks, gone)

    def forget(self) -> None:
        """Drop what is in memory: a batch failed after it had taken looks. The next one reads everything again."""
        self.cache.clear()
        self.looks.forget()

    def check_fence(self) -> None:
        """Raises Fenced if the partition has another owner: an idle one commits nothing and would not notice."""
        self.store.load(self.number, [], self.seal)

    def measure(self, values: Iterable[bytes | None]) -> None:
        """Note the largest of these values, for `largest`."""
        self.largest = max(self.largest, max(map(len, filter(None, values)), default=0))

    def _values(
        self, clock: int, before: Mapping[str, Value], decided: Decided, taken: Sequence[tuple[str, int]], until: int
    ) -> tuple[dict[str, bytes | None], dict[int, list[tuple[int, str]]]]:
        """The encoded values that change, and the looks to be written, by day."""
        values: dict[str, bytes | None] = {}
        looks: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        needed = self.looks.needed
        later = dict.fromkeys(decided.unreadable, clock + RETRY_WAKE)
        changed = decided.values | {
            customer: before[customer] for customer, _ in taken if customer not in decided.values
        }
        for customer, new in changed.items():
            if new.state is None and new.shadow is None:
                values[customer] = encode_value(Value(None, history=new.history)) if new.history else None
                continue
            old = before[customer]
            look = old.wake - old.early
            if moment := needed(later.get(customer, new.wake), look, until):
                looks[moment // DAY].append((moment, customer))
            elif not new.wake and look <= until:
                look = 0  # it has passed, and nothing needs it: with a wake-up of 0 its moment would take 8 bytes
            values[customer] = encode_with_look(new, moment or look)
        return values, looks
