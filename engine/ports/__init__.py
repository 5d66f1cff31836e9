"""The ports: the protocols and values by which workers and senders speak to stores, topics and channels.

Adapters implement them, and one contract suite per port runs over every adapter. Import from this package, not from
its modules. Nothing here may do IO or know a client library.
"""

from engine.ports.events import EventSource, Mark, Ownership, Progress, Record, Rekeyed, Source, Transfer
from engine.ports.sending import (
    AtTheDoor,
    Channel,
    Claim,
    ClaimState,
    ClaimStore,
    Doubt,
    Ending,
    Suppression,
    SuppressionList,
)
from engine.ports.sinks import UNLIMITED, OutreachSink, RecordWriter, Renderer
from engine.ports.store import HISTORY_LENGTH, STORE_FORMAT, Commit, Kept, Meta, StateStore
from engine.ports.telemetry import Hooks, Measures, SenderHooks, Work

__all__ = [
    "HISTORY_LENGTH",
    "STORE_FORMAT",
    "UNLIMITED",
    "AtTheDoor",
    "Channel",
    "Claim",
    "ClaimState",
    "ClaimStore",
    "Commit",
    "Doubt",
    "Ending",
    "EventSource",
    "Hooks",
    "Kept",
    "Mark",
    "Measures",
    "Meta",
    "OutreachSink",
    "Ownership",
    "Progress",
    "Record",
    "RecordWriter",
    "Rekeyed",
    "Renderer",
    "SenderHooks",
    "Source",
    "StateStore",
    "Suppression",
    "SuppressionList",
    "Transfer",
    "Work",
]
