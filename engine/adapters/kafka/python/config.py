"""Our settings in kafka-python's words, and what its errors mean to us."""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, TypeVar

from kafka import errors
from kafka.net.compat import KafkaNetClient
from kafka.net.sasl.oauth import AbstractTokenProvider

from engine.adapters.kafka.python.codecs import codec_advice
from engine.adapters.kafka.settings import KafkaSettings, Secret, Security
from engine.adapters.kafka.tokens import Tokens
from engine.errors import CannotConnect

T = TypeVar("T")

REFUSED = (
    errors.AuthorizationError,
    errors.SaslAuthenticationFailedError,
    errors.UnsupportedSaslMechanismError,
    errors.FencedInstanceIdError,
    errors.IllegalSaslStateError,
)
"""The brokers know us and say no: waiting does not help."""

_CHOOSING = (
    errors.CoordinatorNotAvailableError,
    errors.CoordinatorLoadInProgressError,
    errors.NotCoordinatorError,
)
"""A group's coordinator is just being chosen, as on a cluster that no group has used yet."""
_PATIENCE = 5.0
"""Seconds."""

_TIMEOUTS = (errors.KafkaTimeoutError, errors.RequestTimedOutError)


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """What consumers, producers and the admin client have in common."""
    return {
        "bootstrap_servers": settings.bootstrap.split(","),
        "client_id": settings.client_id,
        "reconnect_backoff_max_ms": 1_000,
        "metadata_max_age_ms": 60_000,
        **_security(settings.security),
    }


def connected(client: Callable[..., Any], settings: KafkaSettings, **config: Any) -> Any:
    """A client that has reached the brokers. Raises SourceUnavailable."""
    made: list[Any] = []

    def remembered(**config: Any) -> Any:
        made.append(net_client(settings, config))
        return made[-1]

    with _listening() as heard:
        try:
            timeout = int(settings.connect_timeout * 1000)
            return client(**client_config(settings), bootstrap_timeout_ms=timeout, kafka_client=remembered, **config)
        except (errors.KafkaError, OSError, ValueError) as error:
            for each in made:
                each.close()
            hint = "; is it the user, or the password?" if settings.security.sasl else ""
            why = f"cannot connect: {reason(heard.error or error)}{hint}"
            raise CannotConnect(settings.bootstrap, why) from error


def net_client(settings: KafkaSettings, config: Mapping[str, Any]) -> KafkaNetClient:
    """The part of a client that keeps the connections.

    It warns of each step of its loop that takes 0.1 seconds by the clock, as one does that decodes a large fetch while
    other threads compute. Nothing comes of it before heartbeats are late.
    """
    return KafkaNetClient(**config, slow_task_threshold_secs=settings.session_timeout / 3)


def patiently(ask: Callable[[], T]) -> T:
    """What `ask` returns. A question to a group's coordinator is asked again for a while, as librdkafka does."""
    deadline = monotonic() + _PATIENCE
    while True:
        try:
            return ask()
        except _CHOOSING:
            if monotonic() >= deadline:
                raise
            sleep(0.1)


@contextmanager
def _listening() -> Iterator["_Listener"]:
    """Why it cannot connect, the client tells its log only."""
    listener = _Listener()
    logger = logging.getLogger("kafka.net.manager")
    logger.addHandler(listener)
    try:
        yield listener
    finally:
        logger.removeHandler(listener)


class _Listener(logging.Handler):
    """Keeps the error that says most: that we were refused, else the last one, but no timeout."""

    error: Exception | None = None

    def emit(self, record: logging.LogRecord) -> None:
        for part in record.args or ():
            if isinstance(part, errors.KafkaError) and not isinstance(part, _TIMEOUTS):
                self.error = self.error if isinstance(self.error, REFUSED) else part


def reason(error: Exception) -> str:
    """What a person wants to read of a client's error."""
    text = " ".join(str(part) for part in error.args if part) or getattr(error, "description", "")
    if isinstance(error, errors.UnsupportedCodecError):
        return f"kafka-python cannot read how it is compressed here ({text}): {codec_advice(text)}"
    return f"{type(error).__name__.removesuffix('Error')}: {text}"


class _Provider(AbstractTokenProvider):  # type: ignore[misc]
    def __init__(self, tokens: Tokens) -> None:
        super().__init__()
        self._tokens = tokens

    def token(self) -> str:
        return self._tokens.get()[0]


def _security(security: Security) -> dict[str, Any]:
    config: dict[str, Any] = {"security_protocol": security.protocol}
    if security.tls:
        config |= {
            "ssl_cafile": security.ca_file and str(security.ca_file),
            "ssl_certfile": security.certificate_file and str(security.certificate_file),
            "ssl_keyfile": security.key_file and str(security.key_file),
            "ssl_password": Secret(security.key_password) or None,
            "ssl_check_hostname": security.check_hostname,
        }
    if security.sasl:
        config["sasl_mechanism"] = security.mechanism
    if security.sasl and security.mechanism == "OAUTHBEARER":
        config["sasl_oauth_token_provider"] = _Provider(Tokens(security.token))
    elif security.sasl:
        config |= {"sasl_plain_username": security.username, "sasl_plain_password": Secret(security.password)}
    return config
