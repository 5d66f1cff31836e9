"""Reads the fields of kafka-python's records."""

from typing import Any

from engine.ports import Record


def record_of(record: Any) -> Record:
    """The record as the ports have it. A header without a value has an empty one."""
    headers = tuple((name, value or b"") for name, value in record.headers)
    return Record(
        record.topic, record.partition, record.offset + 1, record.value, record.key, record.timestamp, headers
    )
