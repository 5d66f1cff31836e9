"""What becomes of the customers of a store under the live book and the new one, "if nobody does anything".

`build` hands over each chosen customer. Both books first meet the customer as the sweep of a new revision lets them,
then their clock runs on; only `decide` decides, on copies of the state.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

import msgspec

from engine.core.book import RuleBook
from engine.core.decide import decide
from engine.core.effects import Decision
from engine.core.expression import NEVER
from engine.core.points.model import moment_of
from engine.core.state.model import State
from engine.core.state.points import ENDED
from engine.core.triggers.milestone import Milestone
from engine.core.zones import DAY
from engine.errors import StateUnreadable
from engine.model import Outcome, WakeUp
from engine.plan.classify import Texts, earlier
from engine.plan.estimate import Sums
from engine.plan.sample import SampledCustomer
from engine.ports import UNLIMITED, Renderer
from engine.worker.turns import entries_of

MAX_WAKES: Final = 1_000
"""Wake-ups of one customer that are followed. Without it a rule that wakes every minute would take the whole run."""
Timers = dict[tuple[str, str, int], int]
"""(rule, key, nth with this key) -> due moment."""


class Side(msgspec.Struct, frozen=True):
    """A rule book, the renderer of its templates, and their sources."""

    book: RuleBook
    renderer: Renderer
    texts: Texts


class Fate(msgspec.Struct):
    """One customer under one book. `fired`: (rule, milliseconds from now)."""

    timers: Timers
    levels: dict[str, str]
    """Segment -> the customer's level."""
    steps: list[tuple[str, str]]
    """Journeys that the customer is in, and the step before which they stand."""
    answered: set[str]
    """Rules whose firings were judged when the customer met the book."""
    fired: list[tuple[str, int]] = []
    at_once: dict[str, int] = {}
    expired: int = 0
    exited: int = 0
    stranded: int = 0
    failed: int = 0
    cut_off: bool = False
    behind: frozenset[str] = frozenset()
    """Milestones with a level that the customer's number is past."""
    ends: dict[str, list[tuple[int, int]]] = {}
    """Points -> when each lot ends (ms), and how many are left in it."""


class Looked(msgspec.Struct):
    """What was found. Names of `sums`: those of `TOTALS`, the same with .RULE ("armed.win-back"), and "day.N"."""

    sums: dict[str, Sums] = {}
    customers: int = 0
    unreadable: int = 0
    undecidable: int = 0
    cut_off: int = 0
    first_failure: str = ""
    latest: int = 0
    """The latest moment at which a customer was looked at. A live partition's clock may lie before it: until a timer is
    due, nobody asks whether its quiet topics are caught up."""

    def sum_of(self, name: str) -> Sums:
        return self.sums.setdefault(name, Sums())

    def take(self, other: "Looked") -> None:
        """Add what was found of other customers."""
        for name, sums in other.sums.items():
            self.sum_of(name).take(sums)
        self.customers += other.customers
        self.unreadable += other.unreadable
        self.undecidable += other.undecidable
        self.cut_off += other.cut_off
        self.first_failure = self.first_failure or other.first_failure
        self.latest = max(self.latest, other.latest)


class LiveCustomers:
    """Looks at customers, one after the other, and adds up."""

    def __init__(self, old: Side, new: Side, days: int) -> None:
        self._old, self._new, self._days = old, new, days
        self.looked = Looked({name: Sums() for name in TOTALS})

    def add(self, found: SampledCustomer) -> None:
        """Look at one customer."""
        looked = self.looked
        looked.customers += 1
        try:
            old = _renamed(self._fate(self._old, found), self._new.book)
            new = self._fate(self._new, found)
        except StateUnreadable:
            looked.unreadable += 1
            return
        except Exception as error:  # as in a worker, where it would be a dead letter, and nobody else is concerned
            looked.undecidable += 1
            looked.first_failure = looked.first_failure or f"{type(error).__name__}: {error}"
            return
        looked.cut_off += old.cut_off or new.cut_off
        self._add(_numbers(old, self._days), _numbers(new, self._days))
        for name, count in _moved(old, new, self._new.book).items():
            looked.sum_of(name).add(0, count)

    def _add(self, old: Mapping[str, int], new: Mapping[str, int]) -> None:
        for name in old.keys() | new.keys():
            self.looked.sum_of(name).add(old.get(name, 0), new.get(name, 0))

    def _fate(self, side: Side, found: SampledCustomer) -> Fate:
        state, customer = found.state(), found.customer
        clock = max(found.meta.clock, state.last)
        self.looked.latest = max(self.looked.latest, clock)
        decision = decide(side.book, state, WakeUp(customer), clock, clock)
        answered = {one.rule for one in decision.outcomes}
        fate = Fate(_timers(decision.state), _levels(decision.state), _steps(decision.state), answered)
        fate.ends = _ends(decision.state, side.book)
        fate.behind = _behind(decision.state, side.book)
        if decision.outcomes:
            _keep(fate, decision, side, clock, 0)
            fate.at_once = Counter(rule for rule, _ in fate.fired)
            fate.expired = sum(one.outcome is Outcome.EXPIRED for one in decision.outcomes)
            fate.exited = sum(one.outcome is Outcome.EXITED for one in decision.outcomes)
        fate.stranded = _stranded(decision.state)
        _run_on(fate, decision.state, side, customer, clock, clock + self._days * DAY)
        return fate


TOTALS: Final[Mapping[str, str]] = {
    "outreach": "messages in all",
    "at_once": "messages at once",
    "in_24h": "messages within 24 hours",
    "in_7d": "messages within 7 days",
    "reached": "customers who get any",
    "expired": "firings that come too late at once",
    "exited": "journeys that end at once",
    "stranded": "runs of journeys that are removed",
    "failed": "messages that cannot be rendered",
    "armed": "timers armed",
    "moved": "timers moved",
    "dropped": "timers dropped",
    "levels_due": "milestones' levels that come with the next event",
    "segment_moves": "customers in another level of a segment",
    "points_sooner": "points that end sooner",
}
"""The numbers of a plan that are no rule's own, and what each is."""
OF_EACH: Final[Mapping[str, str]] = {
    "outreach": "rule",
    "at_once": "rule",
    "armed": "rule",
    "moved": "rule",
    "dropped": "rule",
    "levels_due": "rule",
    "segment_moves": "segment",
    "points_sooner": "points",
}
"""Those that are counted for each rule, segment or points too."""
ONLY_NEW: Final = frozenset({"armed", "moved", "dropped", "segment_moves", "points_sooner"})
"""Those that say how the new book differs from the live one; of the live book alone they say nothing."""


def _run_on(fate: Fate, state: State | None, side: Side, customer: str, clock: int, end: int) -> None:
    """Let the clock run on until `end`, firing what becomes due."""
    lateness, wakes = side.book.policy.allowed_lateness, 0
    while state is not None and state.wake and state.wake + lateness <= end:
        if wakes == MAX_WAKES:
            fate.cut_off = True
            return
        now, wakes = max(clock, state.wake + lateness), wakes + 1
        decision = decide(side.book, state, WakeUp(customer), now, now)
        if decision.outcomes:
            _keep(fate, decision, side, now, now - clock)
        state = decision.state


def _keep(fate: Fate, decision: Decision, side: Side, now: int, after: int) -> None:
    if decision.effects:
        entries_of(side.book, decision, side.renderer, UNLIMITED, now)  # what cannot be rendered becomes `failed`
    fate.fired += [(one.rule, after) for one in decision.outreach]
    fate.failed += sum(one.outcome is Outcome.FAILED for one in decision.outcomes)


def _timers(state: State | None) -> Timers:
    """The armed timers. A rule may have several with one key, such as carts without an id: they are told by order."""
    timers: Timers = {}
    for rule, slot in state.rules.items() if state is not None else ():
        for timer in slot.timers if slot.parked is None else ():
            if timer.due:
                nth = sum((rule, timer.key) == key[:2] for key in timers)
                timers[rule, timer.key, nth] = timer.due
    return timers


def _renamed(fate: Fate, book: RuleBook) -> Fate:
    """The fate with the names that rules and steps have in the new book."""
    names = book.renamed
    return msgspec.structs.replace(
        fate,
        timers={(names.get(rule, rule), key, nth): due for (rule, key, nth), due in fate.timers.items()},
        steps=[_place_in(book, names.get(rule, rule), step) for rule, step in fate.steps],
        fired=[(names.get(rule, rule), after) for rule, after in fate.fired],
        at_once={names.get(rule, rule): count for rule, count in fate.at_once.items()},
        behind=frozenset(names.get(rule, rule) for rule in fate.behind),
    )


def _place_in(book: RuleBook, id_: str, step: str) -> tuple[str, str]:
    rule = book.by_id.get(id_)
    journey = rule.action.journey if rule is not None else None
    found = journey.place(step) if journey is not None else None
    return id_, found[0] if found is not None else step


def _numbers(fate: Fate, days: int) -> dict[str, int]:
    """The numbers of one customer, without those that are 0: most customers have few."""
    numbers = defaultdict[str, int](int)  # a Counter takes ten times as long to make
    if fate.fired:
        numbers["outreach"], numbers["reached"] = len(fate.fired), 1
        for rule, after in fate.fired:
            numbers[f"outreach.{rule}"] += 1
            numbers[f"day.{min(after // DAY, days - 1)}"] += 1
            numbers["in_24h"] += after <= DAY
            numbers["in_7d"] += after <= 7 * DAY
    for rule, count in fate.at_once.items():
        numbers["at_once"] += count
        numbers[f"at_once.{rule}"] = count
    for rule in fate.behind:
        numbers["levels_due"] += 1
        numbers[f"levels_due.{rule}"] = 1
    for rule, step in fate.steps:
        numbers[f"waits.{rule} {step}"] += 1
    numbers.update(expired=fate.expired, exited=fate.exited, stranded=fate.stranded, failed=fate.failed)
    return {name: count for name, count in numbers.items() if count}


def _levels(state: State | None) -> dict[str, str]:
    return {id_: kept.level for id_, kept in state.segments.items()} if state is not None else {}


def _ends(state: State | None, book: RuleBook) -> dict[str, list[tuple[int, int]]]:
    if state is None:
        return {}
    zone = book.policy.zones.of(state.profile)
    return {
        id_: [(moment_of(lot.end, zone) if lot.end != ENDED else NEVER, lot.left) for lot in ledger.lots]
        for id_, ledger in state.points.items()
        if not ledger.parked
    }


def _behind(state: State | None, book: RuleBook) -> frozenset[str]:
    milestones = ((rule.id, rule.trigger) for rule in book.rules if isinstance(rule.trigger, Milestone))
    return frozenset(id_ for id_, trigger in milestones if state is not None and trigger.is_behind(state))


def _sooner(old: Fate, new: Fate, book: RuleBook) -> dict[str, int]:
    """How many points end sooner with the new book. Both have the same lots, as they begin with the same state."""
    found = {}
    for points in book.points.values():
        lots = zip(earlier(points, old.ends) or [], new.ends.get(points.id, []), strict=False)
        found[points.id] = sum(left for (before, _), (end, left) in lots if end < before)
    return found


def _steps(state: State | None) -> list[tuple[str, str]]:
    if state is None:
        return []
    return [(rule, run.step) for rule, slot in state.rules.items() if slot.parked is None for run in slot.runs]


def _stranded(state: State | None) -> int:
    return sum(len(slot.runs) for slot in state.rules.values() if slot.parked is not None) if state is not None else 0


def _moved(old: Fate, new: Fate, book: RuleBook) -> dict[str, int]:
    """How many timers of each rule the new book arms, moves and drops, and the segments in which a level differs.

    Timers that are due at once are none of these.
    """
    before = old.timers
    changed = [("armed", one[0]) for one in new.timers.keys() - before.keys()]
    changed += [("moved", one[0]) for one in new.timers.keys() & before.keys() if new.timers[one] != before[one]]
    changed += [("dropped", one[0]) for one in before.keys() - new.timers.keys() if one[0] not in new.answered]
    for segment in book.segments.values():
        if new.levels.get(segment.id, "") != (earlier(segment, old.levels) or ""):
            changed.append(("segment_moves", segment.id))
    found = defaultdict[str, int](int)
    for what, rule in changed:
        found[what] += 1
        found[f"{what}.{rule}"] += 1
    for id_, number in _sooner(old, new, book).items():
        if number:
            found["points_sooner"] += number
            found[f"points_sooner.{id_}"] = number
    return found
