"""The work of one process of a backtest: it takes pieces of the history, decides their customers, and adds up.

`engine.wiring.backtest` starts the processes and puts their results together.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from engine.backtest.customer import CustomerRun
from engine.backtest.decided import Decided
from engine.backtest.difference import Comparison, Difference
from engine.backtest.history import Clock, Piece, Prepared
from engine.backtest.inputs import Whose
from engine.backtest.meeting import Meeting
from engine.backtest.reader import Reader
from engine.backtest.tally import Days, Tally
from engine.core.book import RuleBook
from engine.ports import Renderer
from engine.wire.records import encode_outcome

BUFFER: Final = 1_000_000
"""Bytes written at a time. Python's own 8 kB would be a call of the system for every ten messages."""

TOGETHER: Final = 500
"""Inputs, of both books, whose customers take turns. Of more customers the data would leave the processor's caches, of
fewer the code."""


@dataclass(frozen=True)
class BookOverHistory:
    """One rule book and its history; that of another book may be decoded differently.

    `meeting`: what it decides of all customers, where they meet.
    """

    book: RuleBook
    renderer: Renderer
    prepared: Prepared
    meeting: Meeting | None = None


@dataclass(frozen=True)
class Outputs:
    """Folders for the lines of each piece; None: not written."""

    outreach: Path | None = None
    outcomes: Path | None = None

    def opened(self, piece: int, stack: ExitStack) -> tuple[IO[bytes] | None, IO[bytes] | None]:
        """The files of a piece, for outreach and outcomes."""
        folders = self.outreach, self.outcomes
        names = [each / f"{piece:08}" if each else None for each in folders]
        one, other = (stack.enter_context(name.open("wb", BUFFER)) if name else None for name in names)
        return one, other


def _write(decided: Decided, outreach: IO[bytes] | None, outcomes: IO[bytes] | None) -> None:
    if outreach and decided.entries:
        outreach.write(b"\n".join([*(entry.value for entry in decided.entries), b""]))
    if outcomes and decided.outcomes:
        outcomes.write(b"\n".join([*(encode_outcome(outcome)[1] for outcome in decided.outcomes), b""]))


@dataclass
class Result:
    """What one process, or all of them, found out."""

    new: Tally = field(default_factory=Tally)
    old: Tally | None = None
    difference: Difference | None = None

    def plus(self, other: "Result") -> "Result":
        old = self.old.plus(other.old) if self.old and other.old else None
        difference = self.difference.plus(other.difference) if self.difference and other.difference else None
        return Result(self.new.plus(other.new), old, difference)


class Run:
    """One process's backtest. `old` None: one book alone. `until`: epoch ms; None: to the last event."""

    def __init__(self, new: BookOverHistory, old: BookOverHistory | None, until: int | None, outputs: Outputs) -> None:
        self._outputs = outputs
        self._new = _Half(new, until)
        self._old = _Half(old, until, like=self._new) if old else None
        self._comparison = Comparison(old.book, new.book) if old else None

    def close(self) -> None:
        self._new.close()
        if self._old:
            self._old.close()

    def take(self, number: int, piece: Piece, progress: Callable[[int], None]) -> None:
        """Decide the customers of a piece."""
        with ExitStack() as stack:
            files = self._outputs.opened(number, stack)
            for customers in _together(self._customers(piece)):
                decided = self._new.decide([new for new, _ in customers])
                for one in decided:
                    _write(one, *files)
                if self._old and self._comparison:
                    before = self._old.decide([old for _, old in customers])
                    for former, one in zip(before, decided, strict=True):
                        self._comparison.add(former, one)
        progress(piece.rows)

    def result(self) -> Result:
        """The sums so far."""
        if self._old and self._comparison:
            return Result(self._new.tally, self._old.tally, self._comparison.difference)
        return Result(self._new.tally)

    def _customers(self, piece: Piece) -> Iterator[tuple[Whose, Whose]]:
        """Each customer of the piece, with the inputs of the new and of the old book."""
        if self._old is None or self._old.side.prepared == self._new.side.prepared:
            for whose in self._new.reader.customers(piece):
                yield whose, whose
        else:
            yield from _joined(self._new.reader.customers(piece), self._old.reader.customers(piece))


class _Half:
    """One side of the run."""

    def __init__(self, side: BookOverHistory, until: int | None, like: "_Half | None" = None) -> None:
        self.side = side
        shared = like is not None and like.side.prepared == side.prepared
        self.reader: Reader = like.reader if like is not None and shared else Reader(side.prepared, until)
        self._owns = not shared
        self.tally = Tally()
        self._run = side.meeting or CustomerRun(side.book, side.renderer, Clock(side.prepared.clock_file, until))
        if side.meeting:
            self.tally.duplicates = side.meeting.duplicates
        self._days = Days(side.book.policy.zones.default)

    def decide(self, customers: Sequence[Whose]) -> list[Decided]:
        decided = self._run.of(customers)
        for one in decided:
            if one.outcomes or one.duplicates or one.failures:
                self.tally.add(one, self._days)
        return decided

    def close(self) -> None:
        if self._owns:
            self.reader.close()


def _together(customers: Iterable[tuple[Whose, Whose]]) -> Iterator[list[tuple[Whose, Whose]]]:
    """The customers in groups of at least so many inputs."""
    group, inputs = list[tuple[Whose, Whose]](), 0
    for new, old in customers:
        group.append((new, old))
        inputs += len(new.inputs) + len(old.inputs)
        if inputs >= TOGETHER:
            yield group
            group, inputs = [], 0
    if group:
        yield group


def _joined(new: Iterator[Whose], old: Iterator[Whose]) -> Iterator[tuple[Whose, Whose]]:
    """Both streams by customer; one may know customers that the other does not."""
    one, other = next(new, None), next(old, None)
    while one or other:
        customer = min(each.customer for each in (one, other) if each)
        mine = others = Whose(customer, [])
        if one and one.customer == customer:
            mine, one = one, next(new, None)
        if other and other.customer == customer:
            others, other = other, next(old, None)
        yield mine, others
