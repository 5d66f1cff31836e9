"""The protocols for a worker's output: the outreach topic, the topics of outcomes and dead letters, the renderer.

Workers and replays call these; adapters and `engine.render` implement them.
"""

from collections.abc import Sequence
from typing import Protocol

from engine.core.state.model import State
from engine.model import Outreach
from engine.ports.store import Entry

UNLIMITED = 2**63 - 1
"""Bytes of a value, for sinks without a limit."""


class OutreachSink(Protocol):
    """A topic or file that one destination's entries of the outbox are published to."""

    @property
    def largest(self) -> int:
        """Bytes of an encoded outreach, at most; a larger one must become an outcome `failed` when it is decided."""

    def published(self, partition: int) -> set[str]:
        """Ids of entries near the end of the partition: at least all that an interrupted run may have published.

        Raises BrokersAway when the brokers do not answer now.
        """

    def publish(self, partition: int, entries: Sequence[Entry]) -> None:
        """Hand over what was decided, in order; `delivered` says when it is durable.

        Raises BrokersAway, having handed over some of it or none, when too much is in flight.
        """

    def delivered(self, partition: int) -> list[str]:
        """Ids that are durable, or were returned by `refused`, since the last call. Raises SinkUnavailable."""

    def refused(self, partition: int) -> list[tuple[Entry, str]]:
        """Entries found too large since the last call, with the reason. Call it before `delivered`."""

    def flush(self) -> None:
        """Wait until everything in flight is durable. Raises BrokersAway if that takes too long."""

    def close(self) -> None:
        """Flush and give up."""


class RecordWriter(Protocol):
    """Appends records to one topic that no decision depends on: outcomes, dead letters."""

    def write(self, key: str, identity: str, value: bytes) -> None:
        """Hand over one record; the key decides its partition, readers tell repeats by the identity."""

    def flush(self) -> None:
        """Wait until everything in flight is durable. Raises SinkUnavailable, BrokersAway if it takes too long."""


class Renderer(Protocol):
    """Fills in an outreach's subject, text and html."""

    def render(self, outreach: Outreach, state: State) -> None:
        """Raises RenderFailed with the reason; then the outreach must not be sent."""
