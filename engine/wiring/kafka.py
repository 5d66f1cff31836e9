"""Adapters put together from settings: what `run` and the operators' commands share."""

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from engine.adapters.kafka.admin import Admin, check_exist, check_topics, size_limits
from engine.adapters.kafka.library import library
from engine.adapters.kafka.outreach import FLUSH_SECONDS, KafkaSink
from engine.adapters.kafka.records import TopicRecords
from engine.adapters.kafka.settings import KafkaSettings, Security, TokenSettings
from engine.config import Settings
from engine.core.catalog import Catalog
from engine.errors import BrokersAway
from engine.operate.topics import check_apart, source_topics
from engine.ports import EventSource, HasServers, Hooks, Ownership, Progress, StateStore, TopicWriter, largest_value
from engine.testing import Project
from engine.wire.decode import Decoder
from engine.wire.origin import IngestedDecoder
from engine.wire.partitioner import murmur2_partition
from engine.wiring.wall_clock import wall_clock
from engine.worker.loop import Worker
from engine.worker.partition_owner import Rules, WorkerContext
from engine.worker.placement import check_stored
from engine.worker.trusted_time import TrustedTime

CLOSE_SECONDS = 5.0
LOGGER = logging.getLogger("engine.worker")


def kafka_settings(settings: Settings, topics: tuple[str, ...] = (), group: str = "") -> KafkaSettings:
    """What both clients need to know."""
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


def join_group(settings: Settings, topics: tuple[str, ...]) -> Callable[[Ownership], EventSource]:
    """What makes a member of the workers' group over these topics."""
    kafka = kafka_settings(settings, topics)
    return partial(library(kafka).source, kafka)


def open_writer(settings: Settings) -> TopicWriter:
    """A producer for all topics."""
    kafka = kafka_settings(settings)
    return library(kafka).writer(kafka)


def close_writer(writer: TopicWriter) -> None:
    """At a worker's end. Brokers that are away hold it up for CLOSE_SECONDS only: the outbox keeps all outreach for the
    next owner, and dead letters were durable before their commit. Outcomes may be missing in their topic then."""
    try:
        writer.close(CLOSE_SECONDS)
    except BrokersAway as error:
        LOGGER.warning("not everything was published, the next worker goes on with it: %s", error)


def decoders(settings: Settings, catalog: Catalog) -> Mapping[str, Decoder | IngestedDecoder]:
    """Per topic that workers read."""
    keyed = {source.topic: Decoder(source, catalog) for source in catalog.sources if source.keyed}
    unkeyed = unkeyed_decoders(catalog)
    return {**keyed, settings.events_topic: IngestedDecoder(unkeyed)} if unkeyed else keyed


def unkeyed_decoders(catalog: Catalog) -> dict[str, Decoder]:
    """Per topic that the ingest reads."""
    return {source.topic: Decoder(source, catalog) for source in catalog.sources if not source.keyed}


def rules_of(settings: Settings, project: Project) -> Rules:
    """What a worker runs."""
    return Rules(project.book, project.renderer, decoders(settings, project.book.catalog))


def trusted_time(settings: Settings, store: StateStore) -> TrustedTime:
    """Asks the brokers; where these do not tell (by librdkafka, before Kafka 3.3, or without the right to describe the
    cluster), the store's server."""

    def witness() -> int | None:
        with Admin(kafka_settings(settings)) as admin:
            brokers = admin.clock()
        return store.time() if brokers is None and isinstance(store, HasServers) else brokers

    if settings.clock == "event":
        return TrustedTime(wall_clock)
    return TrustedTime(wall_clock, witness=witness, executor=ThreadPoolExecutor(1, "engine-clock"))


def build_worker(
    settings: Settings,
    project: Project,
    store: StateStore,
    writer: TopicWriter,
    hooks: Hooks,
    trusted: TrustedTime,
    ingest: Progress | None = None,
) -> Worker:
    """A worker that has joined its group. Raises SourceUnavailable and PartitionsDiffer."""
    check_apart(settings, project.book.catalog)
    topics = source_topics(settings, project.book.catalog)
    partitions = check_topics(kafka_settings(settings, (*topics, settings.outreach_topic)))
    beside = settings.outcomes_topic, settings.dead_letters_topic
    check_exist(kafka_settings(settings), beside)
    limits = size_limits(kafka_settings(settings), (settings.outreach_topic, *beside))
    check_stored(store, partitions)
    context = WorkerContext(
        store=store,
        outreach=KafkaSink(writer, settings.outreach_topic, limit=limits[settings.outreach_topic]),
        outcomes=TopicRecords(writer, settings.outcomes_topic, FLUSH_SECONDS),
        dead_letters=TopicRecords(writer, settings.dead_letters_topic, FLUSH_SECONDS),
        wall=trusted.now,
        doubt=trusted.why_not,
        hooks=hooks,
        partitions=partitions,
        event_clock=settings.clock == "event",
        cache_size=settings.cache_size,
        page=settings.page,
        ingest=ingest,
        executor=ThreadPoolExecutor(1, "engine-store"),
        place=murmur2_partition,
        largest_letter=largest_value(limits[settings.dead_letters_topic]),
    )
    return Worker(join_group(settings, topics), context, rules_of(settings, project), batch=settings.batch)
