"""A customer's history: the last outcomes as one byte string, newest first. Commits prepend without decoding it.

An outcome takes about 22 bytes: its moment, and a MessagePack array with places in the partition's list of names
instead of the names of rules, revisions and reasons. `Partition` writes histories, `explain` and exports read them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from engine.core.effects import effect_id
from engine.core.zones import iso, to_millis
from engine.model import BECAME, UNREADABLE, Outcome, OutcomeRecord
from engine.ports import HISTORY_LENGTH
from engine.wire.records import outcome_fields

MAX_NAMES = 2_000
"""Names of a partition. Each commit sends them twice: 2,000 of 20 bytes are 80 kB. Later ones are written out."""
MAX_NAME_LENGTH = 100
"""Characters of a name; a longer reason quotes something, and will hardly come again."""
TIME_BASE = 10**11
"""A number in an occurrence above it is a moment in ms, which takes fewer bytes as the distance to the outcome: 5 up to
49 days."""
SHORT = 14 * HISTORY_LENGTH
"""Bytes of a history that cannot have too many outcomes: each takes 14 at least."""
_MOMENT_BYTES = 6
_LONG = 255
_LONG_BYTES = 4
_OUTCOMES = list(Outcome)
_PLACES = {outcome: place for place, outcome in enumerate(_OUTCOMES)}
_VARYING = re.compile(
    r"(?<![\w.])(?:(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z)|(?:0|[1-9]\d{0,15})(?!\d))", re.ASCII
)
_NUMBER = "\N{REPLACEMENT CHARACTER}"
_MOMENT = "\N{OBJECT REPLACEMENT CHARACTER}"
_SLOTS = re.compile(f"([{_NUMBER}{_MOMENT}])")


class Names(dict[str, int | str]):
    """A partition's list of names, which only grows: name -> its place, or itself where there is no room.

    The next commit stores what was added. What names a customer stays out: it could not be erased.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self.all = list(names)
        super().__init__((name, place) for place, name in enumerate(self.all))

    def __missing__(self, name: str) -> int | str:
        if len(self.all) >= MAX_NAMES or len(name) > MAX_NAME_LENGTH or name.startswith(BECAME):
            return name
        self[name] = place = len(self.all)
        self.all.append(name)
        return place


def encode_past(outcome: OutcomeRecord, names: Names) -> bytes:
    """One outcome, to be put in front of a history."""
    at = outcome.at
    template, numbers = _template(outcome.reason)
    if numbers and _MOMENT in template:
        numbers = _distances(template, numbers, at)
    fields = (
        names[outcome.rule],
        _occurrence(outcome.occurrence, at),
        _PLACES[outcome.outcome],
        names[outcome.revision],
        _until(outcome, names),
        names[template],
        *numbers,
    )
    body = at.to_bytes(_MOMENT_BYTES) + _encode(fields)
    if len(body) < _LONG:
        return bytes((len(body),)) + body
    return bytes((_LONG,)) + len(body).to_bytes(_LONG_BYTES) + body


def decode_history(customer: str, history: bytes, names: Sequence[str]) -> list[dict[str, Any]]:
    """The outcomes as they were published, newest first, but for what a goal is credited to, which its reason says.

    Raises msgspec.DecodeError.
    """
    return [outcome_fields(_outcome(customer, history[start:stop], names)) for start, stop in _bodies(history)]


def outcomes_of(customer: str, history: bytes, names: Sequence[str]) -> list[OutcomeRecord]:
    """The outcomes, newest first. Raises msgspec.DecodeError."""
    return [_outcome(customer, history[start:stop], names) for start, stop in _bodies(history)]


def cut(history: bytes, oldest: int) -> bytes:
    """The history without outcomes from before `oldest` (epoch ms), and with no more than a store keeps."""
    end = 0
    for number, (start, stop) in enumerate(_bodies(history)):
        if number == HISTORY_LENGTH or int.from_bytes(history[start : start + _MOMENT_BYTES]) < oldest:
            break
        end = stop
    return history[:end]


def _bodies(history: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of each outcome's moment and array, newest first."""
    start = 0
    while start < len(history):
        length = history[start]
        start += 1
        if length == _LONG:
            length = int.from_bytes(history[start : start + _LONG_BYTES])
            start += _LONG_BYTES
        yield start, start + length
        start += length


def _outcome(customer: str, body: bytes, names: Sequence[str]) -> OutcomeRecord:
    at = int.from_bytes(body[:_MOMENT_BYTES])
    try:
        past = _decode(body[_MOMENT_BYTES:])
        rule, revision, template = (_name(past[place], names) for place in (0, 3, 5))
        occurrence = past[1] if isinstance(past[1], str) else str(at - past[1] if past[1] >= 0 else -1 - past[1])
        outcome = _OUTCOMES[past[2]]
        reason = _filled(template, past[6:], at)
        after, step = past[4] if isinstance(past[4], list) else (past[4], "")
        until, step = after and at + after, _name(step, names)
    except (*UNREADABLE, IndexError, TypeError, ValueError, OverflowError) as error:
        raise msgspec.DecodeError(str(error)) from error
    made = effect_id(rule, customer, occurrence, step) if outcome is Outcome.FIRED else ""
    return OutcomeRecord(at, customer, rule, occurrence, outcome, reason, revision, made, until, step)


def _until(outcome: OutcomeRecord, names: Names) -> int | tuple[int, int | str]:
    """How long after the outcome `until` is, 0 for none; with the step of a journey, if there is one."""
    after = outcome.until and outcome.until - outcome.at
    return (after, names[outcome.step]) if outcome.step else after


def _name(said: int | str, names: Sequence[str]) -> str:
    return said if isinstance(said, str) else names[said]


@lru_cache(maxsize=1_024)
def _template(reason: str) -> tuple[str, tuple[int, ...]]:
    """The reason with a slot for each whole number and each moment, and what stands there, moments in epoch ms.

    So "no purchase for 14d" is one name for all days, and "quiet hours until …" for all nights.
    """
    if _SLOTS.search(reason):
        return reason, ()
    numbers: list[int] = []

    def slot(found: re.Match[str]) -> str:
        moment = _moment(found[1]) if found[1] else None
        if found[1] and moment is None:
            return found[0]
        numbers.append(int(found[0]) if moment is None else moment)
        return _NUMBER if moment is None else _MOMENT

    return _VARYING.sub(slot, reason), tuple(numbers)


def _moment(text: str) -> int | None:
    """Epoch ms, if `iso` makes the same text of it."""
    try:
        moment = to_millis(datetime.fromisoformat(text))
    except ValueError:
        return None
    return moment if iso(moment) == text else None


def _distances(template: str, numbers: Sequence[int], at: int) -> tuple[int, ...]:
    """With moments as how long before the outcome they are, which takes fewer bytes; and the other way round."""
    slots = _SLOTS.findall(template)
    return tuple(at - number if slot == _MOMENT else number for slot, number in zip(slots, numbers, strict=True))


def _filled(template: str, numbers: Sequence[int], at: int) -> str:
    if not numbers:
        return template
    parts = _SLOTS.split(template)
    distances = _distances(template, numbers, at)
    parts[1::2] = [iso(n) if slot == _MOMENT else str(n) for slot, n in zip(parts[1::2], distances, strict=True)]
    return "".join(parts)


def _occurrence(text: str, at: int) -> int | str:
    """A number if writing that restores the same text: -1 - the number, or of a moment how long before the outcome."""
    if not (text.isascii() and text.isdecimal()) or len(text) > 18 or (text[0] == "0" and text != "0"):
        return text
    number = int(text)
    return at - number if TIME_BASE < number <= at else -1 - number


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Any]).decode
