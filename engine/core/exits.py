"""What ends a rule before it comes true: `exit`, per rule or, with `match`, per value.

`decide` calls `end` when a fact of a rule's `exit` happens, and `apply` whenever the rule may have armed a timer:
events arrive in any order, so the end may be known before the beginning. What has happened stays happened.
"""

from collections.abc import Container, Iterable
from functools import partial
from typing import Final

from engine.core.book import Rule
from engine.core.facts import Fact, is_about, match_value, remembered
from engine.core.firing import Firing
from engine.core.state.model import Deferred, Slot, State
from engine.core.zones import iso
from engine.model import BECAME, Event, KeptEvent

MAX_MATCHED_EXITS: Final = 32
"""Match values per rule whose end is remembered; beyond it the oldest are dropped. Without it a customer with a refund
a day would grow the state without end."""


def end(rule: Rule, fact: Fact, state: State, event: Event, caused: int) -> list[Deferred]:
    """Disarm what the event ends, and remember it. Returns the deferred firings that it ends; they are taken out.

    `caused`: when that happened which brought the event, a move, about. What begins from then on is not ended by it.
    """
    if not fact.happens(state, event) or (fact.match and not match_value(event.properties, fact.match)):
        return []
    slot = state.slot(rule.id)
    if fact.match:
        _remember(slot, remembered(fact.match, match_value(event.properties, fact.match)), event.time)
    else:
        slot.cancelled = max(min(event.time, caused), slot.cancelled)
    time = event.time - 1 if fact.segment else event.time  # at one instant segments change before all else comes due

    def about(began: KeptEvent | None) -> bool:
        return fact.concerns(event, began)

    held = [
        one for one in state.deferred if one.rule == rule.id and about(one.event) and _lasts(rule, state, one, time)
    ]
    state.deferred = [one for one in state.deferred if one not in held] if held else state.deferred
    rule.trigger.cancel(state, time, held=bool(held), about=about)
    return held


def _lasts(rule: Rule, state: State, one: Deferred, time: int) -> bool:
    """Whether a deferred firing stands at that time; what a timer made and the night holds began before its moment."""
    since = _since(rule, state, one)
    return max(since, one.moment) <= time < one.due if rule.action.waits else since <= time


def _since(rule: Rule, state: State, one: Deferred | Firing) -> int:
    """When that began which has come true; only what follows can end it. May be after its moment: known too late."""
    if rule.trigger.is_immediate:
        return one.moment
    try:
        return rule.trigger.since(state, one.occurrence)
    except ValueError:  # the rule was of another kind when it was deferred
        return one.moment


def over(rule: Rule, state: State, firing: Firing, until: int) -> str:
    """Why a firing that would wait `until` then is over by what is known already, as after a late event; "": it is not.

    The event that begins something does not end it.
    """
    is_immediate = rule.trigger.is_immediate  # exits up to their moment have met timers before
    if firing.moment <= state.identified and (is_immediate or state.last <= state.identified):
        return BECAME + state.became
    slot = state.rules.get(rule.id)
    if slot is None:
        return ""
    times = [time for key, time in slot.exits.items() if is_about(key, firing.event)]
    first = max(_since(rule, state, firing), firing.moment)
    first += is_immediate  # but what is due fires before what happens at that moment
    ended = min((time for time in (slot.cancelled, *times) if first <= time < until), default=0)
    return f"ended at {iso(ended)}" if ended else ""


def _remember(slot: Slot, key: str, time: int) -> None:
    newest = max(time, slot.exits.pop(key, time))
    slot.exits[key] = newest  # the one that ended last comes last
    if len(slot.exits) > MAX_MATCHED_EXITS:
        del slot.exits[next(iter(slot.exits))]


def apply(rule: Rule, slot: Slot, state: State, begun: Container[int] = ()) -> None:
    """Disarm timers that an event known earlier has ended. `begun`: the moments of ends that have begun one themselves.

    The event that begins something never ends it.
    """
    if slot.cancelled and slot.cancelled not in begun:
        rule.trigger.cancel(state, slot.cancelled)
    for key, time in slot.exits.items():
        if time not in begun:
            rule.trigger.cancel(state, time, about=partial(is_about, key))


def apply_anew(rule: Rule, slot: Slot, state: State) -> None:
    """`apply` for another rule book, in which the rule may have other ends: of some it is known that they were."""
    slot.cancelled = max(slot.cancelled, newest_of(rule.exits, state))
    apply(rule, slot, state, {timer.since for timer in slot.timers if timer.due})


def newest_of(facts: Iterable[Fact], state: State) -> int:
    """The newest time of those facts that are known whatever was asked for: of a type, without `where` and `match`."""
    types = [fact.event for fact in facts if fact.is_plain]
    return max((state.events[type_].last for type_ in types if type_ in state.events), default=0)
