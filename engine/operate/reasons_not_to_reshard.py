"""Checks that a namespace may be resharded: no worker runs, and no record is left where nobody finds its customer."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.operate.positions import PartitionOfKey, topics_read, unread_spans
from engine.operate.reshard import Reshard
from engine.operate.unread import unread_of
from engine.operate.words import count_of
from engine.ports import Brokers, Place, StateStore, TopicReader


@dataclass(frozen=True, slots=True)
class Services:
    """The groups of workers and senders, and the topic that senders and `engine web` write feedback to."""

    workers: str
    senders: str
    feedback: str


def who_works(brokers: Brokers, services: Services, store: StateStore, job: Reshard) -> Iterator[str]:
    """Those who must be stopped, a sentence each. Raises SourceUnavailable."""
    with brokers.admin() as admin:
        if members := admin.members(services.workers):
            yield _at_work(services.workers, members)
        heard = any(services.feedback in store.meta(number).topics for number in range(job.before))
        if heard and (senders := admin.members(services.senders)):
            yield _writing(services, senders)


def not_read(brokers: Brokers, store: StateStore, job: Reshard) -> dict[str, int]:
    """How many records of each topic no worker has read; topics without any are left out. Raises SourceUnavailable."""
    with brokers.reader() as reader:
        spans = _spans(brokers, reader, store, job)
        left = Counter[str]()
        for (topic, _), unread in unread_of(reader, spans).items():
            left[topic] += unread.records
    return dict(left)


def left_behind(brokers: Brokers, store: StateStore, job: Reshard, partition_of: PartitionOfKey) -> dict[str, int]:
    """The same, without the records of topics that have the new number and that lie where it puts them: they may be
    read after the move."""
    with brokers.reader() as reader:
        spans = _spans(brokers, reader, store, job)
        counts = Counter(topic for topic, _ in spans)
        left = Counter[str]()
        for record in reader.read(spans):
            topic, key = record.source, record.key
            fits = key is None or partition_of(key, job.to) == record.partition
            left[topic] += not (fits and counts[topic] == job.to)
    return dict(+left)


def sentences(left: Mapping[str, int], advice: str) -> Iterator[str]:
    """What there is to say of records that are left."""
    for topic in sorted(left):
        yield f"{count_of(left[topic], 'record')} of {topic} not read yet: {advice}"


def _spans(brokers: Brokers, reader: TopicReader, store: StateStore, job: Reshard) -> dict[Place, tuple[int, int]]:
    metas = [store.meta(number) for number in range(job.before)]
    with brokers.admin() as admin:
        counts = admin.partition_counts(topics_read(metas))
    return unread_spans(
        metas, reader.bounds((topic, number) for topic, count in counts.items() for number in range(count))
    )


def _at_work(group: str, members: int) -> str:
    return (
        f"{count_of(members, 'member')} in the workers' group {group}: stop all workers with SIGTERM; one with an"
        " ENGINE_KAFKA_INSTANCE_ID stays a member until ENGINE_KAFKA_SESSION_TIMEOUT has passed"
    )


def _writing(services: Services, members: int) -> str:
    return (
        f"{count_of(members, 'member')} in the senders' group {services.senders}: stop `engine send` and `engine web`;"
        f" workers read {services.feedback}, and these would still write to it by the old number of partitions for a"
        " minute after it has grown"
    )
