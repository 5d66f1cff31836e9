"""Puts together what reads and decides all that workers have left unread, for `engine reshard`."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.adapters.kafka.admin import check_topics
from engine.config import Settings
from engine.operate.drain import Drain
from engine.operate.positions import PartitionOfKey
from engine.operate.topics import is_ingested, source_topics, written_topics
from engine.ports import Hooks, IngestMark, StateStore
from engine.testing import Project
from engine.wiring.brokers import KafkaBrokers
from engine.wiring.kafka import kafka_settings
from engine.wiring.trusted_time import trusted_time
from engine.wiring.wall_clock import wall_clock
from engine.wiring.worker import check_settings, context_of, rules_of
from engine.worker.trusted_time import TrustedTime


@dataclass
class _Standing:
    """The progress of an ingest that does not run: its topic tells nothing of the time."""

    topic: str

    def mark(self, partition: int) -> IngestMark | None:
        return None


def drain(
    settings: Settings,
    project: Project,
    store: StateStore,
    before: int,
    partition_of: PartitionOfKey,
    progress: Callable[[int], None],
) -> int:
    """Decide all that is unread, by the partitions `before` the topics grew; how many records that were.

    Raises BadSetting, SourceUnavailable where the topics have different numbers, and what a worker raises.
    """
    check_settings(settings, project)
    catalog, brokers = project.book.catalog, KafkaBrokers(settings)
    rules, topics = rules_of(settings, project), source_topics(settings, catalog)
    partitions = check_topics(kafka_settings(settings, topics), written_topics(settings, catalog))
    trusted = TrustedTime(wall_clock) if settings.clock == "event" else trusted_time(settings, store)
    ingest = _Standing(settings.events_topic) if is_ingested(catalog) else None
    with brokers.admin() as admin:
        ids = admin.topic_ids(topics)
    with brokers.writer() as writer, brokers.reader() as reader:
        context = context_of(settings, rules, store, writer, Hooks(), trusted, before, ingest)
        return Drain(context, rules, reader, topics, ids, partitions, partition_of).run(progress)
