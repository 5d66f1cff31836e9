"""What the oracle of a town keeps of a customer, and what it and the engine find. Moments are in half hours."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.support.town_rules import HALF, START, Moment


class Found(NamedTuple):
    """One decision. `coupon`: until when the code in it is valid, and the run that it belongs to."""

    at: int
    customer: str
    rule: str
    step: str
    outcome: str
    coupon: tuple[Moment, str] | None = None


def ms(at: Moment) -> int:
    return int(START + at * HALF)


class Said(NamedTuple):
    """An event as the points oracle wants it."""

    id: str
    type: str
    time: int
    properties: dict[str, Any]


@dataclass(eq=False)
class Firing:
    """A rule that has come true, and waits: for its `after`, or for the end of a night (`held`)."""

    rule: str
    moment: Moment
    due: Moment
    order: str = ""
    end: Moment = 0
    held: bool = False


@dataclass(eq=False)
class Run:
    """A run of the journey of an order: the steps before it, or the wait that it is in, since when and until when."""

    order: str
    began: Moment
    steps: list[str]
    moment: Moment
    known: int
    """How many events were known when it began."""
    waits: str = ""
    since: Moment = 0
    due: Moment = 0
    held: bool = False
    ahead: Moment = -1
    valid_until: Moment = 0
