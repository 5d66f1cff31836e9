"""The grammar of `schedule`: an hour of the calendar, and for whom it comes round."""

from datetime import date, time
from itertools import pairwise

from pydantic import Field, model_validator

from engine.core.catalog import Catalog
from engine.core.durations import text_of
from engine.core.expression import NEVER, Expression
from engine.core.journeys.waits import WEEK, WEEKDAYS
from engine.core.points.model import CHANGED
from engine.core.scope import Scope
from engine.core.segments.model import MOVE_TYPES
from engine.core.state.model import State
from engine.core.triggers.base import Trigger
from engine.core.triggers.schedule import Schedule
from engine.core.zones import DAY
from engine.lang.fields import Duration, Every, Expr, FirstDay, On, TimeOfDay, ZoneSource
from engine.lang.form import refuse
from engine.lang.site import Site
from engine.lang.trigger_fields import Common, TriggerFields, feeding

MONTH = 28
"""Days of the shortest one."""


class ScheduleFields(TriggerFields):
    """An hour of the calendar comes round, for everybody or for those among a group."""

    label = "schedule"
    every: Every = Field(description="day, week, month, or a number of weeks, such as 2w.")
    on: On = Field(None, description="Of a week the day, such as tuesday, or several; of a month its number.")
    at: TimeOfDay = Field(
        time(9), description="At which time of that day, in the customer's zone; 09:00 when not given."
    )
    zone: ZoneSource = Field(
        "", description="The zone of that time of day, instead of the customer's: a name, or profile.<field>."
    )
    from_: FirstDay = Field(None, alias="from", description="A day of the first week or month that counts.")
    among: Expr = Field(description="For whom: an expression, such as segments.reader; true for everybody.")
    spread: Duration = Field(0, description="Over how long the customers are spread, each always at the same moment.")

    @model_validator(mode="after")
    def _fits(self) -> "ScheduleFields":
        if self.every == "day" and self.on is not None:
            refuse("bad-value", "every day has no 'on'", "leave it out", "on")
        if self.every == "month" and isinstance(self.on, tuple):
            refuse(
                "bad-value", f"a month has no '{WEEKDAYS[self.on[0]]}'", "write the number of a day, such as 15", "on"
            )
        if isinstance(self.every, int) and isinstance(self.on, int):
            refuse("bad-value", f"a week has no day {self.on}", "write a day of the week, such as tuesday", "on")
        if isinstance(self.every, int) and self.every > 1 and self.from_ is None:
            message = f"every {self.every}w needs 'from'"
            refuse("missing-field", message, "a day of the first week that counts, such as 2026-12-01")
        if self.spread >= DAY:
            refuse("bad-value", "the customers are spread over a day or more", "at most 23h", "spread")
        return self

    def events(self, catalog: Catalog) -> frozenset[str]:
        return frozenset()

    def build(self, rule: str, site: Site, common: Common) -> Trigger:
        among = site.at("among").expression(self.among, ())
        follows = common["zones"].other(site.at("zone").zone(self.zone)).fields
        if among is not None and among.needs.reads.customer:
            help = "make a segment of it, and write among: segments.<id>"
            site.at("among").report("unknown-root", "a schedule's group can't be named by ids", help)
        weeks = self.every if isinstance(self.every, int) else 0
        weekdays = self.on if isinstance(self.on, tuple) else (0,)
        week = min(after - day for day, after in pairwise((*weekdays, weekdays[0] + weeks * WEEK)))
        days = {"day": 1, "month": MONTH}.get(str(self.every), week)
        if common["slack"] >= days * DAY:
            message = f"timers wait {text_of(common['slack'])} for late events, and by then it has come round again"
            help = "let it come round less often, or see allowed_lateness in policy.yaml"
            site.at("every").report("never-fires", message, help)
        return Schedule(
            rule,
            at=self.at,
            weeks=weeks,
            weekdays=weekdays,
            day=(self.on if isinstance(self.on, int) else 1) if self.every == "month" else 0,
            begins=self.from_ or date.min,
            spread=self.spread,
            among=among,
            types=_brings(site.catalog, among) if among else frozenset(),
            movers=feeding(site.catalog, follows),
            zone=self.zone,
            **common,
        )


def _brings(catalog: Catalog, among: Expression) -> frozenset[str]:
    """The event types after which an expression may hold."""
    reads = among.needs.reads
    if reads.scores or among.until(Scope(State(), None, 0)) != (False, NEVER):
        return frozenset(catalog.events)
    fed = feeding(catalog, reads.fields)
    told = {*(MOVE_TYPES if reads.segments else ()), *((CHANGED,) if reads.points else ())}
    booked = frozenset[str]().union(*(catalog.points[id_].events for id_ in reads.points))
    return (reads.types | fed | told | booked).intersection(catalog.events)
