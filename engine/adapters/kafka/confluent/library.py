"""The functions of confluent-kafka that `adapters.kafka.library` offers."""

from typing import Final

from engine.adapters.kafka.confluent.cluster import ConfluentCluster
from engine.adapters.kafka.confluent.reader import ConfluentOffsets, ConfluentReader
from engine.adapters.kafka.confluent.send_one import send_one
from engine.adapters.kafka.confluent.source import ConfluentSource
from engine.adapters.kafka.confluent.writer import ConfluentWriter
from engine.adapters.kafka.library import Library

LIBRARY: Final = Library(
    ConfluentSource, ConfluentWriter, ConfluentCluster, ConfluentReader, ConfluentOffsets, send_one
)
