"""The trigger `expiring` where the end is no profile field: of a level that is kept, or of the next points to end.

Such an end changes without an event of its own: a membership renews, points are spent. So `decide` and `settle` call
`refresh` whenever the segment or the points may have changed. What has become the next end when its moment was already
past comes true at the next `at`, or at once.
"""

from datetime import date, time, timedelta
from typing import Any

from engine.core.ends import End
from engine.core.expression import Reads
from engine.core.points.ledger import next_end
from engine.core.points.model import moment_of
from engine.core.state.model import State
from engine.core.state.points import MONTHS
from engine.core.triggers.trial_expiring import TrialExpiring, is_about
from engine.core.zones import from_millis, instant_of
from engine.model import Event


class OtherExpiring(TrialExpiring):
    """`segment`, or `points`: whose end it is."""

    def __init__(
        self,
        rule: str,
        *,
        before: int,
        segment: str = "",
        points: str = "",
        at: time | None = None,
        zone: str = "",
        **common: Any,
    ) -> None:
        name = f"segments.{segment}.kept_until" if segment else f"points.{points}.expires_at"
        super().__init__(rule, field=name, before=before, at=at, zone=zone, **common)
        self.segment = segment
        self.points = points

    @property
    def fields(self) -> frozenset[str]:
        return self.zones.fields | self.customers.fields

    @property
    def ends(self) -> Reads:
        if self.segment:
            return Reads(segments=frozenset({self.segment}))
        return Reads(points=frozenset({self.points}))

    def on_event(self, state: State, event: Event, horizon: int) -> None:
        self._follow(state, event.time, None)  # the customer may be in another zone

    def refresh(self, state: State, now: int) -> None:
        timers, end = state.timers(self.rule), self._end(state)
        if end is None and not timers:
            return
        if end is None or not timers or not is_about(timers[-1], end):
            self._follow(state, now, None)

    def rearm(self, state: State, now: int) -> None:
        since = state.identified + 1 if state.identified else 0  # of a guest who became known nothing is left
        self._follow(state, since, None)
        for timer in state.timers(self.rule):
            if timer.due and timer.since == since:  # its moment may be past; but no earlier exit is about it
                timer.since = min(now, timer.due)

    def _since(self, state: State, now: int) -> int:
        return now

    def _end(self, state: State) -> End | None:
        return self._end_of_level(state) if self.segment else self._end_of_points(state)

    def _end_of_level(self, state: State) -> End | None:
        membership = state.segments.get(self.segment)
        if membership is None or not membership.kept or membership.parked:
            return None
        if membership.year:
            return _at_the_beginning(date(membership.year, 1, 1), membership.kept)
        return End(str(membership.kept), "", membership.kept)

    def _end_of_points(self, state: State) -> End | None:
        ledger = state.points.get(self.points)
        zone = self.customers.of(state.profile)  # whatever zone the announcement has
        end = next_end(ledger, zone) if ledger is not None and not ledger.parked else 0
        if not end:
            return None
        over = moment_of(end, zone)
        if end < MONTHS:
            return _at_the_beginning(date(end // 12, end % 12 + 1, 1), over)
        return End(str(over), "", over)

    def _due(self, state: State, end: End, since: int) -> int:
        due = super()._due(state, end, since)
        if due >= since:
            return due
        if self.at is None:
            return since
        zone = self.zones.of(state.profile)
        today = from_millis(since, zone).date()
        coming = (instant_of(today + timedelta(days=days), self.at, zone) for days in (0, 1))
        return next(moment for moment in coming if moment >= since)


def _at_the_beginning(day: date, over: int) -> End:
    """An end that is the first instant of a day where the customer is."""
    return End(day.isoformat(), day.isoformat(), over, day)
