"""Where a customer stands in a journey, since when, and what moves them on: sentences for `engine explain`."""

from engine.core.book import Rule
from engine.core.journeys import credit
from engine.core.journeys.runs import next_moment
from engine.core.journeys.steps import Act, Journey, Wait
from engine.core.state.model import Run, Slot, State
from engine.core.zones import iso


def explain(rule: Rule, journey: Journey, state: State) -> str:
    """One sentence per open run; without one, what would begin it; and one per run that may yet reach its goal."""
    slot = state.rules.get(rule.id) or Slot()
    over = [credit.explain(journey, goal, run) for run in slot.ended if not run.due] if (goal := journey.goal) else []
    if not slot.runs:
        return "\n".join([f"not on the journey; it begins so: {rule.trigger.explain(state)}", *over])
    return "\n".join([*(_run(rule, journey, run) for run in slot.runs), *over])


def _run(rule: Rule, journey: Journey, run: Run) -> str:
    about = f" ({rule.match} {run.key})" if run.key else ""
    step = journey.named.get(run.step)
    ends = [fact.text for fact in rule.ends]
    over = f"; {' or '.join(ends)} ends it" if ends else ""
    return f"on the journey{about} since {iso(run.began)}: {_stands(run, step)}{over}"


def _stands(run: Run, step: Act | Wait | None) -> str:
    at = iso(next_moment(run))
    if run.leaves:
        return f"leaves it at {at}: {run.leaves}"
    if isinstance(step, Act):
        return f"{step.name} is held by quiet hours until {at}" if run.moment else f"{step.name} is due at {at}"
    if step is None:
        return f"goes on at {at}"
    waiting = f"at {step.name} since {iso(run.came)}"
    if step.fact is None:
        return f"{waiting}, goes on at {at} ({step.length.text}){_towards(step.over)}"
    about = f" about {step.about}" if step.about else ""
    return f"{waiting}, waits for {step.fact.text}{about} until {at}"


def _towards(step: object) -> str:
    return f" with {step.name}" if isinstance(step, Act) else ""
