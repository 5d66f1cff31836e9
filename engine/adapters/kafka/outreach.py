"""The outreach topic as an OutreachSink, and outreach as a record."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import msgspec

from engine.errors import SinkUnavailable, TooLarge
from engine.ports import KAFKA_DEFAULT, Entry, Headers, TopicWriter, largest_value
from engine.wire.records import ID_HEADER

_CLOUD_EVENT: Final = (
    ("content-type", b"application/json"),
    ("ce_specversion", b"1.0"),
    ("ce_source", b"/engine"),
)
"""The CloudEvents headers that are the same for all records (Kafka's binary mode)."""
_TAIL: Final = 20_000
"""Records that an owner looks back for what is published already. It must be more than MAX_IN_FLIGHT of the relay and
the outreach of two batches, or outreach would be published twice after an outage of the brokers."""
FLUSH_SECONDS: Final = 10.0
"""Seconds that a worker's loop blocks for brokers that do not answer; then it waits in the group (worker/loop.py)."""


class KafkaSink:
    """Outreach of partition p goes to partition p of the topic, keyed by customer.

    `tail` is how many records `published` looks back. What it must cover: all that the outbox may still hold though it
    is here already. That is one commit's outreach (some thousand at most), and after a Redis that went back in time
    what a partition emits in a second or two. Outreach further back would be published again, under the same id.
    `limit` is the topic's `max.message.bytes`.
    """

    def __init__(
        self,
        writer: TopicWriter,
        topic: str,
        tail: int = _TAIL,
        limit: int = KAFKA_DEFAULT,
        kind: bytes = b"engine.outreach.v1",
        cloud_event: bool = True,
    ) -> None:
        """`kind`: the CloudEvents type of the records. Without `cloud_event` the id is their only header."""
        self._fixed = (*_CLOUD_EVENT, ("ce_type", kind)) if cloud_event else ()
        self.largest = largest_value(limit)
        self._writer = writer
        self._topic = topic
        self._tail = tail
        self._durable: dict[int, list[str]] = {}
        self._failed: dict[int, SinkUnavailable] = {}
        self._refused: dict[int, list[tuple[Entry, str]]] = {}

    def published(self, partition: int) -> set[str]:
        """Ids near the end of what is there already: at least all that an unfinished run may have published."""
        self._failed.pop(partition, None)
        tail = self._writer.tail(self._topic, partition, self._tail)
        return {value.decode(errors="replace") for headers in tail for name, value in headers if name == ID_HEADER}

    def publish(self, partition: int, entries: Sequence[Entry]) -> None:
        """Hand over encoded outreach, in order; `delivered` says when it is durable."""
        group = _UnderWay(entries, partial(self._ended, partition), partial(self._too_large, partition))
        for entry in entries:
            value = entry.value
            ended = partial(group.one_ended, entry)
            if len(value) > self.largest:
                ended(TooLarge(self._topic, f"{len(value)} bytes; it takes {self.largest} of ours (max.message.bytes)"))
                continue
            about, name = entry if entry.at else _ABOUT.decode(value), entry.id.encode()
            headers: Headers = ((ID_HEADER, name),)
            if self._fixed:
                headers = (*headers, *self._fixed, ("ce_id", name), ("ce_time", about.at.encode()))
            self._writer.write(self._topic, partition, about.key.encode(), value, headers, ended)

    def delivered(self, partition: int) -> list[str]:
        """Ids that became durable, or were refused, since the last call. Raises SinkUnavailable."""
        self._writer.serve()
        self._raise_failure(partition)
        return self._durable.pop(partition, [])

    def refused(self, partition: int) -> list[tuple[Entry, str]]:
        """Outreach found too large since the last call: (entry, reason)."""
        self._writer.serve()
        return self._refused.pop(partition, [])

    def flush(self) -> None:
        """Wait until everything handed over is durable. Raises BrokersAway after FLUSH_SECONDS."""
        self._writer.flush(FLUSH_SECONDS)
        for partition in self._failed:
            self._raise_failure(partition)

    def close(self) -> None:
        """Flush. The writer stays open: others use it too."""
        self.flush()

    def _raise_failure(self, partition: int) -> None:
        if failure := self._failed.get(partition):
            raise failure

    def _too_large(self, partition: int, entry: Entry, reason: str) -> None:
        self._refused.setdefault(partition, []).append((entry, reason))

    def _ended(self, partition: int, ids: list[str], error: SinkUnavailable | None) -> None:
        if error:
            self._failed.setdefault(partition, error)
        else:
            self._durable.setdefault(partition, []).extend(ids)


class _UnderWay:
    """Outreach that was handed over together and is reported durable together."""

    def __init__(
        self,
        entries: Sequence[Entry],
        ended: Callable[[list[str], SinkUnavailable | None], None],
        too_large: Callable[[Entry, str], None],
    ) -> None:
        self._ids = [entry.id for entry in entries]
        self._left = len(entries)
        self._failed = False
        self._ended = ended
        self._too_large = too_large

    def one_ended(self, entry: Entry, error: SinkUnavailable | None) -> None:
        self._left -= 1
        if isinstance(error, TooLarge):
            self._too_large(entry, str(error))
        elif error is not None:
            self._failed = True
            self._ended(self._ids, error)
        if not self._left and not self._failed:
            self._ended(self._ids, None)


class _About(msgspec.Struct):
    key: str = msgspec.field(name="customer")
    at: str = ""


_ABOUT = msgspec.json.Decoder(_About)
