"""Guests who become known customers: from then on nothing they did as a guest makes a rule come true.

`decide` calls `identify` for a record that names a guest and a known customer. The two states are not merged. A guest
id that is used again counts as a new person, because devices are shared: its timers arm as usual.
"""

from engine.core.book import RuleBook
from engine.core.effects import Decision
from engine.core.guards import Stop
from engine.core.journeys import conduct
from engine.core.segments.follow import forsake
from engine.core.settle import Settling, refresh
from engine.core.state.model import Known, State
from engine.core.state.rearm import silence
from engine.model import BECAME, Identified, Outcome


def identify(book: RuleBook, state: State, input: Identified, decision: Decision, present: int) -> None:
    """Disarm the timers that the guest armed up to `input.time`, suppress what quiet hours hold, and end runs."""
    if input.time < state.identified:
        return
    state.known = Known(input.known, input.time)
    for slot in state.rules.values():
        silence(state, slot)
    forsake(state)
    state.points.clear()  # what they earned belongs to the customer that they became
    refresh(book.ends, state, input.time)
    held = [one for one in state.deferred if one.moment <= input.time and one.rule in book.by_id]
    state.deferred = [one for one in state.deferred if one.moment > input.time]
    settling = Settling(book, state, input.customer, decision)
    for one in held:
        verdict = Stop(Outcome.SUPPRESSED, BECAME + input.known)
        settling.apply(settling.candidate_again(book.by_id[one.rule], one, present), verdict)
    for rule in book.journeys:
        conduct.end_guest(settling, rule, input.time, BECAME + input.known, present)
