"""Writing to topics, whichever client does it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from engine.errors import SinkUnavailable

Done = Callable[[SinkUnavailable | None], None]
"""Hears how a write ended: None when it is durable, otherwise why it cannot become so."""

Headers = Sequence[tuple[str, bytes]]

BATCH_BYTES: Final = 131_072
"""A topic's `max.message.bytes` counts for what is sent together, so this must stay well below it."""


class TopicWriter(Protocol):
    """An idempotent producer: what it takes becomes durable once, in order within a partition, however long it takes.

    Raises SinkUnavailable where it cannot; a write with `done` tells that instead.
    """

    def write(
        self,
        topic: str,
        partition: int | None,
        key: bytes | None,
        value: bytes | None,
        headers: Headers = (),
        done: Done | None = None,
    ) -> None:
        """Hand over one record, with the present as its timestamp. Without a partition the key decides, as in Java."""

    def serve(self) -> None:
        """Call what waits to hear of writes that have ended; does not wait."""

    def flush(self, timeout: float = 30) -> None:
        """Wait until everything is durable, at most `timeout` seconds."""

    def close(self) -> None:
        """Flush and give up. What does not become durable in time is lost here: whoever needs it keeps it elsewhere."""

    def tail(self, topic: str, partition: int, limit: int) -> Iterable[Headers]:
        """The headers of the last records of a partition: of at least `limit`, if there are as many."""
