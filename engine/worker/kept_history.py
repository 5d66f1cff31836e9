"""Records since when a partition keeps which history, for `engine run --check` and `engine doctor`.

A partition updates the record when its sweep ends. Decisions must not read it: each customer's state knows by itself
since when its history is complete.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from engine.core.book import RuleBook
from engine.core.durations import text_of
from engine.core.expression import Keeps
from engine.core.state.fold import GRACE
from engine.core.zones import iso
from engine.ports import KeptHistory

INCOMPLETE: Final = "missing for customers with older events until its time has passed"
"""What history is that is not kept yet, or only since lately."""


def update_kept(before: Sequence[KeptHistory], keeps: Keeps, clock: int) -> list[KeptHistory]:
    """The record after a sweep that ended at `clock`. History that no rule reads now stays for the grace period."""
    known = {(one.type, one.what, one.span): one for one in before}
    now = {key: KeptHistory(*key, since=known[key].since if key in known else clock) for key in _keys(keeps)}
    later = {key: _going(one, clock) for key, one in known.items() if key not in now}
    return [one for one in (now | later).values() if not one.until or one.until >= clock]


def _going(one: KeptHistory, clock: int) -> KeptHistory:
    return one if one.until else KeptHistory(one.type, one.what, one.span, one.since, clock + GRACE)


def _keys(keeps: Keeps) -> Iterator[tuple[str, str, int]]:
    yield from sorted((type_, "last", 0) for type_ in keeps.last)
    yield from sorted((type_, f"sum {name}", 0) for type_, name in keeps.sums)
    yield from sorted((type_, f"sum {name}" if name else "count", span) for type_, name, span in keeps.windows)


def missing_history(book: RuleBook, kept: Sequence[KeptHistory], clock: int) -> Iterator[tuple[str, str]]:
    """(who reads, such as "rule win-back"; history that they read, and that is not complete for all at `clock`)."""
    readers = [("rule", each) for each in book.rules] + [("segment", each) for each in book.segments.values()]
    for kind, reader in readers:
        for type_, what, span in _keys(reader.needs.keeps):
            since = _since(kept, type_, what, span, clock)
            if since is None:
                yield f"{kind} {reader.id}", f"{_asked(type_, what, span)}, which is not kept yet"
            elif since and (not span or since + span > clock):
                yield f"{kind} {reader.id}", f"{_asked(type_, what, span)}, which is kept since {iso(since)}"


def _since(kept: Sequence[KeptHistory], type_: str, what: str, span: int, clock: int) -> int | None:
    """The earliest moment since which this history is kept, perhaps as part of a longer window; None if it is not."""
    fitting = [one for one in kept if (one.type, one.what) == (type_, what) and bool(one.span) == bool(span)]
    found = [one.since for one in fitting if one.span >= span and (not one.until or one.until >= clock)]
    return min(found, default=None)


def _asked(type_: str, what: str, span: int) -> str:
    call, _, name = what.partition(" ")
    arguments = ", ".join([*([f'"{name}"'] if name else []), *([f'"{text_of(span)}"'] if span else [])])
    return f"events.{type_}.{call}" + ("" if call == "last" else f"({arguments})")
