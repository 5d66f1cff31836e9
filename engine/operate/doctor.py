"""`engine doctor`'s findings: brokers, topics, keys, clocks, lag and timers, each with advice.

`engine doctor` prints it. It changes nothing, and may run beside working workers.
"""

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping

from engine.config import Settings
from engine.core.catalog import Catalog
from engine.core.durations import text_of
from engine.errors import BrokersAway, CodecMissing, SourceUnavailable
from engine.operate.checks import check_all
from engine.operate.findings import Finding, fail, ok, warn
from engine.operate.installation import Installation
from engine.operate.overdue import overdue
from engine.operate.recreated_topics import made_again
from engine.operate.sampled_records import SampledTopic
from engine.operate.sampling import judge_keys
from engine.operate.store_view import largest_of_a_page
from engine.operate.topics import source_topics
from engine.operate.unread import unread_of
from engine.operate.words import count_of
from engine.ports import HasServers, Place, Record, StateStore, TopicReader
from engine.worker.partition_owner import MAX_CLOCK_AHEAD
from engine.worker.trusted_time import MAX_WITNESS_DIFFERENCE

MAX_SKEW = 2_000
"""Milliseconds that clocks may differ: with NTP they do by less, and timers fire by as much too early or late."""
MAX_LATE = 60_000
"""Milliseconds of lag, above which a worker does not keep up."""
SAMPLE = 200
"""Records of each partition that are sampled."""
WORKERS_LAG = "is a worker running? If so, start more of them: as many as there are partitions can share"
MAX_VALUE_BYTES = 100_000
"""Bytes of one customer: each of their events takes a millisecond to read and write."""
MAX_COUNTED = 10_000
"""Overdue customers counted per partition, at most: each counted one is read from the store."""


def examine(there: Installation) -> list[Finding]:
    """The checks before a start, then those that need running workers."""

    def further(store: StateStore, catalog: Catalog, counts: Mapping[str, int]) -> Iterable[Finding]:
        return _examine(there, store, catalog, counts)

    return check_all(there, further)


def _examine(there: Installation, store: StateStore, catalog: Catalog, counts: Mapping[str, int]) -> Iterator[Finding]:
    settings, now = there.settings, there.wall()
    yield from _feedback(settings, catalog)
    topics = [topic for topic in source_topics(settings, catalog) if topic in counts]
    places = [(topic, partition) for topic in topics for partition in range(counts[topic])]
    partitions = max(counts[topic] for topic in topics)
    try:
        with there.brokers.reader() as reader:
            yield from _clocks(there, store)
            bounds = reader.bounds(places)
            for topic in topics:
                spans = {at: (max(low, end - SAMPLE), end) for at, (low, end) in bounds.items() if at[0] == topic}
                sampled = SampledTopic(catalog, now)
                yield _keys(topic, counts[topic], sampled.of(reader.read(spans)))
                yield from sampled.findings()
            again = made_again(there.brokers, store, topics, partitions)
            yield from _lag(reader, store, bounds, again, now)
            yield _senders(there, reader, counts.get(settings.outreach_topic, 0))
    except (SourceUnavailable, BrokersAway) as error:
        yield fail("kafka", str(error), "may ENGINE_KAFKA_USERNAME read these topics?")
    yield from _deciding(store, partitions)
    yield _largest(store, partitions)
    if settings.clock == "live":
        yield from _stored_clocks(store, partitions, now)
        yield _overdue(store, partitions, now)


def _deciding(store: StateStore, partitions: int) -> Iterator[Finding]:
    """Warn of workers with different rules, unless a roll-out is why: a customer's partition says what they get."""
    metas = [store.meta(number) for number in range(partitions)]
    found = Counter(meta.revision for meta in metas if meta.revision)
    if len(found) > 1 and all(meta.rollout is None for meta in metas):
        says = ", ".join(f"{count_of(number, 'partition')} by {revision}" for revision, number in sorted(found.items()))
        advice = "so it is while workers are updated; if it lasts, engine_rules_info says which has other rule files"
        yield warn("deciding", f"customers are decided by different rules: {says}", advice)


def _largest(store: StateStore, partitions: int) -> Finding:
    """Warn of a customer whose value is so large that each of their events is slow."""
    size, customer = max(largest_of_a_page(store, number) for number in range(partitions))
    says = f"the largest of a sample has {size:,} bytes ({customer})" if size else "none yet"
    if size < MAX_VALUE_BYTES:
        return ok("largest customer", says)
    advice = "`engine customer show` says what it is made of; windows and `profile: all` grow with what comes in"
    return warn("largest customer", says, advice)


def _keys(topic: str, partitions: int, records: Iterable[Record]) -> Finding:
    """Judge the keys of a sample of records."""
    try:
        return judge_keys(topic, partitions, records)
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


def _clocks(there: Installation, store: StateStore) -> Iterator[Finding]:
    with there.brokers.admin() as admin:
        broker = admin.clock()
    clocks = {} if broker is None else {"the broker": broker}
    if isinstance(store, HasServers):
        clocks |= {server.name: server.clock for server in store.servers()}
    now = there.wall()
    apart = {name: clock - now for name, clock in clocks.items()}
    off = [f"{name} is {_apart(by)} this machine" for name, by in apart.items() if abs(by) > MAX_SKEW]
    says, advice = ", ".join(off), "let NTP set all clocks: timers fire by the broker's and this machine's time"
    if any(abs(by) > MAX_WITNESS_DIFFERENCE for by in apart.values()):
        yield fail("clocks", f"{says}: workers with such a clock fire no timer", advice)
    elif off:
        yield warn("clocks", says, advice)
    else:
        yield ok("clocks", f"{', '.join(clocks) or 'nobody to ask'}: within {text_of(MAX_SKEW)} of this machine")


def _stored_clocks(store: StateStore, partitions: int, now: int) -> Iterator[Finding]:
    ahead = max(store.meta(number).clock for number in range(partitions)) - now
    if ahead > MAX_CLOCK_AHEAD:
        says = f"a stored clock is {_apart(ahead)} this machine: some worker's clock was wrong"
        yield warn("stored clocks", says, "restart the workers: one that opens such a partition sets its clock back")


def _apart(difference: int) -> str:
    return f"{text_of(abs(difference) // 1000 * 1000)} {'ahead of' if difference > 0 else 'behind'}"


def _lag(
    reader: TopicReader, store: StateStore, bounds: Mapping[Place, tuple[int, int]], again: Container[str], now: int
) -> Iterator[Finding]:
    """Findings on unread records. `again`: topics that were made again, so that the store's offsets do not count."""
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
    yield _lag_finding(reader, unread, now)


def _senders(there: Installation, reader: TopicReader, partitions: int) -> Finding:
    """The lag of our senders; another program may send instead."""
    topic, group = there.settings.outreach_topic, there.settings.send_group
    with there.brokers.offsets((topic,), group) as offsets:
        read = {number: offsets.committed(number).get(topic) for number in range(partitions)}
    if not any(at is not None for at in read.values()):
        return ok("senders", f"no sender of the group {group} has read {topic} yet")
    bounds = reader.bounds((topic, number) for number in read)
    starts = {place: max(low, read[place[1]] or 0) for place, (low, _) in bounds.items()}
    unread = {place: (starts[place], end) for place, (_, end) in bounds.items() if starts[place] < end}
    advice = "does `engine send` run? Its log says which channel fails, and why"
    return _lag_finding(reader, unread, there.wall(), "senders", advice)


def _lag_finding(
    reader: TopicReader, spans: Mapping[Place, tuple[int, int]], now: int, what: str = "lag", advice: str = WORKERS_LAG
) -> Finding:
    """`spans`: offsets from the first that was not read to the end."""
    unread = unread_of(reader, spans).values()
    if not unread:
        return ok(what, "everything is read")
    records = count_of(sum(one.records for one in unread), "record")
    oldest = min(one.since for one in unread)
    if not oldest:
        return warn(what, f"{records} unread, for how long is not known", advice)
    waits = max(0, now - oldest) // 1000 * 1000
    says = f"{records} unread, the oldest for {text_of(waits)}"
    return ok(what, says) if waits < MAX_LATE else warn(what, says, advice)


def _overdue(store: StateStore, partitions: int, now: int) -> Finding:
    found = [one for number in range(partitions) for one in overdue(store, number, now - MAX_LATE, MAX_COUNTED)]
    if not found:
        return ok("timers", "none is overdue")
    longest = text_of((now - min(moment for _, moment in found)) // 1000 * 1000)
    says = f"overdue for {count_of(len(found), 'customer')}, the longest by {longest}"
    return warn(
        "timers", says, "timers wait for unread events and for allowed_lateness: see lag, and whether a worker runs"
    )
