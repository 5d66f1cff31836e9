"""By which book a customer was decided while a change was rolled out, from the phases that an archive has noted.

`as_decided` asks it for each input. Without a note it says nothing: then the revisions of the outcomes alone tell.
"""

from collections import defaultdict
from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from engine.ports import Rollout
from engine.wire.partitioner import murmur2_partition
from engine.worker.rollout_rules import has_new


class Phase(msgspec.Struct, frozen=True):
    """The phase of a roll-out in which a partition was seen, of so many partitions."""

    partition: int
    partitions: int
    rollout: Rollout


class Assignment(NamedTuple):
    """Which of the two books decided a customer at a moment of a roll-out.

    "both": the new book counts, and beside it the old one goes on as if it had never gone. `rollout` is the phase.
    """

    rollout: Rollout
    books: Literal["old", "both", "new"]


@dataclass(frozen=True, slots=True)
class Course:
    """A roll-out in one partition: its canary, and how it ended as far as that was seen."""

    canary: Rollout
    end: Rollout | None

    def assignment(self, customer: str, at: int) -> Assignment | None:
        """`at`: the partition's clock, epoch ms. None: before the roll-out."""
        if at < self.canary.since:
            return None
        end = self.end
        if end is None or at <= end.began:
            return Assignment(self.canary, "both" if has_new(self.canary, customer, at) else "old")
        return Assignment(end, "new" if has_new(end, customer, at) else "old")


class Courses:
    """All roll-outs that were noted."""

    def __init__(self, phases: Sequence[Phase]) -> None:
        self._found: dict[tuple[int, int], list[Course]] = {}
        self._counts = {one.partitions for one in phases}
        by_place: defaultdict[tuple[int, int], dict[int, list[Rollout]]] = defaultdict(dict)
        for one in phases:
            by_place[one.partition, one.partitions].setdefault(one.rollout.at, []).append(one.rollout)
        for place, rollouts in by_place.items():
            self._found[place] = sorted(map(_course, rollouts.values()), key=lambda one: one.canary.since)

    def of(self, customer: str, books: Container[str]) -> list[Course]:
        """The roll-outs of the customer's partition whose two revisions are among these, oldest first."""
        key = customer.encode(errors="replace")
        places = [(murmur2_partition(key, count), count) for count in self._counts]
        found = (one for place in places for one in self._found.get(place, ()))
        return [one for one in found if one.canary.base in books and one.canary.revision in books]


def _course(phases: Sequence[Rollout]) -> Course:
    """The course of one roll-out. A canary that nobody noted counts as having had its last share all along."""
    end = next((one for one in phases if one.phase != "canary"), None)
    canaries = [one for one in phases if one.phase == "canary"]
    first = canaries[-1] if canaries else msgspec.structs.replace(phases[0], phase="canary", began=phases[0].since)
    return Course(first, end)
