"""Membership at every instant: what a customer's segments are, whether an event or time alone changed them.

`decide` calls `follow` after an event is counted, `settle` when a segment's timer is due, and `rearm` for a new book.
A segment equals its condition at every instant: `Membership.due` is the next moment at which time may change it.
A change that is told makes one event; the membership of a new or changed segment is taken up silently.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from engine.core.book import RuleBook
from engine.core.effects import effect_id
from engine.core.expression import NEVER
from engine.core.facts import ENTERED, LEFT, MOVED
from engine.core.scope import NO_LEVEL, Scope
from engine.core.segments.model import Segment, beginning
from engine.core.state.fold import GRACE, count
from engine.core.state.model import Membership, State
from engine.model import Event

NO_MOVES: Final[list[Event]] = []

MAX_LOOKS_AHEAD: Final = 100
"""Looks of one segment that `look_ahead` makes. Without it, a condition that may change every second would be evaluated
for each second of the lateness."""


class Standing(NamedTuple):
    """A membership as it has to be. The fields are those of `Membership`; the lowest level is empty."""

    level: str
    next: str | None = None
    kept: int = 0
    year: int = 0


class Following:
    """One look at some of a customer's segments, at one instant. Made only when one of them may have changed.

    `timer`: time has come to the instant, so every change up to it is settled. Else the allowed lateness may hold back
    a change by time alone that was before it; then the timer decides, not this look. It looks at `told` too, the moment
    of the event, which may renew a level that is kept.
    """

    __slots__ = ("book", "changed", "customer", "moves", "scope", "silent", "state", "timer", "told")

    def __init__(self, book: RuleBook, customer: str, scope: Scope, timer: bool, told: int = NEVER) -> None:
        self.book = book
        self.state = scope.state
        self.customer = customer
        self.timer = timer
        self.told = told
        self.scope = scope
        self.moves: list[Event] = []
        self.changed: set[str] = set()
        self.silent: set[str] = set()

    def renew(self, segment: Segment, membership: Membership, level: str, due: int, silently: bool = False) -> None:
        """Bring one membership up to the instant, at which `level` is the highest that holds."""
        met = membership.mark == segment.mark and not silently
        before = Standing(membership.level, membership.next, membership.kept, membership.year)
        standing = Standing(level) if segment.keep is None else _kept(segment, membership, level, self)
        if self._is_early(segment, membership, standing):
            if segment.keep is not None:
                membership.due = min(membership.due, self.told)
            return
        membership.level, membership.next, membership.kept, membership.year = standing
        membership.due = min(due or standing.kept, standing.kept) if standing.kept else due
        membership.mark = segment.mark if met or self.is_certain(segment) else 0
        membership.parked = 0
        if standing.level != before.level:
            membership.since = self.scope.now
        if standing != before:
            self.changed.add(segment.id)
            if not (met and segment.needs.reads.segments.isdisjoint(self.silent)):
                self.silent.add(segment.id)
            elif standing.level != before.level:
                self._move(segment, membership, before.level)
        if membership.level or membership.due or membership.moves:
            self.state.segments[segment.id] = membership
        else:  # never in, and cannot come in by time
            self.state.segments.pop(segment.id, None)

    def _is_early(self, segment: Segment, membership: Membership, standing: Standing) -> bool:
        """Whether the change is one of time, which a late event may still disprove."""
        if self.timer or not 0 < membership.due <= self.scope.now:
            return False
        return segment.keep is not None or standing.level != membership.level

    def is_certain(self, segment: Segment) -> bool:
        return all(level.condition.is_certain(self.scope) for level in segment.levels)

    def _move(self, segment: Segment, membership: Membership, old: str) -> None:
        membership.moves += 1
        new = membership.level
        type_ = ENTERED if not old else MOVED if new else LEFT
        if segment.id in self.book.eventless and count(self.state, type_, self.scope.now):
            return
        properties = {"segment": segment.id, "old": old or NO_LEVEL, "new": new or NO_LEVEL}
        identity = effect_id(f"segments.{segment.id}", self.customer, str(membership.moves))
        self.moves.append(Event(identity, type_, self.customer, self.scope.now, properties))


def _kept(segment: Segment, membership: Membership, level: str, this: Following) -> Standing:
    """The membership that `keep` makes of the highest level whose condition holds."""
    keep, at = segment.keep, this.scope.now
    assert keep is not None
    zone = this.book.policy.zones.of(this.state.profile)
    kept = beginning(membership.year, zone) if membership.year else membership.kept
    now, holds = segment.place(membership.level), level == membership.level
    renewed = kept <= at or (holds and membership.next is not None)
    if segment.place(level) > now or (renewed if holds else kept <= at):
        return Standing(level, None, *(keep.until(at, zone) if level else ()))
    return Standing(membership.level, None if holds else level, kept, membership.year)


def look_ahead(state: State, customer: str, looks: Iterable[tuple[Segment, bool]], at: int) -> None:
    """Before an event is counted, put off the timers that lateness holds and that would find nothing changed.

    Else what the event changes would be taken for a change of time, told late and as of a moment before it. Levels that
    are kept wait for their timers in any case.
    """
    for segment, _ in looks:
        membership = state.segments.get(segment.id)
        if membership is None or membership.mark != segment.mark or segment.keep is not None:
            continue
        for _ in range(MAX_LOOKS_AHEAD):
            if not 0 < membership.due <= at:
                break
            level, due = segment.look(Scope(state, None, membership.due, customer))
            if level != membership.level:
                break
            membership.due = due


def follow(
    book: RuleBook,
    state: State,
    customer: str,
    looks: Iterable[tuple[Segment, bool]],
    at: int,
    *,
    timer: bool = False,
    told: int = NEVER,
    horizon: int = 0,
    decided: int = 0,
) -> list[Event]:
    """Bring segments up to the instant, and return the moves, in order.

    `looks`: segments in the order of their dependence, and whether to look in any case, or only if one that they read
    has changed. `told`: the moment of the event, which is looked at too if it is after `horizon`. `decided`: up to
    then an event may have brought some already.
    """
    scope, known = Scope(state, None, at, customer), state.segments
    this: Following | None = None
    for segment, concerned in looks:
        if not concerned and (this is None or segment.needs.reads.segments.isdisjoint(this.changed)):
            continue
        level, due = segment.look(scope)
        membership = known.get(segment.id)
        if membership is None:
            if not (level or due):
                continue  # outside, and stays there
            membership = Membership(mark=segment.mark)
        elif level == membership.level and segment.keep is None and membership.mark == segment.mark:
            membership.due = due  # as before: the usual case
            if not (level or due or membership.moves):
                del known[segment.id]
            continue
        if segment.id in book.independent and _move_without_event(segment, membership, level, due, scope, timer):
            continue
        if this is None:
            this = Following(book, customer, scope, timer, told if told > horizon else NEVER)
        if not concerned and at < decided and (later := _later(segment, membership, scope, level, decided)):
            this.scope = later
            level, due = segment.look(later)
        this.renew(segment, membership, level, due)
        this.scope = scope
    return this.moves if this is not None else NO_MOVES


def _later(segment: Segment, membership: Membership, scope: Scope, level: str, decided: int) -> Scope | None:
    """The instant to which an event has brought the segment since, if its level still holds there; else None.

    What it reads has changed before that, but the event alone has made the level: nobody has left it in between.
    """
    holding = membership.level if membership.next is None else membership.next
    until = min(decided, membership.due - 1) if membership.due else decided
    later = Scope(scope.state, None, until, scope.customer)
    return later if level != holding and until > scope.now and segment.look(later)[0] == holding else None


def _move_without_event(
    segment: Segment, membership: Membership, level: str, due: int, scope: Scope, timer: bool
) -> bool:
    """Move the customer and count the move without making an event; for segments of `RuleBook.independent`.

    False: nothing was done, as the customer has not met this segment, or more than the count must change.
    """
    old, at, state = membership.level, scope.now, scope.state
    if level == old or membership.mark != segment.mark or not (timer or membership.due > at or membership.due <= 0):
        return False
    if not count(state, ENTERED if not old else MOVED if level else LEFT, at):
        return False
    membership.level, membership.since, membership.due = level, at, due
    membership.moves += 1
    state.segments[segment.id] = membership
    return True


def fall_due(book: RuleBook, state: State, customer: str, due: int, at: int) -> list[Event] | None:
    """Bring the segments whose timers are due up to that instant, and return the moves; None if no timer is due.

    `at`: the moment at which that is decided.
    """
    known = book.segments
    timed = [id_ for id_, membership in state.segments.items() if membership.due == due and id_ in known]
    if not timed:
        return None
    looks = book.looks[timed[0]] if len(timed) == 1 else book.looks_at(timed)
    return follow(book, state, customer, looks, due, timer=True, decided=min(at, state.last))


def meet(book: RuleBook, state: State, customer: str, now: int) -> None:
    """Take up the segments of a new book: rename, park what is gone, and look silently at what is new or has changed.

    The others are due at once. `now`: the moment of the newest event, or up to which time is settled, if that is later:
    before the newest event its customer is not yet what they are. A guest who became known stays out of a segment until
    they do something that concerns it: what was before belongs to the customer that they became.
    """
    _rename_and_park(book, state, now)
    this = Following(book, customer, Scope(state, None, now, customer), True)
    for segment in book.segments.values():
        known = state.segments.get(segment.id)
        if state.known is not None and not (known and (known.level or known.due)):
            if known:
                known.parked, known.mark = 0, segment.mark if this.is_certain(segment) else 0
            continue
        changed = known is None or known.mark != segment.mark or 0 < known.parked <= now
        level, due = segment.look(this.scope)
        if known is None or changed or not segment.needs.reads.segments.isdisjoint(this.changed):
            this.renew(segment, known or Membership(), level, due, silently=True)
        else:
            known.parked = 0
            if level == known.level and segment.keep is None:
                known.due = due
            elif not 0 < known.due <= now:
                known.due = now  # events that came while it was parked, or another zone, may have changed it


def _rename_and_park(book: RuleBook, state: State, now: int) -> None:
    for segment in book.segments.values():
        for old in segment.was:
            if old in state.segments and segment.id not in state.segments:
                state.segments[segment.id] = state.segments.pop(old)
    for id_, membership in state.segments.items():
        if id_ not in book.segments and not membership.parked:
            membership.parked = now + GRACE


def forsake(state: State) -> None:
    """Take a guest out of every segment, silently: what they did belongs to the customer that they became."""
    for membership in state.segments.values():
        membership.level, membership.next, membership.since = "", None, 0
        membership.due = membership.kept = membership.year = 0
