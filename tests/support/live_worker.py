"""The real worker's loop on topics, a store and a wall clock in memory: what happens is told turn by turn."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import msgspec

from engine.adapters.memory import MemoryRecords, MemorySink, MemoryStore
from engine.adapters.memory.source import MemorySource, MemoryTopics
from engine.core.book import RuleBook
from engine.core.catalog import Source
from engine.ports import EventSource, Hooks, Ownership
from engine.wire.decode import Decoder
from engine.worker.context import Rules, WorkerContext
from engine.worker.loop import Worker
from engine.worker.trusted_time import TrustedTime
from tests.support.books import CATALOG, Plain

TOPIC = "shop"


class Late(Future[Any]):
    """An answer that is not there before somebody waits for it."""

    def __init__(self, ask: Callable[[], Any]) -> None:
        super().__init__()
        self._ask = ask

    def result(self, timeout: float | None = None) -> Any:
        if not self.done():
            try:
                self.set_result(self._ask())
            except Exception as error:
                self.set_exception(error)
        return super().result(timeout)


class SlowStore(Executor):
    """Its answers are as late as may be, so that everything else happens first."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Late(lambda: fn(*args, **kwargs))


class LiveShop:
    """One topic of one partition; `now` is the time, epoch ms, and the broker's."""

    def __init__(self, book: RuleBook, now: int, topics: Sequence[str] = (TOPIC,)) -> None:
        self.book = book
        self.now = now
        self.off = 0
        """How far the wall clock of the workers' machine is ahead of that, ms."""
        self._began = now - 1_000_000
        self.names = topics
        self.topics = MemoryTopics()
        self.store = MemoryStore()
        self.sink = MemorySink()
        self.outcomes = MemoryRecords()
        self.hooks = Hooks()

    def happens(self, kind: str, customers: Iterable[str], topic: str = TOPIC) -> None:
        """At this moment, and the broker has it at once."""
        for value in self.events(kind, customers):
            self.topics.append(topic, 0, value, timestamp=self.now)

    def events(self, kind: str, customers: Iterable[str]) -> list[bytes]:
        """As records have them."""
        own = {"type": kind, "time": self.now}
        return [msgspec.json.encode({"id": f"{kind}-{one}-{self.now}", "customer": one, **own}) for one in customers]

    def worker(self, join: Callable[[Ownership], EventSource] | None = None, **context: Any) -> Worker:
        """A worker that has not joined yet; by default the topics are those in memory."""
        join = join or (lambda owner: MemorySource(self.topics, self.names, 1, owner))
        decoders = {name: Decoder(Source(name, name), CATALOG) for name in self.names}
        time = TrustedTime(lambda: self.now + self.off, lambda: self.now - self._began, lambda: self.now)
        clock = {"wall": time.now, "doubt": time.why_not, "latest": time.latest}
        given: dict[str, Any] = {**clock, "hooks": self.hooks, "executor": SlowStore(), **context}
        shared = WorkerContext(self.store, self.sink, self.outcomes, MemoryRecords(), **given)
        rules = Rules(self.book, Plain(), decoders)
        return Worker(join, shared, rules)

    def work(self, worker: Worker) -> None:
        """Let it go on until it has handled everything and fired what it will."""
        for _ in range(20):
            worker.step()
            worker.timers.unfinished = True

    def told(self, partition: int = 0) -> list[str]:
        """The customers who were written to, in order."""
        return [msgspec.json.decode(entry.value)["customer"] for entry in self.sink.entries.get(partition, [])]
