"""Something was begun and not finished: a cart without a purchase, per value of the `match` property.

Timers as in `runs`, one list for all match values (`key` tells them apart). `state.memory` remembers the newest
finishing event per match value for as long as a late beginning could still be older than it.
"""

from typing import Any

from engine.core.book import Expression
from engine.core.durations import text_of
from engine.core.scope import Scope
from engine.core.triggers.base import Firing, Trigger, spend
from engine.core.triggers.runs import Runs
from engine.core.zones import iso
from engine.model import Event, State, Timer

MOST_KEYS = 32
"""Match values remembered for one customer; beyond it the oldest go."""


class Abandoned(Trigger):
    kind = "abandoned"

    def __init__(
        self,
        rule: str,
        *,
        after: str,
        without: frozenset[str],
        within: int,
        match: str | None = None,
        where: Expression | None = None,
        **common: Any,
    ) -> None:
        super().__init__(rule, **common)
        self.after = after
        self.without = without
        self.within = within
        self.match = match
        self.where = where
        self.runs = Runs(within, self.slack)

    @property
    def listens(self) -> frozenset[str]:
        return self.without | {self.after}

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        key = "" if self.match is None else str(event.properties.get(self.match) or "")
        if self.match is not None and not key:
            return None
        if event.type in self.without:
            self._finish(state, event.time, key, horizon)
        elif not self.where or self.where.test(Scope(state, event, event.time)):
            self._begin(state, event, key, horizon)
        return None

    def _begin(self, state: State, event: Event, key: str, horizon: int) -> None:
        timers = state.timers.get(self.rule, [])
        own = [timer for timer in timers if timer.key == key]
        self.runs.touch(own, event.time, self.keep(event), horizon, key)
        finished = state.memory.get(self.rule, {}).get(key)
        for timer in own:
            if finished is not None and timer.anchor <= finished < timer.due:
                spend(timer)
        others = [timer for timer in timers if timer.key != key]
        state.timers[self.rule] = (others + own)[-MOST_KEYS:]

    def _finish(self, state: State, time: int, key: str, horizon: int) -> None:
        for timer in state.timers.get(self.rule, ()):
            if timer.key == key and timer.anchor <= time < timer.due:
                spend(timer)
        recent = {k: t for k, t in state.memory.get(self.rule, {}).items() if t + self.within > horizon}
        recent[key] = max(time, recent.get(key, 0))
        state.memory[self.rule] = dict(sorted(recent.items(), key=lambda item: item[1])[-MOST_KEYS:])

    def on_due(self, state: State, timer: Timer) -> Firing:
        occurrence = f"{timer.key}@{timer.anchor}" if timer.key else str(timer.anchor)
        without = " or ".join(sorted(self.without))
        firing = Firing(occurrence, timer.due, timer.event, f"no {without} within {text_of(self.within)}")
        spend(timer)
        return firing

    def rearm(self, state: State) -> None:
        for timer in state.timers.get(self.rule, ()):
            if timer.due:
                timer.due = timer.anchor + self.within

    def holds(self, state: State, occurrence: str) -> bool:
        key, _, anchor = occurrence.rpartition("@")
        finished = state.memory.get(self.rule, {}).get(key, 0)
        begun_again = any(t.key == key and t.anchor > int(anchor) for t in state.timers.get(self.rule, ()))
        return not begun_again and finished < int(anchor)

    def explain(self, state: State) -> str:
        armed = [timer for timer in state.timers.get(self.rule, ()) if timer.due]
        if not armed:
            return f"no {self.after} is waiting for its {' or '.join(sorted(self.without))}"
        soonest = min(armed, key=lambda timer: timer.due)
        return f"{self.after} at {iso(soonest.anchor)} is still open; comes true at {iso(soonest.due)}"
