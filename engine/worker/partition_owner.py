"""A partition that this worker owns, with its clock, its relay and its sweep."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from types import MappingProxyType
from typing import Any

from engine.core.book import RuleBook
from engine.core.zones import ZONES_VERSION
from engine.errors import BadRecord, Fenced, SourceUnavailable, StoreUnavailable
from engine.model import Event, Identified
from engine.ports import (
    UNLIMITED,
    EventSource,
    Hooks,
    Mark,
    Measures,
    OutreachSink,
    Progress,
    Record,
    RecordWriter,
    Renderer,
    StateStore,
)
from engine.wire.dead_letters import DeadLetter, encode_letter, of_failure, of_outreach, of_record
from engine.wire.decode import Decoder, place_of
from engine.wire.origin import IngestedDecoder
from engine.wire.records import encode_outcome, failed_outreach
from engine.worker.clock import LiveClock
from engine.worker.executors import AtOnce, Step
from engine.worker.partition import Partition
from engine.worker.relay import Relay
from engine.worker.result import Arrival, Result
from engine.worker.scheduling import Work

CLOCK_AHEAD = 60_000
"""Milliseconds that a stored clock may be ahead: workers' clocks differ a little, and a clock that goes back for each
of them makes timers wait for nothing. A clock that was a month ahead for a while is far beyond it."""
SWEEP_PAGE = 250
"""Customers who meet new rules in one commit: so few that no event waits long for it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A rule book with what renders its templates and decodes its sources (by topic)."""

    book: RuleBook
    renderer: Renderer
    decoders: Mapping[str, Decoder | IngestedDecoder]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all partitions of a worker share. `wall` gives the time now, epoch ms.

    `partitions`: how many the topics have. `event_clock`: the clock is event time, for replays and benchmarks.
    `cache_size`: customers kept over all partitions: at least the last so many, at most twice as many.
    `ingest`: how far the ingest is, where one of the topics is its.
    """

    store: StateStore
    outreach: OutreachSink
    outcomes: RecordWriter
    dead_letters: RecordWriter
    wall: Callable[[], int]
    hooks: Hooks = field(default_factory=Hooks)
    partitions: int = 1
    event_clock: bool = False
    cache_size: int = 500_000
    page: int = 5_000
    ingest: Progress | None = None
    aside: Executor = field(default_factory=AtOnce)
    """What asks the store while another partition computes."""
    doubt: Callable[[], str] = lambda: ""
    """Why `wall` is only a guess now, so that no live clock may move by it; "" where it is to be believed."""
    place: Callable[[bytes, int], int] | None = None
    """The partition a key belongs to, of so many; None: not checked."""
    largest_letter: int = UNLIMITED
    """Bytes of a dead letter that its topic takes."""


class Owned:
    """Opens the partition from the store and publishes what its last owner left. Raises StoreUnavailable."""

    def __init__(
        self, number: int, around: Surroundings, rules: Rules, topic_ids: Mapping[str, str] = MappingProxyType({})
    ) -> None:
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
            largest_outreach=around.outreach.largest,
            before_commit=self._report,
            aside=around.aside,
        )
        self.relay = Relay(self.partition, around.outreach, self._refused)
        self.clock = LiveClock(rules.decoders, told=(around.ingest.topic,) if around.ingest else ())
        self._mark: Mark | None = None
        self.has_more = False
        """Whether the last tick left due timers."""
        self._busy = False
        """Whether events came since the last tick: their commits trim the outbox too."""
        self._doubted = False
        """Whether wall time was in doubt when the batch under way began."""
        self._buried = 0
        """Dead letters that are written and not known to be durable."""
        self._inputs: tuple[Sequence[Arrival], Sequence[Record]] = (), ()
        for topic in self.partition.know_topics(topic_ids):
            around.hooks.topic_made_again(number, topic)
        self._generations = self.partition.meta.generations
        if not around.event_clock:
            self._set_back_clock()
        around.hooks.assigned(number, self.relay.recover())
        if self.partition.zones_before not in ("", ZONES_VERSION):
            around.hooks.zones_differ(number, self.partition.zones_before, ZONES_VERSION)

    def _set_back_clock(self) -> None:
        """A stored clock that is ahead would fire timers too early. Setting it back only ever makes them wait."""
        wall = self.around.wall()
        ahead = self.partition.clock - wall
        if ahead > CLOCK_AHEAD:
            self.partition.set_clock(wall)
            self.around.hooks.clock_set_back(self.number, ahead / 1000)

    def handle(self, records: Sequence[Record]) -> Work:
        """Decide and commit these records. Raises Fenced, StoreUnavailable and BrokersAway."""
        wall = self.around.wall()
        self._doubted = bool(self.around.doubt())
        self._sample(records[0])
        arrivals = [self._arrival(record, wall) for record in records]
        self._inputs = arrivals, records
        self._busy = True
        yield from self._follow(self.partition.process(arrivals, wall))

    def _sample(self, record: Record) -> None:
        """One key a batch tells whether the producers place customers as our tools do."""
        place, partitions = self.around.place, self.around.partitions
        if place and record.key and place(record.key, partitions) != self.number:
            self.around.hooks.misplaced(self.number, record.source)

    def _arrival(self, record: Record, wall: int) -> Arrival:
        source = record.source
        said: Event | Identified | None
        try:
            said = self.rules.decoders[source].decode(record, wall)
            if isinstance(said, Event) and source in self._generations:
                said = self._told_apart(said, record)
        except BadRecord as error:
            self._bury(of_record(record, error))
            said = None
        if said is not None and self.partition.erased and self.partition.is_erased(said, record.timestamp):
            self.around.hooks.erased(self.number)
            said = None
        if self.around.event_clock:
            clock = said.time if said is not None else 0
        elif self._doubted:
            clock = 0  # broker times count as far as wall time goes, which is not known
        else:
            clock = self.clock.read(source, record.timestamp, wall)
        if isinstance(said, Identified):
            return Arrival(source, record.next_offset, clock, None, said)
        return Arrival(source, record.next_offset, clock, said)

    def _told_apart(self, event: Event, record: Record) -> Event:
        """An id made of the place in a topic says which of the topics of that name it was."""
        place = place_of(record)
        if event.id == place:
            event.id = f"{place}~{self._generations[record.source]}"
        return event

    def tick(self, source: EventSource) -> Work:
        """Fire a page of due timers. Raises Fenced and StoreUnavailable."""
        self.relay.collect()
        self.has_more = False
        if not self.around.event_clock and not self.around.doubt():
            self._hear_of_ingest(source)
            yield from self._fire_due(source)
        busy, self._busy = self._busy or self.has_more, False
        if self.partition.trim and not busy:
            yield from self._follow(self.partition.advance(self.partition.clock, self.around.wall()))

    def _hear_of_ingest(self, source: EventSource) -> None:
        """Let the clock go as far as the ingest was when the internal topic ended where we are now."""
        ingest = self.around.ingest
        if ingest is None:
            return
        self._mark = self._mark or ingest.mark(self.number)  # kept until reached: the end moves on all the time
        handled = self.partition.meta.offsets.get(ingest.topic, 0)
        if self._mark and source.position(self.number, ingest.topic, handled) >= self._mark.offset:
            self.clock.reached(ingest.topic, self._mark.time)
            self._mark = None

    def _fire_due(self, source: EventSource) -> Work:
        due = yield from self.partition.next_due()
        wall = self.around.wall()  # before the broker is asked, and after the last moment at which records may come in
        if due is None or due > wall:
            return
        clock = self.clock.caught_up(self._caught_up(source), wall)
        if due > max(clock, self.partition.clock):
            return  # unread records may still disprove it
        fired = yield from self._follow(self.partition.advance(clock, wall), pages=1)
        self.has_more = fired >= self.partition.page

    def _caught_up(self, source: EventSource) -> set[str]:
        try:
            return source.caught_up(self.number, self.partition.meta.offsets)
        except SourceUnavailable:
            return set()  # a broker that is away may have anything unread; polling says when waiting makes no sense

    def sweep(self) -> Work:
        """Let a page of customers meet the current rules, if there are left. Raises Fenced and StoreUnavailable."""
        if not self.partition.is_swept:
            yield from self._follow(self.partition.sweep_page(self.around.wall(), SWEEP_PAGE))
            if self.partition.is_swept:
                self.around.hooks.swept(self.number)

    def reads_others(self, topic_ids: Mapping[str, str]) -> bool:
        """Whether some topic is not the one any more that was read so far."""
        known = self.partition.meta.topics
        return any(known.get(topic, identity) != identity for topic, identity in topic_ids.items())

    def adopt(self, rules: Rules) -> None:
        """Go on with these rules; the sweep starts anew."""
        self.rules = rules
        self.partition.adopt(rules.book, rules.renderer)

    def look(self, lag: int) -> None:
        """Tell the hooks how it is doing; `lag`: records not yet read. Raises Fenced and StoreUnavailable."""
        self.partition.check_fence()
        self.around.hooks.measured(self.number, self._measure(lag))

    def _measure(self, lag: int) -> Measures:
        hits, misses = self.partition.cache.take_counts()
        if self.around.event_clock:
            return Measures(lag, 0, 0, 0, hits, misses)
        wall = self.around.wall()
        until = wall - self.partition.book.policy.allowed_lateness
        due = self.around.store.due(self.number, until, self.around.page)
        time = max(self.clock.time(wall, reading=lag > 0), self.partition.clock)
        late = until - due[0][1] if due else 0
        return Measures(lag, max(0, wall - time) / 1000 if time else 0, len(due), late / 1000, hits, misses)

    def close(self, *, wait: bool = True) -> None:
        """Wait for what was handed over, trim it from the outbox. What can't be done now the next owner does.

        Without `wait` only what is known to be durable by now is trimmed. Raises BrokersAway, when it is closed.
        """
        try:
            self.relay.finish() if wait else self.relay.collect()
            if self.partition.trim:
                for asked in self._follow(self.partition.advance(self.partition.clock, self.around.wall())):
                    asked.result()
        except (Fenced, StoreUnavailable) as error:
            self.around.hooks.fenced(self.number, str(error))
        finally:
            self.around.hooks.released(self.number)

    def _follow(self, steps: Iterator[Step], pages: int = 0) -> Generator[Future[Any], None, int]:
        """Publish what the steps have done, for so many commits (0: all). Returns the wake-ups of the last one."""
        started, wakes = monotonic(), 0
        for step in steps:
            if not isinstance(step, Result):
                yield step
                continue
            wakes = step.wakes
            self.relay.publish(step.outbox)
            self.around.hooks.committed(self.number, step, monotonic() - started)
            started, pages = monotonic(), pages - 1
            if not pages:
                break
        return wakes

    def _report(self, result: Result) -> None:
        """Before the commit: dead letters are made durable, outcomes handed over."""
        if result.failures:
            inputs = zip(*self._inputs, strict=True)
            records = {id(arrival.event or arrival.identified): record for arrival, record in inputs}
            for failure in result.failures:
                record, customer = records.get(id(failure.input)), failure.input.customer
                self._bury(of_failure(record, customer, failure.reason, self.number))
        if self._buried:
            self.around.dead_letters.flush()
            self._buried = 0
        for outcome, (identity, value) in zip(result.outcomes, result.outcome_records, strict=True):
            self.around.outcomes.write(outcome.customer, identity, value)

    def _refused(self, identity: str, outreach: bytes, reason: str) -> None:
        """The outbox had it from when the topic took more: the customer's outreach has failed, the others' go on."""
        self._bury(of_outreach(identity, outreach, reason, self.number))
        with suppress(BadRecord):  # written by another version, it stands in the dead letter at least
            failed = failed_outreach(outreach, reason, self.around.wall())
            self.around.outcomes.write(failed.customer, *encode_outcome(failed))

    def _bury(self, letter: DeadLetter) -> None:
        self._buried += 1
        self.around.dead_letters.write(letter.id, letter.id, encode_letter(letter, self.around.largest_letter))
        self.around.hooks.dead_letter(self.number, letter.code)
