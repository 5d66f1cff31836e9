"""Segments under allowed lateness: an oracle that says of every move when it is told and as of which moment.

Time waits and events do not (docs/decisions.md). What time alone would do is left to it until lateness is over, unless
an event shows that nothing has changed. Groups and histories are those of tests/support/segment_oracle.py, with one
question a level, so that it is known exactly when time alone may change each: also as an event that is known and still
to come is looked at when it comes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from engine.model import Event
from tests.support.books import HOUR, START
from tests.support.oracle import NEVER
from tests.support.segment_oracle import (
    OPERATORS,
    TYPES,
    Asked,
    Group,
    Look,
    Standing,
    dated,
    ever,
    keen,
    of_segment,
    since,
)


class Said(NamedTuple):
    segment: str
    old: str
    new: str
    moment: int
    at: int


def many(random: Random) -> Asked:
    """A number of events of late."""
    type_, hours, limit = random.choice(TYPES), random.randint(1, 12), random.choice((1, 1, 2, 3))
    sign = random.choice((">=", ">=", "<", ">", "<="))

    def holds(look: Look) -> bool:
        within = [one for one in look.events if one.type == type_ and look.at - hours * HOUR < one.time <= look.at]
        return OPERATORS[sign](len(within), limit)

    return Asked(f'events.{type_}.count("{hours}h") {sign} {limit}', holds, frozenset({hours * HOUR}))


def together(random: Random) -> Asked:
    """A number of events of both types; each of them that leaves its window is a moment at which the engine looks."""
    hours, limit = [random.randint(1, 12) for _ in TYPES], random.choice((1, 2, 2, 3))

    def holds(look: Look) -> bool:
        spans = dict(zip(TYPES, hours, strict=True))
        within = [one for one in look.events if look.at - spans.get(one.type, 0) * HOUR < one.time <= look.at]
        return len(within) >= limit

    counts = " + ".join(f'events.{type_}.count("{span}h")' for type_, span in zip(TYPES, hours, strict=True))
    return Asked(f"{counts} >= {limit}", holds, frozenset(span * HOUR for span in hours))


LEAVES = (many, many, many, many, ever, keen, dated, since)


def asked(random: Random, before: Sequence[Group], keep: int = 0) -> Asked:
    if before and random.random() < 0.25:
        return of_segment(random, random.choice(before))
    one = random.choice(LEAVES if keep else (*LEAVES, together, together))(random)
    return (
        one._replace(text=f"not {one.text}", holds=lambda look: not one.holds(look)) if random.random() < 0.1 else one
    )


def late_groups(random: Random) -> list[Group]:
    made: list[Group] = []
    for place in range(random.randint(1, 3)):
        id_ = f"s{place}"
        if random.random() < 0.4:
            made.append(Group(id_, [("in", asked(random, made))], plain=True))
            continue
        names = ("low", "mid", "high")[: random.randint(1, 3)]
        keep = random.choice((0, 3 * HOUR, 7 * HOUR + 1))
        made.append(Group(id_, [(name, asked(random, made, keep)) for name in names], plain=False, keep=keep))
    return made


class Arrival(NamedTuple):
    """`alone`: nothing moves the clock before the event does."""

    at: int
    event: Event
    alone: bool


def arrivals(random: Random, told: Sequence[Event], lateness: int) -> list[Arrival]:
    made = []
    for event in told:
        late = random.choice((0, 0, 0, 1, random.randint(0, lateness), random.randint(0, 3 * lateness)))
        made.append(Arrival(max(event.time, START) + late, event, random.random() < 0.3))
    return sorted(made, key=lambda one: one.at)


@dataclass
class Place(Standing):
    """`decided`: up to when it is known where the customer stands; `due`: when time alone may change it."""

    decided: int = -1
    due: int = NEVER


@dataclass
class LateOracle:
    groups: Sequence[Group]
    lateness: int
    known: list[Event] = field(default_factory=list)
    moves: list[Said] = field(default_factory=list)
    clock: int = 0

    def __post_init__(self) -> None:
        self.at = {each.id: Place() for each in self.groups}
        self.nexts = dict.fromkeys(self.at, 0)
        """The highest level whose condition held at the last look."""
        asked = [one for group in self.groups for _, one in group.levels]
        self.spans = {span for one in asked for span in one.spans}
        self.fixed = {moment for one in asked for moment in one.fixed}

    @property
    def settled(self) -> int:
        return self.clock - self.lateness

    def pass_time(self, until: int) -> None:
        before, self.clock = self.clock, max(self.clock, until)
        self._settle(self.settled, before)

    def tell(self, event: Event) -> None:
        before, self.clock = self.clock, max(self.clock, event.time)
        self._settle(min(event.time, self.settled), before)
        if event not in self.known:
            self._happen(event)
        self._settle(self.settled, self.clock)

    def _happen(self, event: Event) -> None:
        newest = max([event.time, *(one.time for one in self.known)])
        at, is_new = max(self.settled, newest), not self.known
        waits = {group.id: 0 if is_new else self._moves_by_time(group, at) for group in self.groups}
        self.known.append(event)
        changed: set[str] = set()
        for group in self.groups:
            if is_new or event.type in _types(group) or _read(group) & changed:
                place = self.at[group.id]
                if waits[group.id] and (group.keep or self._highest(group, at) != place.rank):
                    place.due = waits[group.id]
                    if group.keep and event.time > self.settled:  # it may renew the level that is kept
                        place.due = min(place.due, event.time)
                    continue
                changed |= self._look(group, at, self.clock)

    def _moves_by_time(self, group: Group, until: int) -> int:
        """When time alone moves the customer by then, by what is known; of kept levels, when it may. 0: it does not."""
        place = self.at[group.id]
        if group.keep:
            return place.due if place.due <= until else 0
        moments = (one for one in self._instants() if place.due <= one <= until)
        return next((one for one in moments if self._highest(group, one) != place.rank), 0)

    # --- time

    def _settle(self, until: int, now: int) -> None:
        while (coming := min(place.due for place in self.at.values())) <= until:
            changed: set[str] = set()
            for group in self.groups:
                place = self.at[group.id]
                if place.due == coming or _read(group) & changed:
                    changed |= self._look(group, self._instant(group, coming), max(now, coming + self.lateness))

    def _instant(self, group: Group, coming: int) -> int:
        """An event may have brought the group further already; who is still where it has brought them has not left."""
        place, holding = self.at[group.id], self.nexts[group.id]
        later = min(max(one.time for one in self.known), place.due - 1)
        if place.due == coming or later <= coming or self._highest(group, coming) == holding:
            return coming
        return later if self._highest(group, later) == holding else coming

    def _instants(self) -> list[int]:
        times = [each.time for each in self.known]
        ends = [each.properties["ends"] for each in self.known if "ends" in each.properties]
        return sorted(
            {*times, *(time + span for time in times for span in self.spans), *self.fixed}
            | {end + more for end in ends for more in (0, 1)}
        )

    # --- where the customer stands

    def _truths(self, group: Group, at: int) -> list[bool]:
        levels = {id_: place.rank for id_, place in self.at.items()}
        levels |= {f"{id_}.next": self.nexts[id_] for id_ in self.at}
        return [one.holds(Look(self.known, at, levels)) for _, one in group.levels]

    def _highest(self, group: Group, at: int) -> int:
        return max((place + 1 for place, truth in enumerate(self._truths(group, at)) if truth), default=0)

    def _look(self, group: Group, at: int, now: int) -> set[str]:
        """Bring one group up to the instant. Returns it, if something of it has changed."""
        place, highest = self.at[group.id], self._highest(group, at)
        old, before = place.rank, (place.rank, place.kept, self.nexts[group.id])
        if group.keep:
            self._keep(place, highest, at, group.keep)
        else:
            place.rank = highest
        self.nexts[group.id] = highest
        self._await(group, at, highest)
        if place.rank != old:
            names = ("none", *(name for name, _ in group.levels))
            self.moves.append(Said(group.id, names[old], names[place.rank], at, now))
        return {group.id} if before != (place.rank, place.kept, highest) else set()

    def _await(self, group: Group, at: int, highest: int) -> None:
        place = self.at[group.id]
        changes = (one for one in self._instants() if one > at and self._highest(group, one) != highest)
        windows = " ".join(one.text for _, one in group.levels[max(highest - 1, 0) :] if one.spans)
        coming = [one.time for one in self.known if one.time > at and f"events.{one.type}." in windows]
        kept = place.kept if group.keep and place.rank else NEVER
        place.decided, place.due = at, min([next(changes, NEVER), kept, *coming])

    @staticmethod
    def _keep(place: Place, highest: int, at: int, keep: int) -> None:
        holds = highest == place.rank
        if highest > place.rank or (holds and not place.held and place.rank):
            place.rank, place.kept, place.held = highest, at + keep, True
        elif place.rank and at >= place.kept:
            place.rank, place.held = highest, True
            place.kept = at + keep if highest else 0
        else:
            place.held = holds


def _types(group: Group) -> set[str]:
    text = " ".join(one.text for _, one in group.levels)
    return {type_ for type_ in ("buy", "visit") if f"events.{type_}" in text} | (
        {"person"} if "profile." in text else set()
    )


def _read(group: Group) -> set[str]:
    return {one for _, asked in group.levels for one in re.findall(r"segments\.(\w+)", asked.text)}
