"""Bringing a state that an older rule book armed up to date with the current book.

`decide` calls `rearm` when the marks differ. It must not delete at once what another edit may bring back: the timers of
a removed rule are parked, and history that is no longer asked for is kept, both for GRACE (30 days).
"""

from operator import attrgetter
from typing import Final

from engine.core import exits
from engine.core.book import Rule, RuleBook
from engine.core.journeys import credit, edits
from engine.core.points import record as points
from engine.core.segments.follow import meet
from engine.core.state.fold import GRACE, ask
from engine.core.state.model import Parked, Slot, State
from engine.core.triggers.base import spend

_FIRED_AT: Final = attrgetter("fired_at")


def rearm(book: RuleBook, state: State, customer: str, now: int) -> None:
    """Rename rules, park removed ones, and arm new and changed ones from the state's history.

    Safe to repeat. Moments that are long past when armed end as `expired`, so no customer is flooded.
    """
    _rename(book, state)
    _exchange_kinds(book, state)
    _park_removed(book, state, now)
    ask(book, state, now)
    settled = now - book.policy.allowed_lateness
    if state.points:
        points.meet(book, state, now, settled)
    if book.segments or state.segments:
        meet(book, state, customer, max(settled, min(now, state.last)))
    for rule in book.rules:
        slot = state.rules.get(rule.id)
        if slot is not None:
            _take_up(rule, slot, state, now)
        rule.trigger.rearm(state, now)
        slot = state.rules.get(rule.id)
        if slot is None and exits.newest_of(rule.exits, state):
            slot = state.slot(rule.id)  # what has ended is remembered for what may still come late
        if slot is not None:
            own(rule, slot)
            exits.apply_anew(rule, slot, state)
            edits.meet(rule, slot, state, book.policy.zones, now)
            if state.identified:
                silence(state, slot)
    state.mark = book.mark


def _rename(book: RuleBook, state: State) -> None:
    for old, new in book.renamed.items():
        for key in [key for key in state.rules if key.partition(":")[0] == old]:
            name = new + key.removeprefix(old)
            slot, there = state.rules[key], state.rules.get(name)
            fired = max(slot, there or slot, key=_FIRED_AT).fired  # under whichever name it was
            if there is None or there.only_fired:
                there = state.rules[name] = state.rules.pop(key)
                credit.rename(old, there)
            there.fired = fired
        for deferred in state.deferred:
            if deferred.rule == old:
                deferred.rule = new


def _exchange_kinds(book: RuleBook, state: State) -> None:
    """Set aside the timers and memory of a rule that is of another kind now, and take up those of its present kind.

    What is set aside stands under an id that no rule can have, so that it is parked like a removed rule's.
    """
    for rule in book.rules:
        code, slot = rule.trigger.code, state.rules.get(rule.id)
        if slot is not None and slot.kind not in (0, code):
            _set_aside(rule.id, slot, state)
        found = state.rules.pop(f"{rule.id}:{code}", None)
        if found is not None:
            slot = state.slot(rule.id)
            slot.kind, slot.timers, slot.memory = code, found.timers, found.memory
            slot.parked = slot.parked or found.parked
        if slot is not None and slot.is_empty:
            del state.rules[rule.id]


def _set_aside(rule: str, slot: Slot, state: State) -> None:
    if slot.timers or slot.memory:
        state.rules[f"{rule}:{slot.kind}"] = Slot(slot.kind, slot.timers, slot.memory, parked=slot.parked)
    slot.kind, slot.timers, slot.memory = 1, [], None
    slot.parked = slot.parked if slot.runs else None  # runs go on whatever began them


def _park_removed(book: RuleBook, state: State, now: int) -> None:
    waiting = {deferred.rule for deferred in state.deferred}
    for rule in (state.rules.keys() | waiting) - book.by_id.keys():
        slot = state.slot(rule)
        if slot.parked is None:
            if rule in waiting or slot.runs or slot.ended or any(timer.due for timer in slot.timers):
                slot.parked = Parked(now + GRACE, {name: memory.count for name, memory in state.events.items()})
        elif slot.parked.until < now:
            _give_up(rule, slot, state)


def _give_up(rule: str, slot: Slot, state: State) -> None:
    """End the parking. Spent timers stay, so that a rule that comes back later does not repeat a firing."""
    slot.parked = None
    slot.runs, slot.ended = [], ()
    state.deferred = [deferred for deferred in state.deferred if deferred.rule != rule]
    state.set_timers(rule, [timer for timer in slot.timers if not timer.due])


def _take_up(rule: Rule, slot: Slot, state: State, now: int) -> None:
    """End a slot's parking: what has been disproved meanwhile is disarmed."""
    parked = slot.parked
    if parked is not None and parked.until < now:
        _give_up(rule.id, slot, state)
    elif parked is not None:
        slot.parked = None
        _catch_up(rule, slot, state, parked, now)


def _catch_up(rule: Rule, slot: Slot, state: State, parked: Parked, now: int) -> None:
    """Disarm what events during the parking may have disproved; only their types and newest times are known."""
    missed = {name: memory.last for name, memory in state.events.items() if memory.count != parked.counts.get(name, 0)}
    ended = max((missed[name] for fact in rule.exits for name in fact.types.intersection(missed)), default=0)
    if ended:
        rule.trigger.cancel(state, ended)
    edits.catch_up(rule, slot, missed, now)
    concerned = rule.trigger.code == slot.kind and not missed.keys().isdisjoint(rule.trigger.listens)
    if concerned and rule.trigger.missed(slot, missed):
        state.deferred = [deferred for deferred in state.deferred if deferred.rule != rule.id]


def own(rule: Rule, slot: Slot) -> None:
    """Record in the slot which kind of trigger has written to it."""
    code = rule.trigger.code
    if slot.kind != code and (slot.timers or slot.memory):
        slot.kind = code


def silence(state: State, slot: Slot, horizon: int = 0) -> None:
    """Disarm the timers that a guest armed before becoming known; all timers if the guest did nothing since.

    What was due before that is still told, unless it was due by `horizon` already: only a late event can have armed it.
    """
    for timer in slot.timers:
        is_armed = timer.due > state.identified or 0 < timer.due <= horizon
        if is_armed and state.identified >= min(timer.since, state.last):
            spend(timer)
