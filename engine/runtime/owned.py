"""A partition that this worker owns, with its clock, its relay and its sweep."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from engine.core.book import RuleBook
from engine.errors import BadRecord, Fenced, StoreUnavailable
from engine.model import Event
from engine.ports import EventSource, OutreachSink, Record, RecordWriter, Renderer, StateStore
from engine.runtime.batch import Arrival, Result
from engine.runtime.clock import LiveClock
from engine.runtime.decode import Decoder
from engine.runtime.hooks import Hooks
from engine.runtime.letters import DeadLetter, encode_letter, of_failure, of_record
from engine.runtime.partition import Partition
from engine.runtime.relay import Relay

SWEEP_REST = 4.0
"""A sweep rests this many times as long as its last page took, so that it takes a fifth of the time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A rule book with what renders its templates and decodes its sources (by topic)."""

    book: RuleBook
    renderer: Renderer
    decoders: Mapping[str, Decoder]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all partitions of a worker share. `wall` gives the time now, epoch ms.

    `partitions`: how many the topics have. `event_clock`: the clock is event time, for replays and benchmarks.
    """

    store: StateStore
    outreach: OutreachSink
    outcomes: RecordWriter
    dead_letters: RecordWriter
    wall: Callable[[], int]
    hooks: Hooks = field(default_factory=Hooks)
    partitions: int = 1
    event_clock: bool = False
    cache_size: int = 50_000
    page: int = 5_000


class Owned:
    """Opens the partition from the store and publishes what its last owner left. Raises StoreUnavailable."""

    def __init__(self, number: int, around: Surroundings, rules: Rules) -> None:
        self.number = number
        self.around = around
        self.rules = rules
        self.partition = Partition(
            number,
            rules.book,
            around.store,
            rules.renderer,
            partitions=around.partitions,
            live=not around.event_clock,
            cache_size=around.cache_size,
            page=around.page,
            before_commit=self._report,
        )
        self.relay = Relay(self.partition, around.outreach)
        self.clock = LiveClock(rules.decoders)
        self.has_more = False
        """Whether the last tick left due timers or customers to sweep."""
        self._sweep_after = 0.0
        self._buried = 0
        self._inputs: list[tuple[Event | None, Record]] = []
        around.hooks.assigned(number, self.relay.recover())

    def handle(self, records: Sequence[Record]) -> None:
        """Decide and commit these records. Raises Fenced and StoreUnavailable."""
        wall = self.around.wall()
        started = monotonic()
        arrivals = [self._arrival(record, wall) for record in records]
        self._inputs = [(arrival.event, record) for arrival, record in zip(arrivals, records, strict=True)]
        for result in self.partition.process(arrivals, wall):
            self._take(result, started)
            started = monotonic()

    def _arrival(self, record: Record, wall: int) -> Arrival:
        event = self._decode(record, wall)
        if self.around.event_clock:
            clock = event.time if event else 0
        else:
            clock = self.clock.read(record.source, record.timestamp, wall)
        return Arrival(record.source, record.next_offset, clock, event)

    def _decode(self, record: Record, wall: int) -> Event | None:
        try:
            event = self.rules.decoders[record.source].decode(record, wall)
        except BadRecord as error:
            self._bury(of_record(record, error))
            return None
        if event is not None and self.partition.is_erased(event, record.timestamp):
            self.around.hooks.erased(self.number)
            return None
        return event

    def tick(self, source: EventSource) -> None:
        """Fire a page of due timers, sweep a page of customers. Raises Fenced and StoreUnavailable."""
        self.relay.collect()
        self.has_more = False
        if not self.around.event_clock:
            self._fire_due(source)
        if monotonic() >= self._sweep_after:
            self._sweep()
        if self.partition.trim and not self.has_more:
            for result in self.partition.advance(self.partition.clock, self.around.wall()):
                self._take(result, monotonic())

    def _fire_due(self, source: EventSource) -> None:
        wall = self.around.wall()
        due = self.partition.next_due()
        if due is None or due > wall:
            return
        clock = self.clock.caught_up(source.caught_up(self.number), wall)
        if due > max(clock, self.partition.clock):
            return  # unread records may still disprove it
        started = monotonic()
        result = next(self.partition.advance(clock, wall))
        self._take(result, started)
        self.has_more = result.wakes >= self.partition.page

    def _sweep(self) -> None:
        started = monotonic()
        result = self.partition.sweep_page(self.around.wall())
        if result is None:
            self._sweep_after = float("inf")
            return
        self._take(result, started)
        took = monotonic() - started
        self._sweep_after = monotonic() + SWEEP_REST * took

    def adopt(self, rules: Rules) -> None:
        """Go on with these rules; the sweep starts anew."""
        self.rules = rules
        self.partition.adopt(rules.book, rules.renderer)
        self._sweep_after = 0.0

    def close(self) -> None:
        """Wait for what was handed over, trim it from the outbox. What can't be done now the next owner does."""
        try:
            self.relay.finish()
            if self.partition.trim:
                for result in self.partition.advance(self.partition.clock, self.around.wall()):
                    self._take(result, monotonic())
        except (Fenced, StoreUnavailable) as error:
            self.around.hooks.fenced(self.number, str(error))
        self.around.hooks.released(self.number)

    def _take(self, result: Result, started: float) -> None:
        self.relay.publish(result.outbox)
        self.around.hooks.committed(self.number, result, monotonic() - started)

    def _report(self, result: Result) -> None:
        """Before the commit: dead letters are made durable, outcomes handed over."""
        for failure in result.failures:
            record = next((record for event, record in self._inputs if event is failure.input), None)
            self._bury(of_failure(record, failure, self.number))
        if self._buried:
            self.around.dead_letters.flush()
            self._buried = 0
        for outcome, (identity, value) in zip(result.outcomes, result.outcome_records, strict=True):
            self.around.outcomes.write(outcome.customer, identity, value)

    def _bury(self, letter: DeadLetter) -> None:
        self._buried += 1
        self.around.dead_letters.write(letter.id, letter.id, encode_letter(letter))
        self.around.hooks.dead_letter(self.number, letter.code)
