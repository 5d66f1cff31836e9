"""The grammar of `when`: one model per trigger kind, and its place in `When`.

To add a kind: a model here with its fields and `build`, and its class in `core/triggers`.
"""

from collections.abc import Set
from datetime import time
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from engine.core.catalog import Catalog
from engine.core.expr.grouped import told_of_list
from engine.core.facts import Fact, Moves
from engine.core.state.fold import MAX_SUMMABLE
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.base import Trigger
from engine.core.triggers.date import Date
from engine.core.triggers.event import OnEvent
from engine.core.triggers.expiring import OtherExpiring
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.milestone import Milestone
from engine.core.triggers.score import Score
from engine.core.triggers.segment import OnSegment
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.lang.facts import FactFields
from engine.lang.fields import (
    Duration,
    Ends,
    Expr,
    Names,
    Offset,
    OptionalTimeOfDay,
    ProfileField,
    Span,
    TimeOfDay,
    ZoneSource,
)
from engine.lang.form import NotNull, OneOrMore, Strict, number_text, refuse
from engine.lang.schedule import ScheduleFields
from engine.lang.site import Site
from engine.lang.trigger_fields import Common, TriggerFields, feeding

ZONE = "The zone of that day and time, instead of the customer's: a name, or profile.<field>."


class InactivityFields(TriggerFields):
    """Nothing of this has happened for a while."""

    label = "inactivity"
    of: Names = Field(description="Event types that count as activity.")
    for_: Span = Field(alias="for", description="How long the silence lasts.")
    where: Expr = Field("", description="Only events for which this is true count.")

    def events(self, catalog: Catalog) -> frozenset[str]:
        return frozenset(self.of)

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        of = site.at("of").events(self.of)
        where = site.at("where").expression(self.where, of)
        return Inactivity(rule, of=of, after=self.for_, where=where, **common)

    @property
    def silence(self) -> int:
        return self.for_


class TrialExpiringFields(TriggerFields):
    """A trial, or anything else with an end in the profile, ends soon."""

    label = "trial_expiring"
    in_: Duration = Field(alias="in", description="How long before the end.")
    at: OptionalTimeOfDay = Field(None, description="At which time of that day, in the customer's zone.")
    zone: ZoneSource = Field("", description=ZONE)
    ends: ProfileField = Field("trial_ends_at", description="The profile field with the end: a time, or a date.")

    def events(self, catalog: Catalog) -> frozenset[str]:
        return feeding(catalog, {self.ends})

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        field = site.at("ends").field(self.ends, ("time", "date"))
        zone = site.at("zone").zone(self.zone)
        return TrialExpiring(rule, field=field, before=self.in_, at=self.at, zone=zone, **common)


class ExpiringFields(TrialExpiringFields):
    """Something ends soon: a contract in the profile, a level that is kept, points."""

    label = "expiring"
    ends: Ends = Field(
        description="What ends: profile.<field>, a time or a date; segments.<id>.kept_until; points.<id>.expires_at."
    )

    def events(self, catalog: Catalog) -> frozenset[str]:
        return frozenset() if "." in self.ends else super().events(catalog)

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        root, _, rest = self.ends.partition(".")
        if not rest:
            return super().build(rule, site, common)
        name, zone = rest.partition(".")[0], site.at("zone").zone(self.zone)
        if root == "points":
            site.at("ends").points(name)
            return OtherExpiring(rule, points=name, before=self.in_, at=self.at, zone=zone, **common)
        segment = site.at("ends").segment(name)
        if segment and not segment.keeps:
            site.at("ends").report("bad-value", f"segment {name} has no `keep`, so nothing in it ends")
        return OtherExpiring(rule, segment=name, before=self.in_, at=self.at, zone=zone, **common)


class MilestoneFields(TriggerFields):
    """A count of events, or the sum of a property, reaches a level."""

    label = "milestone"
    timers = False
    count: str = Field("", description="The event type to count.")
    sum: str = Field("", description="The property to sum: <event type>.<property>.")
    reaches: Annotated[list[float], Field(min_length=1), OneOrMore()] = Field([], description="Levels, lowest first.")
    every: float = Field(0, gt=0, description="Every multiple of this is a level.")
    where: Expr = Field("", description="Only events for which this is true count.")

    _pairs: ClassVar = (("count", "sum"), ("reaches", "every"))

    @classmethod
    def lacks(cls, given: Set[str]) -> tuple[str, str] | None:
        lacking = next((pair for pair in cls._pairs if not given & set(pair)), None)
        return (f"milestone needs '{lacking[0]}' or '{lacking[1]}'", "") if lacking else None

    @model_validator(mode="after")
    def _one_of_each(self) -> "MilestoneFields":
        for one, other in self._pairs:
            if self.model_fields_set >= {one, other}:
                refuse("bad-value", f"milestone has both '{one}' and '{other}'", "keep one of them", other)
        return self

    @property
    def event(self) -> str:
        return self.count or self.sum.partition(".")[0]

    def events(self, catalog: Catalog) -> frozenset[str]:
        return frozenset({self.event})

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        where = site.at("where").expression(self.where, {self.event})
        counts = "count" in self.model_fields_set
        summed = None if counts else self._summed(site.at("sum"))
        site.at("count" if counts else "sum").event(self.event)
        self._check_levels(site)
        levels = tuple(self.reaches)
        return Milestone(
            rule, event=self.event, levels=levels, every=self.every, property=summed, where=where, **common
        )

    def _summed(self, site: Site) -> str:
        event, dot, name = self.sum.partition(".")
        if not dot:
            help = f"write {event or '<event type>'}.<property>"
            site.report("bad-value", f"'{self.sum}' does not say what to sum", help)
            return name
        return site.property(event, name, ("number", "integer"))

    def _check_levels(self, site: Site) -> None:
        levels = site.document.node(site.at("reaches").route).place
        for found in told_of_list(site.document.text[levels.start : levels.end]) if self.reaches else ():
            site.at("reaches").report(*found)
        highest = 0.0
        for index, level in enumerate(self.reaches):
            place = site.at("reaches", index)
            if level <= highest:
                why = "is given twice or out of order" if index else "is there before anything has happened"
                place.report(
                    "unreachable-level", f"level {number_text(level)} {why}", "list levels above 0, lowest first"
                )
            else:
                self._check_level(place, level)
            highest = max(highest, level)
        self._check_level(site.at("every"), self.every)

    def _check_level(self, site: Site, level: float) -> None:
        if level >= MAX_SUMMABLE:
            site.report(
                "unreachable-level", f"level {number_text(level)} is never reached", f"at most {MAX_SUMMABLE:.0f}"
            )
        elif self.count and level % 1:
            site.report("unreachable-level", f"no count is ever {number_text(level)}", "counts are whole numbers")
        elif level != round(level, 6):
            site.report("unreachable-level", f"no sum is ever {number_text(level)}", "sums are kept to 6 decimals")


class AbandonedFields(TriggerFields):
    """Something was begun and not finished in time."""

    label = "abandoned"
    after: str = Field(description="The event type that begins it.")
    without: Names = Field(description="Event types that finish it.")
    within: Span = Field(description="How long it may take.")
    match: str = Field("", description="The property that says which beginning an end belongs to.")
    where: Expr = Field("", description="Only beginnings for which this is true count.")

    def events(self, catalog: Catalog) -> frozenset[str]:
        return frozenset({self.after})

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        after = site.at("after").event(self.after)
        without = site.at("without").events(self.without)
        where = site.at("where").expression(self.where, {after})
        if after in without:
            site.at("after").report("never-fires", f"{after} begins it and finishes it", "take it out of `without`")
        if self.match:
            site.at("match").property(after, self.match)
        types = site.catalog.events
        broad = {name for name in without & types.keys() if self.match and self.match not in types[name].properties}
        return Abandoned(
            rule,
            after=after,
            without=without,
            within=self.within,
            match=self.match or None,
            where=where,
            finishes_all=frozenset(broad),
            **common,
        )


class DateFields(TriggerFields):
    """A date in the profile comes round."""

    label = "date"
    field: ProfileField = Field(description="The profile field with the date.")
    every: Annotated[Literal["year"] | None, NotNull()] = Field(None, description="Every year, or only that once.")
    at: TimeOfDay = Field(
        time(9), description="At which time of the day, in the customer's zone; 09:00 when not given."
    )
    zone: ZoneSource = Field("", description=ZONE)
    offset: Offset = Field(0, description="How long after it, or before it when negative.")

    def events(self, catalog: Catalog) -> frozenset[str]:
        return feeding(catalog, {self.field})

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        field = site.at("field").field(self.field, ("date", "time"))
        zone = site.at("zone").zone(self.zone)
        yearly = self.every == "year"
        return Date(rule, field=field, yearly=yearly, at=self.at, offset=self.offset, zone=zone, **common)


class EventTriggerFields(TriggerFields):
    """Something happens. Its fields stand in `when` itself."""

    label = "when"
    timers = False
    event: str
    where: str

    def events(self, catalog: Catalog) -> frozenset[str]:
        return frozenset({self.event})

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        event = site.at("event").event(self.event)
        return OnEvent(rule, event=event, where=site.at("where").expression(self.where, {event}), **common)


class ScoreFields(TriggerFields):
    """A score falls, by silence alone. Its fields stand in `when` itself."""

    label = "when"
    score: str
    within: int
    below: float

    def events(self, catalog: Catalog) -> frozenset[str]:
        return frozenset({catalog.scores.purchase}) if catalog.scores else frozenset()

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        scores = site.at("score").scores()
        return Score(rule, scores=scores, score=self.score, within=self.within, below=self.below, **common)


class SegmentTriggerFields(TriggerFields):
    """The customer moves in a segment. Its fields stand in `when` itself."""

    label = "when"
    timers = False
    segment: str
    moves: Moves

    def events(self, catalog: Catalog) -> frozenset[str]:
        return Fact(segment=self.segment, moves=self.moves).types.intersection(catalog.events)

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        move = FactFields(segment=self.segment, moves=self.moves).build(site, ())
        return OnSegment(rule, move=move, **common)


BESIDE = {"where": "event", "below": "score", "within": "score", "moves": "segment"}
"""Fields of `when` that are no kind -> the kind that they stand beside."""


class When(Strict):
    """The trigger: exactly one kind."""

    label = "when"
    unknown = "unknown-kind"
    inactivity: Annotated[InactivityFields | None, NotNull()] = Field(None, description=InactivityFields.__doc__)
    trial_expiring: Annotated[TrialExpiringFields | None, NotNull()] = Field(
        None, description=TrialExpiringFields.__doc__
    )
    expiring: Annotated[ExpiringFields | None, NotNull()] = Field(None, description=ExpiringFields.__doc__)
    milestone: Annotated[MilestoneFields | None, NotNull()] = Field(None, description=MilestoneFields.__doc__)
    abandoned: Annotated[AbandonedFields | None, NotNull()] = Field(None, description=AbandonedFields.__doc__)
    date: Annotated[DateFields | None, NotNull()] = Field(None, description=DateFields.__doc__)
    schedule: Annotated[ScheduleFields | None, NotNull()] = Field(None, description=ScheduleFields.__doc__)
    event: str = Field("", description="Something happens: an event type.")
    where: Expr = Field("", description="With `event`: only events for which this is true.")
    segment: str = Field("", description="The customer moves in or out of a segment, or up or down its levels.")
    moves: Moves = Field("in", description="With `segment`: which way; `in` when not given.")
    score: Annotated[Literal["alive", "buys_within"] | None, NotNull()] = Field(
        None, description="A score falls below a threshold, by silence alone; `engine fit` makes scores."
    )
    below: float = Field(0, gt=0, lt=1, description="With `score`: the threshold, between 0 and 1.")
    within: Span = Field(0, description="With `score: buys_within`: the time in which the customer buys.")

    @classmethod
    def lacks(cls, given: Set[str]) -> tuple[str, str] | None:
        """An unknown kind, which is told as such, counts as one."""
        kinds = [name for name in cls.model_fields if name not in BESIDE]
        return None if given - BESIDE.keys() else ("'when' names no trigger", f"kinds: {', '.join(kinds)}")

    @model_validator(mode="after")
    def _exactly_one(self) -> "When":
        kinds = [name for name in type(self).model_fields if name not in BESIDE]
        given = [name for name in kinds if name in self.model_fields_set]
        if len(given) > 1:
            refuse("several-kinds", f"'when' has {' and '.join(given)}", "make one rule of each", given[1])
        for name in self.model_fields_set & BESIDE.keys():
            if given != [BESIDE[name]]:
                into = "ask it in the rule's `if`" if given[0] in ("segment", "score") else f"put it into {given[0]}"
                help = into if name == "where" else ""
                refuse("unknown-field", f"'{name}' stands beside `{BESIDE[name]}` only", help, name)
        if self.score:
            self._check_score()
        return self

    def _check_score(self) -> None:
        if not self.below:
            refuse("missing-field", "'score' needs 'below'", "the threshold, between 0 and 1, such as below: 0.5")
        if self.score == "buys_within" and not self.within:
            refuse("missing-field", "buys_within needs 'within'", "the time in which the customer buys, such as 39w")
        if self.score != "buys_within" and self.within:
            refuse("unknown-field", f"{self.score} has no 'within'", "only buys_within has", "within")

    def chosen(self) -> tuple[TriggerFields, tuple[str, ...]]:
        """The kind's model, and the step that leads to it from here."""
        for name in self.model_fields_set:
            value = getattr(self, name)
            if isinstance(value, TriggerFields):
                return value, (name,)
        if self.score:
            return ScoreFields(score=self.score, within=self.within, below=self.below), ()
        if "segment" in self.model_fields_set:
            return SegmentTriggerFields(segment=self.segment, moves=self.moves), ()
        return EventTriggerFields(event=self.event, where=self.where), ()
