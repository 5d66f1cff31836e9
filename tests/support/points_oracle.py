"""Random points and histories, and what must come of them: an oracle in which every single point is a thing of its own.

It shares nothing with the engine but the text of the expressions. It forgets nothing and puts nothing together; each
point knows what became of it. Moments are epoch ms.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from engine.core.actions.send import Send
from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog, EventType, PointsForm, Property
from engine.core.expr import compile_expression
from engine.core.expression import Expression, Keeps, Needs, Reads
from engine.core.points.model import CHANGED, CHANGED_TYPE, Earn, Expiry, Points, Spend, TakeBack
from engine.core.policy import Policy
from engine.core.triggers.event import OnEvent
from engine.core.zones import Zones
from engine.model import Event
from tests.support.books import DAY, HOUR, START

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
CATALOG = Catalog(
    events={
        "buy": EventType("buy", {"amount": Property("amount", "number"), "order": Property("order", "string")}),
        "gift": EventType("gift", {"order": Property("order", "string")}),
        "refund": EventType("refund", {"amount": Property("amount", "number"), "order": Property("order", "string")}),
        "take": EventType("take", {"stars": Property("stars", "number")}),
        "move": EventType("move", {"zone": Property("zone", "string")}, profile={"zone": "zone"}),
        CHANGED: CHANGED_TYPE,
    },
    profile={"zone": Property("zone", "string")},
    points={"stars": PointsForm(zones=Zones("UTC", "zone"))},
)
LATE = 7 * DAY


class Terms(NamedTuple):
    """Points before they are compiled. `twice`: a second line for large purchases; `gift`: points of a gift."""

    usable_after: int
    within: int
    after: int
    to: str
    twice: bool
    gift: int
    factor: float

    def compiled(self) -> Points:
        buy = _expression(f"event.amount * {self.factor}", "buy")
        earn = [Earn("buy", buy, "order", self.usable_after)]
        if self.twice:
            earn.append(Earn("buy", _expression("5", "buy"), "order", 0, _expression("event.amount >= 10", "buy")))
        if self.gift:
            earn.append(Earn("gift", _expression(str(self.gift), "gift")))
        spend = Spend("take", _expression("event.stars", "take"))
        taken = TakeBack("refund", "order", _expression(f"event.amount * {self.factor}", "refund"), self.within)
        return Points("stars", tuple(earn), (spend,), (taken,), Expiry(self.after, self.to) if self.after else None)


@cache
def _expression(text: str, type_: str) -> Expression:
    """Compiled once: the same few texts stand in thousands of books."""
    found, problems = compile_expression(text, CATALOG, frozenset({type_}), True)
    assert found, problems
    return found


SPANS = (5 * DAY, 40 * DAY)
TOLD = Needs(Reads(event=True), Keeps(points=frozenset(("stars", span) for span in SPANS)))


def terms(random: Random) -> Terms:
    usable_after = random.choice((0, 0, 3 * HOUR, 4 * DAY, 2500))
    after = random.choice((0, 10 * DAY, 10 * DAY, 31 * DAY, 9 * DAY + 1))
    return Terms(
        usable_after,
        random.choice((HOUR, 5 * DAY, 60 * DAY)),
        after,
        random.choice(("", "", "month", "year")) if after else "",
        random.random() < 0.3,
        random.choice((0, 3)),
        random.choice((1, 1, 0.5, 4.35)),
    )


def edited(made: Terms, random: Random) -> Terms:
    """The same with another expiry, another number of points, or a shorter time for refunds.

    A longer time would ask for orders that have been forgotten.
    """
    other = terms(random)
    if random.random() < 0.7:
        made = made._replace(after=other.after, to=other.to)
    return made._replace(factor=other.factor, within=min(made.within, other.within)) if random.random() < 0.5 else made


def book_of(made: Terms, lateness: int = 0) -> RuleBook:
    """A rule that is told of every change."""
    rule = Rule("told", OnEvent("told", event=CHANGED, keeps_event=True), Send("told"), needs=TOLD)
    policy = Policy(zones=Zones("UTC", "zone"), fresh_for=None, dedupe=3000 * DAY, allowed_lateness=lateness)
    return RuleBook((rule,), CATALOG, policy, points=(made.compiled(),))


def history(random: Random, most: int = 14) -> list[Event]:
    """Events in the order in which they arrive; some come late, some twice, some refunds before their purchases."""
    moments = sorted(START + _some_time(random) for _ in range(random.randint(1, most)))
    told: list[Event] = []
    for place, at in enumerate(moments):
        if random.random() < 0.15:
            at = max(START, at - random.choice((1, 999, HOUR, DAY, 6 * DAY, 70 * DAY)))
        told.append(_event(random, f"e{place}", at))
        if random.random() < 0.1:
            told.append(random.choice(told))
    return told


def _some_time(random: Random) -> int:
    days = random.choice((2, 12, 70))
    return random.randint(0, days * 24) * HOUR + random.choice((0, 0, 1, 500, 999))


def _event(random: Random, id_: str, at: int) -> Event:
    kind, order = random.random(), random.choice(("a", "b", "c", "a-long-number-of-an-order", "d", "e"))
    amount = random.choice((1, 4, 10, 12, 0.9, -3, 25))
    if kind < 0.4:
        return Event(
            id_, "buy", "c-1", at, {"amount": amount, "order": order} if random.random() < 0.9 else {"amount": 5}
        )
    if kind < 0.5:
        return Event(id_, "gift", "c-1", at, {"order": order})
    if kind < 0.7:
        return Event(id_, "refund", "c-1", at, {"amount": amount, "order": order})
    if kind < 0.92:
        return Event(id_, "take", "c-1", at, {"stars": random.choice((1, 3, 8, 20, 0))})
    return Event(id_, "move", "c-1", at, {"zone": random.choice(ZONES)})


class End(NamedTuple):
    """A moment, or the first moment of a local month."""

    moment: int
    month: tuple[int, int] | None = None

    def at(self, zone: ZoneInfo) -> int:
        if self.month is None:
            return self.moment
        return _beginning(self.month, zone)


@lru_cache(10_000)
def _beginning(month: tuple[int, int], zone: ZoneInfo) -> int:
    """Without the cache most of a long run would be spent here: each point of a customer asks at each event."""
    return round(datetime(*month, 1, tzinfo=zone).timestamp() * 1000)


@dataclass
class Point:
    """`fate`: "" while nothing has become of it, else spent, debt, moved, expired, taken."""

    usable: int
    end: End | None
    earned: int
    order: str
    line: str
    ready: bool = False
    fate: str = ""


@dataclass
class Oracle:
    """One customer. `settled`: time has come to it."""

    terms: Terms
    lateness: int = 0
    points: list[Point] = field(default_factory=list)
    waiting: list[tuple[str, int, int]] = field(default_factory=list)
    known: dict[tuple[str, str], int] = field(default_factory=dict)
    """(order, line) -> when it was earned."""
    debt: int = 0
    clock: int = 0
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    moved: int = 0
    seen: set[str] = field(default_factory=set)
    told: list[tuple[str, int]] = field(default_factory=list)

    @property
    def settled(self) -> int:
        return self.clock - self.lateness

    def tell(self, event: Event) -> None:
        self.pass_time(max(self.clock, event.time))
        if event.id in self.seen:
            return None
        self.seen.add(event.id)
        at, said = event.time, event.properties
        if event.type == "move" and at >= self.moved:
            self.zone, self.moved = ZoneInfo(said["zone"]), at
        if (event.type == "gift" and not self.terms.gift) or (event.type == "move" and not self.terms.to):
            return self.pass_time(self.clock)  # it does not concern the points
        self._ripen(at)
        if event.type in ("buy", "gift"):
            self._earn(event)
        elif event.type == "take":
            self._spend(int(said["stars"]), at)
        elif event.type == "refund":
            number = self._worth(said["amount"])
            if number:
                self._take_back(said["order"], number, at)
        return self.pass_time(self.clock)

    def meet(self, terms: Terms) -> None:
        """Other rules. A shorter expiry ends nothing sooner than a whole period from now."""
        before, self.terms = self.terms, terms
        if (before.after, before.to) != (terms.after, terms.to):
            spared = self._end(self.clock)
            for point in self.points:
                if point.fate != "expired":
                    fresh = self._end(self._earned(point) * 1000 + 999)
                    sooner = min(point.end, spared, key=self._when)
                    point.end = max(fresh, sooner, key=self._when)
        self.pass_time(self.clock)

    def _when(self, end: End | None) -> int:
        return end.at(self.zone) if end else 2**60

    def pass_time(self, clock: int) -> None:
        """Everything that time brings, moment by moment."""
        self.clock = clock
        while coming := [moment for moment in self._coming() if moment <= self.settled]:
            self._ripen(min(coming))
            self._expire(min(coming))

    def _coming(self) -> list[int]:
        ripe = {point.usable for point in self.points if not point.ready}
        ends = {point.end for point in self.points if point.ready and not point.fate and point.end}
        return [*ripe, *(end.at(self.zone) for end in ends)]

    def _worth(self, amount: float) -> int:
        cents = round(amount * 100) * round(self.terms.factor * 100)
        return max(0, cents // 10_000)

    def _tell(self, reason: str, delta: int) -> None:
        if delta:
            self.told.append((reason, delta))

    def _ripen(self, at: int) -> None:
        ripe = sorted(
            [point for point in self.points if not point.ready and point.usable <= at], key=lambda p: p.usable
        )
        for point in ripe:
            point.ready = True
            if point.fate != "taken" and self.debt:
                self.debt -= 1
                point.fate = "debt"
        self._tell("earned", sum(point.fate != "taken" for point in ripe))

    def _expire(self, at: int) -> None:
        over = [p for p in self.points if p.ready and not p.fate and p.end and p.end.at(self.zone) <= at]
        lots = {(p.order, p.line, p.earned) for p in over}
        for point in over:
            point.fate = "expired"
        for point in self.points:  # of a lot that has ended nothing can be taken back
            if point.fate and point.fate != "taken" and (point.order, point.line, point.earned) in lots:
                point.fate = "expired"
        self._tell("expired", -len(over))

    def _earn(self, event: Event) -> None:
        order = event.properties.get("order", "") if event.type == "buy" else ""
        lines = (
            [("buy", self._worth(event.properties["amount"]), self.terms.usable_after)] if event.type == "buy" else []
        )
        if event.type == "buy" and self.terms.twice and event.properties["amount"] >= 10:
            lines.append(("twice", 5, 0))
        if event.type == "gift" and self.terms.gift:
            lines.append(("gift", self.terms.gift, 0))
        lines = [line for line in lines if line[1]]
        for name, number, usable_after in lines:
            self._earn_line(event, order, name, number, usable_after)
        if lines and order:
            self.waiting = [one for one in self.waiting if one[0] != order]
        self._ripen(event.time)

    def _earn_line(self, event: Event, order: str, name: str, number: int, usable_after: int) -> None:
        memory = self.terms.within + LATE
        earned = event.time // 1000
        if order and (order, name) in self.known and self.settled < (self.known[order, name] + 1) * 1000 + memory:
            return
        self.known[order, name] = earned
        usable, end = (earned + -(-usable_after // 1000)) * 1000, self._end(event.time)
        made = [Point(usable, end, earned, order or event.id, name) for _ in range(number)]
        self.points += made
        left = []
        for of, owed, at in self.waiting:
            concerned = of == order and self.settled < at + memory and self._may_take(made[0], at, at)
            taken = min(owed, sum(not point.fate for point in made)) if concerned else 0
            for point in [point for point in made if not point.fate][:taken]:
                point.fate = "taken"
            left.append((of, owed - taken, at))
        self.waiting = left

    def _end(self, at: int) -> End | None:
        if not self.terms.after:
            return None
        over = at + self.terms.after
        if not self.terms.to:
            return End(-(-over // 1000) * 1000)
        day = datetime.fromtimestamp(over / 1000, UTC).astimezone(self.zone)
        if self.terms.to == "year":
            return End(0, (day.year + 1, 1))
        following = day.replace(day=1) + timedelta(days=32)
        return End(0, (following.year, following.month))

    def _free(self, at: int) -> list[Point]:
        free = [p for p in self.points if p.ready and not p.fate and not (p.end and p.end.at(self.zone) <= at)]
        return sorted(free, key=lambda p: (self._when(p.end), p.usable))

    def _spend(self, number: int, at: int) -> None:
        free = self._free(at)[:number]
        for point in free:
            point.fate = "spent"
        self.debt += number - len(free)
        self._tell("spent", -number)

    def _may_take(self, point: Point, at: int, settled: int) -> bool:
        last = self._earned(point) * 1000 + 999 + self.terms.within
        ended = point.end is not None and point.end.at(self.zone) <= at
        return at <= last and settled <= last + LATE and not ended

    def _earned(self, point: Point) -> int:
        """When it was earned, in seconds; of older points counted with the present `usable_after`."""
        after = self.terms.usable_after if point.line == "buy" else 0
        return point.usable // 1000 - -(-after // 1000)

    def _take_back(self, order: str, number: int, at: int) -> None:
        memory = self.terms.within + LATE
        known = [line for line in ("buy", "twice") if (order, line) in self.known]
        if not any(self.settled < (self.known[order, line] + 1) * 1000 + memory for line in known):
            summed = [one for one in self.waiting if one[0] == order and self.settled < one[2] + memory]
            self.waiting = [one for one in self.waiting if one[0] != order]
            owed, latest = sum(one[1] for one in summed), max((one[2] for one in summed), default=0)
            self.waiting.append((order, owed + number, max(latest, at // 1000 * 1000)))
            return
        mine = [p for p in self.points if p.order == order and p.fate not in ("taken", "expired")]
        mine = [p for p in mine if self._may_take(p, at, self.settled)]
        mine.sort(key=lambda p: (not p.ready, p.usable))
        taken = 0
        for lot in list(dict.fromkeys((p.line, p.earned) for p in mine)):
            own = [p for p in mine if (p.line, p.earned) == lot]
            own.sort(key=lambda p: bool(p.fate))
            for point in own[: number - taken if number > taken else 0]:
                taken += 1
                self._take_one(point, at)
        ready = [p for p in mine if p.fate == "taken" and p.ready]
        self._tell("taken_back", -len(ready))

    def _take_one(self, point: Point, at: int) -> None:
        """Take a point; where it was used, another has to stand in for it: of the same end, else the soonest."""
        used, point.fate = bool(point.fate), "taken"
        if not used:
            return
        free = self._free(at)
        free.sort(key=lambda p: p.end != point.end)
        if free:
            free[0].fate = "moved"
        else:
            self.debt += 1

    # what can be read, at a moment from `settled` on

    def look(self, at: int) -> "Oracle":
        """The same customer when time alone has come to that moment."""
        then = Oracle(self.terms, 0, self.points, debt=self.debt, clock=at, zone=self.zone)
        if any(moment <= at for moment in self._coming()):  # else nothing happens to them until then
            then.points = [Point(p.usable, p.end, p.earned, p.order, p.line, p.ready, p.fate) for p in self.points]
            then.pass_time(at)
        return then

    @property
    def balance(self) -> int:
        return sum(p.ready and not p.fate for p in self.points) - self.debt

    @property
    def pending(self) -> int:
        return sum(not p.ready and not p.fate for p in self.points)

    def earned(self, span: int) -> int:
        kept = [p for p in self.points if p.ready and p.fate != "taken"]
        return sum(self.clock - span < p.usable <= self.clock for p in kept)

    @property
    def next_end(self) -> tuple[int, int]:
        ends = [p.end.at(self.zone) for p in self.points if p.ready and not p.fate and p.end]
        return (min(ends), ends.count(min(ends))) if ends else (0, 0)
