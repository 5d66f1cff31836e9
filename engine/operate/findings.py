"""A finding of a check: ok, a warning or a failure, with advice. Checks return findings; commands print them."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `advice`: what to do about it."""

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
