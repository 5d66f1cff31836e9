"""The trigger `milestone`: a count or a sum reaches a level; each level fires once, for ever.

Without a condition the count is that of the state, so a new rule also counts the events before it. A sum, or a count
with a condition, keeps its own number in the slot's memory: [number, highest level fired].
"""

from bisect import bisect_right
from math import floor
from typing import Any

from engine.core.expression import Expression
from engine.core.firing import Firing
from engine.core.scope import count
from engine.core.state.fold import is_number
from engine.core.state.model import State
from engine.core.triggers.base import EventTrigger
from engine.model import Event, Number


class Milestone(EventTrigger):
    kind = "milestone"
    code = 5

    def __init__(
        self,
        rule: str,
        *,
        event: str,
        levels: tuple[Number, ...] = (),
        every: Number = 0,
        property: str | None = None,
        where: Expression | None = None,
        **common: Any,
    ) -> None:
        super().__init__(rule, **common)
        self.event = event
        self.levels = tuple(sorted(levels))
        self.every = every
        self.property = property
        self.where = where

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        if self.property is None and self.where is None:
            after = state.events[self.event].count
            return self._fire(event, after) if self._level(after) > after - 1 else None
        return self._add(state, event) if self.is_meant(state, event) else None

    def _add(self, state: State, event: Event) -> Firing | None:
        amount = 1 if self.property is None else event.properties.get(self.property)
        if not is_number(amount):
            return None
        slot = state.slot(self.rule)
        number, highest = slot.memory or (0, 0)
        number = round(number + amount, 6)
        level = self._level(number)
        slot.memory = [number, max(level, highest)]
        return self._fire(event, number) if level > highest else None

    def _level(self, number: Number) -> Number:
        """The highest level at or below the number; 0 if none is reached."""
        if self.every:
            return max(0, floor(round(number / self.every, 9)) * self.every)
        reached = bisect_right(self.levels, number)
        return self.levels[reached - 1] if reached else 0

    def _fire(self, event: Event, number: Number) -> Firing:
        return Firing(
            _text(self._level(number)), event.time, self.kept(event), f"{self._what()} reached {_text(number)}"
        )

    def is_behind(self, state: State) -> bool:
        """Whether the customer's number is past a level that has not fired; an edit of the levels leads to that.

        The next event that counts brings it.
        """
        slot = state.rules.get(self.rule)
        number, highest = slot.memory or (0, 0) if slot is not None else (0, 0)
        return self._level(number) > highest

    def explain(self, state: State) -> str:
        number = self._number(state)
        ahead = [level for level in self.levels if level > number]
        if self.every:
            ahead = [self._level(number) + self.every]
        if not ahead:
            return f"{self._what()} is {_text(number)}; every level has been reached"
        return f"{self._what()} is {_text(number)}; the next level is {_text(min(ahead))}"

    def _number(self, state: State) -> Number:
        if self.property is None and self.where is None:
            return count(state, self.event)
        slot = state.rules.get(self.rule)
        number: Number = slot.memory[0] if slot is not None and slot.memory else 0
        return number

    def _what(self) -> str:
        return f"sum of {self.event}.{self.property}" if self.property else f"number of {self.event}"


def _text(number: Number) -> str:
    """A level as written in an occurrence: 10, 500, 2.5."""
    return str(int(number)) if number == int(number) else repr(round(number, 6))
