"""The rule book: rules, policy and catalogue, compiled.

`engine/lang` makes a book when the rule files are loaded; `decide` reads it for every input. A book is never changed:
edited rules make a new book, with a new revision.
"""

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import force_setattr

from engine.core.actions.base import Action
from engine.core.catalog import Catalog, Keep
from engine.core.coupons import COUPON_ISSUED
from engine.core.experiments.model import EXPOSED
from engine.core.expression import NEVER, NO_NEEDS, Expression, Keeps, Needs, Reads
from engine.core.facts import Fact
from engine.core.marks import mark_of
from engine.core.points.model import CHANGED, Points
from engine.core.policy import Policy
from engine.core.role import Booking, JourneyRole, Role
from engine.core.scope import Scope
from engine.core.segments.model import MOVE_TYPES, Segment
from engine.core.state.model import State
from engine.core.triggers.base import Trigger
from engine.core.zones import DAY
from engine.model import Event

if TYPE_CHECKING:
    from engine.core.guards import Guard

SENT_RETENTION: Final = 7 * DAY
"""States remember outreach for at least 7 days, even without a cap. Without it a new cap would begin at zero."""


@dataclass(frozen=True, slots=True)
class Reentry:
    """How soon a rule may reach the same customer again: never (`once`), `after` milliseconds, or at once (neither)."""

    once: bool = False
    after: int = 0


class Rule(msgspec.Struct, frozen=True, eq=False):
    """One compiled rule. `order` is its position in the files; `needs` includes the needs of its template."""

    id: str
    trigger: Trigger
    action: Action
    order: int = 0
    why: str = ""
    was: tuple[str, ...] = ()
    condition: Expression | None = None
    reentry: Reentry = Reentry()
    exits: tuple[Fact, ...] = ()
    """What ends it: disarms its timers, and takes back what waits."""
    match: str = ""
    """The property that tells one run from another; "": there is one run at a time."""
    needs: Needs = NO_NEEDS
    arming: str = ""
    """All that the rule's timers depend on, as text; "": treat the rule as changed with every revision of the book."""

    experiments: frozenset[str] = frozenset()
    """The experiments that decide whether it comes true, worked out here; a journey's steps have theirs."""

    def __post_init__(self) -> None:
        if self.action.journey is None:
            read = self.needs.reads.experiments
        else:
            read = self.condition.needs.reads.experiments if self.condition is not None else frozenset()
        force_setattr(self, "experiments", read)

    @property
    def goal(self) -> Fact | None:
        """The goal of its journey, if there are both."""
        return self.action.journey.goal if self.action.journey is not None else None

    @property
    def ends(self) -> tuple[Fact, ...]:
        """What ends a run of its journey: exits, and the goal."""
        return self.exits if self.goal is None else (*self.exits, self.goal)


class RuleBook:
    """A compiled set of rules.

    `revision` is a hash of all sources, texts included: outcomes carry it to tell which text decided them.
    `mark` is a hash of what timers and kept history depend on. A state with another mark is re-armed: removed rules
    are parked, new and changed rules arm. `marks` has one such hash per rule.
    """

    def __init__(
        self,
        rules: tuple[Rule, ...],
        catalog: Catalog,
        policy: Policy | None = None,
        revision: str = "0" * 12,
        segments: tuple[Segment, ...] = (),
        points: tuple[Points, ...] = (),
    ) -> None:
        """`segments` in the order of their dependence."""
        self.rules = rules
        self.segments = {segment.id: segment for segment in segments}
        self.points = {each.id: each for each in points}
        self.catalog = catalog
        self.policy = policy or Policy()
        self.revision = revision
        self.by_id = {rule.id: rule for rule in rules}
        self.guards = {rule.id: _guards(rule, self.policy) for rule in rules}
        """Rule -> the guards that may stop it, in their order."""
        self.journeys = tuple(rule for rule in rules if rule.action.journey is not None)
        everything: list[Rule | Segment | Points | Expression] = [*rules, *segments, *points, *self.policy.expressions]
        self.needs = reduce(or_, [each.needs for each in everything], NO_NEEDS)
        self.keeps = _all_keeps(self.needs.keeps, catalog)
        self.point_spans = {id_: max(s for i, s in self.keeps.points if i == id_) for id_, _ in self.keeps.points}
        """Points -> the longest window (ms) over what was earned that anything asks for."""
        self.marks = {
            rule.id: mark_of(repr((rule.id, rule.was, rule.trigger.code, rule.arming or revision))) for rule in rules
        }
        self.mark = self._mark()
        self.ends, self.timed = _followers(rules)
        """Rules that follow the end of a segment's level, or of points; with those that follow moves by time alone."""
        self.empty = frozenset(segment.id for segment in segments if _needs_no_event(segment))
        self.looks = {id_: self.looks_at((id_,)) for id_ in self.segments}
        """Segment -> itself and those that read it. Without it each timer would look at all segments."""
        self.roles = {name: self._role(name) for name in catalog.events}
        self.moves = {(id_, type_): self._role_of_move(id_, type_) for id_ in self.segments for type_ in MOVE_TYPES}
        """(segment, type of its event) -> what such a move concerns at once, before its event is applied."""
        self.renamed = {old: rule.id for rule in rules for old in rule.was}
        self.made = self._made()
        """Event types that do not count as activity: the engine makes them, or events.yaml says so."""
        self.sent_span = max([SENT_RETENTION, *(cap.longest for cap in self.policy.caps)])

    @property
    def shown_coupons(self) -> tuple[str, ...]:
        """The coupons that messages of the rules may show."""
        return tuple(sorted({name for rule in self.rules for name in rule.needs.reads.coupons}))

    @property
    def makes_for_others(self) -> tuple[Rule, ...]:
        """Rules whose events are for other customers: with them nobody can be decided alone."""
        return tuple(rule for rule in self.rules if rule.action.makes_for_others)

    def _mark(self) -> int:
        keeps = self.keeps
        kept = (sorted(keeps.last), sorted(keeps.sums), sorted(map(str, keeps.windows)), *map(str, sorted(keeps.lists)))
        late = (self.policy.allowed_lateness,) if keeps.windows and self.policy.allowed_lateness else ()
        days = sorted(self.keeps.days)
        fits = {rule.trigger.fit for rule in self.rules} - {0}  # no part of `marks`: the rules are the same
        zone = self.catalog.scores.zone.key if self.catalog.scores and days else ""
        scored = ((days, sorted(fits), zone),) if days or fits else ()
        zones = (self.policy.zones.default.key, self.policy.zones.field)
        met = [
            (segment.id, segment.was, segment.mark, zones if segment.by_calendar else "")
            for segment in self.segments.values()
        ]
        told = [(each.id, each.was, each.terms, zones) for each in self.points.values()]
        further = [each for each in (met, told) if each]
        said = (sorted(self.marks.items()), kept, self.policy.forget_after, *scored, *further, *late)
        return mark_of(repr(said))

    def _made(self) -> frozenset[str]:
        engine = {*(MOVE_TYPES if self.segments else ()), *((EXPOSED,) if self.catalog.experiments else ())}
        engine |= {CHANGED} if self.points else set()
        engine |= {COUPON_ISSUED} if self.catalog.coupons else set()
        made = frozenset(engine).union(*(rule.action.makes for rule in self.rules))
        return made | {name for name, event in self.catalog.events.items() if not event.activity}

    def _role(self, name: str) -> Role:
        declared = self.catalog.events[name]
        windows = [(prop, span) for type_, prop, span in self.keeps.windows if type_ == name]
        concerned = {segment.id for segment in self.segments.values() if self._concerns(name, segment)}
        looks = self.looks_at(concerned | self.empty)
        points = tuple(each for one in self.points.values() if (each := self._booking(one, name)))
        moved = Reads(
            segments=frozenset(segment.id for segment, _ in looks), points=frozenset(each.points.id for each in points)
        )
        return Role(
            declared=declared,
            feeds=tuple(declared.profile.items()),
            feeds_all=declared.profile_all,
            keeps_last=name in self.keeps.last,
            sums=tuple(sorted(prop for type_, prop in self.keeps.sums if type_ == name)),
            window=max(span for _, span in windows) + self.policy.allowed_lateness if windows else 0,
            window_sums=tuple(sorted({prop for prop, _ in windows if prop})),
            list_span=max((span for type_, _, span in self.keeps.lists if type_ == name), default=0),
            listed=frozenset(prop for type_, prop, _ in self.keeps.lists if type_ == name),
            days=self.catalog.scores.days if self.catalog.scores and name in self.keeps.days else None,
            reactions=tuple(
                (rule, rule.trigger.on_event, rule.trigger.code) for rule in self.rules if self._reacts(rule, name)
            ),
            exits=tuple((rule, fact) for rule in self.rules for fact in rule.exits if name == fact.event),
            segments=self.looks_at(concerned),
            segments_of_new=looks,
            runs=self._journey_role(name),
            points=points,
            ends=tuple(rule for rule in self.ends if _meets(rule.trigger.ends, moved)),
            forget_after=self.policy.forget_after or NEVER,
        )

    def _booking(self, points: Points, name: str) -> Booking | None:
        earn = tuple(line for line in points.earn if line.event == name)
        spend = tuple(line for line in points.spend if line.event == name)
        taken = tuple(line for line in points.take_back if line.event == name)
        moves = points.expire is not None and bool(points.expire.to) and self._sets_zone(name)
        return Booking(points, earn, spend, taken) if earn or spend or taken or moves else None

    def _role_of_move(self, segment: str, type_: str) -> Role:
        rules = [rule for rule in self.rules if segment in rule.trigger.segments]
        facts = [(rule, fact) for rule in self.rules for fact in rule.exits if fact.segment == segment]
        return Role(
            reactions=tuple((rule, rule.trigger.on_event, rule.trigger.code) for rule in rules),
            exits=tuple((rule, fact) for rule, fact in facts if type_ in fact.types),
            runs=self._journey_role(type_, segment),
        )

    def _journey_role(self, name: str, segment: str = "") -> JourneyRole | None:
        """The journeys that the type concerns, or that its moves of the segment concern."""

        def about(fact: Fact | None) -> bool:
            return fact is not None and name in fact.types and fact.segment == segment

        journeys = [(rule, journey) for rule in self.journeys if (journey := rule.action.journey) is not None]
        goals = [(rule, one.goal) for rule, one in journeys if one.goal is not None and about(one.goal)]
        waits = [rule for rule, one in journeys if any(about(wait.fact) for wait in one.waits)]
        starts = [rule for rule in self.journeys if not segment and self._disproves(name, rule)]
        calendars = [
            rule for rule, one in journeys if one.by_calendar and not segment and self._sets_zone(name, one.zone_fields)
        ]
        role = JourneyRole(tuple(goals), tuple(starts), tuple(waits), tuple(calendars))
        return role if goals or starts or waits or calendars else None

    @cached_property
    def eventless(self) -> frozenset[str]:
        """Segments whose moves are counted and make no event, as nothing hears of them.

        Empty where something asks for moves of whichever segment: then all of them come as events, in their order.
        """
        told = self.needs.reads.types | self.policy.publish
        if not all(name not in told and self.roles[name].only_counts for name in MOVE_TYPES if name in self.roles):
            return frozenset()
        return frozenset(id_ for id_ in self.segments if all(self.moves[id_, type_].idle for type_ in MOVE_TYPES))

    @cached_property
    def independent(self) -> frozenset[str]:
        """Those of the eventless segments that no other segment reads, that read no other, and that keep no level."""
        read = frozenset[str]().union(*(one.needs.reads.segments for one in self.segments.values()))
        some = [self.segments[id_] for id_ in self.eventless - read]
        return frozenset(one.id for one in some if one.keep is None and not one.needs.reads.segments)

    def id_in(self, old: "RuleBook", rule: str) -> str:
        """The id that a rule of this book has in an older one: its own or a former one, its own if there is neither."""
        if rule in old.by_id or rule not in self.by_id:
            return rule
        return next((former for former in self.by_id[rule].was if former in old.by_id), rule)

    def telling(self) -> "RuleBook":
        """The same book, which makes an event of each move, so that rule tests see those that nothing hears."""
        told = copy(self)
        told.eventless = told.independent = frozenset()
        return told

    def _sets_zone(self, name: str, further: frozenset[str] = frozenset()) -> bool:
        """Whether the type feeds the customer's zone, or one of `further` fields."""
        return self.catalog.events[name].feeds(self.policy.zones.fields | further)

    def role_of_move(self, move: Event) -> Role:
        """What a move of a segment concerns, besides what its event does as any other."""
        return self.moves[move.properties["segment"], move.type]

    def looks_at(self, concerned: Iterable[str]) -> tuple[tuple[Segment, bool], ...]:
        """These segments, to be looked at, and those that read them, if one of them changes."""
        asked = frozenset(concerned)
        reached, looks = set(asked), []
        for segment in self.segments.values():
            if segment.id in reached or not segment.needs.reads.segments.isdisjoint(reached):
                reached.add(segment.id)
                looks.append((segment, segment.id in asked))
        return tuple(looks)

    def _concerns(self, name: str, segment: Segment) -> bool:
        """Whether an event of the type may change the segment."""
        declared, reads = self.catalog.events[name], segment.needs.reads
        zone = self.policy.zones.field if segment.keep is not None and segment.keep.years else None
        fields = reads.fields | {zone} if zone else reads.fields
        if any(self._booking(self.points[id_], name) for id_ in reads.points & self.points.keys()):
            return True
        if reads.scores and self.catalog.scores is not None and self.catalog.scores.purchase == name:
            return True
        return name in reads.types or declared.feeds(fields)

    def _reacts(self, rule: Rule, name: str) -> bool:
        return name in rule.trigger.listens or self.catalog.events[name].feeds(rule.trigger.fields)

    def _disproves(self, name: str, rule: Rule) -> bool:
        """Whether a late event of the type may show that the rule never came true; most kinds of trigger say never."""
        return type(rule.trigger).disproves is not Trigger.disproves and self._reacts(rule, name)


def _followers(rules: tuple[Rule, ...]) -> tuple[tuple[Rule, ...], tuple[Rule, ...]]:
    ends = tuple(rule for rule in rules if rule.trigger.ends != Reads())
    return ends, (*ends, *(rule for rule in rules if rule.trigger.joined_by_time))


def _guards(rule: Rule, policy: Policy) -> tuple["Guard", ...]:
    idle = rule.action.idle_guards(policy, rule)
    return tuple(guard for guard in rule.action.guards if guard not in idle)


def _meets(one: Reads, other: Reads) -> bool:
    """Whether both name one segment, or points."""
    return not (one.segments.isdisjoint(other.segments) and one.points.isdisjoint(other.points))


def _needs_no_event(segment: Segment) -> bool:
    """Whether a customer of whom nothing is known, or only the id, may be in the segment, now or later."""
    nobody = Scope(State(), None, 0)
    conditions = [level.condition for level in segment.levels]
    return segment.needs.reads.customer or any(each.until(nobody) != (False, NEVER) for each in conditions)


def _all_keeps(keeps: Keeps, catalog: Catalog) -> Keeps:
    for type_, event in catalog.events.items():
        keeps |= _declared(type_, event.keep)
    return keeps | Keeps(days=frozenset({catalog.scores.purchase})) if catalog.scores else keeps


def _declared(type_: str, keep: Keep | None) -> Keeps:
    """The history that events.yaml keeps of a type, whether or not a rule asks for it."""
    if keep is None:
        return Keeps()
    last = frozenset({type_} if keep.last else ())
    sums = frozenset((type_, name) for name in keep.sums)
    properties = (None, *keep.sums) if keep.window else ()
    return Keeps(last, sums, frozenset((type_, name, keep.window) for name in properties))
