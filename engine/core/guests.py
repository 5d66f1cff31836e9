"""Guests who become known: from that moment on, nothing they did as a guest makes a rule come true.

`decide` calls `identify` with what a record says that names a guest and a known customer. The two are not merged. A
guest who does something again is somebody new, as devices are shared: timers arm as ever.
"""

from engine.core.book import RuleBook
from engine.core.effects import Decision
from engine.core.guards import Stop
from engine.core.settle import Settling
from engine.core.state.model import Known, State
from engine.core.state.rearm import silence
from engine.model import Identified, Outcome


def identify(book: RuleBook, state: State, input: Identified, decision: Decision, present: int) -> None:
    """Disarm what the guest armed up to then, and take back what quiet hours hold of it."""
    if input.time < state.identified:
        return
    state.known = Known(input.known, input.time)
    for slot in state.rules.values():
        silence(state, slot)
    held = [one for one in state.deferred if one.moment <= input.time and one.rule in book.by_id]
    state.deferred = [one for one in state.deferred if one.moment > input.time]
    settling = Settling(book, state, input.customer, decision)
    for one in held:
        verdict = Stop(Outcome.SUPPRESSED, f"became {input.known}")
        settling.apply(settling.again(book.by_id[one.rule], one, present), verdict)
