"""The scores of a customer: how likely they are still there, and how likely they buy within some time.

Expressions, templates and the trigger `score` ask here; `engine/lang` makes a `ScoreModel` of what `engine fit` wrote.
A score depends on three things of a state: the number of purchase days, the first of them, and the last purchase. From
the last purchase on it falls with the silence, counted in whole seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.crossing import SECONDS_PER_WEEK, Crossings, Score
from engine.arithmetic.history import WEEK_MS, PurchaseHistory
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
and recency; the millions of customers of a kind share one computation of 12 microseconds."""


class Crossing:
    """When silence brings a score below a threshold; `ScoreModel.crossing` makes it."""

    __slots__ = ("_days", "_known", "_score", "_similar", "_threshold")

    def __init__(self, days: LocalDays, score: Callable[[int, float], Score], threshold: float) -> None:
        self._days = days
        self._score = score
        self._threshold = threshold
        self._forget()

    def _forget(self) -> None:
        self._known: dict[str, int | None] = {}
        """Extent of the purchase days -> silence in milliseconds."""
        self._similar = Crossings(self._threshold, MAX_SILENCE)

    def after(self, memory: Memory) -> int | None:
        """The moment (epoch ms) at which a customer with these purchases falls below; None: never."""
        kept = memory.kept
        days = kept[:2] if type(kept) is str else extent(memory, self._days)
        try:
            silence = self._known[days]
        except KeyError:
            silence = self._find(days)
        return None if silence is None else memory.last + silence

    def _find(self, days: str) -> int | None:
        if len(self._known) >= MAX_REMEMBERED:
            self._forget()
        number, recency = unpack(days)
        score = self._score(number - 1, recency / 7)
        seconds = self._similar.seconds_until_below(score, number, recency)
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
        number, recency = unpack(extent(memory, self.days))
        return self._silent(name, span, number - 1, recency / 7)(silence)

    def _silent(self, name: str, span: int, repeats: int, recency: float) -> Score:
        """The score of a customer, by weeks of silence."""
        model, weeks = self.model, span / WEEK_MS
        if name == "alive":
            return lambda silence: model.alive(PurchaseHistory(repeats, recency, recency + silence))
        return lambda silence: model.buys_within(PurchaseHistory(repeats, recency, recency + silence), weeks)

    def falls_below(self, state: State, name: str, span: int, threshold: float) -> int | None:
        """The moment (epoch ms) at which silence since the last purchase brings the score below; None: never."""
        memory = state.events.get(self.purchase)
        return None if memory is None else self.crossing(name, span, threshold).after(memory)

    def crossing(self, name: str, span: int, threshold: float) -> Crossing:
        """When silence brings this score below the threshold. The same one for the same threshold."""
        asked = (name, span, threshold)
        if asked not in self._crossings:
            self._crossings[asked] = Crossing(self.days, partial(self._silent, name, span), threshold)
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
