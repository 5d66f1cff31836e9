"""Customers of one partition to whom a change of the rules is rolled out."""

from collections.abc import Sequence

from engine.adapters.memory import MemoryStore
from engine.core.book import RuleBook
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.model import Event, OutcomeRecord
from engine.ports import Record, Rollout
from engine.worker.context import Rules
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from engine.worker.rollout_rules import RolloutRules
from engine.worker.values import read_value, state_of
from tests.support.books import DAY, START, Plain, book, event, rule

OLD, NEW = "1" * 12, "2" * 12
HALF = 5_000


class Shop:
    """One partition on an event clock. It is opened anew before everything that happens, as by another worker."""

    def __init__(self, old: RuleBook, new: RuleBook, failing: Sequence[str] = ()) -> None:
        self.old, self.new = Rules(old, Plain()), Rules(new, Plain(*failing))
        self.store = MemoryStore()
        self.outcomes: list[OutcomeRecord] = []
        self._read = 0

    def open(self) -> Partition:
        """The partition, as a worker opens it that finds both books in the store."""
        partition = Partition(0, self.old.book, self.store, Plain())
        if partition.meta.rollout is not None:
            partition.follow(RolloutRules(partition.meta.rollout, self.old, self.new))
        return partition

    def happen(self, *events: Event) -> None:
        arrivals = [
            Arrival(Record("e", 0, self._read + place, None), one.time, one) for place, one in enumerate(events, 1)
        ]
        self._read += len(events)
        self._work(self.open().process(arrivals))

    def until(self, clock: int) -> None:
        self._work(self.open().advance(clock))

    def turn(self, phase: str, share: int = HALF, spread: int = 0) -> None:
        """Write a phase of the roll-out, as `engine apply` does."""
        partition = self.open()
        before = partition.meta.rollout
        since = before.since if before else partition.clock
        counts = before.counts if before else None
        old, new = self.old.book.revision, self.new.book.revision
        rollout = Rollout(old, new, share, 1, since, phase, partition.clock, spread, counts=counts)
        self._work(partition.turn(rollout))

    def sweep(self) -> None:
        partition = self.open()
        while not partition.is_swept:
            self._work(partition.sweep_page(page=2))

    def state(self, customer: str) -> State | None:
        return state_of(read_value(self.store.load(0, [customer])[0]))

    def have_new(self) -> set[str]:
        """Customers whose state the new book has decided last."""
        names = self.store.customers(0, "", 1_000)[0]
        return {one for one in names if (state := self.state(one)) and state.mark == self.new.book.mark}

    def shadows(self) -> int:
        values = self.store.load(0, self.store.customers(0, "", 1_000)[0])
        return sum(read_value(one).shadow is not None for one in values)

    def _work(self, steps: object) -> None:
        for done in results(steps):  # type: ignore[arg-type]
            self.outcomes += done.outcomes


PEOPLE = [f"c-{number}" for number in range(400)]
QUIET = rule(Inactivity("quiet", of=frozenset({"visit"}), after=DAY))
RECEIPT = rule(OnEvent("receipt", event="buy"))


def opened(*rules: object, share: int = 500, failing: Sequence[str] = (), spread: int = 0) -> Shop:
    """Four hundred customers and a canary of 5 %."""
    shop = Shop(book(QUIET, revision=OLD), book(QUIET, *rules, revision=NEW), failing)  # type: ignore[arg-type]
    shop.happen(*(event("visit", START, customer=one) for one in PEOPLE))
    shop.turn("canary", share, spread)
    return shop
