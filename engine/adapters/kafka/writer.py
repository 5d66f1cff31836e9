"""Writing to topics, whichever client does it."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

from engine.errors import SinkUnavailable

Done = Callable[[SinkUnavailable | None], None]
"""Hears how a write ended: None when it is durable, otherwise why it cannot become so."""

Headers = Sequence[tuple[str, bytes]]

BATCH_BYTES: Final = 131_072
"""A topic's `max.message.bytes` counts for what is sent together, so this must stay below it: see LEAST_TOPIC_BYTES."""
LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a record that a writer hands to its client at all, whatever a topic takes: memory for those under way."""
BESIDE_VALUE: Final = 8_192
"""Bytes of a batch of one record that are not its value, at most: some 100 of batch and record, a key of 512
characters (2,048 bytes) and a bit, and headers that may repeat it."""
LEAST_TOPIC_BYTES: Final = BATCH_BYTES + BESIDE_VALUE
"""`max.message.bytes` of a topic that we write to. With less it refuses full batches of small records."""
KAFKA_DEFAULT: Final = 1_048_588
"""`max.message.bytes` of a broker that nobody has told anything else: assumed where we may not ask."""
WRITE_SECONDS: Final = 10.0
"""How long a write waits for room. Longer than brokers that are only busy need; well below the minute without a turn of
a loop after which /healthz calls it stuck."""
MOST_WAITING_BYTES: Final = 64 * 1024 * 1024
"""Records that may wait for the brokers: what a worker's memory grows by while they are away."""


def largest_value(max_message_bytes: int) -> int:
    """Bytes of a value that fit into a record of ours on a topic with this `max.message.bytes`."""
    return min(max_message_bytes, LARGEST) - BESIDE_VALUE


class TopicWriter(Protocol):
    """An idempotent producer: what it takes becomes durable once, in order within a partition, however long it takes.

    Memory is bounded: where too much waits, `write` waits, and raises BrokersAway after WRITE_SECONDS.
    Raises SinkUnavailable where it cannot, TooLarge where the record is to blame; a write with `done` tells that
    instead. What one topic refuses of one record concerns no other record.
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
        """Wait until everything is durable. Raises BrokersAway after `timeout` seconds; it is still tried then."""

    def close(self, timeout: float = 30) -> None:
        """Flush and give up. What does not become durable in time is lost here: whoever needs it keeps it elsewhere."""

    def tail(self, topic: str, partition: int, limit: int) -> Iterable[Headers]:
        """The headers of the last records of a partition: of at least `limit`, if there are as many.

        Raises BrokersAway where they do not answer, SinkUnavailable where waiting does not help.
        """
