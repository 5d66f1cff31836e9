"""Appends records to the archive, each once: rows and read positions are committed together.

The archiving command calls it. A record must not count before its commit, or a kill would store it twice.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import IO, Any, Final, Self

import msgspec

from engine.errors import BadRecord
from engine.insight.archive import ledger as ledgers
from engine.insight.archive.layout import KINDS, Kind, Place, made_columns, order_of, spooled_columns
from engine.insight.archive.ledger import Ledger
from engine.insight.archive.outcomes import Outcome
from engine.insight.sql import connected, text_literal
from engine.model import Event, Identified

COMMIT_AFTER: Final = 1_000_000
"""Records per commit. Each commit writes a file per day: a smaller number makes many small files, a larger one loses
more work to a kill."""

_encode = msgspec.json.Encoder().encode


@dataclass
class Archive:
    """An archive that is open for writing; `opened` makes one. Added records count once `commit` returns.

    `by_day` False: a commit writes one file a table, for an archive that is read once and dropped. A file for each day
    takes most of the time of a report on files: 7 ms each.
    """

    folder: Path
    ledger: Ledger
    commit_after: int = COMMIT_AFTER
    by_day: bool = True
    added: int = 0
    _spools: dict[Kind, IO[bytes]] = field(default_factory=dict)
    _read: dict[tuple[str, int], int] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def opened(cls, folder: Path, commit_after: int = COMMIT_AFTER, *, by_day: bool = True) -> Iterator[Self]:
        """Open the archive. Records not committed at the end are dropped. Raises ArchiveBusy and ArchiveBroken."""
        with ledgers.opened(folder) as ledger:
            archive = cls(folder, ledger, commit_after, by_day)
            try:
                yield archive
            finally:
                archive._drop_spools()

    def next_offset(self, topic: str, partition: int) -> int | None:
        """The offset at which to continue reading; None: nothing was read yet."""
        return self.ledger.read.get(topic, {}).get(partition)

    def know_topics(self, ids: Mapping[str, str]) -> None:
        """Remember of which topics the offsets are. Raises ArchiveBroken where a topic was deleted and made again: its
        offsets begin anew, and a record is known by its offset."""
        known = self.ledger.topics
        again = [topic for topic, identity in ids.items() if known.get(topic, identity) != identity]
        if again:
            raise self.made_again(again)
        self.ledger = msgspec.structs.replace(self.ledger, topics={**known, **ids})

    def made_again(self, topics: Sequence[str]) -> ledgers.ArchiveBroken:
        """The error of offsets that are of another topic than the archive's."""
        reason = (
            f"{', '.join(topics)} was made again since it was archived here, and its offsets begin anew: archive into"
            " another folder (--to); figures take several"
        )
        return ledgers.ArchiveBroken(str(self.folder), reason)

    def next_offsets(self) -> dict[str, int]:
        """Topic -> the offset at which to continue, for sources with a single partition."""
        return {topic: partitions[0] for topic, partitions in self.ledger.read.items() if 0 in partitions}

    def add_event(self, place: Place, arrived: int, event: Event, *, feedback: bool = False) -> None:
        """`arrived`: epoch ms."""
        self._add("feedback" if feedback else "events", place, arrived, _row(event))

    def add_derived(self, place: Place, arrived: int, event: Event, rule: str, because_of: str) -> None:
        """Add an event that a rule made of what `because_of` did. `arrived`: epoch ms."""
        self._add("derived", place, arrived, _row(event) | {"rule": rule, "because_of": because_of})

    def add_guest(self, place: Place, arrived: int, identified: Identified) -> None:
        """Add that a record says who a guest is; the record itself must be added next. `arrived`: epoch ms."""
        row = {"customer": identified.customer, "known": identified.known, "occurred_at": identified.time}
        self._spool("guests", place, arrived, row)

    def add_outcome(self, place: Place, arrived: int, outcome: Outcome) -> None:
        """`arrived`: epoch ms."""
        self._add("outcomes", place, arrived, outcome.row())

    def add_unreadable(self, place: Place, arrived: int, error: BadRecord, value: bytes | None) -> None:
        """Add a record that could not be decoded, unchanged."""
        row = {"code": error.code, "reason": error.reason, "value": b64encode(value or b"").decode()}
        self._add("unreadable", place, arrived, row)

    def pass_to(self, topic: str, partition: int, offset: int) -> None:
        """Set the next record to read, whether or not a record was added."""
        self._read[topic, partition] = offset

    def note_rollouts(self, phases: Sequence[dict[str, Any]]) -> None:
        """Commit the phases of roll-outs that are not noted yet."""
        news = [one for one in phases if one not in self.ledger.rollouts]
        if news:
            ledger = msgspec.structs.replace(self.ledger, rollouts=[*self.ledger.rollouts, *news])
            ledgers.store(self.folder, ledger)
            self.ledger = ledger

    def _add(self, kind: Kind, place: Place, arrived: int, row: Mapping[str, Any]) -> None:
        self._spool(kind, place, arrived, row)
        self._read[place.topic, place.partition] = place.offset + 1
        self.added += 1
        if self.added % self.commit_after == 0:
            self.commit()

    def _spool(self, kind: Kind, place: Place, arrived: int, row: Mapping[str, Any]) -> None:
        spool = self._spools.get(kind)
        if spool is None:
            spool = self._spools[kind] = (self.folder / f"spool-{kind}").open("wb")
        head = {"topic": place.topic, "topic_partition": place.partition, "topic_offset": place.offset}
        spool.write(_encode({**head, "arrived_at": arrived, **row}) + b"\n")

    def commit(self) -> None:
        """Commit all added records: on the disk when this returns, absent if the process is killed before.

        A first commit without any makes an archive too, so that an empty one is not taken for none.
        """
        if not (self.folder / ledgers.NAME).exists():  # before any file: those without it are of one that was lost
            ledgers.store(self.folder, self.ledger)
        if not self._read:
            return
        made = {kind: self._write(kind, spool) for kind, spool in self._spools.items()}
        ledger = msgspec.structs.replace(self.ledger, commits=self.ledger.commits + 1)
        ledger.files = {kind: [*ledger.files.get(kind, ()), *made.get(kind, ())] for kind in KINDS}
        ledger.read = {topic: dict(partitions) for topic, partitions in ledger.read.items()}
        for (topic, partition), offset in self._read.items():
            ledger.read.setdefault(topic, {})[partition] = offset
        ledgers.store(self.folder, ledger)
        self.ledger = ledger
        self._drop_spools()
        self._read.clear()

    def _write(self, kind: Kind, spool: IO[bytes]) -> list[str]:
        spool.flush()
        read = f"read_json(?, format='newline_delimited', columns={{{spooled_columns(kind)}}})"
        select = f"SELECT {made_columns(kind)} FROM {read}"
        return write_sorted(self.folder, kind, select, [spool.name], self.ledger.commits, by_day=self.by_day)

    def _drop_spools(self) -> None:
        for spool in self._spools.values():
            with suppress(OSError):  # a full disk refuses the rest, which nobody wants
                spool.close()
            Path(spool.name).unlink(missing_ok=True)
        self._spools.clear()


def _row(event: Event) -> dict[str, Any]:
    amount, currency = event.properties.get("amount"), event.properties.get("currency")
    return {
        "customer": event.customer,
        "id": event.id,
        "id_source": event.source,
        "type": event.type,
        "occurred_at": event.time,
        "amount": _finite(amount),
        "currency": currency if isinstance(currency, str) else None,
        "properties": event.properties,
    }


def _finite(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) else None


def write_sorted(
    folder: Path, kind: Kind, select: str, parameters: list[Any], commit: int, *, by_day: bool = True
) -> list[str]:
    """Write rows to the disk as one sorted file per day of arrival; returns the names. No table has them yet.

    `by_day` False: as one file of the first day.

    Day by day: DuckDB's PARTITION_BY does not keep an order within its files.
    """
    paths = []
    with connected() as connection:
        connection.execute(f"SET temp_directory = {text_literal(folder / 'spool-duckdb')}")
        day = "arrived_at::DATE" if by_day else "(min(arrived_at) OVER ())::DATE"
        connection.execute(f"CREATE TEMP TABLE found AS SELECT *, {day} AS day FROM ({select})", parameters)
        for (day,) in connection.execute("SELECT DISTINCT day FROM found ORDER BY day").fetchall():
            path = folder / f"kind={kind}" / f"day={day}" / f"commit-{commit:08}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            rows = f"SELECT * EXCLUDE (day) FROM found WHERE day = DATE '{day}' ORDER BY {order_of(kind)}"
            connection.execute(f"COPY ({rows}) TO {text_literal(path)} (FORMAT parquet, COMPRESSION zstd)")
            ledgers.sync(path)
            paths.append(path)
    return [path.relative_to(folder).as_posix() for path in paths]
