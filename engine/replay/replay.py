"""The run of a replay: histories from files through one partition, on the event clock. `engine.wiring` builds it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice, takewhile
from zlib import crc32

import msgspec

from engine.adapters.memory import MemorySink, NoSink
from engine.errors import BadInputFile, BadRecord
from engine.model import Event, Identified
from engine.ports import OUTREACH, Entry, OutreachSink, Record, Source
from engine.replay.summary import Summary
from engine.wire.decode import Decoder
from engine.wire.derived import DERIVED, DerivedDecoder
from engine.worker.executors import Step, results, returned
from engine.worker.partition import Partition
from engine.worker.relay import Relay
from engine.worker.result import Arrival, Failure, Result

_encode = msgspec.json.Encoder().encode
BATCH = 500
"""Records of a commit. Of more, what is read and decided would leave the processor's cache between."""
SHOWN_BYTES = 2_000
"""Bytes of a rejected record that its dead letter carries."""


@dataclass
class Input:
    """A source and its decoder."""

    source: Source
    decoder: Decoder


@dataclass(frozen=True)
class Share:
    """The customers that a run decides for; the events of others still move its clock.

    So several runs over the same inputs, with shares that complement each other, decide what one run would.
    `tells`: of records that are nobody's, because they cannot be decoded.
    """

    has: Callable[[str], bool]
    tells: bool = True


def share_of(number: int, shares: int) -> Share:
    """One of several equal shares of the customers, counted from 0."""
    return Share(lambda customer: crc32(customer.encode()) % shares == number, tells=number == 0)


class Replay:
    """Reads the inputs to their end, merged by event time; continues where an earlier run on the store stopped."""

    def __init__(
        self,
        partition: Partition,
        outreach: OutreachSink | None = None,
        *,
        outcomes: OutreachSink | None = None,
        dead_letters: OutreachSink | None = None,
        share: Share | None = None,
        progress: Callable[[int], None] = lambda records: None,
    ) -> None:
        self.partition = partition
        partition.before_commit = self._report
        self.derived = MemorySink()
        sinks = {OUTREACH: outreach or NoSink(), DERIVED: self.derived}
        self.relay = Relay(partition.number, partition.store, partition.outbox, sinks)
        assert share is None or not partition.book.makes_for_others, "these customers meet"
        self._derived_decoder = DerivedDecoder(DERIVED, partition.book.catalog)
        self.outcomes = outcomes
        self.dead_letters = dead_letters
        self.share = share
        self.progress = progress
        self.summary = Summary()
        self._known_outcomes: set[str] = outcomes.published(0) if outcomes else set()
        self._known_letters: set[str] = dead_letters.published(0) if dead_letters else set()
        self._letters: list[Entry] = []
        self._wall = 0

    def run(self, inputs: Sequence[Input], *, wall: int, until: int | None = None) -> Summary:
        """`wall`: the time now, so that no event comes from the future. Raises what the store raises.

        A file that breaks off is in `summary.broken`: what comes before counts, and there the clock stops.
        """
        each = [self._arrivals(one, wall) for one in inputs]
        self.follow(each[0] if len(each) == 1 else merge(*each, key=_clock), wall=wall, until=until)
        for one in inputs:
            self.summary.undeclared.update(one.decoder.undeclared)
        return self.summary

    def follow(self, arrivals: Iterator[Arrival], *, wall: int, until: int | None = None) -> None:
        """The same of arrivals that are decoded already, in their order."""
        self._wall = wall
        self.summary.recovered = self.relay.recover()
        self._tell_others()
        while not self.partition.is_swept:
            self._take(self.partition.sweep_page())
        for batch in self._batches(arrivals, until):
            self._process(batch)
            self.progress(len(batch))
        self._advance(self.partition.clock if until is None or self.summary.broken else until)
        self.relay.finish()
        if self.partition.outbox.done:
            for result in results(self.partition.advance(self.partition.clock)):
                self.summary.add(result)

    def _arrivals(self, one: Input, wall: int) -> Iterator[Arrival]:
        clock, share = 0, self.share
        for record in one.source.read(self.partition.meta.offsets):
            self.summary.records += 1
            event = self._decode(one.decoder, record, wall)
            identified = self._identified(one.decoder, record, wall) if one.decoder.names_guests else None
            record.value = None  # no longer asked for, and a batch of them would fill the processor's cache
            if event is not None:
                clock = event.time
                if share and not share.has(event.customer):
                    event = None
            yield Arrival(record, clock, event, identified)

    def _batches(self, arrivals: Iterator[Arrival], until: int | None) -> Iterator[list[Arrival]]:
        """Batches of the arrivals up to `until`; the next one stays unread. Ends early where a file breaks off."""
        if until is not None:
            arrivals = takewhile(lambda arrival: arrival.clock <= until, arrivals)
        whole = self._whole(arrivals)
        while batch := list(islice(whole, BATCH)):
            yield batch

    def _whole(self, arrivals: Iterator[Arrival]) -> Iterator[Arrival]:
        try:
            yield from arrivals
        except BadInputFile as error:
            self.summary.broken = error

    def _decode(self, decoder: Decoder, record: Record, wall: int) -> Event | None:
        try:
            event = decoder.decode(record, wall)
        except BadRecord as error:
            if self.share and not self.share.tells:
                return None
            place = f"{record.source}:{record.next_offset}"
            self._reject(place, error.code, error.reason, record.value or b"")
            return None
        return None if event is None or self.partition.is_erased(event) else event

    def _identified(self, decoder: Decoder, record: Record, wall: int) -> Identified | None:
        identified = decoder.identified(record, wall)
        if identified is None or self.partition.is_erased(identified):
            return None
        return identified if self.share is None or self.share.has(identified.customer) else None

    def _reject(self, place: str, code: str, reason: str, value: bytes) -> None:
        self.summary.reject(code, place, reason)
        if self.dead_letters is not None and place not in self._known_letters:
            shown = value[:SHOWN_BYTES].decode(errors="replace")
            letter = {"id": place, "place": place, "code": code, "reason": reason, "value": shown}
            self._letters.append(Entry(place, _encode(letter)))

    def _report(self, result: Result) -> None:
        for failure in result.failures:
            self._fail(failure)
        if self.dead_letters is not None and self._letters:
            self.dead_letters.publish(0, self._letters)
            self.dead_letters.delivered(0)
            self._letters = []
        if self.outcomes is not None:
            new = [Entry(*one) for one in result.outcome_records() if one[0] not in self._known_outcomes]
            self.outcomes.publish(0, new)
            self.outcomes.delivered(0)

    def _take(self, steps: Iterator[Step]) -> None:
        for result in results(steps):
            self.summary.add(result)
            self.relay.publish(self.partition.meta.seq, result.outbox)
        self._tell_others()

    def _process(self, batch: list[Arrival]) -> None:
        """Decide a batch; one by one where customers meet, so that each finds what the ones before have made for it."""
        if not self.partition.book.makes_for_others:
            self._take(self.partition.process(batch))
            return
        for arrival in batch:
            self._fire_one_by_one(arrival.clock)
            self._take(self.partition.process([arrival]))

    def _advance(self, clock: int) -> None:
        if self.partition.book.makes_for_others:
            self._fire_one_by_one(clock)
        self._take(self.partition.advance(clock))

    def _fire_one_by_one(self, clock: int) -> None:
        """Go from one due moment to the next: what is made for another customer happens before the clock is past it."""
        while (due := returned(self.partition.next_due(clock))) is not None and due <= clock:
            self._take(self.partition.advance(due))

    def _tell_others(self) -> None:
        """Apply the events that rules have made for other customers, after the batch that made them."""
        while entries := self.derived.take(self.partition.number):
            arrivals, offset = [], self.partition.meta.offsets.get(DERIVED, 0)
            for place, entry in enumerate(entries, offset + 1):
                record = Record(DERIVED, self.partition.number, place, entry.value, None, 0)
                if self._derived_decoder.whose(record)[0] is not None:
                    event = self._decode(self._derived_decoder, record, self._wall)
                    arrivals.append(Arrival(record, 0, event))
            for result in results(self.partition.process(arrivals)):
                self.summary.add(result)
                self.relay.publish(self.partition.meta.seq, result.outbox)

    def _fail(self, failure: Failure) -> None:
        one = failure.input
        what = f"event {one.id}" if isinstance(one, Event) else f"wake-up of {one.customer}"
        self._reject(what, failure.code, failure.reason, _shown(one) if isinstance(one, Event) else b"")


def _shown(event: Event) -> bytes:
    """For the file of dead letters; nothing where the event cannot be written as JSON again, nested as it is."""
    try:
        return _encode(event)
    except RecursionError:
        return b""


def _clock(arrival: Arrival) -> int:
    return arrival.clock
