"""A consumer that never joins its group: it asks the brokers, and reads where it is told to.

Not the library's admin client: that one may take the whole process down when a broker goes away.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException

from engine.adapters.kafka.confluent.config import REFUSED, client_config, opened
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import SourceUnavailable

_UNREACHED: Final = frozenset(
    {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}
)
"""What a question ends with when no connection came about; the reason is told to `error_cb` only."""


class Asker:
    """Has a consumer, and an explanation for what it raises."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._heard: KafkaError | None = None
        own = {
            "group.id": settings.group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": settings.isolation,
            "fetch.wait.max.ms": 100,
            "log_level": 0,
            "error_cb": self._hear,
        }
        self.consumer = opened(Consumer, client_config(settings) | own)

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Raises SourceUnavailable for what the library raises inside."""
        try:
            yield
        except KafkaException as error:
            raise SourceUnavailable(self._settings.bootstrap, self.reason(error.args[0])) from error

    def close(self) -> None:
        """Give up the connections."""
        self.consumer.close()

    def reason(self, error: KafkaError) -> str:
        """What to say of an error of the library."""
        if error.code() not in _UNREACHED:
            return error.str()
        self.consumer.consume(1, 0)  # has the library call back with what it has heard
        heard = self._heard or error
        hint = "; is it the user, or the password?" if self._settings.security.sasl else ""
        return f"cannot connect: {heard.str()}{hint}"

    def _hear(self, error: KafkaError) -> None:
        """Keeps the error that says most: that we were refused, else the last one that is more than "no broker"."""
        refused = self._heard is not None and self._heard.code() in REFUSED
        if not refused and error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._heard = error
