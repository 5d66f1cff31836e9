"""Builds Kafka clients from settings: their configuration, group members and producers."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from functools import partial

from engine.adapters.kafka.library import library
from engine.adapters.kafka.settings import KafkaSettings, Security, TokenSettings
from engine.config import Settings
from engine.errors import BrokersAway
from engine.ports import EventSource, GroupOffsets, Ownership, TopicWriter

CLOSE_SECONDS = 5.0
"""Seconds that a process waits at its end for brokers that take nothing. Longer, and supervisors kill it: Docker after
10 s, Kubernetes after 30."""
LOGGER = logging.getLogger("engine.process")


def kafka_settings(settings: Settings, topics: tuple[str, ...] = (), group: str = "") -> KafkaSettings:
    """The connection settings for both client libraries."""
    token = TokenSettings(
        file=settings.kafka_token_file,
        url=settings.kafka_token_url,
        client_id=settings.kafka_token_client_id,
        client_secret=settings.kafka_token_client_secret.get_secret_value(),
        scope=settings.kafka_token_scope,
    )
    security = Security(
        protocol=settings.kafka_security_protocol,
        mechanism=settings.kafka_sasl_mechanism,
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        token=token,
        ca_file=settings.kafka_ca_file,
        certificate_file=settings.kafka_certificate_file,
        key_file=settings.kafka_key_file,
        key_password=settings.kafka_key_password.get_secret_value(),
        check_hostname=settings.kafka_check_hostname,
    )
    return KafkaSettings(
        bootstrap=settings.kafka_bootstrap,
        client=settings.kafka_client,
        group=group or settings.kafka_group,
        topics=topics,
        client_id=f"engine-{settings.namespace}",
        instance_id=settings.kafka_instance_id or None,
        session_timeout=settings.kafka_session_timeout,
        security=security,
    )


def join_group(settings: Settings, topics: tuple[str, ...], group: str = "") -> Callable[[Ownership], EventSource]:
    """A function that joins a group over these topics. `group`: the workers' if empty."""
    kafka = kafka_settings(settings, topics, group)
    return partial(library(kafka).source, kafka)


def open_offsets(settings: Settings, topics: tuple[str, ...], group: str) -> AbstractContextManager[GroupOffsets]:
    """What a group has committed of these topics."""
    kafka = kafka_settings(settings, topics, group)
    return closing(library(kafka).offsets(kafka))


def open_writer(settings: Settings) -> TopicWriter:
    """A producer for all topics."""
    kafka = kafka_settings(settings)
    return library(kafka).writer(kafka)


def close_writer(writer: TopicWriter) -> None:
    """Close a process's producer, within CLOSE_SECONDS if brokers are unavailable.

    A worker's outbox keeps outreach for the next owner, and dead letters were durable before their commit; outcomes may
    be missing in their topic then. A sender has not committed what it has not reported: the next one reports it. The
    pages have told those who asked that nothing was saved.
    """
    try:
        writer.close(CLOSE_SECONDS)
    except BrokersAway as error:
        LOGGER.warning("not everything was published: %s", error)
