"""A consumer outside any group, for questions to the brokers and for reading given offsets.

Not the library's admin client: that one may take the whole process down when a broker goes away.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException

from engine.adapters.kafka.confluent.config import REFUSED, client_config, opened
from engine.adapters.kafka.settings import KafkaSettings
from engine.errors import CannotConnect, SourceUnavailable

_UNREACHED: Final = frozenset(
    {KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN, KafkaError._RESOLVE}
)
"""Error codes of a question without a connection; only `error_cb` gets the reason."""


class Asker:
    """A consumer whose errors are explained by the last connection error."""

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
            kind = CannotConnect if error.args[0].code() in _UNREACHED else SourceUnavailable
            raise kind(self._settings.bootstrap, self.reason(error.args[0])) from error

    def close(self) -> None:
        """Close the connections."""
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
        """Keep the most telling error: a refused login, else the last one other than "no broker"."""
        refused = self._heard is not None and self._heard.code() in REFUSED
        if not refused and error.code() != KafkaError._ALL_BROKERS_DOWN:
            self._heard = error
