"""The work of one process of a backtest: it takes pieces of the history, decides their customers, and adds up.

`engine.wiring.backtest` starts the processes and puts their results together.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from engine.backtest.customer import CustomerRun, Decided, Input
from engine.backtest.difference import Comparison, Difference
from engine.backtest.history import Clock, Piece, Prepared
from engine.backtest.reader import Reader
from engine.backtest.tally import Tally, days_in
from engine.core.book import RuleBook
from engine.ports import Renderer
from engine.wire.records import encode_outcome


@dataclass(frozen=True)
class Side:
    """One rule book and its history; that of another book may be decoded differently."""

    book: RuleBook
    renderer: Renderer
    prepared: Prepared


@dataclass(frozen=True)
class Outputs:
    """Folders for the lines of each piece; None: not written."""

    outreach: Path | None = None
    outcomes: Path | None = None

    def opened(self, piece: int, stack: ExitStack) -> tuple[IO[bytes] | None, IO[bytes] | None]:
        """The files of a piece, for outreach and outcomes."""
        folders = self.outreach, self.outcomes
        one, other = (stack.enter_context((each / f"{piece:08}").open("wb")) if each else None for each in folders)
        return one, other


def _write(decided: Decided, outreach: IO[bytes] | None, outcomes: IO[bytes] | None) -> None:
    if outreach:
        outreach.writelines(entry.value + b"\n" for entry in decided.entries)
    if outcomes:
        outcomes.writelines(encode_outcome(outcome)[1] + b"\n" for outcome in decided.outcomes)


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

    def __init__(self, new: Side, old: Side | None, until: int | None, outputs: Outputs) -> None:
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
            for customer, new, old in self._customers(piece):
                decided = self._new.decide(customer, new)
                _write(decided, *files)
                if self._old and self._comparison:
                    self._comparison.add(self._old.decide(customer, old), decided)
        progress(piece.rows)

    def result(self) -> Result:
        """The sums so far."""
        if self._old and self._comparison:
            return Result(self._new.tally, self._old.tally, self._comparison.difference)
        return Result(self._new.tally)

    def _customers(self, piece: Piece) -> Iterator[tuple[str, Sequence[Input], Sequence[Input]]]:
        """Each customer of the piece, with the inputs of the new and of the old book."""
        if self._old is None or self._old.side.prepared == self._new.side.prepared:
            for customer, inputs in self._new.reader.customers(piece):
                yield customer, inputs, inputs
        else:
            yield from _joined(self._new.reader.customers(piece), self._old.reader.customers(piece))


class _Half:
    """One side of the run."""

    def __init__(self, side: Side, until: int | None, like: "_Half | None" = None) -> None:
        self.side = side
        shared = like is not None and like.side.prepared == side.prepared
        self.reader: Reader = like.reader if like is not None and shared else Reader(side.prepared, until)
        self._owns = not shared
        self.tally = Tally()
        self._run = CustomerRun(side.book, side.renderer, Clock(side.prepared.clock_file, until))
        self._day_of = days_in(side.book.policy.zones.default)

    def decide(self, customer: str, inputs: Sequence[Input]) -> Decided:
        decided = self._run.of(customer, inputs)
        if decided.outcomes or decided.duplicates or decided.failures:
            self.tally.add(decided, self._day_of)
        return decided

    def close(self) -> None:
        if self._owns:
            self.reader.close()


Customers = Iterator[tuple[str, list[Input]]]


def _joined(new: Customers, old: Customers) -> Iterator[tuple[str, list[Input], list[Input]]]:
    """Both streams by customer; one may know customers that the other does not."""
    one, other = next(new, None), next(old, None)
    while one or other:
        customer = min(each[0] for each in (one, other) if each)
        mine, others = list[Input](), list[Input]()
        if one and one[0] == customer:
            mine, one = one[1], next(new, None)
        if other and other[0] == customer:
            others, other = other[1], next(old, None)
        yield customer, mine, others
