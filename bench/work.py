"""Workers of the real `engine run` on one namespace with a Redis of its own, watched from outside."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from types import TracebackType
from urllib.error import URLError
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from bench.bus import Bus
from bench.usage import MIB, Meter, memory
from engine.adapters.redis import connect
from tests.services import Broker, RedisServer, open_broker
from tests.services.processes import free_ports
from tests.support.command import REPOSITORY
from tests.support.project_files import write_project
from tests.support.workers import Worker

_LOOK = 0.1
"""Seconds between looks at how far the workers are, by the store."""
_ASK = 1.0
"""Seconds between looks at what the workers say: the page of their metrics costs them some milliseconds."""


@dataclass(frozen=True)
class Servers:
    """One broker for everything; a Redis (AOF everysec) for each run."""

    folder: Path
    broker: Broker
    bus: Bus

    @contextmanager
    def crew(self, name: str, events: str, project: Mapping[str, str], **settings: object) -> "Iterator[Crew]":
        """To start workers in, on this events topic."""
        folder = self.folder / name
        redis = RedisServer(folder / "redis")
        redis.start()
        try:
            with Crew(self, redis, name, events, settings) as crew:
                write_project(folder, project)
                yield crew
        finally:
            redis.remove()


@contextmanager
def open_servers() -> Iterator[Servers]:
    """A broker that is as large as one in production starts out, in a folder that goes with it."""
    with TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        broker = open_broker(folder / "broker", heap="1g", java_options=())
        try:
            yield Servers(folder, broker, Bus(broker.address))
        finally:
            broker.remove()


@dataclass(frozen=True)
class Pace:
    """Records processed between two looks, as the store has them: the first one that saw any, and the last."""

    records: int
    seconds: float
    mebibytes_at_half: float
    """Of the largest worker."""

    @property
    def rate(self) -> float:
        """A second."""
        return self.records / self.seconds if self.seconds else 0.0


class Crew:
    """The workers, their store and what they write."""

    def __init__(
        self, servers: Servers, redis: RedisServer, name: str, events: str, settings: Mapping[str, object]
    ) -> None:
        self.bus = servers.bus
        self.redis = redis
        self.events = events
        self.outreach = self.bus.make(f"{name}-outreach")
        self.workers: list[Worker] = []
        self._servers = servers
        self._name = name
        self._folder = servers.folder / name
        self._settings = settings
        self._ports: list[int] = []
        self._topics = {
            "outreach_topic": self.outreach,
            "outcomes_topic": self.bus.make(f"{name}-outcomes"),
            "dead_letters_topic": self.bus.make(f"{name}-dead-letters"),
        }
        self._store = connect(redis.url, name)
        self._used_before = self._redis_memory()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for worker in self.workers:
            worker.kill9()
        self._store.close()

    # --- who works

    def start(self, number: int = 1, **settings: object) -> Meter:
        """Start so many; returns a meter that begins when all have come up, before they read anything."""
        self._ports = free_ports(number)
        self.workers = [self._worker(port, settings) for port in self._ports]
        for worker in self.workers:
            worker.start()
        self.until(lambda: all(_page(port) for port in self._ports), "the workers have come up", 60)
        groups = {"worker": [worker.pid for worker in self.workers], "redis": [self.redis.pid]}
        broker = self._servers.broker.pid
        return Meter(groups | ({"broker": [broker]} if broker else {}))

    def await_partitions(self) -> None:
        """Until the workers have them all."""
        self.until_told("engine_owned_partitions", self.bus.partitions, 60)

    def stop(self) -> None:
        """As an operator would."""
        for worker in self.workers:
            worker.stop()
        self.workers = []

    def _worker(self, port: int, settings: Mapping[str, object]) -> Worker:
        standard = {
            "rules": self._folder / "rules",
            "templates": self._folder / "templates",
            "store": self.redis.url,
            "namespace": self._name,
            "clock": "event",
            "kafka_bootstrap": self.bus.address,
            "kafka_group": self.bus.prefix + self._name,
            "http_port": port,
        }
        given = standard | self._topics | dict(self._settings) | dict(settings)
        environment = {f"ENGINE_{key.upper()}": str(value) for key, value in given.items()}
        environment["PYTHONPATH"] = str(REPOSITORY)
        return Worker(f"worker-{port}", environment, self._folder / f"{port}.log")

    # --- how far they are

    def processed(self) -> int:
        """Records of the events topic that are in the store."""
        return sum(self._store.meta(number).offsets.get(self.events, 0) for number in range(self.bus.partitions))

    def work_off(self, loaded: int, seconds: float = 900) -> Pace:
        """Wait until so many records are in the store and everything sent is known to be on the topic."""
        start = self.processed()  # all of it, where there is little
        self.until(lambda: self.processed() > start or start >= loaded, "the first record is processed", 120)
        began, first = monotonic(), self.processed()
        self.until(lambda: self.processed() >= (start + loaded) // 2, "half of it is processed", seconds)
        half = self.mebibytes()
        self.until(lambda: self.processed() >= loaded, f"{loaded:,} records are processed", seconds)
        pace = Pace(loaded - first, monotonic() - began, half)
        self.until(self.has_published, "all outreach is published", 120)
        return pace

    def has_published(self) -> bool:
        """Nothing is left in an outbox."""
        return not any(self._store.outbox(number) for number in range(self.bus.partitions))

    def until_told(self, name: str, value: float, seconds: float, **labels: str) -> None:
        """Wait for a metric. As `until`."""
        self.until(lambda: self.metric(name, **labels) >= value, f"{name} is {value:,}", seconds, _ASK)

    def until(self, true: Callable[[], bool], what: str, seconds: float, look: float = _LOOK) -> None:
        """Wait. Raises RuntimeError where it takes longer, or with its log where a worker ends by itself."""
        deadline = monotonic() + seconds
        while not true():
            for worker in self.workers:
                if worker.died:
                    message = f"worker {worker.name} ended by itself:\n{worker.said[-3000:]}"
                    raise RuntimeError(message)
            if monotonic() > deadline:
                message = f"not within {seconds:.0f} s: {what} ({self.processed():,} records are in the store)"
                raise RuntimeError(message)
            sleep(look)

    # --- what it takes

    def metric(self, name: str, **labels: str) -> float:
        """The sum over all workers and over all other labels."""
        return sum(
            sample.value
            for port in self._ports
            for family in text_string_to_metric_families(_page(port))
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def peak_mebibytes(self) -> float:
        """The most that any worker ever held."""
        return max(memory(worker.pid, "VmHWM") for worker in self.workers) / MIB

    def mebibytes(self) -> float:
        """What the largest worker holds now."""
        return max(memory(worker.pid) for worker in self.workers) / MIB

    def redis_bytes(self) -> int:
        """What the store has come to hold, keys and all."""
        return self._redis_memory() - self._used_before

    def _redis_memory(self) -> int:
        found = self.redis.ask("INFO", "memory")
        return int(found["used_memory"] - found["mem_aof_buffer"] - found["mem_clients_normal"])


def _page(port: int) -> str:
    """Empty while nobody serves it."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())
    except (URLError, OSError):
        return ""
