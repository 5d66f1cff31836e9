"""How far the ingest has come, asked of the brokers twice a second, by a thread of its own so that no worker waits.

Asked in this order: where the un-keyed topics end, what the ingest has committed of them, where the internal topic
ends. An offset is committed in one transaction with the records up to it, so these stand in the internal topic before
the end that is asked for afterwards. Where the ingest has committed all there was, it has all that had arrived when
the first question was put; where not, all until the time it has put beside the offset.

All ends are those with open transactions: a commit of the ingest may show in the offsets a little earlier than in the
records, and what a producer's transaction hides in an un-keyed topic is not ingested yet.

By a consumer that never joins: the library's admin client may take the whole process down when a broker goes away.
"""

from collections.abc import Callable, Iterable, Mapping
from threading import Event, Thread
from time import time
from typing import Final

from confluent_kafka import OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from engine.adapters.kafka.confluent.config import LOGGER, client_config, opened
from engine.adapters.kafka.confluent.messages import note_beside
from engine.adapters.kafka.library import KNOWS_NOTHING
from engine.adapters.kafka.settings import KafkaSettings
from engine.ports import IngestMark, Place

_SECONDS: Final = 0.5
"""Seconds between questions. Timers of customers whose events go through the ingest fire this much later."""
_ANSWER_SECONDS: Final = 5.0
"""Seconds for one answer. Meanwhile the marks stand still; the end of a worker waits for it, too."""


class ConfluentProgress:
    """`settings` are the ingest's, its topics the un-keyed ones; `topic` is the internal one.

    What was true once stays true: while the brokers do not answer, or the time `now` is in `doubt`, the last marks
    stand.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topic: str,
        now: Callable[[], int] = lambda: int(time() * 1000),
        doubt: Callable[[], str] = lambda: "",
    ) -> None:
        self.topic = topic
        self._topics = settings.topics
        self._now = now
        self._doubt = doubt
        self._marks: Mapping[int, IngestMark] = {}
        self._asker = _asker(settings)
        self._ending = Event()
        self._thread = Thread(target=self._run, name="ingest-progress", daemon=True)

    def mark(self, partition: int) -> IngestMark | None:
        """The newest mark known; None if none is known yet. Does not wait."""
        return self._marks.get(partition)

    def __enter__(self) -> "ConfluentProgress":
        """Begin to ask."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(_ANSWER_SECONDS)

    def ask(self) -> None:
        """One round of questions. Raises KafkaException."""
        if self._doubt():
            return
        present = self._now()
        ends = _ends(self._asker, self._topics)
        committed = self._asker.committed([TopicPartition(*place) for place in ends], timeout=_ANSWER_SECONDS)
        reached = min((_time(one, ends[_place(one)], present) for one in committed), default=present)
        internal = _ends(self._asker, [self.topic])
        self._marks = {partition: IngestMark(end, reached) for (_, partition), end in internal.items()}

    def _run(self) -> None:
        answered = True
        while not self._ending.wait(_SECONDS):
            try:
                self.ask()
                answered = True
            except Exception as error:
                known = isinstance(error, KafkaException)
                if answered:
                    reason = error.args[0].str() if known else error
                    LOGGER.warning("how far the ingest is, is not known: %s", reason, exc_info=not known)
                answered = False
        self._asker.close()


def _asker(settings: KafkaSettings) -> Consumer:
    own = {"group.id": settings.group, "enable.auto.commit": False, "log_level": 0}
    return opened(Consumer, client_config(settings) | own | {"isolation.level": "read_uncommitted"})


def _ends(asker: Consumer, topics: Iterable[str]) -> dict[Place, int]:
    """Where each partition ends, in as few questions as there are brokers."""
    places = []
    for topic in topics:
        found = asker.list_topics(topic, timeout=_ANSWER_SECONDS).topics.get(topic)
        if found is None:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_TOPIC, KNOWS_NOTHING))
        if found.error is not None:
            raise KafkaException(found.error)
        places += [TopicPartition(topic, partition, OFFSET_END) for partition in found.partitions]
    answers = asker.offsets_for_times(places, timeout=_ANSWER_SECONDS)
    for answer in answers:
        if answer.error is not None:
            raise KafkaException(answer.error)
    return {_place(answer): answer.offset for answer in answers}


def _place(one: TopicPartition) -> Place:
    return one.topic, one.partition


def _time(committed: TopicPartition, end: int, present: int) -> int:
    """The broker time until which all records of this partition have been ingested, epoch ms."""
    if committed.error is not None:
        raise KafkaException(committed.error)
    if committed.offset < 0:
        return 0 if end else present
    if committed.offset == end:
        return present
    noted = note_beside(committed).partition(" ")[0]
    return int(noted) if noted.isdecimal() else 0
