"""Watches the ids of topics: a topic that is deleted and made again has another id (KIP-516).

Asked by a thread of its own, so that no worker waits.
"""

from collections.abc import Mapping
from threading import Event, Thread
from typing import Final

from engine.adapters.kafka.admin import Admin
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SourceUnavailable

_SECONDS: Final = 30.0
"""Seconds between questions. For this long, a topic made again is read from the old one's offset; then from 0."""


class TopicIds:
    """The last answer stands while the brokers do not answer. The constructor raises SourceUnavailable."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self.known: Mapping[str, str] = {}
        """Topic -> id; brokers before Kafka 2.8 have none."""
        self._admin: Admin | None = None
        self._ask()
        self._ending = Event()
        self._thread = Thread(target=self._run, name="topic-ids", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Do not wait for an answer."""
        self._ending.set()

    def _run(self) -> None:
        while not self._ending.wait(_SECONDS):
            try:
                self._ask()
            except SourceUnavailable:
                self._give_up()
        self._give_up()

    def _ask(self) -> None:
        self._admin = self._admin or Admin(self._settings)
        self.known = {**self.known, **self._admin.topic_ids(self._settings.topics)}

    def _give_up(self) -> None:
        admin, self._admin = self._admin, None
        if admin:
            admin.close()
