"""Silence, stored as runs of activity; `inactivity` and `abandoned` share it.

A run is a stretch in which no two neighbouring moments are `span` or more apart, with one timer, due `span` after its
newest moment (`since`). All but the newest run have ended; they stay only until the clock, which allowed lateness may
hold back, lets them fire. Of the runs that fired only the newest stays, spent, so that no silence fires twice. Those
that something else has ended stay as long, so that a late moment before them is known to have gone on.
"""

from engine.core.state.model import Timer
from engine.model import KeptEvent


class Runs:
    """How one rule folds moments into runs. `slack` is the allowed lateness; 0 keeps the timers a few bytes smaller."""

    def __init__(self, span: int, slack: int) -> None:
        self.span = span
        self.slack = slack

    def start(self, time: int, event: KeptEvent | None, key: str = "") -> Timer:
        return Timer(time + self.span, time, key, began=time if self.slack else 0, event=event)

    def touch(self, runs: list[Timer], time: int, event: KeptEvent | None, horizon: int, key: str = "") -> None:
        """Insert one moment of activity in time order; `runs` is changed in place."""
        index = sum(1 for run in runs if _first(run) <= time)
        before = runs[index - 1] if index else None
        if before and time <= before.since:
            return
        if before and time < before.due:
            before.since, before.due, before.event = time, time + self.span, event
            index -= 1
        elif index < len(runs) and time + self.span <= horizon:
            return  # the silence after this moment has been decided already
        else:
            runs.insert(index, self.start(time, event, key))
        self._join(runs, index, horizon)

    def _join(self, runs: list[Timer], index: int, horizon: int) -> None:
        run = runs[index]
        if index + 1 < len(runs) and _first(runs[index + 1]) < run.due:
            runs[index + 1].began = _first(run)
            del runs[index]
        runs[:-1] = [run for run in runs[:-1] if run.due or (self.slack and run.since + self.span > horizon)]
        for place in range(len(runs) - 1, 0, -1):
            before, after = runs[place - 1], runs[place]
            if not (before.due or after.due) and _first(after) - before.since < self.span:
                after.began = _first(before)
                del runs[place - 1]


def _first(run: Timer) -> int:
    return run.began or run.since
