"""The trigger `score`: a customer's score falls below a threshold, by silence alone; each silence fires once.

The moment is computed at each purchase and is a timer like any other. A timer's `since` is the purchase after which the
silence began, and its occurrence. The last timer is for the current silence, spent once it has fired; before it stand
silences that came true before the next purchase and wait for the allowed lateness. A late purchase may prevent these
and changes the current one, but gets no silence of its own: the newer purchase has ended it.

The slot's memory is the number of the fit. What only a new fit has put into the past does not fire.
"""

from collections.abc import Mapping
from typing import Any

from engine.core.durations import text_of
from engine.core.firing import Firing
from engine.core.scores import ScoreModel
from engine.core.state.model import Slot, State, Timer
from engine.core.triggers.base import Trigger, newest, spend
from engine.core.zones import iso
from engine.model import Event, KeptEvent


class Score(Trigger):
    kind = "score"
    code = 9

    def __init__(
        self, rule: str, *, scores: ScoreModel | None, score: str, within: int = 0, below: float, **common: Any
    ) -> None:
        super().__init__(rule, **common)
        self.scores = scores
        self.score = score
        self.within = within
        self.below = below
        self.fit = scores.fit if scores is not None else 0
        self.due_after = scores.crossing(score, within, below).after if scores is not None else None
        self.what = f'scores.buys_within("{text_of(within)}")' if within else f"scores.{score}"
        self.reason = f"{self.what} has fallen below {below:g}"

    @property
    def listens(self) -> frozenset[str]:
        return frozenset({self.scores.purchase}) if self.scores is not None else frozenset()

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        assert self.due_after is not None
        memory, time = state.events[event.type], event.time
        slot = state.rules.get(self.rule)
        if slot is None:
            slot = state.rules[self.rule] = Slot(self.code)
        timers = slot.timers
        if time < memory.last:
            slot.timers = [timer for timer in timers if not timer.since < time < timer.due]
            self._follow(state, slot, memory.last, None)
            slot.memory = self.fit
        elif not timers or (len(timers) == 1 and timers[0].since < time and not 0 < timers[0].due <= time):
            due, kept = self.due_after(memory), self.keep(event) if self.keeps_event else None
            if due is None:
                timers.clear()
            elif timers:  # the usual case: the only timer, which waits or is spent, becomes that of the new silence
                timer = timers[0]
                timer.due, timer.since, timer.event = due, time, kept
            else:
                slot.memory = self.fit
                timers.append(Timer(due, time, event=kept))
        elif timers[-1].since < time:
            slot.timers = [timer for timer in timers if 0 < timer.due <= time]
            self._follow(state, slot, time, self.keep(event) if self.keeps_event else None)
        return None

    def _follow(self, state: State, slot: Slot, last: int, event: KeptEvent | None) -> Timer | None:
        """Make the last timer match the silence since `last`; None if that never brings the score below."""
        assert self.scores is not None
        assert self.due_after is not None
        timers = slot.timers
        current = timers[-1] if timers and timers[-1].since == last else None
        if current is not None and not current.due:
            return current
        due = self.due_after(state.events[self.scores.purchase])
        if due is None:
            if current is not None:
                del timers[-1]
            return None
        if current is None:
            current = Timer(due, last, event=event)
            timers.append(current)
        current.due = due
        return current

    def on_due(self, state: State, timer: Timer) -> Firing:
        slot = state.rules[self.rule]
        firing = Firing(str(timer.since), timer.due, timer.event, self.reason)
        if timer is slot.timers[-1]:
            spend(timer)
        else:
            slot.timers.remove(timer)
        return firing

    def rearm(self, state: State, now: int) -> None:
        bought = newest(state, self.listens)
        since = bought.time if bought is not None else 0
        settled = [timer for timer in state.timers(self.rule) if timer.due <= now]
        if any(timer.since == since for timer in settled):
            return  # this silence has come true already, by the fit of then
        pending = [timer for timer in state.timers(self.rule) if timer.due > now and timer.since == since]
        state.set_timers(self.rule, settled + pending)
        if bought is None:
            return
        slot = state.slot(self.rule)
        timer = self._follow(state, slot, since, bought if self.keeps_event else None)
        if slot.memory not in (None, self.fit) and timer is not None and timer.due <= now:
            spend(timer)
        slot.memory = self.fit

    def missed(self, slot: Slot, newest: Mapping[str, int]) -> bool:
        slot.timers = []
        return True

    def since(self, state: State, occurrence: str) -> int:
        return int(occurrence)

    def holds(self, state: State, occurrence: str, at: int) -> bool:
        bought = newest(state, self.listens)
        return bought is None or bought.time <= int(occurrence)

    def explain(self, state: State) -> str:
        if self.scores is None:
            return "there are no scores yet: engine fit has not been run"
        bought = newest(state, self.listens)
        if bought is None:
            return f"no {self.scores.purchase} is known of this customer, so there is no score"
        timers = state.timers(self.rule)
        if not timers or timers[-1].since != bought.time:
            return f"{self.what} stays at {self.below:g} or above"
        if timers[-1].due:
            return f"{self.what} falls below {self.below:g} at {iso(timers[-1].due)} without another {bought.type}"
        return f"has come true for the silence since {iso(bought.time)}; the next {bought.type} starts a new one"
