"""Since when a namespace keeps which history, beside the states that keep it: for `engine run --check` and `doctor`.

A partition notes it when all its customers have met a rule book. Deciding does not read it: every state knows by itself
what it lacks.
"""

from collections.abc import Iterator, Sequence

from engine.core.book import Keeps, RuleBook
from engine.core.durations import text_of
from engine.core.state.fold import GRACE
from engine.core.zones import iso
from engine.ports import Kept


def noted(before: Sequence[Kept], keeps: Keeps, clock: int) -> list[Kept]:
    """What is kept from this moment on; what is not asked for any more is kept up to the end of the grace period."""
    known = {(one.type, one.what, one.span): one for one in before}
    now = {key: Kept(*key, since=known[key].since if key in known else clock) for key in _keys(keeps)}
    later = {key: _going(one, clock) for key, one in known.items() if key not in now}
    return [one for one in (now | later).values() if not one.until or one.until >= clock]


def _going(one: Kept, clock: int) -> Kept:
    return one if one.until else Kept(one.type, one.what, one.span, one.since, clock + GRACE)


def _keys(keeps: Keeps) -> Iterator[tuple[str, str, int]]:
    yield from sorted((type_, "last", 0) for type_ in keeps.last)
    yield from sorted((type_, f"sum {name}", 0) for type_, name in keeps.sums)
    yield from sorted((type_, f"sum {name}" if name else "count", span) for type_, name, span in keeps.windows)


def unknown(book: RuleBook, kept: Sequence[Kept], clock: int) -> Iterator[tuple[str, str]]:
    """(rule, what it asks for and is not known of all customers), as far as a namespace tells whose clock is there."""
    for rule in book.rules:
        for type_, what, span in _keys(rule.needs.keeps):
            since = _since(kept, type_, what, span, clock)
            if since is None:
                yield rule.id, f"{_asked(type_, what, span)}, which is not kept yet"
            elif since and (not span or since + span > clock):
                yield rule.id, f"{_asked(type_, what, span)}, which is kept since {iso(since)}"


def _since(kept: Sequence[Kept], type_: str, what: str, span: int, clock: int) -> int | None:
    """The earliest moment since which this is kept, perhaps as part of a longer window."""
    fitting = [one for one in kept if (one.type, one.what) == (type_, what) and bool(one.span) == bool(span)]
    found = [one.since for one in fitting if one.span >= span and (not one.until or one.until >= clock)]
    return min(found, default=None)


def _asked(type_: str, what: str, span: int) -> str:
    call, _, name = what.partition(" ")
    arguments = ", ".join([*([f'"{name}"'] if name else []), *([f'"{text_of(span)}"'] if span else [])])
    return f"events.{type_}.{call}" + ("" if call == "last" else f"({arguments})")
