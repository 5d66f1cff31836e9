"""How far the ingest has come, asked of the brokers twice a second, by a thread of its own so that no worker waits.

Asked in this order: where the un-keyed topics end, what the ingest has committed of them, where the internal topic
ends. An offset is committed in one transaction with the records up to it, so these stand in the internal topic before
the end that is asked for afterwards (the end with open transactions: a commit may show in the offsets a little earlier
than in the records). Where the ingest has committed all there was, it has all that had arrived when the first question
was put; where not, all until the time it has put beside the offset.
"""

from collections.abc import Iterable, Mapping
from threading import Event, Thread
from time import time
from typing import Any, Final

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from engine.adapters.kafka.confluent.config import LOGGER, client_config
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SourceUnavailable
from engine.ports import Mark

_SECONDS: Final = 0.5
_ANSWER_SECONDS: Final = 5.0


class IngestProgress:
    """`settings` are the ingest's, its topics the un-keyed ones; `topic` is the internal one.

    What was true once stays true: while the brokers do not answer the last marks stand.
    """

    def __init__(self, settings: KafkaSettings, topic: str) -> None:
        self.topic = topic
        self._settings = settings
        self._marks: Mapping[int, Mark] = {}
        self._client = AdminClient(client_config(settings), logger=LOGGER)
        self._ending = Event()
        self._thread = Thread(target=self._run, name="ingest-progress", daemon=True)

    def mark(self, partition: int) -> Mark | None:
        """The newest known; None where nothing is known yet. Does not wait."""
        return self._marks.get(partition)

    def __enter__(self) -> "IngestProgress":
        """Begin to ask."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(_ANSWER_SECONDS)

    def ask(self) -> None:
        """One round of questions. Raises KafkaException and SourceUnavailable."""
        present = int(time() * 1000)
        ends = self._ends(self._partitions(self._settings.topics), IsolationLevel.READ_COMMITTED)
        committed = self._committed()
        reached = min((_time(committed.get(place), end, present) for place, end in ends.items()), default=present)
        internal = self._ends(self._partitions([self.topic]), IsolationLevel.READ_UNCOMMITTED)
        self._marks = {partition: Mark(end, reached) for (_, partition), end in internal.items()}

    def _run(self) -> None:
        while not self._ending.wait(_SECONDS):
            try:
                self.ask()
            except (KafkaException, SourceUnavailable) as error:
                LOGGER.warning("how far the ingest is, is not known: %s", error)

    def _partitions(self, topics: Iterable[str]) -> list[TopicPartition]:
        places = []
        for topic in topics:
            found = self._client.list_topics(topic, timeout=_ANSWER_SECONDS).topics[topic]
            if found.error is not None:
                raise SourceUnavailable(topic, found.error.str())
            places += [TopicPartition(topic, partition) for partition in found.partitions]
        return places

    def _ends(self, places: list[TopicPartition], level: IsolationLevel) -> dict[tuple[str, int], int]:
        wanted = {place: OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
        found = self._client.list_offsets(wanted, isolation_level=level, request_timeout=_ANSWER_SECONDS)
        return {
            (place.topic, place.partition): answer.result(_ANSWER_SECONDS).offset for place, answer in found.items()
        }

    def _committed(self) -> dict[tuple[str, int], TopicPartition]:
        group = self._settings.group
        asked: Any = self._client.list_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group)], request_timeout=_ANSWER_SECONDS
        )
        found = asked[group].result(_ANSWER_SECONDS).topic_partitions
        return {(place.topic, place.partition): place for place in found}


def _time(committed: TopicPartition | None, end: int, present: int) -> int:
    """Until when all has been ingested that had arrived in this partition."""
    if committed is None or committed.offset < 0:
        return 0 if end else present
    if committed.offset >= end:
        return present
    noted = committed.metadata or ""
    return int(noted) if noted.isdigit() else 0
