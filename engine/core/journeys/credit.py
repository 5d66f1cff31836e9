"""Which outreach a journey's goal is credited to: the newest one of the run before it, for the goal's `within`.

A run that ends without its goal is remembered until then, so that a goal that comes after its end is credited too.
`conduct` calls this; `settle` notes each outreach that a run makes. A journey without a goal keeps nothing.
"""

from operator import itemgetter
from typing import NamedTuple

from engine.core.book import Rule
from engine.core.durations import UNITS, text_of
from engine.core.effects import effect_id
from engine.core.facts import Fact, match_value
from engine.core.firing import Candidate
from engine.core.journeys.runs import MAX_RUNS
from engine.core.journeys.steps import Journey
from engine.core.state.model import Run, Slot, State
from engine.core.zones import iso
from engine.model import Event, KeptEvent

MADE_BY = "/"
"""Stands between a rule's former id and the step in `Run.told`; neither can contain it."""


class Credit(NamedTuple):
    """The outreach that is credited: its id, its step as it is named now, and how long before the goal it was (ms)."""

    outreach: str
    step: str
    before: int

    @property
    def text(self) -> str:
        """In one whole number of days, hours, minutes or seconds: a store keeps reasons that differ in numbers once."""
        unit = next((UNITS[unit] for unit in "dhms" if self.before >= UNITS[unit]), self.before + 1)
        return f"{text_of(self.before // unit * unit)} after {self.step}"


def find(rule: Rule, journey: Journey, customer: str, run: Run, time: int) -> Credit | None:
    """What a goal that happens at `time` is credited to; None: the run made nothing before, or too long before."""
    made = [(at, name) for name, at in reversed(run.told.items()) if run.began + at <= time]
    if not made:
        return None
    at, name = max(made, key=itemgetter(0))
    before = time - run.began - at
    if before >= journey.within:
        return None
    maker, _, step = name.rpartition(MADE_BY)
    outreach = effect_id(maker or rule.id, customer, run.occurrence, step)
    return Credit(outreach, journey.renamed.get(step, step), before)


def note(candidate: Candidate) -> None:
    """The candidate's run makes outreach now."""
    journey, run = candidate.rule.action.journey, candidate.run
    if journey is not None and journey.goal is not None and run is not None:
        run.told[candidate.step_name] = candidate.at - run.began


def retract(slot: Slot, occurrence: str, step: str) -> None:
    """The outreach could not be written."""
    for run in (*slot.runs, *slot.ended):
        if run.occurrence == occurrence:
            run.told.pop(step, None)
    slot.ended = tuple(run for run in slot.ended if run.told)


def remember(journey: Journey, slot: Slot, run: Run, lateness: int, at: int) -> None:
    """A run is over without its goal: keep what one that comes later is credited to."""
    goal = journey.goal
    if goal is None or not run.told:
        return
    over = Run(run.occurrence, run.began, "", key=run.key, event=_matched(goal, run), told=run.told)
    supersede(journey, goal, slot, run, lateness, at)
    ended = (*slot.ended, over)[-MAX_RUNS:]
    slot.ended = tuple(one for one in ended if _end_of(journey, one) + lateness > at)


def supersede(journey: Journey, goal: Fact, slot: Slot, run: Run, lateness: int, at: int) -> None:
    """From its first outreach on, a goal is this run's and of none before it that the event would concern as well.

    One event is credited to one outreach. Earlier runs are kept for events that may still come late.
    """
    first = run.began + min(run.told.values())
    for one in slot.ended:
        if _whose(goal, one) == _whose(goal, run) and first < _end_of(journey, one):
            one.due = first
    slot.ended = tuple(one for one in slot.ended if _end_of(journey, one) + lateness > at)


def take(state: State, rule: Rule, goal: Fact, event: Event) -> list[tuple[Run, Credit]]:
    """The runs that are over and reach their goal with the event, each once: they are taken out."""
    slot, journey = state.rules.get(rule.id), rule.action.journey
    if slot is None or not slot.ended or journey is None or not goal.happens(state, event):
        return []
    concerned = [run for run in slot.ended if event.time < _end_of(journey, run) and goal.concerns(event, run.event)]
    found = [(run, credit) for run in concerned if (credit := find(rule, journey, event.customer, run, event.time))]
    taken = [run for run, _ in found]
    slot.ended = tuple(run for run in slot.ended if run not in taken)
    return found


def explain(journey: Journey, goal: Fact, run: Run) -> str:
    """A sentence about a run that is over."""
    end = iso(_end_of(journey, run))
    return f"the run since {iso(run.began)} is over; {goal.text} before {end} still counts for it"


def rename(old: str, slot: Slot) -> None:
    """The rule gets another id: the outreach that its runs have made keep that of the old one in their ids."""
    for run in (*slot.runs, *slot.ended):
        run.told = {name if MADE_BY in name else f"{old}{MADE_BY}{name}": at for name, at in run.told.items()}


def _end_of(journey: Journey, run: Run) -> int:
    """From then on a goal comes too late for all that the run has made, or is a later run's."""
    return run.due or run.began + max(run.told.values()) + journey.within


def _matched(goal: Fact, run: Run) -> KeptEvent | None:
    """The event that began the run, with no more than what `match` of the goal compares."""
    event = run.event
    if event is None or goal.match not in event.properties:
        return None
    return KeptEvent(event.id, event.type, event.time, {goal.match: event.properties[goal.match]})


def _whose(goal: Fact, run: Run) -> tuple[str, str]:
    """What tells the runs apart that an event may concern."""
    return run.key, match_value(run.event.properties, goal.match) if goal.match and run.event is not None else ""
