"""What a sample of a source's records shows of its declaration: what is never there, in a wrong unit, or not readable.

`engine check --sample` and `engine doctor` give it records and print its remarks. It raises for no record, and its
remarks never have a record's values, which may be personal.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from engine.core.catalog import Catalog, Property
from engine.core.values import in_first_weeks
from engine.errors import BadRecord
from engine.lang.diagnostics import ARE_SECONDS, closest, did_you_mean, one_of
from engine.model import Event
from engine.operate.findings import Finding, ok, warn
from engine.operate.words import count_of
from engine.ports import Record
from engine.wire.decode import Decoder
from engine.wire.origin import IDENTIFIED, original
from engine.wire.parts import at

ABSENT: Final = "absent-property"
MAX_NAMES: Final = 20
"""Names that an advice lists, at most: an order of a shop has a hundred fields."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to look at. `number`: which record shows it, as `Record.next_offset` counts."""

    code: str
    number: int
    says: str
    advice: str = ""
    sure: bool = True
    """Whether something is wrong: a property that is never there may also be one that is rarely there."""


@dataclass(slots=True)
class _Type:
    """What was seen of one event type."""

    first: int
    count: int = 0
    there: set[str] = field(default_factory=set)
    plausible: set[str] = field(default_factory=set)
    """Times of which one at least is not in the first weeks of 1970."""
    absent: dict[str, tuple[str, list[str]]] = field(default_factory=dict)
    """Property that was absent -> the name that was missing, and those that stood beside it."""


class SampledRecords:
    """Reads records as a worker would, and remembers what was odd about them."""

    def __init__(self, decoder: Decoder, wall: int) -> None:
        self.decoder = decoder
        self.wall = wall
        self.records = 0
        self._types: dict[str, _Type] = {}
        self._refused: Counter[str] = Counter()
        self._first_refused: dict[str, tuple[int, str, str]] = {}
        """Code -> the first such record, the reason and an advice."""

    def add(self, record: Record) -> None:
        self.records += 1
        try:
            event = self.decoder.decode(record, self.wall)
        except BadRecord as error:
            self._refused[error.code] += 1
            if error.code not in self._first_refused:
                advice = self._beside_required(record) if error.code == "missing-property" else ""
                self._first_refused[error.code] = record.next_offset, error.reason, advice
            return
        if event is not None:
            self._look_at(event, record)

    @property
    def usable(self) -> int:
        """How many of the records are events that workers would take."""
        return sum(one.count for one in self._types.values())

    def summary(self) -> str:
        """The records by type, in words."""
        found = [f"{name} ({one.count:,})" for name, one in self._types.items()]
        left = Counter(self.decoder.undeclared).most_common(MAX_NAMES)
        without = self.records - self.usable - self._refused.total() - sum(self.decoder.undeclared.values())
        passed_over = [f"without a customer or a value: {without:,}"] if without else []
        passed_over += [f"passed over: {', '.join(f'{name} ({count:,})' for name, count in left)}"] if left else []
        return "; ".join([f"{count_of(self.records, 'record')}: {', '.join(found) or 'no event'}", *passed_over])

    def remarks(self) -> list[Remark]:
        """All that is odd, refused records first."""
        found = [self._refusal(code, count) for code, count in self._refused.most_common()]
        if self.records and not self.usable and not self._refused:
            found.append(self._no_event())
        return found + [each for name, one in self._types.items() for each in self._remarks_on(name, one)]

    def _no_event(self) -> Remark:
        """That all was passed over. A topic may well have only other types for a while, as that of feedback has."""
        if not self.decoder.undeclared:
            return Remark("missing-customer", 1, self.summary(), "is `customer` right?")
        advice = "declare these types under `events`, or map them to yours with `types`"
        return Remark("undeclared-type", 1, self.summary(), advice, sure=False)

    def _refusal(self, code: str, count: int) -> Remark:
        number, reason, advice = self._first_refused[code]
        says = f"{count:,} of {count_of(self.records, 'record')} would be dead letters: {reason}"
        return Remark(code, number, says, advice)

    def _beside_required(self, record: Record) -> str:
        """Which names stand where the record lacks a property that its type must have."""
        parts, source = self.decoder.read(record), self.decoder.source
        declared = self.decoder.events[source.event or source.types.get(parts.type, parts.type)]
        written = parts.properties
        paths = (one.path or (name,) for name, one in declared.properties.items() if one.required)
        return next((_names(*_beside(written, path)) for path in paths if at(written, path) is None), "")

    def _look_at(self, event: Event, record: Record) -> None:
        seen = self._types.setdefault(event.type, _Type(record.next_offset))
        seen.count += 1
        written = self.decoder.read(record).properties
        for name, declared in self._looked_for(event.type).items():
            path = declared.path or (name,)
            if at(written, path) is None:
                if name not in seen.absent:
                    seen.absent[name] = _beside(written, path)
                continue
            seen.there.add(name)
            if not in_first_weeks(event.properties.get(name)):
                seen.plausible.add(name)

    def _looked_for(self, type_: str) -> dict[str, Property]:
        """The properties that a record should have. One that feeds all fields may leave out any that has no place."""
        declared = self.decoder.events[type_]
        return {name: one for name, one in declared.properties.items() if one.path or not declared.profile_all}

    def _remarks_on(self, type_: str, seen: _Type) -> list[Remark]:
        found = []
        for name, declared in self._looked_for(type_).items():
            if name not in seen.there:
                found.append(_absent(type_, seen, declared))
            elif declared.kind == "time" and name not in seen.plausible:
                says = f"property {name} of {type_} is in January 1970 wherever it is there"
                advice = ARE_SECONDS if declared.unit == "ms" else f"`unit: {declared.unit}` is too small"
                found.append(Remark("odd-time", seen.first, says, advice))
        return found


class SampledTopic:
    """A sample of a topic that workers read: of one source, or of all that the ingest moves."""

    def __init__(self, catalog: Catalog, wall: int) -> None:
        self._sources = {source.topic: SampledRecords(Decoder(source, catalog), wall) for source in catalog.sources}

    def of(self, records: Iterable[Record]) -> Iterator[Record]:
        """The records, as they come; each is looked at on its way."""
        for record in records:
            with suppress(BadRecord):
                moved = record if record.source in self._sources else original(record)
                if moved.source in self._sources and all(name != IDENTIFIED for name, _ in record.headers):
                    self._sources[moved.source].add(moved)
            yield record

    def findings(self) -> Iterator[Finding]:
        """What is odd; a property that is never there only where it seems to be misspelt."""
        for topic, sampled in self._sources.items():
            odd = [one for one in sampled.remarks() if one.sure]
            what = f"records of {topic}"
            yield from (warn(what, f"{one.says} ({one.code})", one.advice) for one in odd)
            if sampled.records and not odd:
                yield ok(what, f"sampled: {sampled.summary()}")


def _absent(type_: str, seen: _Type, declared: Property) -> Remark:
    missing, beside = seen.absent[declared.name]
    records = f"all {count_of(seen.count, 'record')}" if seen.count > 1 else "the only record"
    says = f"property {declared.name} of {type_} was absent in {records}"
    if declared.path:
        says += f": nothing is at '{'.'.join(declared.path)}'"
    meant = closest(missing, beside)
    return Remark(ABSENT, seen.first, says, _names(missing, beside), sure=bool(meant))


def _names(missing: str, beside: list[str]) -> str:
    return one_of("beside it", missing, beside) if len(beside) <= MAX_NAMES else did_you_mean(missing, beside)


def _beside(body: Any, path: tuple[str, ...]) -> tuple[str, list[str]]:
    """The first name of this path that is missing, and those that stand where it should; none if there is no object."""
    for depth, name in enumerate(path):
        inner = at(body, path[: depth + 1])
        if inner is None:
            outer = at(body, path[:depth])
            return name, [str(each) for each in outer] if isinstance(outer, dict) else []
    return "", []
