"""What goes into a batch and what comes out of it. Apart from the code, since mypyc cannot compile a msgspec.Struct."""

import msgspec

from engine.model import Event, Identified, OutcomeRecord, WakeUp


class Arrival(msgspec.Struct, gc=False):
    """One record's place and what it said. `clock` is the moment it moves the clock to; no event: nothing to decide."""

    source: str
    next_offset: int
    clock: int
    event: Event | None = None
    identified: Identified | None = None
    """A guest that the record says is somebody known; another customer than the event's."""


class Failure(msgspec.Struct):
    """An input that has not happened: deciding it or storing the decision failed, or the stored state is unreadable."""

    input: Event | Identified | WakeUp
    reason: str


class Result(msgspec.Struct):
    """What one batch did, for the relay and the counters."""

    events: int = 0
    duplicates: int = 0
    wakes: int = 0
    visits: int = 0
    """Customers who met a new rule book in the sweep."""
    outbox: list[tuple[str, bytes]] = []
    outcomes: list[OutcomeRecord] = []
    outcome_records: list[tuple[str, bytes]] = []
    """The outcomes encoded, (id, JSON), in the same order."""
    failures: list[Failure] = []
