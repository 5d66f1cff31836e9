"""Until when an expression keeps its value without another event: windows empty, and what is not known becomes known.

Everything else in the language depends on the state and the event alone, not on the time.
"""

from engine.core.book import NEVER, NextChange
from engine.core.scope import Scope
from engine.core.state.model import Memory


def next_change(windows: frozenset[tuple[str, str | None, int]]) -> NextChange:
    """For an expression with these windows, as in `Keeps`: the first moment after now that may change its value."""
    spans = sorted({(type_, span) for type_, _, span in windows})
    if not spans:
        return lambda scope: NEVER

    def soonest(scope: Scope) -> int:
        events, now = scope.state.events, scope.now
        return min([_of_window(events[type_], span, now) for type_, span in spans if type_ in events], default=NEVER)

    return soonest


def _of_window(memory: Memory, span: int, now: int) -> int:
    """An event enters a window at its time, and leaves it `span` later; only of some is it known when."""
    history = memory.history
    moments = [memory.first + span, memory.last, memory.last + span]
    if history is not None:
        moments += [history.unknown + span]
        for entry in history.window:
            moments += [entry.time, entry.time + span]
    return min([moment for moment in moments if moment > now], default=NEVER)
