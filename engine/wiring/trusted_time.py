"""Wall time for workers and senders, as far as the brokers' clock or the store's agrees with it."""

from concurrent.futures import ThreadPoolExecutor

from engine.adapters.kafka.admin import open_cluster
from engine.config import Settings
from engine.ports import HasClock
from engine.wiring.kafka import kafka_settings
from engine.wiring.wall_clock import wall_clock
from engine.worker.trusted_time import TrustedTime


def trusted_time(settings: Settings, store: object) -> TrustedTime:
    """Asks the brokers; where these do not tell (by librdkafka, before Kafka 3.3, or without the right to describe the
    cluster), the store's server."""

    def witness() -> int | None:
        with open_cluster(kafka_settings(settings)) as admin:
            brokers = admin.clock()
        return store.time() if brokers is None and isinstance(store, HasClock) else brokers

    return TrustedTime(wall_clock, witness=witness, executor=ThreadPoolExecutor(1, "engine-clock"))
