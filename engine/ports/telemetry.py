"""Hooks that workers and senders call while they run; metrics and logs implement them, and by default nothing happens.

A hook must return fast and must not raise: it runs within the loop.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.errors import EngineError
from engine.model import Outcome, OutcomeRecord
from engine.ports.store import Rollout


class Work(Protocol):
    """What one commit did. `wakes`: customers looked at because a timer was due."""

    @property
    def events(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def wakes(self) -> int: ...
    @property
    def outcomes(self) -> Sequence[OutcomeRecord]: ...


@dataclass(frozen=True, slots=True)
class Measures:
    """How a partition is doing. `overdue`: looks that are due and not taken yet.

    `lag_seconds`: how far the clock is behind the present, 0 when all has been read. The cache's figures are those
    since the last time.
    """

    lag: int
    lag_seconds: float
    overdue: int
    overdue_seconds: float
    cache_hits: int
    cache_misses: int
    largest: int = 0
    """Bytes of the largest value of a customer that the worker has met."""


class Hooks:
    """A worker's hooks: all do nothing; override what you need. Seconds are floats.

    They are called a few times per batch, never per event. The ingest's come from another thread than the others.
    """

    def assigned(self, partition: int, recovered: int) -> None:
        """The partition was opened; `recovered` outreach of its last owner's outbox were published first."""

    def released(self, partition: int) -> None:
        """The partition has gone."""

    def committed(self, partition: int, work: Work, seconds: float) -> None:
        """A batch is in the store; it took so long from first record to commit."""

    def fenced(self, partition: int, reason: str) -> None:
        """The store refused a commit; the partition is opened again."""

    def dead_letter(self, partition: int, code: str) -> None:
        """A record could not be used."""

    def misplaced(self, partition: int, topic: str) -> None:
        """A sampled key should be in another partition: a producer uses another partitioner, or several differ."""

    def passed_over(self, partition: int, records: int) -> None:
        """So many records were read that had been committed before: they do not count again."""

    def erased(self, partition: int) -> None:
        """An event from before its customer's erasure was ignored."""

    def store_away(self, error: EngineError, attempt: int) -> None:
        """The store does not answer; the worker pauses and tries again."""

    def store_back(self, seconds: float) -> None:
        """The store answers again, after this many seconds."""

    def brokers_away(self, error: EngineError, attempt: int) -> None:
        """The brokers do not accept records, or do not answer; the worker waits and tries again."""

    def brokers_back(self, seconds: float) -> None:
        """The brokers answer again, after this many seconds."""

    def clock_doubted(self, reason: str) -> None:
        """Wall time is not trusted, so no timer fires by it; called when that begins and every few seconds."""

    def clock_believed(self) -> None:
        """Wall time is trusted again."""

    def clock_set_back(self, partition: int, seconds: float) -> None:
        """The partition's stored clock was ahead by this many seconds, and has been set back to the present."""

    def topic_made_again(self, partition: int, topic: str) -> None:
        """The topic was deleted and made again: its partition is read from the beginning."""

    def swept(self, partition: int) -> None:
        """Every customer of the partition has met the current rule book."""

    def measured(self, partition: int, measures: Measures) -> None:
        """Measures of the partition, every few seconds."""

    def zones_in_use(self, release: str) -> None:
        """The release of the time zone data, such as 2026f; called once at the start."""

    def zones_differ(self, partition: int, theirs: str, ours: str) -> None:
        """The partition's last owner used another release of time zone data: mornings and birthdays may differ."""

    def adopted(self, revision: str, rules: Sequence[str] = (), steps: Sequence[tuple[str, str]] = ()) -> None:
        """The worker uses this rule book from now on: the ids of its rules, and (rule, step) of its journeys."""

    def rollout(self, partition: int, rollout: Rollout | None, ours: str) -> None:
        """The partition follows what `engine apply` has begun or ended; None: nothing, but `ours`, the revision of our
        folders."""

    def went_back(self, partition: int, reason: str) -> None:
        """A brake has taken the new rules of a roll-out from the partition's customers."""

    def reload_failed(self, reason: str) -> None:
        """The reloaded rules have errors; the worker keeps the last good ones."""

    def ingested(self, events: int, dead_letters: Sequence[str], seconds: float) -> None:
        """One transaction has re-keyed `events` records and written a dead letter for each of these codes."""

    def ingest_undone(self) -> None:
        """A transaction of the ingest was aborted; its records come again."""

    def ingest_lag(self, lag: Mapping[tuple[str, int], int]) -> None:
        """Records that this member's ingest has not read yet, by topic and partition."""


class SenderHooks:
    """A sender's hooks: all do nothing; override what you need. Seconds are floats.

    They are called from the sender's threads and must not wait.
    """

    def assigned(self, partition: int) -> None:
        """The partition of the outreach topic was assigned to this sender."""

    def released(self, partition: int) -> None:
        """The partition has gone."""

    def clock_doubted(self, reason: str) -> None:
        """Wall time is not trusted: outreach expires by other clocks. Called every few seconds."""

    def topic_made_again(self, topic: str) -> None:
        """The topic of outreach or feedback was deleted and made again: it is read from its beginning."""

    def ended(self, channel: str, outcome: Outcome, seconds: float) -> None:
        """An outreach has an outcome, `seconds` after it was read. One in doubt that is sent again has two."""

    def retried(self, channel: str, reason: str, seconds: float) -> None:
        """A hand-over has failed and is tried again after this many seconds."""

    def unlinked(self, channel: str) -> None:
        """A message has a placeholder for a link, and no link is configured."""

    def dead_letter(self, code: str) -> None:
        """An outreach could not be sent, or a record was no outreach."""

    def breaker(self, channel: str, is_open: bool, reason: str = "") -> None:
        """The channel's provider is down for this reason, or is back."""

    def all_refused(self, channel: str, words: str) -> None:
        """The provider refuses everybody in these words: a setting is wrong. Outreach waits until it accepts one."""

    def measured(self, in_hand: int, parked: int) -> None:
        """Every few seconds: outreach that was read and has no outcome yet, and how many of these wait for a retry."""

    def feedback_applied(self, kind: str) -> None:
        """Feedback of this type has changed the suppression list, or confirmed it."""

    def unreadable(self, code: str) -> None:
        """A record of the feedback topic could not be decoded; it was skipped."""

    def feedback_lag(self, records: int) -> None:
        """Every few seconds: feedback records that are not read yet."""

    def store_away(self, error: EngineError, attempt: int) -> None:
        """The store does not answer; the sender waits and tries again."""

    def store_back(self, seconds: float) -> None:
        """The store answers again, after so long."""

    def brokers_away(self, error: EngineError, attempt: int) -> None:
        """The brokers do not take reports, or do not answer; the sender reads and sends nothing, and tries again."""

    def brokers_back(self, seconds: float) -> None:
        """The brokers answer again, after so long."""
