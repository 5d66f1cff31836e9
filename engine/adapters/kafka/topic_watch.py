"""Watches whether the brokers answer, how many partitions topics have, and the ids of topics: a topic that is deleted
and made again has another id (KIP-516).

Asked by a thread of its own, so that no loop waits. A loop that has nothing to write would not notice otherwise that
the brokers are away.
"""

import logging
from collections.abc import Mapping
from threading import Event, Thread
from typing import Final

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.committed import note_of
from engine.adapters.kafka.library import Cluster
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SourceUnavailable

LOGGER: Final = logging.getLogger("engine.kafka")
_SECONDS: Final = 5.0
"""Seconds between questions. A loop without work notices this late that brokers are unavailable, or back."""
_ROUNDS: Final = 6
"""Every so many questions the ids are asked for too, which takes a client of its own. For this long (30 s), a topic
made again is read from the old one's offset; then from 0."""


class TopicWatch:
    """The last answer stands while the brokers do not answer. The constructor raises SourceUnavailable."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self.ids: Mapping[str, str] = {}
        """Topic -> id; brokers before Kafka 2.8 have none."""
        self.partitions: Mapping[str, int] = {}
        """Topic -> number of partitions, as far as a topic was there when last asked."""
        self.answers = True
        """Whether the last question was answered."""
        self._told: Mapping[str, str] = {}
        self._rounds = 0
        self._admin: Cluster | None = None
        self._ask()
        self._ending = Event()
        self._thread = Thread(target=self._run, name="topic-watch", daemon=True)
        self._thread.start()

    def tell(self) -> Mapping[str, str]:
        """The ids, for the owner of the topics' partitions."""
        self._told = self.ids
        return self._told

    def note(self, topic: str) -> str:
        """What is committed beside an offset: the id that the owner was told last.

        Where the topic was made again since, what the owner commits is still a place in the old one.
        """
        return note_of(self._told.get(topic, ""))

    def close(self) -> None:
        """Do not wait for an answer."""
        self._ending.set()

    def _run(self) -> None:
        while not self._ending.wait(_SECONDS):
            try:
                self._ask()
                self.answers = True
            except Exception as error:
                if not isinstance(error, SourceUnavailable):
                    LOGGER.exception("the question whether the brokers answer has failed; it is asked again")
                self.answers = False
                self._give_up()
        self._give_up()

    def _ask(self) -> None:
        self._admin = self._admin or open_cluster(self._settings)
        self.partitions = self._admin.partition_counts(self._settings.topics)
        if self._rounds % _ROUNDS == 0:
            self.ids = {**self.ids, **self._admin.topic_ids(self._settings.topics)}
        self._rounds += 1

    def _give_up(self) -> None:
        self._rounds = 0
        admin, self._admin = self._admin, None
        if admin:
            admin.close()


class WatchedTopics:
    """What both clients' sources tell of their topics, by the last answer that the watch has got."""

    _watch: TopicWatch

    def topic_ids(self) -> Mapping[str, str]:
        """By topic, as they were a few seconds ago; without those not known."""
        return self._watch.tell()

    def partitions(self) -> Mapping[str, int]:
        """How many each topic had a few seconds ago; without those not known."""
        return self._watch.partitions

    def answers(self) -> bool:
        """Whether the brokers answered when they were last asked, a few seconds ago."""
        return self._watch.answers
