"""Checks that a namespace may be resharded: no worker runs and all records are read."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from engine.errors import SourceUnavailable
from engine.operate.reshard import Reshard
from engine.operate.unread import Unread, unread_of
from engine.operate.words import count_of
from engine.ports import Brokers, Place, StateStore


@dataclass(frozen=True, slots=True)
class Services:
    """The groups of workers and senders, and the topic that senders and `engine web` write feedback to."""

    workers: str
    senders: str
    feedback: str


def reasons_not_to_reshard(brokers: Brokers, services: Services, store: StateStore, job: Reshard) -> Iterator[str]:
    """The reasons not to move customers now, a sentence each.

    Unread events are no reason where an interrupted run goes on: no worker could read them before that has ended.
    """
    try:
        with brokers.admin() as admin:
            if members := admin.members(services.workers):
                yield _at_work(services.workers, members)
            metas = {number: store.meta(number) for number in range(job.before)}
            heard = any(services.feedback in meta.topics for meta in metas.values())
            if heard and (senders := admin.members(services.senders)):
                yield _writing(services, senders)
            if job.moved.resumed:
                return
            offsets = {number: meta.offsets for number, meta in metas.items()}
            counts = admin.partition_counts({topic for some in offsets.values() for topic in some})
        with brokers.reader() as reader:
            places = [(topic, number) for topic, count in counts.items() for number in range(min(count, job.before))]
            yield from unread(unread_of(reader, spans(offsets, reader.bounds(places))))
    except SourceUnavailable as error:
        yield f"Kafka cannot be asked whether workers run and all is read ({error}): set ENGINE_KAFKA_BOOTSTRAP"


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


def spans(
    offsets: Mapping[int, Mapping[str, int]], bounds: Mapping[Place, tuple[int, int]]
) -> dict[Place, tuple[int, int]]:
    """The offsets from where each partition was read to, to the end."""
    return {place: (max(low, offsets[place[1]].get(place[0], low)), end) for place, (low, end) in bounds.items()}


def unread(waiting: Mapping[Place, Unread]) -> Iterator[str]:
    """Unread records, which the wrong partition would read after the move."""
    for topic in sorted({topic for topic, _ in waiting}):
        records = sum(one.records for (name, _), one in waiting.items() if name == topic)
        yield f"{count_of(records, 'record')} of {topic} not read yet: stop producers, let the workers read them"
