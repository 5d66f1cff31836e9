"""Live edits: what becomes of open runs when a new rule book has other steps. `rearm` calls `meet` and `catch_up`.

A customer always stands before a step that has a name, so that steps may come, go and move around them. Nothing here
acts: what must happen at once is made due, and `conduct` goes on from there.
"""

from typing import TYPE_CHECKING

from engine.core.exits import newest_of
from engine.core.journeys.steps import Journey, Wait
from engine.core.scope import Scope
from engine.core.state.model import Run, Slot, State
from engine.core.zones import Zones

if TYPE_CHECKING:
    from engine.core.book import Rule


def meet(rule: "Rule", slot: Slot, state: State, zones: Zones, now: int) -> None:
    """Let the open runs meet the rule's present steps. Safe to repeat."""
    if rule.goal is None:
        slot.ended = ()
    for run in slot.runs:
        if rule.action.journey is None:
            _leave(run, "the rule is no journey any more", now)
            continue
        _meet(rule.action.journey, run, state, zones, now)
        for fact in rule.ends:
            if newest_of((fact,), state) > run.began:  # the rule did not have this end then
                _leave(run, f"{fact.text} happened before the rule named it", now)


def catch_up(rule: "Rule", slot: Slot, missed: dict[str, int], now: int) -> None:
    """The rule was away: end the runs that events may have ended meanwhile. `missed`: type -> newest event time."""
    for fact in rule.ends:
        for name in sorted(fact.types & missed.keys()):
            for run in slot.runs:
                if run.began <= missed[name]:
                    _leave(run, f"{name} happened while the rule was away", now)


def _meet(journey: Journey, run: Run, state: State, zones: Zones, now: int) -> None:
    run.sent = [journey.renamed.get(name, name) for name in run.sent]
    ahead = {journey.renamed.get(name, name): times for name, times in run.ahead.items()}
    run.ahead = {wait.name: ahead[wait.name] for wait in journey.waits if wait.fact is not None and wait.name in ahead}
    found = journey.place(run.step)
    if found is None:
        _leave(run, f"step {run.step} is no longer in the journey", now)
        return
    run.step, step = found
    if step is None:  # the wait between two steps is gone
        run.due = min(run.due, now)
    elif isinstance(step, Wait):
        run.moment, run.reason = 0, ""
        end = step.length.end(Scope(state, run.event, now, sent=run.sent), run.came, zones)
        if end is None:
            _leave(run, step.length.unknown, now)
        elif run.due > now:
            run.due = max(end, now)


def _leave(run: Run, why: str, now: int) -> None:
    if not run.leaves:
        run.leaves, run.due = why, min(run.due, now)
