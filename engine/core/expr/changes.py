"""Until when an expression keeps its value if no other event comes.

`compile_expression` calls `next_change`. Only windows depend on time: events leave them, and unknown parts pass out of
them. Everything else in the language depends on the state and the event alone.
"""

from engine.core.book import NEVER, NextChange
from engine.core.scope import Scope
from engine.core.state.model import Memory


def next_change(windows: frozenset[tuple[str, str | None, int]]) -> NextChange:
    """A function that gives the first moment after now at which an expression with these windows may change."""
    spans = sorted({(type_, span) for type_, _, span in windows})
    if not spans:
        return lambda scope: NEVER

    def soonest(scope: Scope) -> int:
        events, now = scope.state.events, scope.now
        return min([_of_window(events[type_], span, now) for type_, span in spans if type_ in events], default=NEVER)

    return soonest


def _of_window(memory: Memory, span: int, now: int) -> int:
    """The next moment at which an event enters the window (its time) or leaves it (`span` later)."""
    history = memory.history
    moments = [memory.first + span, memory.last, memory.last + span]
    if history is not None:
        moments += [history.unknown + span]
        for entry in history.window:
            moments += [entry.time, entry.time + span]
    return min([moment for moment in moments if moment > now], default=NEVER)
