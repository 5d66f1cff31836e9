"""What a worker and a sender tell while they run. Metrics and logs implement it; by default nothing happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.errors import EngineError
from engine.model import Outcome, OutcomeRecord


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
    """How a partition is doing. `overdue`: wake-ups that are due and not handled yet, a page of them at most counted.

    `lag_seconds`: how far the clock is behind the present, 0 when all has been read. The cache's figures are those
    since the last time.
    """

    lag: int
    lag_seconds: float
    overdue: int
    overdue_seconds: float
    cache_hits: int
    cache_misses: int


class Hooks:
    """Does nothing; override what you need. Seconds are floats, `partition` the engine's.

    Called a few times a batch, never per event. The ingest's come from another thread than the others.
    """

    def assigned(self, partition: int, recovered: int) -> None:
        """The partition is ours; so many outreach of its last owner were published first."""

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

    def erased(self, partition: int) -> None:
        """An event from before its customer's erasure came, and was passed over."""

    def store_away(self, error: EngineError, attempt: int) -> None:
        """The store does not answer; the worker pauses and tries again."""

    def store_back(self, seconds: float) -> None:
        """The store answers again, after so long."""

    def brokers_away(self, error: EngineError, attempt: int) -> None:
        """The brokers do not take what is handed over, or do not answer; the worker waits and tries again."""

    def brokers_back(self, seconds: float) -> None:
        """The brokers answer again, after so long."""

    def clock_doubted(self, reason: str) -> None:
        """Wall time is not believed, so no timer fires by it; told when that begins, and every few seconds."""

    def clock_believed(self) -> None:
        """Wall time is believed again."""

    def clock_set_back(self, partition: int, seconds: float) -> None:
        """The partition's stored clock was so much ahead of the present, and has been set back to it."""

    def topic_made_again(self, partition: int, topic: str) -> None:
        """The topic is not the one that was read before: the partition is read from its beginning."""

    def swept(self, partition: int) -> None:
        """Every customer of the partition has met the current rule book."""

    def measured(self, partition: int, measures: Measures) -> None:
        """A look at the partition, every few seconds."""

    def zones_in_use(self, release: str) -> None:
        """The release of the time zone data, such as 2026f, told once at the start."""

    def zones_differ(self, partition: int, theirs: str, ours: str) -> None:
        """The partition's last owner used another release, by which mornings and birthdays may be at other moments."""

    def adopted(self, revision: str, rules: Sequence[str] = ()) -> None:
        """The worker goes on with this rule book; `rules` are the ids of its rules."""

    def reload_failed(self, reason: str) -> None:
        """The rules were to be loaded anew and have errors; the last good ones stay."""

    def ingested(self, events: int, dead_letters: Sequence[str], seconds: float) -> None:
        """So many records have been re-keyed in one transaction, and those dead-lettered, for these codes."""

    def ingest_undone(self) -> None:
        """A transaction of the ingest has been undone; its records come again."""

    def ingest_lag(self, lag: Mapping[tuple[str, int], int]) -> None:
        """Records that this member's ingest has not read yet, by topic and partition."""


class SenderHooks:
    """Does nothing; override what you need. Called from the sender's threads: don't wait in it. Seconds are floats."""

    def assigned(self, partition: int) -> None:
        """The partition of the outreach topic is ours."""

    def released(self, partition: int) -> None:
        """The partition has gone."""

    def ended(self, channel: str, outcome: Outcome, seconds: float) -> None:
        """An outreach has ended, so long after it was read. One in doubt that is sent again ends twice."""

    def retried(self, channel: str, reason: str, seconds: float) -> None:
        """A hand-over has failed and is tried again after so long."""

    def unlinked(self, channel: str) -> None:
        """A message says where to unsubscribe, and there was no link to put there."""

    def dead_letter(self, code: str) -> None:
        """An outreach could not be sent, or a record was none."""

    def breaker(self, channel: str, is_open: bool) -> None:
        """The channel's provider is down, or is back."""

    def refused_alike(self, channel: str, words: str) -> None:
        """The provider refuses everybody in these words: a setting is wrong. All is kept until it takes one again."""

    def measured(self, in_hand: int, parked: int) -> None:
        """Every few seconds: outreach that was read and has not ended, and how many of these only wait."""

    def obeyed(self, kind: str) -> None:
        """Feedback of this type has changed the suppression list, or confirmed it."""

    def unreadable(self, code: str) -> None:
        """A record of the feedback topic says nothing that could be obeyed; it was passed over."""

    def feedback_lag(self, records: int) -> None:
        """Every few seconds: feedback that has not been read yet."""

    def store_away(self, error: EngineError, attempt: int) -> None:
        """The store does not answer; the sender waits and tries again."""

    def store_back(self, seconds: float) -> None:
        """The store answers again, after so long."""
