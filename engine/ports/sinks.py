"""Where a worker puts what it decided: the outreach topic, the topics of records, and the templates' renderer."""

from collections.abc import Sequence
from typing import Protocol

from engine.core.state.model import State
from engine.model import Outreach

UNLIMITED = 2**63 - 1
"""Bytes of a value: where a sink takes any."""


class OutreachSink(Protocol):
    """Where decided outreach goes: a topic, a file."""

    @property
    def largest(self) -> int:
        """Bytes of an encoded outreach that it takes: what is larger must not be decided."""

    def published(self, partition: int) -> set[str]:
        """Ids near the end of what is there already: at least all that an unfinished run may have published.

        Raises BrokersAway where they do not answer now.
        """

    def publish(self, partition: int, entries: Sequence[tuple[str, bytes]]) -> None:
        """Hand over encoded outreach, in order; `delivered` says when it is durable.

        Raises BrokersAway, having handed over some of it or none, where too much waits to be taken.
        """

    def delivered(self, partition: int) -> list[str]:
        """Ids that are done with since this was last asked: durable, or told by `refused`. Raises SinkUnavailable."""

    def refused(self, partition: int) -> list[tuple[str, bytes, str]]:
        """What was too large for it since this was last asked: id, encoded outreach, why. Ask before `delivered`."""

    def flush(self) -> None:
        """Wait until everything handed over is durable. Raises BrokersAway where that takes too long."""

    def close(self) -> None:
        """Flush and give up."""


class RecordWriter(Protocol):
    """Appends records to one topic, for readers of whom nothing depends: outcomes, dead letters."""

    def write(self, key: str, identity: str, value: bytes) -> None:
        """Hand over one record; the key decides its partition, readers tell repeats by the identity."""

    def flush(self) -> None:
        """Wait until everything handed over is durable. Raises SinkUnavailable, BrokersAway where it takes too long."""


class Renderer(Protocol):
    """Fills in an outreach's subject, text and html."""

    def render(self, outreach: Outreach, state: State) -> None:
        """Raises RenderFailed with the reason; the outreach is then not to be sent."""
