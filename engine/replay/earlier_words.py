"""Reasons as earlier engines have worded them: to decide an archive again in other words is no other decision."""

import re

from msgspec.structs import replace

from engine.core.book import RuleBook
from engine.core.guards import CAME_TRUE, REACHED
from engine.core.triggers.segment import move_in_words
from engine.replay.comparison import Recorded

_MOVE = re.compile(rb'(?<="reason":")segment ([a-z][a-z0-9_]*): (?:none|in) to (none|in)(?=[";])')
"""No level can be called `in`."""
_REENTRY = re.compile(rb'(?<="reason":"reentry: )([^",]*), and it ' + REACHED.encode() + b" at ")


def in_words_of_now(recorded: Recorded, book: RuleBook) -> Recorded:
    """The outcome with the reason that this engine gives for it. `book` has decided it."""
    rule, value = book.by_id.get(recorded.rule), _MOVE.sub(_moved, recorded.value)
    if rule is not None and rule.action.waits:
        value = _REENTRY.sub(rb"\1, and it " + CAME_TRUE.encode() + b" at ", value)
    return replace(recorded, value=value)


def _moved(found: re.Match[bytes]) -> bytes:
    return move_in_words(found[1].decode(), found[2].decode()).encode()
