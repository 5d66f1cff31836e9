"""The classes and functions of kafka-python that `adapters.kafka.library` offers."""

from typing import Final

from engine.adapters.kafka.library import Library
from engine.adapters.kafka.python.cluster import PythonCluster
from engine.adapters.kafka.python.offsets import PythonOffsets
from engine.adapters.kafka.python.reader import PythonReader, send_one
from engine.adapters.kafka.python.source import PythonSource
from engine.adapters.kafka.python.writer import PythonWriter

LIBRARY: Final = Library(PythonSource, PythonWriter, PythonCluster, PythonReader, PythonOffsets, send_one)
