"""The trigger `segment`: the customer moves in or out of a segment, or up or down its levels.

It fires with the change itself, once a move. It keeps nothing in the state: the membership counts the moves.
"""

from typing import Any

from engine.core.facts import Fact
from engine.core.firing import Firing
from engine.core.scope import NO_LEVEL, in_segment, level_of, segment_time
from engine.core.state.model import State
from engine.core.triggers.base import Trigger
from engine.core.zones import iso
from engine.model import Event


def move_in_words(segment: str, new: str) -> str:
    """What has happened in a segment without levels."""
    return f"{'left' if new == NO_LEVEL else 'came into'} segment {segment}"


class OnSegment(Trigger):
    kind = "segment"
    code = 7
    is_immediate = True

    def __init__(self, rule: str, *, move: Fact, **common: Any) -> None:
        super().__init__(rule, **common)
        self.move = move

    @property
    def segments(self) -> frozenset[str]:
        return frozenset({self.move.segment})

    def on_event(self, state: State, event: Event, horizon: int) -> Firing | None:
        if event.type not in self.move.types or not self.move.happens(state, event):
            return None
        segment, old, new = (event.properties[name] for name in ("segment", "old", "new"))
        occurrence = f"{segment} {state.segments[segment].moves}"
        reason = f"segment {segment}: {old} to {new}" if self.move.levels else move_in_words(segment, new)
        return Firing(occurrence, event.time, self.kept(event), reason)

    def holds(self, state: State, occurrence: str, at: int) -> bool:
        """Until the customer moves again in this segment, which may have had another name at the move."""
        membership = state.segments.get(self.move.segment)
        name, _, number = occurrence.rpartition(" ")
        is_ours = name == self.move.segment or name not in state.segments
        return membership is not None and is_ours and number == str(membership.moves)

    def explain(self, state: State) -> str:
        segment, waits = self.move.segment, f"waits for a move {self.move.moves}"
        since = segment_time(state, segment, "since")
        if self.move.levels:
            place = f"segment {segment} is {level_of(state, segment)}"
        else:
            place = f"is {'in' if in_segment(state, segment) else 'not in'} segment {segment}"
        return f"{place}{f' since {iso(since)}' if isinstance(since, int) else ''}; {waits}"
