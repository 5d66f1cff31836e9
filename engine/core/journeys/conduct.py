"""Leads customers through journeys: begins their runs, goes on when a wait is over or a fact comes, and ends them.

`settle` calls `enter`, `go_on` and `after_step`, and `hear` for events and moves that journeys wait for. Each returns
what is to be judged now: the step as a candidate, or None if the run waits or is over.
"""

from typing import TYPE_CHECKING, Final

from engine.core.book import Rule
from engine.core.effects import effect_id
from engine.core.facts import Fact
from engine.core.firing import Candidate, Firing
from engine.core.guards import Defer, Verdict
from engine.core.journeys import credit, runs
from engine.core.journeys.steps import Act, Branch, Journey, Step, Wait
from engine.core.role import JourneyRole
from engine.core.scope import Scope, in_segment
from engine.core.state.model import Run, State
from engine.core.triggers.base import Trigger
from engine.model import Event, Outcome

if TYPE_CHECKING:
    from engine.core.settle import Settling

ON_TIME: Final = 900_000
"""A step that is decided at most this long (15 min, in ms) after its moment and the allowed lateness counts as made at
its moment: seconds of lag do not add up over the steps, and a replay meets the same moments. What is decided later, by
an outage or for a late event, counts from then: otherwise the message after the next wait would come at once too."""
MAX_AHEAD: Final = 8
"""Times of events per wait that are remembered while allowed lateness holds the steps before it. Without it a customer
with many events within the lateness would grow the state."""
_TAKEN_OUT: Final = "the wait was taken out"


def enter(settling: "Settling", candidate: Candidate) -> Candidate | None:
    """Begin a run with a firing that passed the guards of the entry."""
    rule, firing, journey = candidate.rule, candidate.firing, journey_of(candidate.rule)
    slot = settling.state.slot(rule.id)
    run = Run(firing.occurrence, firing.moment, "", key=runs.key_of(rule, firing.event) or "")
    run.event = runs.kept(journey.reads, firing.event)
    slot.runs.append(run)
    settling.record(candidate, Outcome.ENTERED, firing.reason)
    return _walk(settling, rule, run, journey.first, firing.moment, candidate.at, firing.reason)


def go_on(settling: "Settling", rule: Rule, run: Run, moment: int, at: int) -> Candidate | None:
    """Something is due in the run at `moment`: a wait is over, an awaited event has come, or quiet hours have ended."""
    if run.leaves:
        _end(settling, rule, run, Outcome.EXITED, run.leaves, at)
        return None
    step = journey_of(rule).named.get(run.step)
    if step is None:
        return _walk(settling, rule, run, journey_of(rule).beyond(run.step), moment, at, _TAKEN_OUT)
    if isinstance(step, Act):
        if step.name not in run.sent:
            return _candidate(settling, rule, run, step, run.reason or _TAKEN_OUT, at)
        run.moment, run.reason = 0, ""
        return _walk(settling, rule, run, step.next, moment, at, _TAKEN_OUT)
    if moment < run.due:
        assert step.fact is not None
        _use_up(journey_of(rule), run, step.fact, moment)
        return _walk(settling, rule, run, step.answered, moment, at, f"{step.fact.text} happened")
    reason = f"no {step.fact.text} within {step.length.text}" if step.fact else f"waited {step.length.text}"
    return _walk(settling, rule, run, step.over, moment, at, reason)


def after_step(settling: "Settling", candidate: Candidate, verdict: Verdict) -> Candidate | None:
    """Go on after a step that was judged; if quiet hours hold it, they hold the journey."""
    run, step, at = candidate.run, candidate.step, candidate.at
    assert run is not None and step is not None
    if isinstance(verdict, Defer):
        run.moment, run.reason, run.due = candidate.firing.moment, candidate.firing.reason, verdict.until
        return None
    due = max(run.due, run.came)  # of a wait whose end had passed the step was due before the customer came to it
    made = due if at - due <= settling.book.policy.allowed_lateness + ON_TIME else at
    run.moment, run.reason = 0, ""
    return _walk(settling, candidate.rule, run, step.next, made, at, f"after {step.name}")


def is_met(role: JourneyRole, state: State, event: Event) -> bool:
    """Whether the event may concern a run of the customer's; most have none."""
    rules = state.rules
    for id_ in role.followed:
        slot = rules.get(id_)
        if slot is not None and (slot.runs or slot.ended):
            return True
    for id_ in role.disproved:
        slot = rules.get(id_)
        if slot is not None and slot.runs and any(event.time < run.began for run in slot.runs):
            return True
    return False


def hear(settling: "Settling", told: list[tuple[JourneyRole, Event]], at: int) -> list[Candidate]:
    """Let what happens at one instant end runs that should not have begun, reach goals, and end waits, in this order.

    Each goal is reached before any wait is over, so that no step comes of a run that has reached its goal.
    """
    for role, event in told:
        for rule in role.starts:
            _disprove(settling, rule, event, at)
        for rule, goal in role.goals:
            _reach(settling, rule, goal, event, at)
        for rule in role.calendars:
            _look_up_again(settling, rule, event, at)
    return [step for role, event in told for rule in role.waits for step in _end_waits(settling, rule, event, at)]


def end_all(settling: "Settling", rule: Rule, fact: Fact, event: Event, at: int) -> None:
    """An exit has happened: end the runs that it concerns, even in the middle of a wait."""
    for run in _concerned(settling, rule, fact, event):
        _end(settling, rule, run, Outcome.EXITED, f"{fact.text} happened", at)


def _reach(settling: "Settling", rule: Rule, goal: Fact, event: Event, at: int) -> None:
    """The goal has happened: end the runs that it concerns, and credit it to outreach, of runs that are over too."""
    reason, journey = f"{goal.text} happened", journey_of(rule)
    for run in _concerned(settling, rule, goal, event):
        credited = credit.find(rule, journey, settling.customer, run, event.time)
        if credited is not None:
            lateness = settling.book.policy.allowed_lateness
            credit.supersede(journey, goal, settling.state.rules[rule.id], run, lateness, at)
            _end(settling, rule, run, Outcome.GOAL_REACHED, f"{reason} {credited.text}", at, credited.outreach)
        else:
            _end(settling, rule, run, Outcome.GOAL_REACHED, reason, at)
    for run, credited in credit.take(settling.state, rule, goal, event):
        over = f"{reason} {credited.text}, after the run"
        _record_end(settling, rule, run, Outcome.GOAL_REACHED, over, at, credited.outreach)


def _concerned(settling: "Settling", rule: Rule, fact: Fact, event: Event) -> list[Run]:
    """The open runs that an exit or a goal ends."""
    slot = settling.state.rules.get(rule.id)
    if slot is None or not slot.runs or not fact.happens(settling.state, event):
        return []
    return [
        run
        for run in slot.runs
        if event.time >= run.began and not _began_with(run, event) and fact.concerns(event, run.event)
    ]


def _disprove(settling: "Settling", rule: Rule, event: Event, at: int) -> None:
    """A late event may show that a run should not have begun: end it. What was sent stays sent."""
    slot = settling.state.rules.get(rule.id)
    for run in list(slot.runs) if slot is not None else ():
        if event.time < run.began and _disproves(rule.trigger, settling.state, event, run.occurrence):
            _end(settling, rule, run, Outcome.EXITED, f"a late {event.type} shows that it should not have begun", at)


def _look_up_again(settling: "Settling", rule: Rule, event: Event, at: int) -> None:
    """The customer's zone may have changed: it moves the end of waits by the calendar, but not into the past."""
    slot = settling.state.rules.get(rule.id)
    for run in slot.runs if slot is not None else ():
        step = journey_of(rule).named.get(run.step)
        if isinstance(step, Wait) and step.length.by_calendar and run.due > event.time:
            end = step.length.end(_scope(settling, run, at), run.came, settling.book.policy.zones)
            run.due = max(end, event.time) if end is not None else run.due


def _disproves(trigger: Trigger, state: State, event: Event, occurrence: str) -> bool:
    try:
        return trigger.disproves(state, event, occurrence)
    except ValueError:  # the rule was of another kind when the run began
        return False


def _end_waits(settling: "Settling", rule: Rule, event: Event, at: int) -> list[Candidate]:
    """Let an event end the waits of the rule's runs; the steps that are due now."""
    journey, slot = journey_of(rule), settling.state.rules.get(rule.id)
    found = []
    for run in list(slot.runs) if slot is not None else ():
        step = journey.named.get(run.step)
        if step is None or _began_with(run, event):
            continue
        if event.time >= run.due:
            _remember_ahead(settling, rule, run, event)
        elif isinstance(step, Wait) and event.time >= run.came and _answers(settling, rule, run, step, event):
            assert step.fact is not None
            reason = f"{step.fact.text} happened"
            found.append(_walk(settling, rule, run, step.answered, event.time, at, reason))
    return [candidate for candidate in found if candidate is not None]


def end_guest(settling: "Settling", rule: Rule, until: int, reason: str, at: int) -> None:
    """A guest became a known customer: end the runs that began up to then."""
    slot = settling.state.rules.get(rule.id)
    for run in list(slot.runs) if slot is not None else ():
        if run.began <= until:
            _end(settling, rule, run, Outcome.EXITED, reason, at)


def journey_of(rule: Rule) -> Journey:
    """The journey of a rule that has one."""
    journey = rule.action.journey
    assert journey is not None
    return journey


def _walk(
    settling: "Settling", rule: Rule, run: Run, step: Step | None, moment: int, at: int, reason: str
) -> Candidate | None:
    """Go from a step to the next one that acts or waits. `moment` is when the customer came to the step.

    What comes after a wait for a time of the event that has passed was due then: freshness counts from it.
    """
    scope, due = _scope(settling, run, at), moment
    while step is not None:
        if isinstance(step, Branch):
            step = step.yes if step.condition.test(scope) else step.no
        elif isinstance(step, Act):
            if step.name not in run.sent:
                _stand(run, step, moment, due)
                return _candidate(settling, rule, run, step, reason, at)
            step = step.next  # a new rule book has led back to it
        elif _is_passed_over(step, run, scope):
            step = step.next
        elif step.fact is not None and _is_there(settling.state, step.fact):
            step = step.answered
        else:
            end = step.length.end(scope, moment, settling.book.policy.zones)
            if end is None or end > moment:
                _begin_wait(settling, rule, run, step, moment, end, at)
                return None
            due = end if moment - end > ON_TIME else moment
            step = step.over
    _end(settling, rule, run, Outcome.COMPLETED, "all steps are done", at)
    return None


def _begin_wait(settling: "Settling", rule: Rule, run: Run, wait: Wait, moment: int, end: int | None, at: int) -> None:
    """Let the customer wait until `end`; None: nobody knows how long, so that they leave."""
    _stand(run, wait, moment, moment if end is None else end)
    if end is None:
        _end(settling, rule, run, Outcome.EXITED, wait.length.unknown, at)
    else:
        _forget_ahead(run, moment)


def _scope(settling: "Settling", run: Run, at: int) -> Scope:
    """What the expressions of steps see."""
    return Scope(settling.state, run.event, at, settling.customer, run.sent)


def _is_passed_over(step: Wait, run: Run, scope: Scope) -> bool:
    if step.condition is not None and not step.condition.test(scope):
        return True
    return bool(step.about) and step.about not in run.sent


def _is_there(state: State, fact: Fact) -> bool:
    """Whether the customer is where a move would bring them: a wait for it is over at once."""
    if not fact.segment or fact.moves not in ("in", "out"):
        return False
    return in_segment(state, fact.segment) == (fact.moves == "in")


def _stand(run: Run, step: Act | Wait, since: int, due: int) -> None:
    run.step, run.due = step.name, due
    run.since = since if since != run.began else 0


def _candidate(settling: "Settling", rule: Rule, run: Run, step: Act, reason: str, at: int) -> Candidate:
    firing = Firing(run.occurrence, run.moment or run.due, run.event, reason)
    return Candidate(rule, step.action, firing, settling.customer, at, not run.moment, run, step)


def _answers(settling: "Settling", rule: Rule, run: Run, wait: Wait, event: Event) -> bool:
    """Whether the event is what the run waits for."""
    fact = wait.fact
    if fact is None or event.type not in fact.types or not fact.concerns(event, run.event):
        return False
    if wait.about and event.properties.get("outreach") not in _outreach_ids(settling, rule, run, wait.about):
        return False
    return fact.happens(settling.state, event)


def _outreach_ids(settling: "Settling", rule: Rule, run: Run, step: str) -> list[str]:
    """The ids that the step's outreach may have: rule and step may have had other names when it was made."""
    customer, names = settling.customer, journey_of(rule).names(step)
    return [effect_id(id_, customer, run.occurrence, name) for id_ in (rule.id, *rule.was) for name in names]


def _remember_ahead(settling: "Settling", rule: Rule, run: Run, event: Event) -> None:
    """An earlier step is still due: remember for which waits the event will count when they begin."""
    for wait in journey_of(rule).waits:
        if wait.name != run.step and _answers(settling, rule, run, wait, event):
            times = run.ahead.setdefault(wait.name, [])
            times.append(event.time)
            times.sort()
            del times[MAX_AHEAD:]


def _use_up(journey: Journey, run: Run, fact: Fact, moment: int) -> None:
    """The event that ends the present wait, by its fact, ends no wait after it; another one of that moment may."""
    for wait in journey.waits:
        times = run.ahead.get(wait.name, [])
        if moment in times and wait.fact is not None and wait.fact.may_come_with(fact):
            times.remove(moment)


def _forget_ahead(run: Run, moment: int) -> None:
    """Drop what came before the present step began."""
    later = {name: [time for time in times if time >= moment] for name, times in run.ahead.items()}
    run.ahead = {name: times for name, times in later.items() if times}


def _began_with(run: Run, event: Event) -> bool:
    return event.time == run.began and event.occurrence == run.occurrence


def _end(
    settling: "Settling", rule: Rule, run: Run, outcome: Outcome, reason: str, at: int, outreach: str = ""
) -> None:
    slot = settling.state.rules[rule.id]
    slot.runs = [other for other in slot.runs if other is not run]
    if outcome is not Outcome.GOAL_REACHED and rule.action.journey is not None:
        credit.remember(rule.action.journey, slot, run, settling.book.policy.allowed_lateness, at)
    _record_end(settling, rule, run, outcome, reason, at, outreach)


def _record_end(
    settling: "Settling", rule: Rule, run: Run, outcome: Outcome, reason: str, at: int, outreach: str
) -> None:
    firing = Firing(run.occurrence, run.began, run.event, reason)
    candidate = Candidate(rule, rule.action, firing, settling.customer, at, run=run)
    settling.record(candidate, outcome, reason, outreach)
    slot = settling.state.rules.get(rule.id)
    if slot is not None and slot.is_empty:
        del settling.state.rules[rule.id]
