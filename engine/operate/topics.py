"""The topics that the engine reads and writes, and the settings they must be made with.

Workers are put together by it, and the checks and `engine topics create` go by it. It asks no broker.
"""

from collections.abc import Mapping

from engine.config import BadSetting, Settings
from engine.core.catalog import Catalog
from engine.core.durations import milliseconds
from engine.errors import UsageError
from engine.ports import KAFKA_DEFAULT, MAX_MESSAGE, RECORD_OVERHEAD, NewTopic

DEFAULT_PARTITIONS = 8
ARRIVAL = {"message.timestamp.type": "LogAppendTime"}
"""Timestamps by the broker: with producers' timestamps, a wrong clock or a replay could make Kafka delete records."""
LARGEST_OUTREACH = 4 * 1024 * 1024
"""Bytes: a text and an html of 262,144 characters of three bytes each, and the other fields."""
LARGEST_LETTER = 8 * 1024 * 1024
"""Bytes: a dead letter carries the rejected record, which makes it a third larger."""


def source_topics(settings: Settings, catalog: Catalog) -> tuple[str, ...]:
    """The topics that workers read: the keyed ones, and the ingest's internal topic if there are un-keyed ones."""
    keyed = tuple(dict.fromkeys(source.topic for source in catalog.sources if source.keyed))
    return (*keyed, settings.events_topic) if is_ingested(catalog) else keyed


def is_ingested(catalog: Catalog) -> bool:
    """Whether there are topics to re-key: un-keyed sources, or the one of events that rules make."""
    return catalog.derives or not all(source.keyed for source in catalog.sources)


def check_apart(settings: Settings, catalog: Catalog) -> None:
    """Raises BadSetting if a source topic is one that the engine writes itself."""
    read = {source.topic for source in catalog.sources}
    ours = ["outreach_topic", "outcomes_topic", "dead_letters_topic"]
    if is_ingested(catalog):
        ours.append("events_topic")
    if catalog.derives:
        ours.append("derived_topic")
    for name in ours:
        if getattr(settings, name) in read:
            variable = f"ENGINE_{name.upper()}"
            raise BadSetting(variable, f"{getattr(settings, name)} is a source in events.yaml: it would feed itself")


def topics_of(settings: Settings, catalog: Catalog) -> tuple[str, ...]:
    """Every topic that the engine reads or writes, source topics first."""
    sources = (source.topic for source in catalog.sources)
    ours = (settings.outreach_topic, settings.outcomes_topic, settings.dead_letters_topic, settings.feedback_topic)
    derived = (settings.derived_topic,) if catalog.derives else ()
    return tuple(filter(None, dict.fromkeys((*source_topics(settings, catalog), *sources, *ours, *derived))))


def written_topics(settings: Settings, catalog: Catalog) -> tuple[str, ...]:
    """The topics that workers write to by partition: what partition p decides goes to p of these. So they need as many
    partitions as the topics that workers read, or more."""
    derived = (settings.derived_topic,) if catalog.derives else ()
    return (settings.outreach_topic, *derived)


def partitions_for(settings: Settings, catalog: Catalog, counts: Mapping[str, int], asked: int | None) -> int:
    """The partition count of topics to make: as those have that workers read and that are there. Raises UsageError."""
    read, written = source_topics(settings, catalog), written_topics(settings, catalog)
    there = {topic: counts[topic] for topic in (*read, *written) if topic in counts}
    numbers = {there[topic] for topic in read if topic in there} | ({asked} if asked else set())
    wanted = max(numbers or there.values(), default=DEFAULT_PARTITIONS)
    if len(numbers) > 1 or any(count < wanted for count in there.values()):
        listed = ", ".join(f"{topic} has {count}" for topic, count in there.items())
        message = f"events and outreach need the same number of partitions: {listed}; asked for {asked or 'the same'}"
        raise UsageError(message)
    return wanted


def topics_wanted(settings: Settings, catalog: Catalog, count: int, replicas: int | None) -> list[NewTopic]:
    events = [NewTopic(name, count, replicas, ARRIVAL) for name in topics_of(settings, catalog)]
    outreach_days = min(7, settings.send_claims_days)  # what is read again once its claim has gone is sent again
    kept = {
        settings.events_topic: _kept("7d") | _takes(max(KAFKA_DEFAULT, catalog.accept.max_bytes + RECORD_OVERHEAD)),
        settings.derived_topic: _kept("7d") | _takes(max(KAFKA_DEFAULT, catalog.accept.max_bytes + RECORD_OVERHEAD)),
        settings.outreach_topic: _kept(f"{outreach_days}d") | _takes(LARGEST_OUTREACH),
        settings.outcomes_topic: _kept("90d"),
        settings.feedback_topic: _kept("365d"),
        settings.dead_letters_topic: _kept("90d") | _takes(max(LARGEST_LETTER, 2 * catalog.accept.max_bytes)),
    }
    return [NewTopic(one.name, count, replicas, {**one.config, **kept.get(one.name, {})}) for one in events]


def _kept(span: str) -> dict[str, str]:
    return {"retention.ms": str(milliseconds(span))}


def _takes(size: int) -> dict[str, str]:
    return {MAX_MESSAGE: str(size)}
