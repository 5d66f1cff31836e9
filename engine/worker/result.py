"""The values that go into a batch and come out of it.

They have a module of their own since mypyc, which compiles batch.py, cannot compile a msgspec.Struct.
"""

import msgspec

from engine.model import Event, Identified, OutcomeRecord, WakeUp
from engine.ports import Entry, Record
from engine.wire.dead_letters import UNDECIDABLE
from engine.wire.records import encode_outcome


class Arrival(msgspec.Struct, gc=False):
    """A record and what it says. `clock`: where it moves the clock, epoch ms. Without an event: only offset and clock
    move."""

    record: Record
    clock: int
    event: Event | None = None
    identified: Identified | None = None
    """A guest that the record identifies as a known customer."""


class Failure(msgspec.Struct):
    """An input that was not applied: `decide` or the encoding failed, or the stored state is unreadable."""

    input: Event | Identified | WakeUp
    reason: str
    arrival: Arrival | None = None
    """What it came with; None for a wake-up."""
    code: str = UNDECIDABLE
    """Of its dead letter."""


class Result(msgspec.Struct):
    """What one batch decided: outreach for the relay, outcomes and failures to write, counts for the metrics."""

    events: int = 0
    duplicates: int = 0
    wakes: int = 0
    visits: int = 0
    """Customers whom the sweep re-armed after a rule change."""
    outbox: list[Entry] = []
    outcomes: list[OutcomeRecord] = []
    failures: list[Failure] = []

    def outcome_records(self) -> list[tuple[str, bytes]]:
        """The outcomes as (id, JSON), in the same order."""
        return [encode_outcome(outcome) for outcome in self.outcomes]
