"""Asks the brokers whether topics have got more partitions, at the moment at which it matters.

The watch of the topics, which asks every five seconds, is too slow for that: by then customers would be counted in the
partition of others.
"""

from collections.abc import Callable, Mapping
from time import monotonic, sleep

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import BrokersAway, SourceUnavailable
from engine.worker.opening_checks import check_counts

FIRST_PAUSE = 60.0
"""Seconds for which it does not ask again where nothing has grown: then a producer places keys in its own way, and more
of them will come."""
LONGEST_PAUSE = 3_600.0
"""Each such answer doubles the pause, up to this. Nobody is decided while it asks, which takes more than a second: once
a minute, where no producer uses murmur2, that is a sixtieth of all time."""
BROKERS_DIFFER = 1.0
"""Seconds after which it asks a second time: one broker may not know yet what another has told a producer."""


class GrowthCheck:
    """`counts` asks for the partitions of each topic that workers read: all had `partitions` when the worker started.

    It may raise BrokersAway.
    """

    def __init__(
        self,
        counts: Callable[[], Mapping[str, int]],
        partitions: int,
        now: Callable[[], float] = monotonic,
        rest: Callable[[float], None] = sleep,
    ) -> None:
        self._counts = counts
        self._partitions = partitions
        self._now = now
        self._rest = rest
        self._next = 0.0
        self._pause = FIRST_PAUSE

    def __call__(self) -> None:
        """Raises PartitionsChanged, and what `counts` raises."""
        if self._now() < self._next:
            return
        check_counts(self._counts(), self._partitions)
        self._rest(BROKERS_DIFFER)
        check_counts(self._counts(), self._partitions)
        self._next = self._now() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)


def counts_of(settings: KafkaSettings) -> Mapping[str, int]:
    """The partitions of each of `settings.topics`. Raises BrokersAway."""
    try:
        with open_cluster(settings) as admin:
            return admin.partition_counts(settings.topics)
    except SourceUnavailable as error:
        raise BrokersAway(settings.bootstrap, str(error)) from error
