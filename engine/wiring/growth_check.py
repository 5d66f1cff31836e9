"""Asks the brokers whether topics have got more partitions, at the moment at which it matters.

The watch of the topics, which asks every five seconds, is too slow for that: by then customers would be counted in the
partition of others.
"""

from time import monotonic, sleep

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import BrokersAway, SourceUnavailable
from engine.worker.opening_checks import check_counts

ANOTHER_PARTITIONER = 60.0
"""Seconds for which it does not ask again where nothing has grown: then a producer places keys in its own way, and more
of them will come."""
BROKERS_DIFFER = 1.0
"""Seconds after which it asks a second time: one broker may not know yet what another has told a producer."""


class GrowthCheck:
    """`settings.topics` had `partitions` when the worker started."""

    def __init__(self, settings: KafkaSettings, partitions: int) -> None:
        self._settings = settings
        self._partitions = partitions
        self._next = 0.0

    def __call__(self) -> None:
        """Raises PartitionsChanged, and BrokersAway where they do not answer."""
        if monotonic() < self._next:
            return
        self._ask()
        sleep(BROKERS_DIFFER)
        self._ask()
        self._next = monotonic() + ANOTHER_PARTITIONER

    def _ask(self) -> None:
        try:
            with open_cluster(self._settings) as admin:
                counts = admin.partition_counts(self._settings.topics)
        except SourceUnavailable as error:
            raise BrokersAway(self._settings.bootstrap, str(error)) from error
        check_counts(counts, self._partitions)
