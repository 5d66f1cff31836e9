"""Bringing a state that an older rule book made up to this one."""

from engine.core.book import Rule, RuleBook
from engine.core.state.fold import drop_unused
from engine.core.state.model import Slot, State
from engine.core.triggers.base import spend


def rearm(book: RuleBook, state: State) -> None:
    """Rename, drop timers of removed rules, arm new and changed rules from what the state knows.

    Safe to repeat. What is long past when it is armed comes out as `expired`, so nobody is flooded.
    """
    _rename(book, state)
    _drop_removed(book, state)
    for rule in book.rules:
        _drop_foreign(rule, state)
        rule.trigger.rearm(state)
        slot = state.rules.get(rule.id)
        if slot is not None:
            own(rule, slot)
            if slot.cancelled:
                rule.trigger.cancel(state, slot.cancelled)
            if state.identified:
                silence(state, slot)
    drop_unused(book, state)
    state.mark = book.mark


def _rename(book: RuleBook, state: State) -> None:
    for old, new in book.renamed.items():
        if old in state.rules and new not in state.rules:
            state.rules[new] = state.rules.pop(old)
        for deferred in state.deferred:
            if deferred.rule == old:
                deferred.rule = new


def _drop_removed(book: RuleBook, state: State) -> None:
    """Timers and deferrals go; spent timers stay, so that a rule that comes back repeats nothing."""
    for rule_id in state.rules.keys() - book.by_id.keys():
        state.set_timers(rule_id, [timer for timer in state.rules[rule_id].timers if not timer.due])
    state.deferred = [deferred for deferred in state.deferred if deferred.rule in book.by_id]


def _drop_foreign(rule: Rule, state: State) -> None:
    """What the rule kept while it was of another kind."""
    slot = state.rules.get(rule.id)
    if slot is not None and slot.kind not in (0, rule.trigger.code):
        slot.memory = None
        state.set_timers(rule.id, [])


def own(rule: Rule, slot: Slot) -> None:
    """Note in the slot which kind of trigger has written to it."""
    code = rule.trigger.code
    if slot.kind != code and (slot.timers or slot.memory):
        slot.kind = code


def silence(state: State, slot: Slot) -> None:
    """Disarm what a guest armed before they became known, and all of it while they have done nothing since."""
    for timer in slot.timers:
        if timer.due > state.identified >= min(timer.since, state.last):
            spend(timer)
