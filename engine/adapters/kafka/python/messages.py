"""Reads the fields of kafka-python's records."""

from typing import Any

from engine.adapters.kafka.library import moment_of
from engine.ports import Record


def record_of(record: Any) -> Record:
    """The record as the ports have it. A header without a value has an empty one."""
    headers = tuple((name, value or b"") for name, value in record.headers)
    time = moment_of(record.timestamp)
    return Record(record.topic, record.partition, record.offset + 1, record.value, record.key, time, headers)
