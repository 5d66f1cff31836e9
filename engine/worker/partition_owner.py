"""Runs one assigned partition: decodes records, moves the live clock, decides and commits, publishes, sweeps.

The worker's loop makes one per assigned partition and drops it when the partition goes or a commit is refused. It must
not be used after Fenced: reopen the partition instead.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from time import monotonic
from types import MappingProxyType
from typing import Any

import msgspec

from engine.core.zones import ZONES_VERSION
from engine.errors import BadRecord, Fenced, SourceUnavailable, StoreUnavailable
from engine.model import Event, Identified
from engine.ports import (
    OUTREACH,
    Entry,
    EventSource,
    IngestMark,
    Measures,
    Record,
    Rollout,
)
from engine.wire.dead_letters import DeadLetter, encode_letter, of_failure, of_outreach, of_record
from engine.wire.decode import id_from_place
from engine.wire.records import encode_outcome, failed_outreach
from engine.worker.clock import LiveClock
from engine.worker.context import Rules, WorkerContext
from engine.worker.executors import Step
from engine.worker.partition import Partition
from engine.worker.relay import Relay
from engine.worker.result import Arrival, Result
from engine.worker.rollout_rules import RolloutRules
from engine.worker.scheduling import Task
from engine.worker.two_decoders import RecordDecoder, TwoDecoders

MAX_CLOCK_AHEAD = 60_000
"""Milliseconds that the stored clock may be ahead of wall time. Machines differ by a few ms to seconds: setting the
clock back for that would delay timers at every change of owner. A clock that was wrong by a month is far beyond it."""
SWEEP_PAGE = 250
"""Customers re-armed in one commit after a rule change. Events wait while a page is swept: few ms for 250 customers."""
TIDY_PAGE = 200
"""Customers whose histories are looked through at a time, every few seconds: 3 million in a day. Without it, outcomes
of customers who do nothing any more would never go."""


class PartitionOwner:
    """Opens the partition from the store and publishes the outbox that its last owner left.

    Raises StoreUnavailable, Fenced and BrokersAway. Methods that return a `Task` must be resumed by the loop.
    """

    def __init__(
        self, number: int, context: WorkerContext, rules: Rules, topic_ids: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.number = number
        self.context = context
        self.rules = rules
        """What the worker's folders have."""
        self._decoders: Mapping[str, RecordDecoder] = rules.decoders
        self.partition = Partition(
            number,
            rules.book,
            context.store,
            rules.renderer,
            partitions=context.partitions,
            live=not context.event_clock,
            cache_size=context.cache_size,
            page=context.page,
            largest_outreach=context.outreach.largest,
            before_commit=self._report,
            before_deciding=self._check_newcomers,
            executor=context.executor,
        )
        sinks = {OUTREACH: context.outreach, **context.sinks}
        self.relay = Relay(number, context.store, self.partition.outbox, sinks, self._refused)
        self.clock = LiveClock(rules.decoders, ingested=(context.ingest.topic,) if context.ingest else ())
        self._ingest_mark: IngestMark | None = None
        self.has_more = False
        """Whether the last tick left due timers for the next one."""
        self._busy = False
        """Whether events came since the last tick. Their commits trim the outbox too, so no extra commit is needed."""
        self._clock_in_doubt = False
        """Whether wall time was in doubt when the current batch began."""
        self._unflushed_letters = 0
        """Dead letters written since the last flush."""
        for topic in self.partition.know_topics(topic_ids):
            context.hooks.topic_made_again(number, topic)
        self._generations = self.partition.meta.generations
        self._choose_books()
        if not context.event_clock:
            self._set_back_clock()
        context.hooks.assigned(number, self.relay.recover())
        if self.partition.zones_before not in ("", ZONES_VERSION):
            context.hooks.zones_differ(number, self.partition.zones_before, ZONES_VERSION)

    def _set_back_clock(self) -> None:
        """Set a stored clock that is far ahead back to the present: it would fire timers too early."""
        wall = self._latest()
        ahead = self.partition.clock - wall
        if ahead > MAX_CLOCK_AHEAD:
            self.partition.set_clock(wall)
            self.context.hooks.clock_set_back(self.number, ahead / 1000)

    def _latest(self) -> int:
        """What is later than this is ahead of every clock that may be right."""
        return (self.context.latest or self.context.wall)()

    def handle(self, records: Sequence[Record]) -> Task:
        """Decide and commit these records. Raises Fenced, StoreUnavailable and BrokersAway."""
        wall = self.context.wall()
        self._clock_in_doubt = bool(self.context.doubt())
        self._sample(records[0])
        arrivals = list(self._arrivals(records, wall))
        if len(arrivals) < len(records):
            self.context.hooks.passed_over(self.number, len(records) - len(arrivals))
        self._busy = True
        yield from self._publish_each(self.partition.process(arrivals, wall))

    def _sample(self, record: Record) -> None:
        """Check one key per batch: does the producer place customers by the configured partitioner?"""
        partition_of, partitions = self.context.partition_of, self.context.partitions
        if partition_of and record.key and partition_of(record.key, partitions) != self.number:
            self.context.hooks.misplaced(self.number, record.source)

    def _check_newcomers(self, customers: Iterable[str]) -> None:
        """Let nobody be counted here who belongs elsewhere: where a topic has just got more partitions, customers of
        others come. Those that are known here need no look: a look takes 2 us."""
        partition_of, partitions = self.context.partition_of, self.context.partitions
        if partition_of and any(partition_of(one.encode(), partitions) != self.number for one in customers):
            self.context.check_grown()

    def _arrivals(self, records: Sequence[Record], wall: int) -> Iterator[Arrival]:
        """What the records say, and where each moves the clock; without those that have been committed already.

        A client may deliver such records again: where a partition is moved right after it was assigned, librdkafka has
        gone back to its beginning. Of a topic whose id nobody knows they may be those of one that was made again.
        """
        decoders, by_event, doubted = self._decoders, self.context.event_clock, self._clock_in_doubt
        meta = self.partition.meta
        read_until = {topic: meta.offsets.get(topic, 0) for topic in meta.topics}
        as_they_are = not self._generations and not self.partition.holding.erased
        latest = self._latest() if doubted else wall  # else all that happens now would be of the future
        for record in records:
            if record.source in read_until and not record.position:
                if record.next_offset <= read_until[record.source]:
                    continue
                read_until[record.source] = record.next_offset
            said: Event | Identified | None
            try:
                said = decoders[record.source].decode(record, latest)
            except BadRecord as error:
                self._dead_letter(of_record(record, error))
                said = None
            if not as_they_are and said is not None:
                said = self._checked(said, record)
            if by_event:
                clock = said.time if said is not None else 0
            elif doubted:
                clock = 0  # broker times are capped by wall time, which is not known now
            else:
                clock = self.clock.read(record.source, record.timestamp, wall)
            if type(said) is Identified:
                yield Arrival(record, clock, None, said)
            else:
                yield Arrival(record, clock, said)

    def _checked(self, said: Event | Identified, record: Record) -> Event | Identified | None:
        """What a record says: None if it is from before an erasure. An id that consists of topic, partition and offset
        is made unique across re-creations of the topic."""
        if self.partition.is_erased(said, record.timestamp):
            self.context.hooks.erased(self.number)
            return None
        generation = self._generations.get(record.source)
        if generation and type(said) is not Identified and said.id == (place := id_from_place(record)):
            said.id = f"{place}~{generation}"
        return said

    def tick(self, source: EventSource) -> Task:
        """Fire a page of due timers, then trim the outbox if nothing else will. Raises Fenced and StoreUnavailable."""
        self.relay.collect()
        self.has_more = False
        if not self.context.event_clock and not self.context.doubt():
            self._hear_ingest(source)
            yield from self._fire_due(source)
        busy, self._busy = self._busy or self.has_more, False
        if self.partition.outbox.done and not busy:
            yield from self._publish_each(self.partition.advance(self.partition.clock, self.context.wall()))

    def _hear_ingest(self, source: EventSource) -> None:
        """Move the internal topic's time to what the ingest reports, once its records up to there are handled."""
        ingest = self.context.ingest
        if ingest is None:
            return
        # A mark is kept until it is reached: a newer one is always further away.
        self._ingest_mark = self._ingest_mark or ingest.mark(self.number)
        handled = self.partition.meta.offsets.get(ingest.topic, 0)
        if self._ingest_mark and source.position(self.number, ingest.topic, handled) >= self._ingest_mark.offset:
            self.clock.reached(ingest.topic, self._ingest_mark.time)
            self._ingest_mark = None

    def _fire_due(self, source: EventSource) -> Task:
        wall = self.context.wall()
        due = yield from self.partition.next_due(wall)
        wall = self.context.wall()  # taken before the broker is asked: records that arrive later have a later time
        if due is None or due > wall:
            return
        clock = self.partition.clock
        if due > clock:  # else no answer of the broker's matters, which takes a millisecond or more in a storm
            clock = max(clock, self.clock.caught_up(self._caught_up(source), wall))
        if due > clock:
            return  # unread records may still disprove the timer
        yield from self._publish_each(self.partition.advance(clock, wall), pages=1)
        self.has_more = self.partition.has_due(clock)

    def _caught_up(self, source: EventSource) -> set[str]:
        try:
            return source.caught_up(self.number, self.partition.meta.offsets)
        except SourceUnavailable:
            return set()  # an unavailable broker may hold unread records; `poll` raises when waiting does not help

    def tidy(self) -> Task:
        """Cut the histories of a page of customers; tell the store which rules decide. Raises what the store raises."""
        partition = self.partition
        if partition.meta.seq > 0 and (partition.forgets or partition.meta.revision != partition.book.revision):
            yield from self._publish_each(self.partition.advance(self.partition.clock, self.context.wall()))
        yield from self._publish_each(self.partition.tidy_page(self.context.wall(), TIDY_PAGE))

    def sweep(self) -> Task:
        """Re-arm a page of customers after a rule change. Raises Fenced and StoreUnavailable."""
        if not self.partition.is_swept:
            yield from self._publish_each(self.partition.sweep_page(self.context.wall(), SWEEP_PAGE))
            if self.partition.is_swept:
                self.context.hooks.swept(self.number)
                if self.partition.rollout_rules is not None:
                    self._choose_books()

    def read_on_from(self, offsets: dict[str, int]) -> Task:
        """Commit where each place is read on, after all that is due by the clock has been decided and is published."""
        partition, wall = self.partition, self.context.wall()
        yield from self._publish_each(partition.advance(partition.clock, wall))
        self.relay.finish()
        yield from self._publish_each(partition.read_on_from(offsets, wall))

    def topics_recreated(self, topic_ids: Mapping[str, str]) -> bool:
        """Whether a topic was deleted and made again since this partition was opened."""
        known = self.partition.meta.topics
        return any(known.get(topic, identity) != identity for topic, identity in topic_ids.items())

    def adopt(self, rules: Rules) -> None:
        """Use these rules from now on; the sweep starts again."""
        self.rules = rules
        self._choose_books()

    def _choose_books(self) -> None:
        """Decide by the rules of the folders, or as the roll-out says that the partition's meta tells of."""
        partition, rollout, ours = self.partition, self.partition.meta.rollout, self.rules.book.revision
        if rollout is None:
            self._decoders = self.rules.decoders
            partition.adopt(self.rules.book, self.rules.renderer)
            self.context.hooks.rollout(self.number, None, ours)
            return
        old, new = self._rules_of(rollout)
        partition.follow(RolloutRules(rollout, old, new))
        self._decoders = {
            topic: TwoDecoders(decoder, new.decoders[topic], self._has_new) if old is not new else decoder
            for topic, decoder in old.decoders.items()
        }
        if rollout.phase != "canary" and partition.is_swept:
            partition.adopt(partition.book, partition.renderer)
            self._decoders = (new if rollout.phase == "finished" else old).decoders
            if not rollout.overrules(ours):
                partition.forget_rollout()
            elif rollout.past and ours == partition.book.revision:
                partition.forget_past()
        self.context.hooks.rollout(self.number, partition.meta.rollout, ours)

    def _rules_of(self, rollout: Rollout) -> tuple[Rules, Rules]:
        """The old and the new rules, the same ones where one is not needed. Other rules in the folders wait until the
        roll-out has ended."""
        ours = self.rules.book.revision

        def find(revision: str) -> Rules:
            return self.rules if revision == ours else self.context.books(revision)

        if rollout.phase == "canary":
            return find(rollout.base), find(rollout.revision)
        if rollout.phase == "back":
            old = find(rollout.base) if rollout.overrules(ours) else self.rules
            return old, find(rollout.revision) if self.partition.meta.mark != old.book.mark else old
        if not rollout.overrules(ours):
            return self.rules, self.rules
        new = find(rollout.revision)
        return find(rollout.base) if rollout.spread else new, new

    def _has_new(self, customer: str) -> bool:
        rollout_rules = self.partition.rollout_rules
        return rollout_rules is not None and rollout_rules.has_new(customer, rollout_rules.passed(self.partition.clock))

    def go_back(self, reason: str) -> Task:
        """Take the new book from those who have it. Raises Fenced and StoreUnavailable."""
        rollout = self.partition.meta.rollout
        if rollout is None or rollout.phase != "canary":
            return
        after = msgspec.structs.replace(rollout, phase="back", reason=reason, began=self.partition.clock, spread=0)
        yield from self._publish_each(self.partition.turn(after, self.context.wall()))
        self._choose_books()
        self.context.hooks.went_back(self.number, reason)

    def report_status(self, lag: int) -> None:
        """Check the fence and report measures to the hooks; `lag`: unread records. Raises Fenced, StoreUnavailable."""
        self.partition.check_fence()
        self.context.hooks.measured(self.number, self._measure(lag))

    def _measure(self, lag: int) -> Measures:
        hits, misses = self.partition.holding.cache.take_counts()
        largest = self.partition.largest
        if self.context.event_clock:
            return Measures(lag, 0, 0, 0, hits, misses, largest)
        wall = self.context.wall()
        until = wall - self.partition.book.policy.allowed_lateness
        due, first = self.partition.holding.looks.due(until)
        time = max(self.clock.time(wall, reading=lag > 0), self.partition.clock)
        late = until - first if due else 0
        return Measures(lag, max(0, wall - time) / 1000 if time else 0, due, late / 1000, hits, misses, largest)

    def close(self, *, wait: bool = True) -> None:
        """Wait for outreach in flight and trim it from the outbox; the next owner does what cannot be done now.

        Without `wait`, only outreach that is known to be durable is trimmed. Raises BrokersAway after closing.
        """
        try:
            self.relay.finish() if wait else self.relay.collect()
            if self.partition.outbox.done:
                for asked in self._publish_each(self.partition.advance(self.partition.clock, self.context.wall())):
                    asked.result()
        except (Fenced, StoreUnavailable) as error:
            self.context.hooks.fenced(self.number, str(error))
        finally:
            self.context.hooks.released(self.number)

    def _publish_each(self, steps: Iterator[Step], pages: int = 0) -> Iterator[Future[Any]]:
        """Run the steps for `pages` commits (0: all), publishing each one's outreach."""
        started = monotonic()
        for step in steps:
            if not isinstance(step, Result):
                yield step
                continue
            self.relay.publish(self.partition.meta.seq, step.outbox)
            self.context.hooks.committed(self.number, step, monotonic() - started)
            started, pages = monotonic(), pages - 1
            if not pages:
                break

    def _report(self, result: Result) -> None:
        """Runs before each commit: makes dead letters durable and hands the outcomes over.

        Outcomes that tell of issued coupons are made durable too: a shop asks by them whose a code is.
        """
        for failure in result.failures:
            record = failure.arrival.record if failure.arrival else None
            self._dead_letter(of_failure(record, failure.input.customer, failure.code, failure.reason, self.number))
        if self._unflushed_letters:
            self.context.dead_letters.flush()
            self._unflushed_letters = 0
        for outcome, (identity, value) in zip(result.outcomes, result.outcome_records(), strict=True):
            self.context.outcomes.write(outcome.customer, identity, value)
        if any(outcome.coupons for outcome in result.outcomes):
            self.context.outcomes.flush()

    def _refused(self, entry: Entry, reason: str) -> None:
        """An entry in the outbox exceeds the topic's limit, which was lowered: record it as failed, go on with the
        rest."""
        self._dead_letter(of_outreach(entry.id, entry.value, reason, self.number))
        if entry.destination != OUTREACH:
            return
        with suppress(BadRecord):  # written by another version: then the dead letter alone tells of it
            failed = failed_outreach(entry.value, reason, self.context.wall())
            self.context.outcomes.write(failed.customer, *encode_outcome(failed))

    def _dead_letter(self, letter: DeadLetter) -> None:
        self._unflushed_letters += 1
        self.context.dead_letters.write(letter.id, letter.id, encode_letter(letter, self.context.largest_letter))
        self.context.hooks.dead_letter(self.number, letter.code)
