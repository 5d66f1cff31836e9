"""Decides customers for the processes of a backtest, many in turn, and carries out what was decided.

What cannot be decided, or a message that cannot be written down, sends a customer through `careful` from the beginning.
"""

from collections.abc import Generator, Sequence

from engine.backtest.careful import CarefulRun
from engine.backtest.decided import Decided
from engine.backtest.decisions import Decisions, Made
from engine.backtest.history import Clock
from engine.backtest.inputs import Whose
from engine.core.book import RuleBook
from engine.errors import MakesForOthers
from engine.ports import UNLIMITED, Renderer
from engine.worker.turns import entries_of


class CustomerRun:
    """One rule book over one history; `of` decides customers. Raises MakesForOthers.

    Each goes on until an event or a timer has effects; then the messages of all of them are rendered. So the
    same code runs for many customers in a row and stays in the processor's caches, which saves an eighth of the time.
    """

    def __init__(self, book: RuleBook, renderer: Renderer, clock: Clock) -> None:
        self.book = book
        self.renderer = renderer
        self.clock = clock
        self._decisions = Decisions(book, clock)

    def of(self, customers: Sequence[Whose]) -> list[Decided]:
        """Decide all inputs of each customer, and their timers up to the end of the clock."""
        turns = [_Turn(whose, self) for whose in customers]
        going = turns
        while going:
            going = [turn for turn in going if turn.goes_on()]
            for turn in going:
                turn.carry_out()
        for turn in turns:
            turn.decided.drop_repeats()
        return [turn.decided for turn in turns]

    def begun(self, whose: Whose, decided: Decided) -> Generator[Made, None, None]:
        return self._decisions.of(whose, decided)

    def carefully(self, whose: Whose) -> Decided:
        return CarefulRun(self.book, self.renderer, self.clock).of(whose)


class _Turn:
    """One customer among others."""

    __slots__ = ("_decisions", "_made", "_run", "_whose", "decided")

    def __init__(self, whose: Whose, run: CustomerRun) -> None:
        self.decided = Decided()
        self._whose = whose
        self._run = run
        self._decisions = run.begun(whose, self.decided)
        self._made: Made | None = None

    def goes_on(self) -> bool:
        """Decide up to the next decision with effects; False: there is none."""
        try:
            self._made = next(self._decisions, None)
        except Exception as error:
            self._start_again(error)
        return self._made is not None

    def carry_out(self) -> None:
        assert self._made
        (decision, at), run = self._made, self._run
        try:
            self.decided.add(decision, entries_of(run.book, decision, run.renderer, UNLIMITED, at))
        except Exception as error:
            self._start_again(error)

    def _start_again(self, error: Exception) -> None:
        """Decide the customer anew with the worker's `Batch`, which knows what failed and what then remains."""
        if isinstance(error, MakesForOthers):
            raise error
        self._decisions.close()
        self._made = None
        self.decided = self._run.carefully(self._whose)
