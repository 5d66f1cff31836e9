"""The trigger `inactivity`: no event of the given types for a span; one firing per idle episode.

Timers are runs (see `runs`); the newest run is the current episode. Its `on_event` is the hottest function of the core.
"""

from collections.abc import Mapping
from typing import Any

from engine.core.durations import text_of
from engine.core.expression import Expression
from engine.core.firing import Firing
from engine.core.scope import Scope
from engine.core.state.model import Slot, State, Timer
from engine.core.triggers.base import Trigger, newest, spend
from engine.core.triggers.runs import Runs
from engine.core.zones import iso
from engine.model import Event, KeptEvent


class Inactivity(Trigger):
    kind = "inactivity"
    code = 1

    def __init__(
        self, rule: str, *, of: frozenset[str], after: int, where: Expression | None = None, **common: Any
    ) -> None:
        super().__init__(rule, **common)
        self.of = of
        self.after = after
        self.where = where
        self.runs = Runs(after, self.slack)
        self.what = " or ".join(sorted(of))
        self.reason = f"no {self.what} for {text_of(after)}"

    @property
    def listens(self) -> frozenset[str]:
        return self.of

    @property
    def delay(self) -> int:
        return self.after

    @property
    def arms_after(self) -> int:
        return self.after

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        if self.where and not self.where.test(Scope(state, event, event.time)):
            return None
        time = event.time
        slot = state.rules.get(self.rule)
        if slot is None:
            slot = state.rules[self.rule] = Slot()
        runs = slot.timers
        if not runs:
            runs.append(self.runs.start(time, self.keep(event)))
        elif len(runs) == 1 and not self.slack and (time < (run := runs[0]).due or not run.due):
            if time > run.since:  # the usual case
                run.since = time
                run.due = time + self.after
                if self.keeps_event or run.event is not None:
                    run.event = self.keep(event)
        else:
            self.runs.touch(runs, time, self.keep(event), horizon)
        return None

    def on_due(self, state: State, timer: Timer) -> Firing:
        runs = state.rules[self.rule].timers
        firing = Firing(str(timer.since), timer.due, timer.event, self.reason)
        if timer is runs[-1]:
            spend(timer)
        else:
            runs.remove(timer)
        return firing

    def rearm(self, state: State, now: int) -> None:
        runs = state.timers(self.rule)
        for run in runs:
            if run.due:
                run.due = run.since + self.after
        if self.where:
            return
        last = newest(state, self.of)
        if last and (not runs or runs[-1].since < last.time):
            state.set_timers(self.rule, [self.runs.start(last.time, last if self.keeps_event else None)])
        elif runs and runs[-1].due and (not last or last.time < runs[-1].since):
            self._begin_earlier(state, last)

    def _begin_earlier(self, state: State, last: KeptEvent | None) -> None:
        """What the silence began with is of none of the types any more: it began with `last`, or there is none.

        A customer who has been told since then may have been told of it.
        """
        run = self.runs.start(last.time, last if self.keeps_event else None) if last else None
        if run is not None and state.slot(self.rule).fired_at > run.since:
            spend(run)
        state.set_timers(self.rule, [run] if run is not None else [])

    def missed(self, slot: Slot, newest: Mapping[str, int]) -> bool:
        """Any missed event may have counted, so the current silence begins after the newest of them."""
        seen = max(newest[type_] for type_ in self.of if type_ in newest)
        if slot.timers and slot.timers[-1].due and slot.timers[-1].since < seen:
            slot.timers = [self.runs.start(seen, None)]
        return True

    def holds(self, state: State, occurrence: str, at: int) -> bool:
        runs = state.timers(self.rule)
        return not runs or runs[-1].since <= int(occurrence)

    def since(self, state: State, occurrence: str) -> int:
        return int(occurrence)

    def disproves(self, state: State, event: Event, occurrence: str) -> bool:
        if event.type not in self.of or not 0 < event.time - int(occurrence) < self.after:
            return False
        return self.where is None or bool(self.where.test(Scope(state, event, event.time)))

    def explain(self, state: State) -> str:
        runs = state.timers(self.rule)
        if not runs:
            return f"no {self.what} is known of this customer, so there is nothing to be silent after"
        run = runs[-1]
        if run.due:
            return f"last {self.what} at {iso(run.since)}; comes true at {iso(run.due)} if nothing else happens"
        return f"has come true for the silence since {iso(run.since)}; the next {self.what} starts a new episode"
