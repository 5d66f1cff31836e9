"""Appends records to one topic: outcomes, dead letters, feedback."""

from engine.ports import TopicWriter
from engine.wire.records import ID_HEADER


class TopicRecords:
    """A RecordWriter; the key decides the partition, as in Java."""

    def __init__(self, writer: TopicWriter, topic: str, patience: float = 30) -> None:
        """`patience`: seconds that a flush waits."""
        self._writer = writer
        self._topic = topic
        self._patience = patience

    def write(self, key: str, identity: str, value: bytes) -> None:
        """Hand over one record."""
        headers = ((ID_HEADER, identity.encode()), ("content-type", b"application/json"))
        self._writer.write(self._topic, None, key.encode(errors="replace"), value, headers)

    def flush(self) -> None:
        """Wait until everything is durable. Raises SinkUnavailable."""
        self._writer.flush(self._patience)
