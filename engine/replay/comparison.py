"""What comes of deciding an archive again: outcomes that are the same, outcomes that differ, and what they rest on.

`as_decided` fills it and the command prints it.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from engine.model import Event, Identified

Kind = Literal["no such rules", "not decided again", "not recorded", "otherwise"]
"""How an outcome differs. "no such rules": its revision was not given. "otherwise": the same firing ended in another
way, or at another moment, or for another reason."""


class Recorded(msgspec.Struct, frozen=True):
    """An outcome as it was published; `at`: epoch ms."""

    at: int
    rule: str
    occurrence: str
    step: str
    revision: str
    value: bytes


class Arrived(msgspec.Struct, frozen=True):
    """An input with its record's place in a topic, and when the broker had it, epoch ms."""

    input: Event | Identified
    at: int
    topic: str
    place: str


class Difference(msgspec.Struct, frozen=True):
    """One outcome that differs. `input`: with which it was decided; the values are JSON, "" where there is none."""

    kind: Kind
    customer: str
    rule: str
    input: str
    recorded: str
    again: str


@dataclass
class Comparison:
    """What came of all customers. Only the first differences of each kind are kept."""

    customers: int = 0
    events: int = 0
    same: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    """Revision that was not given -> outcomes that it decided."""
    examples: list[Difference] = field(default_factory=list)
    undecidable: int = 0
    """Inputs that raise an error, as in a worker, where each would be a dead letter."""
    lost: Counter[str] = field(default_factory=Counter)
    """Customer -> events that rules of others have made for them, and that the archive does not have."""
    returned: int = 0
    """Customers who were decided by one book, by another, and by the first again, with no word of a roll-out."""

    def tell(self, difference: Difference, examples: int = 20) -> None:
        self.kinds[difference.kind] += 1
        if self.kinds[difference.kind] <= examples:
            self.examples.append(difference)

    @property
    def differ(self) -> int:
        return sum(self.kinds.values())


def joined(
    events: Iterator[tuple[str, list[Arrived]]], outcomes: Iterator[tuple[str, list[Recorded]]]
) -> Iterator[tuple[str, list[Arrived], list[Recorded]]]:
    """Each customer with both; both come in the order of customers."""
    event, outcome = next(events, None), next(outcomes, None)
    while event is not None or outcome is not None:
        if outcome is None or (event is not None and event[0] < outcome[0]):
            assert event is not None
            yield event[0], event[1], []
            event = next(events, None)
        elif event is None or outcome[0] < event[0]:
            yield outcome[0], [], outcome[1]
            outcome = next(outcomes, None)
        else:
            yield event[0], event[1], outcome[1]
            event, outcome = next(events, None), next(outcomes, None)
