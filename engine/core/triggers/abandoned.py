"""The trigger `abandoned`: something was begun and not finished, such as a cart without a purchase, per `match` value.

Timers are runs (see `runs`) in one list for all match values; `key` tells them apart. The slot's memory maps each match
value to the times of its newest finishing events, kept while an older beginning may still arrive or a firing waits.
What finishes all that is open stands there under "", which is no match value.
"""

from bisect import insort
from collections.abc import Mapping
from typing import Any

from engine.core.durations import text_of
from engine.core.expression import Expression
from engine.core.facts import match_value
from engine.core.firing import Firing
from engine.core.scope import Scope
from engine.core.state.model import Slot, State, Timer
from engine.core.triggers.base import Trigger, newest, spend
from engine.core.triggers.runs import Runs
from engine.core.zones import DAY, iso
from engine.model import Event

MAX_MATCH_VALUES = 32
"""Match values remembered for one customer; beyond it settled ones are dropped, then the oldest. Without it a customer
with a new cart id per visit would grow the state without end."""
MAX_FINISHES = 8
"""Finishing events remembered per match value; beyond it the oldest are dropped. 32 values with 8 times each take about
2 KB."""
MAX_DEFERRAL = 2 * DAY
"""How long quiet hours can hold a firing: one night, and a second one if the customer moves west meanwhile."""


class Abandoned(Trigger):
    kind = "abandoned"
    code = 2

    def __init__(
        self,
        rule: str,
        *,
        after: str,
        without: frozenset[str],
        within: int,
        match: str | None = None,
        where: Expression | None = None,
        finishes_all: frozenset[str] = frozenset(),
        **common: Any,
    ) -> None:
        """`finishes_all`: types of `without` that have no `match` property, and finish whatever is open."""
        super().__init__(rule, **common)
        self.after = after
        self.without = without
        self.within = within
        self.match = match
        self.where = where
        self.finishes_all = finishes_all
        self.runs = Runs(within, self.slack)
        self.reason = f"no {' or '.join(sorted(without))} within {text_of(within)}"

    @property
    def listens(self) -> frozenset[str]:
        return self.without | {self.after}

    @property
    def delay(self) -> int:
        return self.within

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        key = self._key(event)
        if key is None:
            return None
        if event.type in self.without:
            self._finish(state, event.time, key, horizon)
        elif not self.where or self.where.test(Scope(state, event, event.time)):
            self._begin(state, event, key, horizon)
        return None

    def _key(self, event: Event) -> str | None:
        """The match value of the event; "": it concerns all that is open; None: it has no usable one."""
        if self.match is None or event.type in self.finishes_all:
            return ""
        return match_value(event.properties, self.match) or None

    def _begin(self, state: State, event: Event, key: str, horizon: int) -> None:
        timers = state.timers(self.rule)
        own = [timer for timer in timers if timer.key == key]
        self.runs.touch(own, event.time, self.keep(event), horizon, key)
        finishes = self._finishes(state, key)
        for timer in own:
            too_late = timer.since == event.time and timer.due <= horizon
            if any(timer.since <= time and (time < timer.due or too_late) for time in finishes):
                spend(timer)
        others = [timer for timer in timers if timer.key != key]
        state.set_timers(self.rule, _bounded(others + own))

    def _finish(self, state: State, time: int, key: str, horizon: int) -> None:
        slot = state.slot(self.rule)
        for timer in slot.timers:
            if (not key or timer.key == key) and timer.since <= time < timer.due:
                spend(timer)
        slot.memory = slot.memory or {}
        self._remember(slot.memory, time, key, horizon - self.within - MAX_DEFERRAL)

    def _remember(self, finishes: dict[str, list[int]], time: int, key: str, since: int) -> None:
        """Add a finishing event and drop those up to `since`; the match value finished last comes last."""
        times = finishes.pop(key, [])
        insort(times, time)
        finishes[key] = times
        if times[0] <= since or len(times) > MAX_FINISHES:
            times[:-1] = [one for one in times[-MAX_FINISHES:-1] if one > since]
        while (oldest := next(iter(finishes))) != key and (
            len(finishes) > MAX_MATCH_VALUES or finishes[oldest][-1] <= since
        ):
            del finishes[oldest]

    def _finishes(self, state: State, key: str) -> list[int]:
        """Times of the remembered events that finish this key."""
        slot = state.rules.get(self.rule)
        if slot is None or not slot.memory:
            return []
        own: list[int] = slot.memory.get(key, [])
        return own + slot.memory.get("", []) if key else own

    def occurrence(self, timer: Timer) -> str:
        return f"{timer.key}@{timer.since}" if timer.key else str(timer.since)

    def on_due(self, state: State, timer: Timer) -> Firing:
        firing = Firing(self.occurrence(timer), timer.due, timer.event, self.reason)
        spend(timer)
        return firing

    def rearm(self, state: State, now: int) -> None:
        slot = state.rules.get(self.rule)
        if slot is None:
            return
        if slot.memory:
            kept = {key: times for key, times in slot.memory.items() if self._is_ours(key) or self._is_for_all(key)}
            slot.memory = kept or None
        state.set_timers(self.rule, [timer for timer in slot.timers if self._is_ours(timer.key)])
        begun = newest(state, frozenset({self.after}))
        finished = newest(state, self.finishes_all if self.match else self.without)
        for timer in slot.timers:
            if timer.due:
                timer.due = timer.since + self.within
                is_finished = finished is not None and timer.since <= finished.time < timer.due
                if is_finished or begun is None or begun.time < timer.since:  # by other types than the rule had
                    spend(timer)

    def missed(self, slot: Slot, newest: Mapping[str, int]) -> bool:
        finished = max((newest[type_] for type_ in self.without if type_ in newest), default=0)
        for timer in slot.timers:
            if timer.due and timer.since <= finished:
                spend(timer)
        return True

    def _is_ours(self, key: str) -> bool:
        """Whether the key was written by a rule with a `match`, if the rule has one now, or without, if not."""
        return bool(key) == bool(self.match)

    def _is_for_all(self, key: str) -> bool:
        return not key and bool(self.finishes_all)

    def holds(self, state: State, occurrence: str, at: int) -> bool:
        key, _, anchor = occurrence.rpartition("@")
        begun = int(anchor)
        begun_again = any(timer.key == key and timer.since > begun for timer in state.timers(self.rule))
        return not begun_again and not any(time >= begun for time in self._finishes(state, key))

    def since(self, state: State, occurrence: str) -> int:
        return int(occurrence.rpartition("@")[2])

    def disproves(self, state: State, event: Event, occurrence: str) -> bool:
        key, _, anchor = occurrence.rpartition("@")
        since = event.time - int(anchor)
        if self._key(event) not in ("", key) or since >= self.within:
            return False
        if event.type in self.without:
            return since >= 0
        return since > 0 and (self.where is None or bool(self.where.test(Scope(state, event, event.time))))

    def explain(self, state: State) -> str:
        armed = [timer for timer in state.timers(self.rule) if timer.due]
        if not armed:
            return f"no {self.after} is waiting for its {' or '.join(sorted(self.without))}"
        soonest = min(armed, key=lambda timer: timer.due)
        return f"{self.after} at {iso(soonest.since)} is still open; comes true at {iso(soonest.due)}"


def _bounded(timers: list[Timer]) -> list[Timer]:
    surplus = len(timers) - MAX_MATCH_VALUES
    if surplus <= 0:
        return timers
    settled = [place for place, timer in enumerate(timers) if not timer.due][:surplus]
    return [timer for place, timer in enumerate(timers) if place not in settled][-MAX_MATCH_VALUES:]
