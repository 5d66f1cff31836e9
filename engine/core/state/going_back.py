"""What a customer keeps of a change that was taken back: what they really got.

A roll-out that goes back gives each customer the state that the old book alone would have made of them. The worker
calls `remember` on that state, so that caps and reentry count what the new book has sent meanwhile, and the old book
does not send it again. Rules and steps may have other names in the new book (`was`).
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Final, NamedTuple

from engine.core.journeys import credit
from engine.core.state.fold import GRACE
from engine.core.state.model import Membership, Run, Slot, State
from engine.core.state.points import Ledger
from engine.model import IssuedCoupon, Outcome, OutcomeRecord

if TYPE_CHECKING:
    from engine.core.book import RuleBook
    from engine.core.coupons import Coupon
    from engine.core.journeys.steps import Journey
    from engine.core.points.model import Points
    from engine.core.segments.model import Segment

MAX_TOLD: Final = 100
"""Messages of a roll-out that are remembered of one customer. Without it a rule that fires with every event would grow
the customer's value while the roll-out lasts."""
_MOMENT: Final = attrgetter("at")


class TriedOutreach(NamedTuple):
    """Outreach that the new book has made, by its names of rule and step."""

    rule: str
    occurrence: str
    step: str


def noted(told: Sequence[TriedOutreach], outcomes: Iterable[OutcomeRecord]) -> tuple[TriedOutreach, ...]:
    """The messages told so far and those of these outcomes; the newest MAX_TOLD."""
    fired = (TriedOutreach(one.rule, one.occurrence, one.step) for one in outcomes if one.outcome is Outcome.FIRED)
    return (*told, *fired)[-MAX_TOLD:]


def remember(
    state: State, tried: State, told: Iterable[TriedOutreach], since: int, old: "RuleBook", new: "RuleBook"
) -> None:
    """Count in `state` what the customer got in `tried`, the state by the book that is taken back, from `since` on.

    Outreach that the old book would have sent meanwhile was not sent, and counts for no cap; a coupon that only such
    a message showed was not issued, as no shop was told of it: the next message issues it. What was issued before
    `since` stays. Nor was anybody exposed to an experiment by it, and no goal is credited to it. `told`: the messages
    of the new book.
    """
    before = [sent for sent in state.sent if sent.at < since]
    state.sent = sorted([*before, *(sent for sent in tried.sent if sent.at >= since)], key=_MOMENT)
    state.exposed = dict(tried.exposed)
    slots: dict[str, Slot] = {}
    for rule, slot in tried.rules.items():
        name = new.id_in(old, rule)
        slots[name] = slot
        if name != rule:
            credit.rename(rule, slot)
        if slot.fired:  # of a journey it is the moment of the entry, which may be before `since`
            kept = state.slot(name)  # the old book may never have come to it
            if slot.fired_at > kept.fired_at:
                kept.fired = slot.fired
    for name, kept in state.rules.items():
        slot = slots.get(name, Slot())
        issued = {run.occurrence: run.coupons for run in slot.runs}
        for run in kept.runs:
            run.coupons = _issued_before(run.coupons, since, old.catalog.coupons) | issued.get(run.occurrence, {})
        _credit(kept, slot)
    for one in told:
        _take_for_told(state, one, old, new)
    _number_on(state, tried, since, old, new)


def _number_on(state: State, tried: State, since: int, old: "RuleBook", new: "RuleBook") -> None:
    """Number moves of segments and changes of points after those that were told: else other ones would have their ids.

    What the old book lacks is parked, for a later book that has it. Not while a move of the old book is held, which is
    known by the newest number.
    """
    for id_, moved in tried.segments.items():
        if moved.moves:
            name = _name_in(old.segments, new.segments, id_)
            segment = old.segments.get(name)
            fresh = Membership(parked=since + GRACE) if segment is None else Membership(mark=segment.mark)
            membership = state.segments.setdefault(name, fresh)
            if not any(one.occurrence == f"{name} {membership.moves}" for one in state.deferred):
                membership.moves = max(membership.moves, moved.moves)
    for id_, changed in tried.points.items():
        if changed.changes:
            name = _name_in(old.points, new.points, id_)
            points = old.points.get(name)
            empty = Ledger(parked=since + GRACE) if points is None else Ledger(terms=points.terms)
            ledger = state.points.setdefault(name, empty)
            ledger.changes = max(ledger.changes, changed.changes)


def _name_in(old: Mapping[str, object], new: "Mapping[str, Segment] | Mapping[str, Points]", id_: str) -> str:
    """The id that segment or points of the new book have in the old one; their own where it has none."""
    was = new[id_].was if id_ in new else ()
    return next((name for name in (id_, *was) if name in old), id_)


def _credit(kept: Slot, tried: Slot) -> None:
    """Let goals be credited to what was really sent, by a run that goes on or by one that is over."""
    told = {run.occurrence: run.told for run in (*tried.ended, *tried.runs)}
    for run in kept.runs:
        run.told = told.get(run.occurrence, {})
    going_on = {run.occurrence for run in kept.runs}
    over = [Run(run.occurrence, run.began, "", key=run.key, event=run.event, told=run.told) for run in tried.runs]
    kept.ended = tuple(run for run in (*tried.ended, *over) if run.told and run.occurrence not in going_on)


def _issued_before(
    issued: Mapping[str, IssuedCoupon], since: int, coupons: "Mapping[str, Coupon]"
) -> dict[str, IssuedCoupon]:
    valid = {name: coupons[name].valid if name in coupons else one.valid_until for name, one in issued.items()}
    return {name: one for name, one in issued.items() if one.valid_until - valid[name] < since}


def _take_for_told(state: State, told: TriedOutreach, old: "RuleBook", new: "RuleBook") -> None:
    """Let the old book take the message for its own: it does not make it again.

    Of a rule that the old book lacks, what is parked takes it, for a later book that has the rule.
    """
    rule = old.by_id.get(new.id_in(old, told.rule)) or new.by_id.get(told.rule)
    slot = state.rules.get(rule.id) if rule is not None else None
    if rule is None or slot is None:
        return
    state.deferred = [one for one in state.deferred if (one.rule, one.occurrence) != (rule.id, told.occurrence)]
    journey = rule.action.journey
    if journey is None:
        if slot.kind == rule.trigger.code:
            rule.trigger.pass_over(state, told.occurrence)
        return
    step = _step_in(journey, new, told)
    for run in slot.runs:
        if run.occurrence == told.occurrence and step not in run.sent:
            run.sent.append(step)


def _step_in(journey: "Journey", new: "RuleBook", told: TriedOutreach) -> str:
    """The name of the step in the old journey."""
    rule = new.by_id.get(told.rule)
    renamed = rule.action.journey if rule is not None else None
    if told.step in journey.named or renamed is None or told.step not in renamed.named:
        return told.step
    return next((former for former in renamed.named[told.step].was if former in journey.named), told.step)
