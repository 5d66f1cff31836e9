"""The customer and the event that the data of `engine preview` describes."""

from collections.abc import Mapping, Set
from datetime import UTC, datetime
from typing import Any, Final

from engine.core.book import RuleBook
from engine.core.points.model import SECOND
from engine.core.scope import BY_TIME, NO_LEVEL
from engine.core.segments.follow import meet
from engine.core.segments.model import Segment
from engine.core.state.model import IN, History, Membership, Memory, State
from engine.core.state.points import Ledger, Lot
from engine.core.zones import to_millis
from engine.model import KeptEvent

CUSTOMER: Final = "preview"
"""The id of the customer whom the data describes."""
PARTS: Final = ("profile", "event", "events", "segments", "points", "experiments", "steps")
"""The fields that the data may have."""
_MOST_EVENTS: Final = 10_000


def sampled(book: RuleBook, data: Mapping[str, Any], now: int) -> tuple[State, KeptEvent | None]:
    """The state and event that the data describes. Raises TypeError, ValueError or AttributeError.

    `data` may have `profile` {field: value}, `event` {type, time, properties} and `events`
    {type: {count, sum: {property: total}, first: {time}, last: {time, and properties}, list: [like last]}}. Times are
    ISO 8601 or epoch milliseconds, without one `now`; all events of a type fall on the time of its last. Sums that are
    asked for and not given are 0. `segments` may have {segment: true, false, or its level}; others are as their
    conditions say. `points` may have {points: balance}, or {points: {balance, pending}}, all of it earned now.
    `experiments` may have {experiment: variant}. `steps` is of the outreach, and not read here.
    """
    state = State(profile=dict(data.get("profile") or {}))
    for type_, facts in (data.get("events") or {}).items():
        summed = {name for of, name in book.keeps.sums if of == type_}
        summed |= {name for of, name, _ in book.keeps.windows if of == type_ and name}
        _add_events(state, type_, facts, now, summed)
    event = _event_of(data, now)
    _credit(book, state, data.get("points") or {}, now)
    _place(book, state, data.get("segments") or {}, now)
    state.exposed = _variants(book, data.get("experiments") or {})
    return state, event


def _event_of(data: Mapping[str, Any], now: int) -> KeptEvent | None:
    event = data.get("event")
    if not event:
        return None
    _only(event, "the event", "id", "type", "time", "properties")
    return _event(event.get("type", "event"), event, event.get("properties", {}), now)


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
    meet(book, state, CUSTOMER, now)
    for id_, value in given.items():
        segment = book.segments.get(id_)
        if segment is None:
            message = f"there is no segment {id_!r}; there are {', '.join(book.segments) or 'none'}"
            raise ValueError(message)
        kept = segment.keep.until(now, book.policy.zones.of(state.profile))[0] if segment.keep else 0
        state.segments[id_] = Membership(_level(segment, value), now, kept=kept)


def _level(segment: Segment, value: Any) -> str:
    """The level as a state has it. Raises ValueError."""
    if segment.plain and isinstance(value, bool):
        return IN if value else ""
    if not segment.plain and value in (NO_LEVEL, "", *segment.names):
        return "" if value == NO_LEVEL else str(value)
    known = "true or false" if segment.plain else ", ".join((NO_LEVEL, *segment.names))
    message = f"segment {segment.id} is {known}, not {value!r}"
    raise ValueError(message)


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
