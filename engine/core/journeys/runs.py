"""Questions about the runs in a customer's state, for the guards of the action Steps and for `conduct`."""

from typing import TYPE_CHECKING, Final

from engine.core.expression import EVERY, Reads
from engine.core.facts import is_about, match_value
from engine.core.firing import Firing
from engine.core.state.model import Run, State
from engine.core.zones import iso
from engine.model import BECAME, KeptEvent

if TYPE_CHECKING:
    from engine.core.book import Rule

MAX_RUNS: Final = 32
"""Open runs of one customer and rule (`match`); further ones are suppressed. Without it a customer with a new order id
per event would grow the state without end."""


def key_of(rule: "Rule", event: KeptEvent | None) -> str | None:
    """The value of `match` that tells the run from others; None if the event has no usable one."""
    if not rule.match:
        return ""
    return match_value(event.properties, rule.match) or None if event is not None else None


def kept(reads: Reads, event: KeptEvent | None) -> KeptEvent | None:
    """The event with the properties that the journey reads; None if it reads nothing of it."""
    if event is None or not reads.event:
        return None
    if EVERY in reads.properties:
        return event
    properties = {name: value for name, value in event.properties.items() if name in reads.properties}
    return KeptEvent(event.id, event.type, event.time, properties)


def over_since(rule: "Rule", state: State, firing: Firing) -> str:
    """The reason why a run that begins now, late, is over already; "" if it is not.

    Exits are remembered; of a goal only the newest event is known, so that one with `where` or `match` is not.
    """
    if state.known is not None and state.identified >= firing.moment:
        return BECAME + state.became
    slot = state.rules.get(rule.id)
    if slot is not None:
        times = [slot.cancelled, *(time for key, time in slot.exits.items() if is_about(key, firing.event))]
        if max(times) > firing.moment:
            return f"what ends it has happened since then, at {iso(max(times))}"
    goal = rule.goal
    if goal is None or not goal.is_plain:
        return ""
    memory = state.events.get(goal.event)
    if memory is None or memory.last <= firing.moment:
        return ""
    return f"the goal has been reached since then: {goal.event} at {iso(memory.last)}"


def next_moment(run: Run) -> int:
    """When something next happens in the run: its step is due, or an awaited event that is known already."""
    times = run.ahead.get(run.step) if run.ahead else None
    return min(run.due, times[0]) if times else run.due
