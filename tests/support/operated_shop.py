"""A live namespace that an operator changes in every way, and beside it what each customer would be otherwise.

The worlds beside it know nothing of roll-outs: each is one partition in which a rule book is deployed for everybody.
"""

from collections.abc import Container, Iterable, Sequence
from copy import deepcopy
from math import inf

import msgspec

from engine.adapters.memory.source import MemorySource
from engine.core.catalog import Source
from engine.core.state.model import State
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.milestone import Milestone
from engine.operate.customers import erase_everywhere, partition_of
from engine.wire.decode import Decoder
from engine.worker.context import Rules
from engine.worker.loop import Worker
from engine.worker.values import Value, read_value, state_of
from tests.support.books import CATALOG, HOUR, START, Plain, book, rule
from tests.support.live_worker import TOPIC, LiveShop

ACTIVE = frozenset({"visit", "buy"})
QUIET = rule(Inactivity("quiet", of=ACTIVE, after=24 * HOUR))
SOON = rule(Inactivity("quiet", of=ACTIVE, after=5 * HOUR))
SILENT = rule(Inactivity("silent", of=ACTIVE, after=20 * HOUR), was=("quiet",))
RECEIPT = rule(OnEvent("receipt", event="buy"))
CART = rule(Abandoned("cart", after="cart", without=frozenset({"buy"}), within=9 * HOUR))
EVERY = rule(Milestone("every", event="buy", every=2))
BOOKS = {
    one * 12: book(*rules, revision=one * 12)
    for one, rules in {
        "1": (QUIET, CART),
        "2": (SOON, CART, RECEIPT),
        "3": (SILENT, CART, EVERY),
        "4": (RECEIPT, EVERY),
        "5": (CART, QUIET, EVERY),
    }.items()
}
PEOPLE = [f"c-{number}" for number in range(8)]
Heard = tuple[str, str]
"""A message: the rule's first name, and the occurrence."""


class Namespace(LiveShop):
    """Some partitions, whose workers have the book of `folder` in their folders, and the store has all others."""

    def __init__(self, partitions: int, folder: str) -> None:
        super().__init__(BOOKS[folder], START)
        self.partitions = partitions
        self._read: dict[int, int] = {}

    def happens(self, kind: str, customers: Iterable[str], topic: str = TOPIC) -> None:
        for customer in customers:
            for value in self.events(kind, [customer]):
                self.topics.append(topic, partition_of(customer, self.partitions), value, timestamp=self.now)

    def deploy(self, folder: str) -> None:
        self.book = BOOKS[folder]

    def go_on(self, *, swept: bool = True) -> None:
        """Let a worker that was just started do all that there is to do, and stop. `swept`: also meet everybody."""
        worker = self.worker(
            lambda owner: MemorySource(self.topics, self.names, self.partitions, owner),
            partitions=self.partitions,
            books=_rules,
        )
        worker._next_sweep = worker._next_brakes = inf
        self._steps(worker, 6)
        for _ in range(40 if swept else 0):
            if all(owner.partition.is_swept for owner in worker.owners.values()):
                break
            worker._next_sweep = 0.0
            self._steps(worker, 1)
        worker._next_sweep = inf
        self._steps(worker, 4)
        worker._next_brakes = worker._next_status = 0.0
        self._steps(worker, 1)
        worker.source.close()

    def erase(self, customer: str) -> None:
        erase_everywhere(self.store, customer, self.now)

    def value(self, customer: str) -> Value:
        return read_value(self.store.load(partition_of(customer, self.partitions), [customer])[0])

    def newly_told(self) -> dict[str, dict[str, Heard]]:
        """Customer -> the messages since this was asked last, by id."""
        found: dict[str, dict[str, Heard]] = {}
        for number, entries in self.sink.entries.items():
            for entry in entries[self._read.get(number, 0) :]:
                said = msgspec.json.decode(entry.value)
                found.setdefault(said["customer"], {})[entry.id] = _first_name(said["rule"]), said["occurrence"]
            self._read[number] = len(entries)
        return found

    def _steps(self, worker: Worker, times: int) -> None:
        for _ in range(times):
            worker.step()
            worker.timers.unfinished = True


class World(Namespace):
    """One partition; a book is deployed and met by everybody at once."""

    def __init__(self, folder: str) -> None:
        super().__init__(1, folder)

    def forked(self, folder: str) -> "World":
        """The same until now, and another book from now on."""
        other = World(folder)
        other.now, other.topics, other._began = self.now, self.topics, self._began
        other.store.partitions = deepcopy(self.store.partitions)
        return other


def plain(value: Value, heard: Container[Heard] = ()) -> State | None:
    """The state without its wake-up, what going back remembers of what the customer really got, and how long a rule
    that is gone is remembered: from when they met that. `heard`: what they got of changes that were taken back."""
    state = state_of(value)
    if state is not None:
        for rule_id, slot in state.rules.items():
            slot.fired = 0
            slot.timers = [one for one in slot.timers if (_first_name(rule_id), str(one.since)) not in heard]
            if slot.parked is not None:
                slot.parked.until = 0
                slot.parked = slot.parked if slot.timers else None
        state.rules = {rule: slot for rule, slot in state.rules.items() if not slot.is_empty}
        state.sent, state.wake = [], 0
    return state


def _first_name(rule_id: str) -> str:
    return "quiet" if rule_id == "silent" else rule_id


def others(than: Sequence[str]) -> list[str]:
    """Revisions but these."""
    return [one for one in BOOKS if one not in than]


def _rules(revision: str) -> Rules:
    return Rules(BOOKS[revision], Plain(), {TOPIC: Decoder(Source(TOPIC, TOPIC), CATALOG)})
