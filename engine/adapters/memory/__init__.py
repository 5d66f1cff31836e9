"""Stores, sinks, topics and sending within the process: for tests, replays and runs that need not survive.

Shipped adapters, not mocks: they pass the contract suites of their ports. Nothing here touches a disk or a network.
"""

from engine.adapters.memory.sending import MemoryClaims, MemorySuppressions
from engine.adapters.memory.store import MemoryRecords, MemorySink, MemoryStore, MemoryTransfer, NoSink

__all__ = [
    "MemoryClaims",
    "MemoryRecords",
    "MemorySink",
    "MemoryStore",
    "MemorySuppressions",
    "MemoryTransfer",
    "NoSink",
]
