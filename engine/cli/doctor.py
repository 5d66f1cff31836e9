"""`engine doctor`: what is wrong with what surrounds the workers, and what to do about it."""

from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import closing

import typer

from engine.adapters.kafka.admin import Admin
from engine.adapters.kafka.library import Place, TopicReader, library
from engine.adapters.redis import RedisStore
from engine.cli.findings import report
from engine.cli.options import AsJson, Namespace, RulesDir, Store, TemplatesDir, settings_of
from engine.config import Settings
from engine.core.catalog import Catalog
from engine.core.durations import text_of
from engine.errors import CodecMissing, SourceUnavailable
from engine.operate.checks import check_all
from engine.operate.findings import Finding, fail, ok, warn
from engine.operate.recreated_topics import made_again
from engine.operate.sampling import judge_keys
from engine.operate.words import count_of
from engine.ports import StateStore
from engine.wiring.kafka import kafka_settings, source_topics
from engine.wiring.wall_clock import wall_clock
from engine.worker.partition_owner import CLOCK_AHEAD
from engine.worker.trusted_time import AGREES

SKEW = 2_000
LATE = 60_000
"""A worker that keeps up is behind by less than this, ms."""
SAMPLE = 200
"""Records of each partition that are looked at."""
WORKERS_LAG = "is a worker running? If so, start more of them: as many as there are partitions can share"
COUNTED = 10_000
"""Overdue customers are counted up to this, by partition."""


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    store: Store = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Look at everything around the workers: reach, topics, partitioner, clocks, lag, overdue timers; advise on each.

    Changes nothing, and can be run beside working workers. Exits 0 when all is well, 1 when something fails, 3 with
    only warnings.

    Example: engine doctor --store redis://redis:6379/0
    """
    settings = settings_of(rules=rules, templates=templates, store=store, namespace=namespace)

    def further(opened: StateStore, catalog: Catalog, counts: Mapping[str, int]) -> Iterable[Finding]:
        return _examine(settings, opened, catalog, counts)

    report(check_all(settings, further), as_json=as_json)


def _examine(settings: Settings, store: StateStore, catalog: Catalog, counts: Mapping[str, int]) -> Iterator[Finding]:
    yield from _feedback(settings, catalog)
    topics = [topic for topic in source_topics(settings, catalog) if topic in counts]
    places = [(topic, partition) for topic in topics for partition in range(counts[topic])]
    kafka = kafka_settings(settings)
    try:
        with closing(library(kafka).reader(kafka)) as reader:
            yield from _clocks(settings, store)
            bounds = reader.bounds(places)
            for topic in topics:
                spans = {at: (max(low, end - SAMPLE), end) for at, (low, end) in bounds.items() if at[0] == topic}
                yield _keys(topic, counts[topic], reader, spans)
            again = made_again(settings, store, topics, max(counts[topic] for topic in topics))
            yield from _lag(reader, store, bounds, again)
            yield _senders(settings, reader, counts.get(settings.outreach_topic, 0))
    except SourceUnavailable as error:
        yield fail("kafka", str(error), "may ENGINE_KAFKA_USERNAME read these topics?")
    if settings.clock == "live":
        yield from _stored_clocks(store, max(counts[topic] for topic in topics))
        yield _overdue(store, max(counts[topic] for topic in topics))


def _keys(topic: str, partitions: int, reader: TopicReader, spans: Mapping[Place, tuple[int, int]]) -> Finding:
    """Of a sample."""
    try:
        return judge_keys(topic, partitions, reader.read(spans))
    except CodecMissing as error:
        return fail(f"keys of {topic}", error.reason, "install it wherever a worker runs, or use confluent-kafka")


def _feedback(settings: Settings, catalog: Catalog) -> Iterator[Finding]:
    topic = settings.feedback_topic
    if not topic:
        return
    if topic in {source.topic for source in catalog.sources}:
        yield ok("feedback", f"events.yaml reads {topic}")
    else:
        yield warn(
            "feedback",
            f"events.yaml does not read {topic}: rules hear of no unsubscribe, complaint or bounce",
            "name the topic under `sources:`; where others send, set ENGINE_FEEDBACK_TOPIC to nothing",
        )


def _clocks(settings: Settings, store: StateStore) -> Iterator[Finding]:
    with Admin(kafka_settings(settings)) as admin:
        broker = admin.clock()
    clocks = {} if broker is None else {"the broker": broker}
    if isinstance(store, RedisStore):
        clocks |= {server.name: server.clock for server in store.servers()}
    now = wall_clock()
    off = [f"{name} is {_apart(clock - now)} this machine" for name, clock in clocks.items() if abs(clock - now) > SKEW]
    says, advice = ", ".join(off), "let NTP set all clocks: timers fire by the broker's and this machine's time"
    if any(abs(clock - now) > AGREES for clock in clocks.values()):
        yield fail("clocks", f"{says}: workers with such a clock fire no timer", advice)
    elif off:
        yield warn("clocks", says, advice)
    else:
        yield ok("clocks", f"{', '.join(clocks) or 'nobody to ask'}: within {text_of(SKEW)} of this machine")


def _stored_clocks(store: StateStore, partitions: int) -> Iterator[Finding]:
    now = wall_clock()
    ahead = max(store.meta(number).clock for number in range(partitions)) - now
    if ahead > CLOCK_AHEAD:
        says = f"a stored clock is {_apart(ahead)} this machine: some worker's clock was wrong"
        yield warn("stored clocks", says, "restart the workers: one that opens such a partition sets its clock back")


def _apart(difference: int) -> str:
    return f"{text_of(abs(difference) // 1000 * 1000)} {'ahead of' if difference > 0 else 'behind'}"


def _lag(
    reader: TopicReader, store: StateStore, bounds: Mapping[Place, tuple[int, int]], again: Container[str]
) -> Iterator[Finding]:
    """`again`: topics that are read from their beginning, whatever the store says."""
    unread: dict[Place, tuple[int, int]] = {}
    offsets = {partition: store.meta(partition).offsets for partition in {partition for _, partition in bounds}}
    for (topic, partition), (low, end) in bounds.items():
        at = low if topic in again else offsets[partition].get(topic, low)
        if at > end:
            says = f"partition {partition} was read up to {at} and ends at {end}: the topic was made anew"
            yield fail(
                topic, says, "give the new topic another name in events.yaml, so that it is read from its beginning"
            )
        elif at < low:
            lost = count_of(low - at, "record")
            says = f"partition {partition} was read up to {at} and begins at {low}: {lost} deleted unread"
            yield fail(topic, says, "let the topic keep records for longer than a worker may be away")
        elif at < end:
            unread[topic, partition] = at, end
    yield _lag_finding(reader, unread)


def _senders(settings: Settings, reader: TopicReader, partitions: int) -> Finding:
    """How far our senders are with the outreach; others may send it instead."""
    topic = settings.outreach_topic
    kafka = kafka_settings(settings, (topic,), settings.send_group)
    with closing(library(kafka).offsets(kafka)) as offsets:
        read = {number: offsets.committed(number).get(topic) for number in range(partitions)}
    if not any(at is not None for at in read.values()):
        return ok("senders", f"no sender of the group {settings.send_group} has read {topic} yet")
    bounds = reader.bounds((topic, number) for number in read)
    starts = {place: max(low, read[place[1]] or 0) for place, (low, _) in bounds.items()}
    unread = {place: (starts[place], end) for place, (_, end) in bounds.items() if starts[place] < end}
    return _lag_finding(reader, unread, "senders", "does `engine send` run? Its log says which channel fails, and why")


def _lag_finding(
    reader: TopicReader, unread: Mapping[Place, tuple[int, int]], what: str = "lag", advice: str = WORKERS_LAG
) -> Finding:
    if not unread:
        return ok(what, "everything is read")
    oldest = _oldest(reader, {at: (start, start + 1) for at, (start, _) in unread.items()})
    waits = max(0, wall_clock() - oldest) // 1000 * 1000
    records = count_of(sum(end - start for start, end in unread.values()), "record")
    if not oldest:
        return warn(what, f"{records} unread, for how long is not known", advice)
    says = f"{records} unread, the oldest for {text_of(waits)}"
    return ok(what, says) if waits < LATE else warn(what, says, advice)


def _oldest(reader: TopicReader, spans: Mapping[Place, tuple[int, int]]) -> int:
    """When the oldest of these records arrived, epoch ms; 0 where none can be read here."""
    try:
        return min((one.timestamp for one in reader.read(spans)), default=0)
    except CodecMissing:
        return 0


def _overdue(store: StateStore, partitions: int) -> Finding:
    now = wall_clock()
    found = [one for number in range(partitions) for one in store.due(number, now - LATE, COUNTED)]
    if not found:
        return ok("timers", "none is overdue")
    longest = text_of((now - min(moment for _, moment in found)) // 1000 * 1000)
    says = f"overdue for {count_of(len(found), 'customer')}, the longest by {longest}"
    return warn(
        "timers", says, "timers wait for unread events and for allowed_lateness: see lag, and whether a worker runs"
    )
