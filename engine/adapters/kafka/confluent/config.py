"""Translates our settings to librdkafka's, and its errors to ours."""

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from engine.adapters.kafka.settings import KafkaSettings, Security
from engine.adapters.kafka.tokens import Tokens
from engine.errors import SourceUnavailable

T = TypeVar("T")

LOGGER: Final = logging.getLogger("engine.kafka")

REFUSED: Final = frozenset(
    {
        KafkaError._FATAL,
        KafkaError._AUTHENTICATION,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    }
)
"""Errors for which waiting does not help: the brokers refuse us, or the client has given up."""

MISSING: Final = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})


def opened(kind: Callable[..., T], config: Mapping[str, Any], **options: Any) -> T:
    """A client of the library. Raises SourceUnavailable for what it refuses at once, such as a file that is no PEM."""
    try:
        return kind(config, **options)
    except KafkaException as error:
        raise SourceUnavailable(str(config["bootstrap.servers"]), error.args[0].str().strip()) from error


def client_config(settings: KafkaSettings) -> dict[str, Any]:
    """The settings that consumers and producers share."""
    return {
        "bootstrap.servers": settings.bootstrap,
        "client.id": settings.client_id,
        "reconnect.backoff.max.ms": 1_000,
        "topic.metadata.refresh.interval.ms": 60_000,
        **_security(settings.security),
    }


def _security(security: Security) -> dict[str, Any]:
    config: dict[str, Any] = {"security.protocol": security.protocol}
    if security.tls:
        config |= {
            "ssl.ca.location": security.ca_file and str(security.ca_file),
            "ssl.certificate.location": security.certificate_file and str(security.certificate_file),
            "ssl.key.location": security.key_file and str(security.key_file),
            "ssl.key.password": security.key_password,
            "ssl.endpoint.identification.algorithm": "https" if security.check_hostname else "none",
        }
    if security.sasl:
        config["sasl.mechanism"] = security.mechanism
    if security.sasl and security.mechanism == "OAUTHBEARER":
        tokens = Tokens(security.token)
        config["oauth_cb"] = lambda _: tokens.get()
    elif security.sasl:
        config |= {"sasl.username": security.username, "sasl.password": security.password}
    return {name: value for name, value in config.items() if value}
