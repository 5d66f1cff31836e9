"""What the checks before a start and `engine doctor` find: ok, a warning or a failure, with advice."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `advice`: what to do about it."""

    level: Level
    what: str
    says: str
    advice: str = ""


def ok(what: str, says: str) -> Finding:
    return Finding(Level.OK, what, says)


def warn(what: str, says: str, advice: str) -> Finding:
    return Finding(Level.WARN, what, says, advice)


def fail(what: str, says: str, advice: str) -> Finding:
    return Finding(Level.FAIL, what, says, advice)
