"""A worker, and the ingest where events.yaml has un-keyed topics, opened and closed together."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial

from engine.adapters.kafka.admin import check_exist, check_topics, open_cluster, size_limits
from engine.adapters.kafka.confluent.progress import ConfluentProgress
from engine.adapters.kafka.confluent.transfer import ConfluentTransfer
from engine.adapters.kafka.outreach import FLUSH_SECONDS, KafkaSink
from engine.adapters.kafka.records import TopicRecords
from engine.adapters.kafka.settings import KafkaSettings
from engine.config import BadSetting, Settings
from engine.core.catalog import Catalog
from engine.errors import EngineError
from engine.operate.topics import check_apart, source_topics, written_topics
from engine.ports import Hooks, IngestProgress, StateStore, TopicWriter, largest_value
from engine.testing import Project
from engine.wire.decode import Decoder
from engine.wire.derived import DERIVED, DerivedDecoder
from engine.wire.origin import IngestedDecoder
from engine.wire.partitioner import murmur2_partition
from engine.wiring.books import stored_project
from engine.wiring.coupons import live_secret
from engine.wiring.growth_check import GrowthCheck, counts_of
from engine.wiring.kafka import join_group, kafka_settings
from engine.wiring.run_in_background import run_in_background
from engine.wiring.trusted_time import trusted_time
from engine.wiring.wall_clock import wall_clock
from engine.worker.context import Rules, WorkerContext
from engine.worker.ingest import Ingest
from engine.worker.loop import Worker
from engine.worker.opening_checks import check_stored
from engine.worker.trusted_time import TrustedTime


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
            self.ingest.adopt(unkeyed_decoders(self.settings, project.book.catalog))

    def _topics(self, catalog: Catalog) -> tuple[str, ...]:
        return tuple(sorted({*source_topics(self.settings, catalog), *unkeyed_decoders(self.settings, catalog)}))


def check_settings(settings: Settings, project: Project) -> None:
    """Raises BadSetting if no worker can run the project: before a store or a broker is waited for."""
    rules_of(settings, project)
    check_apart(settings, project.book.catalog)
    if topics := unkeyed_decoders(settings, project.book.catalog):
        _check_client(settings, topics)


@contextmanager
def open_running(
    settings: Settings, project: Project, store: StateStore, writer: TopicWriter, hooks: Hooks
) -> Iterator[Running]:
    """The worker has joined and is yet to be run; the ingest runs. Raises EngineError, what ended the ingest too."""
    rules = rules_of(settings, project)
    decoders = unkeyed_decoders(settings, project.book.catalog)
    kafka = _ingest_settings(settings, project.book.catalog, tuple(decoders)) if decoders else None
    trusted = TrustedTime(wall_clock) if settings.clock == "event" else trusted_time(settings, store)
    with ExitStack() as stack:
        if kafka is None:
            yield Running(settings, build_worker(settings, rules, store, writer, hooks, trusted), None)
            return
        letters = size_limits(kafka, (settings.dead_letters_topic,))[settings.dead_letters_topic]
        progress = stack.enter_context(ConfluentProgress(kafka, settings.events_topic, trusted.now, trusted.why_not))
        worker = build_worker(settings, rules, store, writer, hooks, trusted, progress)
        transfer = ConfluentTransfer(kafka, settings.events_topic, settings.dead_letters_topic)
        ingest = Ingest(transfer, decoders, hooks, settings.batch, largest_letter=largest_value(letters))
        stack.enter_context(run_in_background(worker, ingest, "ingest"))
        yield Running(settings, worker, ingest)


def _ingest_settings(settings: Settings, catalog: Catalog, topics: tuple[str, ...]) -> KafkaSettings:
    """Raises BadSetting before anything asks the brokers, as `trusted_time` does in a thread of its own."""
    check_apart(settings, catalog)
    _check_client(settings, topics)
    kafka = kafka_settings(settings, topics, f"{settings.kafka_group}-ingest")
    check_exist(kafka, topics)
    return kafka


def _check_client(settings: Settings, topics: Iterable[str]) -> None:
    if settings.kafka_client != "confluent":
        what = f"un-keyed topics, and events that rules make for other customers ({', '.join(topics)})"
        reason = f"only confluent can ingest {what}"
        raise BadSetting("ENGINE_KAFKA_CLIENT", reason)


def decoders(settings: Settings, catalog: Catalog) -> Mapping[str, Decoder | IngestedDecoder]:
    """Per topic that workers read."""
    keyed = {source.topic: Decoder(source, catalog) for source in catalog.sources if source.keyed}
    unkeyed = unkeyed_decoders(settings, catalog)
    return {**keyed, settings.events_topic: IngestedDecoder(unkeyed)} if unkeyed else keyed


def unkeyed_decoders(settings: Settings, catalog: Catalog) -> dict[str, Decoder]:
    """Per topic that the ingest reads."""
    found = {source.topic: Decoder(source, catalog) for source in catalog.sources if not source.keyed}
    if catalog.derives:
        found[settings.derived_topic] = DerivedDecoder(settings.derived_topic, catalog)
    return found


def _derived_sink(settings: Settings, catalog: Catalog, writer: TopicWriter) -> dict[str, KafkaSink]:
    """Where events go that rules make for others; what rules that are gone have left in the outbox goes there too."""
    topic, kafka = settings.derived_topic, kafka_settings(settings)
    with open_cluster(kafka) as admin:
        if not catalog.derives and topic not in admin.partition_counts((topic,)):
            return {}
    limit = size_limits(kafka, (topic,))[topic]
    return {DERIVED: KafkaSink(writer, topic, limit=limit, kind=b"engine.event.v1")}


def rules_of(settings: Settings, project: Project) -> Rules:
    """What a worker runs. Raises BadSetting if the rules have coupons and there is no secret for their codes."""
    renderer = project.renderer.signing(live_secret(settings, project.book))
    return Rules(project.book, renderer, decoders(settings, project.book.catalog))


def books_in(settings: Settings, store: StateStore) -> Callable[[str], Rules]:
    """The rules of a revision that is rolled out, from the store; each is loaded once. They raise BookMissing."""

    @cache
    def find(revision: str) -> Rules:
        return rules_of(settings, stored_project(store, revision))

    return find


def build_worker(
    settings: Settings,
    rules: Rules,
    store: StateStore,
    writer: TopicWriter,
    hooks: Hooks,
    trusted: TrustedTime,
    ingest: IngestProgress | None = None,
) -> Worker:
    """A worker that has joined its group. Raises SourceUnavailable and PartitionsDiffer."""
    check_apart(settings, rules.book.catalog)
    catalog = rules.book.catalog
    topics = source_topics(settings, catalog)
    partitions = check_topics(kafka_settings(settings, topics), written_topics(settings, catalog))
    check_stored(store, partitions)
    context = context_of(settings, rules, store, writer, hooks, trusted, partitions, ingest)
    counts = partial(counts_of, kafka_settings(settings, topics))
    context = replace(context, check_grown=GrowthCheck(counts, partitions))
    return Worker(join_group(settings, topics), context, rules, batch=settings.batch)


def context_of(
    settings: Settings,
    rules: Rules,
    store: StateStore,
    writer: TopicWriter,
    hooks: Hooks,
    trusted: TrustedTime,
    partitions: int,
    ingest: IngestProgress | None = None,
) -> WorkerContext:
    """What the partitions of a worker share. Raises SourceUnavailable."""
    record_topics = settings.outcomes_topic, settings.dead_letters_topic
    check_exist(kafka_settings(settings), record_topics)
    limits = size_limits(kafka_settings(settings), (settings.outreach_topic, *record_topics))
    topic, full = settings.outreach_topic, settings.outreach_headers == "cloudevents"
    return WorkerContext(
        store=store,
        outreach=KafkaSink(writer, topic, limit=limits[topic], cloud_event=full),
        sinks=_derived_sink(settings, rules.book.catalog, writer),
        outcomes=TopicRecords(writer, settings.outcomes_topic, FLUSH_SECONDS),
        dead_letters=TopicRecords(writer, settings.dead_letters_topic, FLUSH_SECONDS),
        wall=trusted.now,
        doubt=trusted.why_not,
        latest=trusted.latest,
        hooks=hooks,
        partitions=partitions,
        event_clock=settings.clock == "event",
        cache_size=settings.cache_size,
        page=settings.page,
        ingest=ingest,
        executor=ThreadPoolExecutor(1, "engine-store"),
        partition_of=murmur2_partition,
        books=books_in(settings, store),
        largest_letter=largest_value(limits[settings.dead_letters_topic]),
    )
