"""The action Steps: a firing begins a run of a journey, which goes on by waits (`engine/core/journeys`).

Its guards are asked once, at the entry; each step that sends or emits asks its own.
"""

from collections.abc import Sequence

from engine.core.actions.base import Action
from engine.core.actions.emit import SLOW
from engine.core.actions.send import Send
from engine.core.book import RuleBook
from engine.core.effects import Effect
from engine.core.experiments.guards import experiment
from engine.core.firing import Candidate
from engine.core.guards import PASS, Guard, Stop, Verdict, condition, freshness, reentry
from engine.core.journeys import runs
from engine.core.journeys.steps import Act, Journey
from engine.core.state.model import State
from engine.core.zones import iso
from engine.model import Outcome


class Steps(Action):
    """A journey. It has the priority of its first step, with which its entry competes."""

    outcome = Outcome.ENTERED

    def __init__(self, journey: Journey) -> None:
        self.journey = journey
        self._journey = journey  # the same, which is never None here: mypyc wants one type in all actions
        self.waits = True
        self._sends = tuple(send for act in journey.acts for send in act.action.sends)
        self._makes = frozenset().union(*(act.action.makes for act in journey.acts))
        first = journey.first
        self.priority = first.action.priority if isinstance(first, Act) else 0

    @property
    def guards(self) -> tuple[Guard, ...]:
        return condition, reentry, fresh, place_free, not_over, experiment

    @property
    def sends(self) -> Sequence[Send]:
        return self._sends

    @property
    def makes(self) -> frozenset[str]:
        return self._makes

    @property
    def makes_soon(self) -> frozenset[str]:
        soon = self._journey.acts_within(SLOW)
        return frozenset().union(*(act.action.makes_soon for act in soon))

    @property
    def makes_for_others(self) -> bool:
        return any(act.action.makes_for_others for act in self._journey.acts)

    def effects(self, book: RuleBook, state: State, candidate: Candidate) -> list[Effect]:
        """Nothing: `settle` begins the run."""
        return []


def fresh(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    fresh_for = book.policy.fresh_for
    return freshness(candidate, candidate.firing.moment + fresh_for if fresh_for is not None else 0)


def place_free(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    """One run at a time, or one per value of `match`."""
    rule = candidate.rule
    key = runs.key_of(rule, candidate.firing.event)
    if key is None:
        return Stop(Outcome.SUPPRESSED, f"the event has no {rule.match}")
    slot = state.rules.get(rule.id)
    if slot is None:
        return PASS
    open_ = next((run for run in slot.runs if run.key == key), None)
    if open_ is not None:
        return Stop(Outcome.SUPPRESSED, f"is on the journey already, since {iso(open_.began)}")
    if len(slot.runs) >= runs.MAX_RUNS:
        return Stop(Outcome.SUPPRESSED, f"{runs.MAX_RUNS} runs are open, one per {rule.match}")
    return PASS


def not_over(book: RuleBook, state: State, candidate: Candidate) -> Verdict:
    """A late entry: what ends the journey has happened since then."""
    over = runs.over_since(candidate.rule, state, candidate.firing)
    return Stop(Outcome.SUPPRESSED, over) if over else PASS
