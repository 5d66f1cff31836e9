"""Random segments and histories, and what must come of them: an oracle that looks at whole lists of events.

It shares nothing with the engine but the text of the conditions. At every instant at which anything could change it
asks each condition of the events known by then, one by one.
"""

import operator
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from typing import Any, NamedTuple

from engine.core.actions.send import Send
from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog, EventType, Property, SegmentForm
from engine.core.expr import compile_expression
from engine.core.expression import Needs
from engine.core.facts import Fact
from engine.core.policy import Policy
from engine.core.segments.model import MOVE_TYPES, Keep, Level, Segment
from engine.core.triggers.segment import OnSegment
from engine.model import Event
from tests.support.books import DAY, HOUR, START

AMOUNTS = (1, 2, 2.5, 0.1, 0.2, 4.35, -1)
TYPES = ("buy", "visit")
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    ">=": operator.ge, ">": operator.gt, "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne
}  # fmt: skip
CATALOG = Catalog(
    events={
        "buy": EventType("buy", {"amount": Property("amount", "number")}),
        "visit": EventType("visit"),
        "person": EventType(
            "person",
            {"ends": Property("ends", "time"), "keen": Property("keen", "boolean")},
            profile={"ends": "ends", "keen": "keen"},
        ),
    }
    | MOVE_TYPES,
    profile={"ends": Property("ends", "time"), "keen": Property("keen", "boolean")},
)


class Look(NamedTuple):
    """What a condition may look at: the events known, the instant, and the levels of the segments before it."""

    events: Sequence[Event]
    at: int
    levels: dict[str, int]

    def field(self, name: str) -> Any:
        told = [each for each in self.events if name in each.properties]
        newest = max((each.time for each in told), default=0)
        return next((each.properties[name] for each in reversed(told) if each.time == newest), None)


class Asked(NamedTuple):
    """A condition: as text for the engine, and as a question to whole histories.

    By time alone it can change `spans` after an event, at the instants `fixed`, and at a customer's `ends`.
    """

    text: str
    holds: Callable[[Look], bool]
    spans: frozenset[int] = frozenset()
    fixed: frozenset[int] = frozenset()


def windowed(random: Random) -> Asked:
    type_, hours = random.choice(TYPES), random.randint(1, 12)
    spans = frozenset({hours * HOUR})
    sign = random.choice(list(OPERATORS))
    compare = OPERATORS[sign]

    def within(look: Look) -> list[Event]:
        return [e for e in look.events if e.type == type_ and look.at - hours * HOUR < e.time <= look.at]

    if type_ == "visit" or random.random() < 0.5:
        limit = random.randint(0, 3)
        text = f'events.{type_}.count("{hours}h")'
        if random.random() < 0.2:
            return Asked(f"{limit} {sign} {text}", lambda look: compare(limit, len(within(look))), spans)
        return Asked(f"{text} {sign} {limit}", lambda look: compare(len(within(look)), limit), spans)
    bound = random.choice((0, 1, 2.5, 4.35, 0.3))

    def total(look: Look) -> Decimal:
        return sum((Decimal(str(each.properties["amount"])) for each in within(look)), Decimal(0))

    return Asked(
        f'events.buy.sum("amount", "{hours}h") {sign} {bound}',
        lambda look: compare(total(look), Decimal(str(bound))),
        spans,
    )


def difference(random: Random) -> Asked:
    long = random.randint(4, 12)
    short, limit = random.randint(1, long - 1), random.randint(0, 2)

    def number(look: Look, hours: int) -> int:
        return sum(1 for e in look.events if e.type == "buy" and look.at - hours * HOUR < e.time <= look.at)

    return Asked(
        f'events.buy.count("{long}h") - events.buy.count("{short}h") >= {limit}',
        lambda look: number(look, long) - number(look, short) >= limit,
        frozenset({long * HOUR, short * HOUR}),
    )


def ever(random: Random) -> Asked:
    type_, limit = random.choice(TYPES), random.randint(0, 3)
    return Asked(f"events.{type_}.count() >= {limit}", lambda look: sum(e.type == type_ for e in look.events) >= limit)


def keen(random: Random) -> Asked:
    return Asked("profile.keen", lambda look: bool(look.field("keen")))


def dated(random: Random) -> Asked:
    sign = random.choice(list(OPERATORS))
    compare = OPERATORS[sign]
    if random.random() < 0.3:
        moment = START + random.randint(0, 60) * HOUR
        text = f'now {sign} "{_iso(moment)}"'
        return Asked(text, lambda look: compare(look.at, moment), fixed=frozenset({moment, moment + 1}))

    def holds(look: Look) -> bool:
        ends = look.field("ends")
        return ends is not None and compare(ends, look.at)

    return Asked(f"profile.ends {sign} now", holds)


def since(random: Random) -> Asked:
    """Whether one type came last, which no window says."""
    return Asked("events.buy.last.time >= events.visit.last.time", _last_is_buy)


def _last_is_buy(look: Look) -> bool:
    buy, visit = (max((e.time for e in look.events if e.type == type_), default=None) for type_ in TYPES)
    return buy is not None and visit is not None and buy >= visit


def _iso(moment: int) -> str:
    hours = (moment - START) // HOUR
    return f"2026-01-{1 + hours // 24:02}T{hours % 24:02}:00:00Z"


LEAVES = (windowed, windowed, windowed, difference, ever, keen, dated, since)


def condition(random: Random, before: Sequence["Group"], depth: int = 2) -> Asked:
    kind = random.random()
    if depth and kind < 0.45:
        parts = [condition(random, before, depth - 1) for _ in range(random.randint(2, 3))]
        word, of = random.choice((("and", all), ("or", any)))
        spans, fixed = (
            frozenset().union(*sets) for sets in ((each.spans for each in parts), (each.fixed for each in parts))
        )
        return Asked("(" + f" {word} ".join(each.text for each in parts) + ")", _of(of, parts), spans, fixed)
    if depth and kind < 0.55:
        inner = condition(random, before, depth - 1)
        return inner._replace(text=f"not {inner.text}", holds=lambda look: not inner.holds(look))
    if before and kind < 0.75:
        return of_segment(random, random.choice(before))
    return random.choice(LEAVES)(random)


def _of(of: Callable[[Any], bool], parts: list[Asked]) -> Callable[[Look], bool]:
    return lambda look: of(each.holds(look) for each in parts)


def of_segment(random: Random, group: "Group") -> Asked:
    if group.plain:
        return Asked(f"segments.{group.id}", lambda look: look.levels[group.id] > 0)
    rank, sign = random.randint(0, len(group.levels)), random.choice(list(OPERATORS))
    name = ("none", *(name for name, _ in group.levels))[rank]
    part, key = ("", group.id) if not group.keep or random.random() < 0.5 else (".next", f"{group.id}.next")
    return Asked(f'segments.{group.id}{part} {sign} "{name}"', lambda look: OPERATORS[sign](look.levels[key], rank))


@dataclass
class Group:
    """A segment before it is compiled."""

    id: str
    levels: list[tuple[str, Asked]]
    plain: bool
    keep: int = 0

    def compiled(self, catalog: Catalog) -> Segment:
        levels, needs = [], Needs()
        for name, asked in self.levels:
            expression, problems = compile_expression(asked.text, catalog, frozenset())
            assert expression, (asked.text, problems)
            levels.append(Level(name, expression))
            needs |= expression.needs
        keep = Keep(span=self.keep) if self.keep else None
        return Segment(self.id, tuple(levels), needs, keep, self.plain, definition=str(self.levels))


def groups(random: Random) -> list[Group]:
    made: list[Group] = []
    for place in range(random.randint(1, 4)):
        id_ = f"s{place}"
        if random.random() < 0.5:
            made.append(Group(id_, [("in", condition(random, made))], plain=True))
            continue
        names = ("low", "mid", "high")[: random.randint(1, 3)]
        keep = random.choice((0, 0, 3 * HOUR, 7 * HOUR + 1))
        made.append(Group(id_, [(name, condition(random, made, 1)) for name in names], plain=False, keep=keep))
    return made


def book_of(made: Sequence[Group], lateness: int = 0) -> RuleBook:
    """A rule for every move of every segment."""
    forms = {
        each.id: SegmentForm(() if each.plain else tuple(name for name, _ in each.levels), bool(each.keep))
        for each in made
    }
    catalog = Catalog(events=CATALOG.events, profile=CATALOG.profile, segments=forms)
    rules = tuple(
        Rule(f"of-{each.id}", OnSegment(f"of-{each.id}", move=Fact(segment=each.id, moves="any")), Send("moved"), place)
        for place, each in enumerate(made)
    )
    policy = Policy(fresh_for=None, dedupe=300 * DAY, allowed_lateness=lateness)
    return RuleBook(rules, catalog, policy, segments=tuple(each.compiled(catalog) for each in made))


def history(random: Random) -> list[Event]:
    """Events in the order in which they arrive: some late, some twice, many at the same instants."""
    told: list[tuple[int, Event]] = []
    for place in range(random.randint(1, 14)):
        at = START + random.randint(0, 40) * HOUR + random.choice((0, 0, 0, 1, -1, random.randint(0, HOUR)))
        type_ = random.choice(("buy", "buy", "visit", "person"))
        properties: dict[str, Any] = {}
        if type_ == "buy":
            properties = {"amount": random.choice(AMOUNTS)}
        elif type_ == "person":
            properties = {"keen": random.choice((True, False, None))}
            if random.random() < 0.7:
                properties["ends"] = at + random.randint(-5, 20) * HOUR
        made = Event(f"e{place}", type_, "c-1", at, properties)
        arrives = at + (random.randint(0, 8) * HOUR if random.random() < 0.2 else 0)
        told += [(arrives, made)] * (2 if random.random() < 0.2 else 1)
    return [each for _, each in sorted(told, key=lambda one: one[0])]


Move = tuple[str, str, str, int]
"""Segment, old, new, and when."""


@dataclass
class Standing:
    """Where the customer stands in one segment: 0 is outside."""

    rank: int = 0
    kept: int = 0
    held: bool = True


@dataclass
class Oracle:
    """What must come of one customer's history, told in the order of arrival."""

    groups: Sequence[Group]
    known: list[Event] = field(default_factory=list)
    moments: list[int] = field(default_factory=list)
    moves: list[Move] = field(default_factory=list)
    clock: int = 0

    def __post_init__(self) -> None:
        self.at: dict[str, Standing] = {each.id: Standing() for each in self.groups}
        self.levels: dict[str, int] = {}
        asked = [one for group in self.groups for _, one in group.levels]
        self.spans = {span for one in asked for span in one.spans}
        self.fixed = {moment for one in asked for moment in one.fixed}

    def tell(self, event: Event) -> None:
        self.pass_time(max(self.clock, event.time))
        if event not in self.known:
            self.known.append(event)
            self.moments = self._moments()
            self.look(self.clock)

    def pass_time(self, until: int) -> None:
        while self.known and (coming := self._next()) <= until:
            self.clock = coming
            self.look(coming)
        self.clock = max(self.clock, until)

    def _moments(self) -> list[int]:
        """The instants at which anything could be otherwise, but for `keep`."""
        times = [each.time for each in self.known]
        moments = {*times, *(time + span for time in times for span in self.spans), *self.fixed}
        ends = [each.properties["ends"] for each in self.known if "ends" in each.properties]
        return sorted(moments | {end + more for end in ends for more in (0, 1)})

    def _next(self) -> int:
        place = bisect_right(self.moments, self.clock)
        coming = [*self.moments[place : place + 1], *(each.kept for each in self.at.values())]
        return min((moment for moment in coming if moment > self.clock), default=1 << 60)

    def look(self, at: int) -> None:
        self.levels = {}
        look = Look(self.known, at, self.levels)
        for group in self.groups:
            truths = [asked.holds(look) for _, asked in group.levels]
            highest = max((place + 1 for place, truth in enumerate(truths) if truth), default=0)
            before, stands = self.at[group.id].rank, self.at[group.id]
            if group.keep:
                self._keep(stands, truths, highest, at, group.keep)
            else:
                stands.rank = highest
            self.levels[group.id] = stands.rank
            self.levels[f"{group.id}.next"] = highest
            if stands.rank != before:
                names = ("none", *(name for name, _ in group.levels))
                self.moves.append((group.id, names[before], names[stands.rank], at))

    def _keep(self, stands: Standing, truths: list[bool], highest: int, at: int, keep: int) -> None:
        if highest > stands.rank:
            stands.rank, stands.kept, stands.held = highest, at + keep, True
        if not stands.rank:
            return
        holds = truths[stands.rank - 1]
        if holds and not stands.held:
            stands.kept = at + keep
        stands.held = holds
        if at >= stands.kept:
            stands.rank = stands.rank if holds else highest
            stands.kept, stands.held = (at + keep, True) if stands.rank else (0, True)
