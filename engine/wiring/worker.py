"""A worker, and the ingest where events.yaml has un-keyed topics, opened and closed together."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from engine.adapters.kafka.admin import check_exist, size_limits
from engine.adapters.kafka.confluent.progress import IngestProgress
from engine.adapters.kafka.confluent.transfer import ConfluentTransfer
from engine.adapters.kafka.settings import KafkaSettings
from engine.config import BadSetting, Settings
from engine.core.catalog import Catalog
from engine.errors import EngineError
from engine.operate.topics import check_apart, source_topics
from engine.ports import Hooks, StateStore, TopicWriter, largest_value
from engine.testing import Project
from engine.wiring.kafka import build_worker, kafka_settings, rules_of, trusted_time, unkeyed_decoders
from engine.wiring.run_in_background import beside
from engine.worker.ingest import Ingest
from engine.worker.loop import Worker


@dataclass
class SourcesChanged(EngineError):
    """Rules that read other topics than those the worker is a member for."""

    before: tuple[str, ...]
    after: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"events.yaml reads {', '.join(self.after)} now and {', '.join(self.before)} before: start the worker anew"
        )


@dataclass
class Running:
    """What `engine run` runs."""

    settings: Settings
    worker: Worker
    ingest: Ingest | None

    def reload(self, project: Project) -> None:
        """Go on with these rules. Raises SourcesChanged, and then nothing has changed."""
        rules = rules_of(self.settings, project)
        before, after = self._topics(self.worker.rules.book.catalog), self._topics(project.book.catalog)
        if before != after:
            raise SourcesChanged(before, after)
        self.worker.reload(rules)
        if self.ingest:
            self.ingest.adopt(unkeyed_decoders(project.book.catalog))

    def _topics(self, catalog: Catalog) -> tuple[str, ...]:
        return tuple(sorted({*source_topics(self.settings, catalog), *unkeyed_decoders(catalog)}))


@contextmanager
def open_running(
    settings: Settings, project: Project, store: StateStore, writer: TopicWriter, hooks: Hooks
) -> Iterator[Running]:
    """The worker has joined and is yet to be run; the ingest runs. Raises EngineError, what ended the ingest too."""
    decoders = unkeyed_decoders(project.book.catalog)
    trusted = trusted_time(settings, store)
    with ExitStack() as stack:
        if not decoders:
            yield Running(settings, build_worker(settings, project, store, writer, hooks, trusted), None)
            return
        check_apart(settings, project.book.catalog)
        kafka = _ingest_settings(settings, tuple(decoders))
        progress = stack.enter_context(IngestProgress(kafka, settings.events_topic, trusted.now, trusted.why_not))
        worker = build_worker(settings, project, store, writer, hooks, trusted, progress)
        transfer = ConfluentTransfer(kafka, settings.events_topic, settings.dead_letters_topic)
        letters = size_limits(kafka, (settings.dead_letters_topic,))[settings.dead_letters_topic]
        ingest = Ingest(transfer, decoders, hooks, settings.batch, largest_letter=largest_value(letters))
        stack.enter_context(beside(worker, ingest, "ingest"))
        yield Running(settings, worker, ingest)


def _ingest_settings(settings: Settings, topics: tuple[str, ...]) -> KafkaSettings:
    if settings.kafka_client != "confluent":
        reason = f"only confluent can ingest un-keyed topics ({', '.join(topics)})"
        raise BadSetting("ENGINE_KAFKA_CLIENT", reason)
    kafka = kafka_settings(settings, topics, f"{settings.kafka_group}-ingest")
    check_exist(kafka, topics)
    return kafka
