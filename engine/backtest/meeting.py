"""Decides all customers of a history together, where rules make events for other customers (`emit` with `to`).

A backtest decides each customer alone. These meet, so the history goes through the partition of `engine replay`, in the
order of its events; what comes of each customer is kept until the run asks for it.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import count

from engine.adapters.memory import MemoryStore
from engine.backtest.decided import Decided
from engine.backtest.inputs import Input, Whose
from engine.core.book import RuleBook
from engine.model import Event
from engine.ports import OUTREACH, Record, Renderer
from engine.replay.replay import Input as File, Replay
from engine.wire.records import decode_outreach
from engine.worker.partition import Partition
from engine.worker.result import Arrival, Result

CACHED = 1_000_000
"""Customers whose states stay decoded between two events of theirs."""


class Meeting:
    """What one book decides of everybody. `until`: epoch ms. `wall`: the time now; no event is of the future.

    `of_files` or `of_archives` decides a history, of which `of` tells.
    """

    def __init__(self, book: RuleBook, renderer: Renderer, progress: Callable[[int], None]) -> None:
        self._found: defaultdict[str, Decided] = defaultdict(Decided)
        self.duplicates = 0
        """Repeated events, of all customers."""
        partition = Partition(0, book, MemoryStore(), renderer, cache_size=CACHED)
        self.replay = Replay(partition, progress=progress)
        partition.before_commit = self._keep

    def of_files(self, inputs: Sequence[File], *, wall: int, until: int | None) -> None:
        self.replay.run(inputs, wall=wall, until=until)

    def of_archives(self, inputs: Iterable[Input], *, wall: int, until: int | None) -> None:
        """`inputs`: in the order in which they arrived."""
        self.replay.follow(map(_arrival, count(1), inputs), wall=wall, until=until)

    def of(self, customers: Sequence[Whose]) -> list[Decided]:
        """What was decided of these; each is asked for once."""
        found = [self._found.pop(whose.customer, Decided()) for whose in customers]
        for decided in found:
            decided.drop_repeats()
        return found

    def _keep(self, result: Result) -> None:
        self.duplicates += result.duplicates
        for entry in (one for one in result.outbox if one.destination == OUTREACH):
            outreach = decode_outreach(entry.value)
            decided = self._found[outreach.customer]
            decided.outreach.append(outreach)
            decided.entries.append(entry)
        for outcome in result.outcomes:
            self._found[outcome.customer].outcomes.append(outcome)
        for failure in result.failures:
            self._found[failure.input.customer].failures.append(failure.reason)


def _arrival(place: int, given: Input) -> Arrival:
    input, _, clock = given
    event, identified = (input, None) if isinstance(input, Event) else (None, input)
    return Arrival(Record("", 0, place, None), clock, event, identified)
