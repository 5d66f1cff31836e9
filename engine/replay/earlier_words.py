"""Reasons as earlier engines have worded them: to decide an archive again in other words is no other decision."""

import re

from msgspec.structs import replace

from engine.core.triggers.segment import move_in_words
from engine.replay.comparison import Recorded

_MOVE = re.compile(rb'(?<="reason":")segment ([a-z][a-z0-9_]*): (?:none|in) to (none|in)(?=[";])')
"""No level can be called `in`."""
_REENTRY = re.compile(rb'(?<="reason":"reentry: )([^",]*), and it reached this customer at ')
_ONE_DAY = re.compile(rb'(?<="reason":"waited )1 days\b')


def in_words_of_now(recorded: Recorded) -> Recorded:
    """The outcome with the reason that this engine gives for it."""
    value = _MOVE.sub(_moved, recorded.value)
    value = _REENTRY.sub(rb"\1, and it came true at ", value)
    return replace(recorded, value=_ONE_DAY.sub(b"1 day", value))


def _moved(found: re.Match[bytes]) -> bytes:
    return move_in_words(found[1].decode(), found[2].decode()).encode()
