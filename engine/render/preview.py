"""Renders one template from given data, without a store, for `engine preview`."""

from collections.abc import Iterable, Mapping, Set
from datetime import UTC, datetime
from typing import Any

from engine.core.book import Rule, RuleBook
from engine.core.expression import Keeps
from engine.core.journeys.steps import Act
from engine.core.points.model import SECOND
from engine.core.scope import BY_TIME, NO_LEVEL
from engine.core.segments.follow import meet
from engine.core.state.model import IN, History, Membership, Memory, Run, State
from engine.core.state.points import Ledger, Lot
from engine.core.zones import to_millis
from engine.errors import RenderFailed
from engine.model import KeptEvent, Outreach
from engine.render.renderer import JinjaRenderer

_MOST_EVENTS = 10_000
_CUSTOMER = "preview"
"""The id of the customer whom the data describes."""


def preview(
    renderer: JinjaRenderer, book: RuleBook, template: str, channel: str, data: Mapping[str, Any], now: int
) -> Outreach:
    """The rendered outreach of the first rule that sends the template. Raises RenderFailed, for wrong data too.

    `data` may have `profile` {field: value}, `event` {type, time, properties} and `events`
    {type: {count, sum: {property: total}, first: {time}, last: {time, and properties}, list: [like last]}}. Times are
    ISO 8601 or epoch milliseconds, without one `now`; all events of a type fall on the time of its last. `segments` may
    have {segment: true, false, or its level}; others are as their conditions say. `points` may have {points: balance},
    or {points: {balance, pending}}, all of it earned now. `experiments` may have {experiment: variant}. `steps` may
    list the journey's steps that were sent before.
    """
    try:
        state, event = sample_state(data, now, book.keeps)
        _credit(book, state, data.get("points") or {}, now)
        _place(book, state, data.get("segments") or {}, now)
        state.exposed = _variants(book, data.get("experiments") or {})
    except (TypeError, ValueError, AttributeError) as error:
        raise RenderFailed(template, f"the data cannot be used: {error}") from error
    outreach = _outreach(book.rules, book, template, channel, event, now)
    outreach.sent = tuple(data.get("steps") or ())
    renderer.render(outreach, state)
    return outreach


def preview_state(
    renderer: JinjaRenderer, book: RuleBook, template: str, channel: str, customer: str, state: State, now: int
) -> Outreach:
    """The same for a customer as they are known. Raises RenderFailed.

    A customer who is on a journey that sends the template sees what their run would send, or has sent. For others
    `event` is the newest that the state keeps. Coupons are new ones in any case, of a secret that everybody knows.
    """
    way = _on_the_way(book, template, channel, state)
    if way is not None:
        rule, act, run = way
        outreach = _outreach((rule,), book, template, channel, run.event, now)
        outreach.occurrence, outreach.step = run.occurrence, act.name
        before = run.sent.index(act.name) if act.name in run.sent else len(run.sent)
        outreach.sent = tuple(run.sent[:before])
    else:
        kept = [memory.history.latest for memory in state.events.values() if memory.history and memory.history.latest]
        newest = max(kept, key=lambda event: event.time, default=None)
        outreach = _outreach(book.rules, book, template, channel, newest, now)
    outreach.customer = customer
    renderer.render(outreach, state)
    return outreach


def _on_the_way(book: RuleBook, template: str, channel: str, state: State) -> tuple[Rule, Act, Run] | None:
    """The customer's run of a journey that sends the template, and the step: where it is next, else the newest run."""
    found = [
        (rule, act, run)
        for rule in book.journeys
        for act in (rule.action.journey.acts if rule.action.journey is not None else ())
        if any((send.template, send.channel) == (template, channel) for send in act.action.sends)
        for run in (state.rules[rule.id].runs if rule.id in state.rules else ())
    ]
    return max(found, key=lambda one: (one[2].step == one[1].name, one[2].began), default=None)


def sample_state(data: Mapping[str, Any], now: int, keeps: Keeps) -> tuple[State, KeptEvent | None]:
    """The state and event that preview data describes; sums that are asked for and not given are 0.

    Raises TypeError, ValueError or AttributeError.
    """
    state = State(profile=dict(data.get("profile") or {}))
    for type_, facts in (data.get("events") or {}).items():
        summed = {name for of, name in keeps.sums if of == type_}
        summed |= {name for of, name, _ in keeps.windows if of == type_ and name}
        _add_events(state, type_, facts, now, summed)
    event = data.get("event")
    if not event:
        return state, None
    _only(event, "the event", "id", "type", "time", "properties")
    return state, _event(event.get("type", "event"), event, event.get("properties", {}), now)


def _credit(book: RuleBook, state: State, given: Mapping[str, Any], now: int) -> None:
    """Give the customer points. Raises ValueError."""
    zone = book.policy.zones.of(state.profile)
    for id_, value in given.items():
        points = book.points.get(id_)
        if points is None:
            message = f"there are no points {id_!r}; there are {', '.join(book.points) or 'none'}"
            raise ValueError(message)
        parts = value if isinstance(value, Mapping) else {"balance": value}
        _only(parts, f"points {id_}", "balance", "pending")
        balance, pending = int(parts.get("balance", 0)), int(parts.get("pending", 0))
        later = max(
            [now // SECOND + 1, *(line.usable(now) for line in points.earn)]
        )  # what is pending waits, also where earning does not
        lots = [Lot(now // SECOND, points.end(now, zone), balance)] if balance > 0 else []
        coming = [Lot(later, points.end(now, zone), pending)] if pending else []
        state.points[id_] = Ledger(lots, coming, debt=max(0, -balance), earned=balance)


def _place(book: RuleBook, state: State, given: Mapping[str, Any], now: int) -> None:
    """Put the customer into segments. Raises ValueError."""
    meet(book, state, _CUSTOMER, now)
    for id_, value in given.items():
        segment = book.segments.get(id_)
        if segment is None:
            message = f"there is no segment {id_!r}; there are {', '.join(book.segments) or 'none'}"
            raise ValueError(message)
        level = (IN if value else "") if isinstance(value, bool) else str(value)
        levels = (*segment.names, "", *(() if segment.plain else (NO_LEVEL,)))
        if level not in levels or segment.plain is not isinstance(value, bool):
            known = "true or false" if segment.plain else ", ".join((NO_LEVEL, *segment.names))
            message = f"segment {id_} is {known}, not {value!r}"
            raise ValueError(message)
        kept = segment.keep.until(now, book.policy.zones.of(state.profile))[0] if segment.keep else 0
        state.segments[id_] = Membership("" if level == NO_LEVEL else level, now, kept=kept)


def _variants(book: RuleBook, given: Mapping[str, Any]) -> dict[str, str]:
    """The variants that the customer is in. Raises ValueError."""
    for id_, variant in given.items():
        experiment = book.catalog.experiments.get(id_)
        if experiment is None:
            message = f"there is no experiment {id_!r}; there are {', '.join(book.catalog.experiments) or 'none'}"
            raise ValueError(message)
        if variant not in experiment.shares:
            message = f"experiment {id_} has no variant {variant!r}; it has {', '.join(experiment.shares)}"
            raise ValueError(message)
    return dict(given)


def _add_events(state: State, type_: str, facts: Mapping[str, Any], now: int, summed: Set[str]) -> None:
    _only(facts, f"events.{type_}", "count", "sum", "first", "last", "list")
    last = facts.get("last") or {}
    newest = _event(type_, last, _properties(last), now)
    number = int(facts.get("count", 1))
    if not 0 <= number <= _MOST_EVENTS:
        message = f"count is from 0 to {_MOST_EVENTS}"
        raise ValueError(message)
    if not number:
        return
    oldest = min(_time(facts.get("first") or {}, newest.time), newest.time)
    totals = dict.fromkeys(summed, 0.0) | {name: float(total) for name, total in (facts.get("sum") or {}).items()}
    listed = [_event(type_, one, _properties(one), now) for one in facts.get("list") or [last]]
    shares = {name: [total / number] * number for name, total in totals.items()}
    history = History(newest, totals, [newest.time] * number, shares, span=now)
    history.listed = sorted(listed, key=BY_TIME)
    state.events[type_] = Memory(number, newest.time, newest.time - oldest, history)


def _only(fields: Mapping[str, Any], of: str, *known: str) -> None:
    """Raises ValueError where there is another field: it would be ignored, and the text be that of other data."""
    for name in fields.keys() - {*known}:
        message = f"{of} may have {', '.join(known)}, and not {name!r}"
        raise ValueError(message)


def _properties(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "time"}


def _event(type_: str, fields: Mapping[str, Any], properties: Mapping[str, Any], now: int) -> KeptEvent:
    return KeptEvent(str(fields.get("id", "preview")), type_, _time(fields, now), dict(properties))


def _time(fields: Mapping[str, Any], otherwise: int) -> int:
    time = fields.get("time", otherwise)
    if isinstance(time, str):
        moment = datetime.fromisoformat(time)
        return to_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    return int(time)


def _outreach(
    rules: Iterable[Rule], book: RuleBook, template: str, channel: str, event: KeptEvent | None, now: int
) -> Outreach:
    """The outreach of the first of these rules that sends the template."""
    using = ((rule, send) for rule in rules for send in rule.action.sends)
    rule, send = next((one for one in using if (one[1].template, one[1].channel) == (template, channel)), (None, None))
    expires = send.expires if send else None
    fresh_for = expires if expires is not None else book.policy.fresh_for
    return Outreach(
        id="preview",
        rule=rule.id if rule else "preview",
        occurrence="preview",
        customer=_CUSTOMER,
        at=now,
        moment=now,
        expires_at=now + fresh_for if fresh_for is not None else 0,
        channel=channel,
        purpose=send.purpose if send else "marketing",
        template=template,
        revision=book.revision,
        reason="preview",
        event=event,
    )
