"""Bringing a state that an older rule book made up to this one."""

from typing import Any

from engine.core.book import Rule, RuleBook
from engine.core.history import drop_unused
from engine.core.triggers.base import spend
from engine.model import State


def rearm(book: RuleBook, state: State) -> None:
    """Rename, drop timers of removed rules, arm new and changed rules from what the state knows.

    Safe to repeat. What is long past when it is armed comes out as `expired`, so nobody is flooded.
    """
    _rename(book, state)
    _drop_removed(book, state)
    for rule in book.rules:
        _drop_foreign(rule, state)
        rule.trigger.rearm(state)
        if rule.id in state.cancels:
            disarm_cancelled(rule, state, state.cancels[rule.id])
    drop_unused(book, state)
    state.mark = book.mark


def _rename(book: RuleBook, state: State) -> None:
    for old, new in book.renamed.items():
        for kept in (state.timers, state.memory, state.fired, state.cancels):
            _move(kept, old, new)
        for deferred in state.deferred:
            if deferred.rule == old:
                deferred.rule = new


def _move(kept: dict[str, Any], old: str, new: str) -> None:
    if old in kept and new not in kept:
        kept[new] = kept.pop(old)


def _drop_removed(book: RuleBook, state: State) -> None:
    """Timers and deferrals go; spent timers stay, so that a rule that comes back repeats nothing."""
    for rule_id in state.timers.keys() - book.by_id.keys():
        spent = [timer for timer in state.timers[rule_id] if not timer.due]
        if spent:
            state.timers[rule_id] = spent
        else:
            del state.timers[rule_id]
    state.deferred = [deferred for deferred in state.deferred if deferred.rule in book.by_id]


def _drop_foreign(rule: Rule, state: State) -> None:
    """What the rule kept while it was of another kind."""
    timers = state.timers.get(rule.id, [])
    own = [timer for timer in timers if rule.trigger.fits(timer)]
    if timers and not own:
        del state.timers[rule.id]
    elif len(own) < len(timers):
        state.timers[rule.id] = own
    if not isinstance(state.memory.get(rule.id), rule.trigger.remembers):
        state.memory.pop(rule.id, None)


def disarm_cancelled(rule: Rule, state: State, cancelled: int) -> None:
    """Spend the rule's timers that were armed before, and due after, an event that cancels it."""
    for timer in state.timers.get(rule.id, ()):
        if timer.anchor <= cancelled < timer.due:
            spend(timer)
