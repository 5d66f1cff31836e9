"""Wall time for workers, senders and pages, as far as the brokers' clock or the store's agrees with it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from engine.adapters.kafka.admin import open_cluster
from engine.config import Settings
from engine.ports import HasClock
from engine.wiring.kafka import kafka_settings
from engine.wiring.wall_clock import wall_clock
from engine.worker.trusted_time import TrustedTime


def trusted_time(settings: Settings, store: object) -> TrustedTime:
    """Asks the brokers; where these do not tell (by librdkafka, before Kafka 3.9, or without the right to describe the
    cluster), the store's server."""

    def witness() -> int | None:
        with open_cluster(kafka_settings(settings)) as admin:
            brokers = admin.clock()
        return store.time() if brokers is None and isinstance(store, HasClock) else brokers

    return TrustedTime(wall_clock, witness=witness, executor=ThreadPoolExecutor(1, "engine-clock"))


class CheckedTime:
    """The time for parts that are made before brokers and store are there to ask: until `check`, this machine's."""

    def __init__(self) -> None:
        self._checked: Callable[[], int] = wall_clock

    def __call__(self) -> int:
        """Now, epoch ms."""
        return self._checked()

    def check(self, settings: Settings, store: object) -> TrustedTime:
        """From now on, while this machine's time is in doubt, what the other clocks tell."""
        trusted = trusted_time(settings, store)
        self._checked = trusted.by_others
        return trusted


def word_time(store: object) -> int:
    """The moment of an operator's word, epoch ms: by the store's server, as the word is held against what customers
    say at any other machine."""
    return store.time() if isinstance(store, HasClock) else wall_clock()
