"""What the oracle of a town keeps of a customer, and what it and the engine find. Moments are in half hours."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from tests.support.town_rules import HALF, START


class Found(NamedTuple):
    """One decision. `coupon`: until when the code in it is valid, and the run that it belongs to."""

    at: int
    customer: str
    rule: str
    step: str
    outcome: str
    coupon: tuple[int, str] | None = None


def ms(at: int) -> int:
    return START + at * HALF


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
    moment: int
    due: int
    order: str = ""
    end: int = 0
    held: bool = False


@dataclass(eq=False)
class Run:
    """A run of the journey of an order: the steps before it, or the wait that it is in, since when and until when."""

    order: str
    began: int
    steps: list[str]
    moment: int
    waits: str = ""
    since: int = 0
    due: int = 0
    held: bool = False
    valid_until: int = 0
