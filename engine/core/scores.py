"""The scores of a customer: how likely they are still there, and how likely they buy within some time.

Expressions, templates and the trigger `score` ask here; `engine/lang` makes a `ScoreModel` of what `engine fit` wrote.
A score depends on three things of a state: the number of purchase days, the first of them, and the last purchase. From
the last purchase on it falls with the silence, counted in whole seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.crossing import SECONDS_PER_WEEK, seconds_until_below
from engine.arithmetic.history import WEEK_MS, History
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.core.durations import milliseconds
from engine.core.scope import MISSING, Missing
from engine.core.state.days import extent, unpack
from engine.core.state.model import Memory, State
from engine.core.zones import LocalDays
from engine.model import Number

SCORES: Final = ("alive", "buys_within")
MAX_SILENCE: Final = 20 * 366 * 86_400
"""Seconds of silence (20 years) after which a score that is not below its threshold counts as never getting there."""
MAX_REMEMBERED: Final = 50_000
"""Results that a threshold remembers (about 10 MB). A shop has some thousands of kinds of customers, by purchase days
and recency; the millions of customers of a kind share one computation of 40 microseconds."""


class Crossing:
    """When silence brings a score below a threshold; `ScoreModel.crossing` makes it."""

    __slots__ = ("_days", "_find", "_known")

    def __init__(self, days: LocalDays, find: Callable[[str], int | None]) -> None:
        self._days = days
        self._find = find
        self._known: dict[str, int | None] = {}
        """Extent of the purchase days -> silence in milliseconds."""

    def after(self, memory: Memory) -> int | None:
        """The moment (epoch ms) at which a customer with these purchases falls below; None: never."""
        kept = memory.kept
        days = kept[:2] if type(kept) is str else extent(memory, self._days)
        try:
            silence = self._known[days]
        except KeyError:
            silence = self._remember(days)
        return None if silence is None else memory.last + silence

    def _remember(self, days: str) -> int | None:
        if len(self._known) >= MAX_REMEMBERED:
            self._known.clear()
        seconds = self._find(days)
        silence = self._known[days] = None if seconds is None else seconds * 1000
        return silence


@dataclass(frozen=True)
class ScoreModel:
    """A fitted model. `purchase`: the type of event that is a purchase; `fit`: a number of its own for each fit."""

    purchase: str
    zone: ZoneInfo
    model: ParetoNbd | BgNbd
    fit: int
    days: LocalDays = field(init=False, compare=False)
    _crossings: dict[tuple[str, int, float], Crossing] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "days", LocalDays(self.zone))

    def score(self, state: State, name: str, span: int, now: int) -> float | Missing:
        """The score at `now`; MISSING without a purchase. `span`: of buys_within, milliseconds."""
        memory = state.events.get(self.purchase)
        if memory is None:
            return MISSING
        silence = max(0, now - memory.last) // 1000 / SECONDS_PER_WEEK
        return self._value(extent(memory, self.days), name, span, silence)

    def _value(self, days: str, name: str, span: int, silence: float) -> float:
        number, recency = unpack(days)
        weeks = recency / 7
        history = History(number - 1, weeks, weeks + silence)
        return self.model.alive(history) if name == "alive" else self.model.buys_within(history, span / WEEK_MS)

    def falls_below(self, state: State, name: str, span: int, threshold: float) -> int | None:
        """The moment (epoch ms) at which silence since the last purchase brings the score below; None: never."""
        memory = state.events.get(self.purchase)
        return None if memory is None else self.crossing(name, span, threshold).after(memory)

    def crossing(self, name: str, span: int, threshold: float) -> Crossing:
        """When silence brings this score below the threshold. The same one for the same threshold."""
        asked = (name, span, threshold)
        if asked not in self._crossings:
            self._crossings[asked] = Crossing(
                self.days,
                lambda days: seconds_until_below(
                    lambda silence: self._value(days, name, span, silence), threshold, MAX_SILENCE
                ),
            )
        return self._crossings[asked]


class ScoresView:
    """The root `scores` in templates; a customer without a purchase has none."""

    __slots__ = ("_model", "_now", "_state")

    def __init__(self, model: ScoreModel | None, state: State, now: int) -> None:
        self._model = model
        self._state = state
        self._now = now

    @property
    def alive(self) -> Number:
        """Raises AttributeError if there is no such score, which templates see as not defined."""
        value = self._score("alive", 0)
        if isinstance(value, Missing):
            raise AttributeError("alive")
        return value

    def buys_within(self, span: str) -> Number | Missing:
        return self._score("buys_within", milliseconds(span))

    def _score(self, name: str, span: int) -> Number | Missing:
        return MISSING if self._model is None else self._model.score(self._state, name, span, self._now)
