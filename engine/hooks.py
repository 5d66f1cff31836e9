"""What a worker tells whoever watches it: metrics and logs. A hook that raises is a bug of the hook's alone."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from traceback import extract_tb
from typing import Any, Protocol

from engine.errors import EngineError
from engine.model import OutcomeRecord

_LOGGER = logging.getLogger("engine.hooks")


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


class AllHooks(Hooks):
    """Tells several, one after the other. What one raises is logged, without its message, which may quote anything."""

    def __init__(self, *hooks: Hooks) -> None:
        for name in vars(Hooks):
            if not name.startswith("_"):
                setattr(self, name, partial(_tell, [getattr(one, name) for one in hooks]))


def _tell(hooks: Sequence[Any], *args: Any) -> None:
    for hook in hooks:
        try:
            hook(*args)
        except Exception as error:
            place = extract_tb(error.__traceback__)[-1]
            where = f"{place.filename}:{place.lineno}"
            _LOGGER.error("a hook has a bug: %s at %s", type(error).__name__, where)
