"""The archive has each record once, whatever happens to the process that writes it."""

import gzip
import json
import random
import re
import resource
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import wait
from pathlib import Path
from subprocess import PIPE
from typing import Any

import duckdb
import msgspec
import pytest
from typer.testing import CliRunner

from engine.cli.main import app
from engine.errors import BadRecord
from engine.insight.archive import Archive, ArchiveBroken, ArchiveBusy, Place, compact, erase, files_of
from engine.insight.archive.ledger import NAME
from engine.insight.archive.reading import open_tables
from engine.insight.figures.shop import NoPurchases
from tests.support.archive_writer import DAY, RECORDS, fill, purchase
from tests.support.command import Ran, engine, start
from tests.support.folder_changes import changes

PLACE = "topic, topic_partition, topic_offset"
SHOP = Path(__file__).parents[3]
PROCESSES = get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.support.archive_writer", "duckdb"])  # to import DuckDB takes 0.1 s


def rows(folder: Path, columns: str = PLACE, kind: str = "events") -> list[tuple[Any, ...]]:
    """By the glob that another program would use."""
    files = [str(path) for path in folder.glob(f"kind={kind}/day=*/*.parquet")]
    return asked(f"SELECT {columns} FROM read_parquet({files})") if files else []


def asked(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()


def filled(folder: Path, numbers: range = range(10), customer: str = "") -> Path:
    with Archive.opened(folder) as archive:
        for number in numbers:
            archive.add_event(Place("shop", 0, number), number * DAY, purchase(number, customer))
        archive.commit()
    return folder


def test_a_writer_killed_at_twenty_moments_leaves_each_record_once(tmp_path: Path) -> None:
    """After an observed number of changes in the folder; begun anew whenever a run gets to its end before."""
    rng, killed, runs = random.Random(8), 0, 0
    while killed < 20:
        runs += 1
        folder = tmp_path / f"archive-{runs}"
        while killed < 20 and run(folder, kill_after=rng.randint(1, 25)):
            killed += 1
        assert run(folder, kill_after=None) is False
        assert Counter(rows(folder)) == Counter(("shop", 0, offset) for offset in range(RECORDS))
        assert len(files_of(folder, "events")) == len(list(folder.glob("kind=events/day=*/*")))


def run(folder: Path, kill_after: int | None) -> bool:
    """Whether the writer was killed before its end."""
    folder.mkdir(exist_ok=True)
    writer = PROCESSES.Process(target=fill, args=(str(folder),))
    writer.start()
    for seen, _ in enumerate(changes(folder, lambda: bool(wait([writer.sentinel], timeout=0.002))), 1):
        if seen == kill_after:
            writer.kill()
            break
    writer.join(120)
    assert writer.exitcode in (0, -signal.SIGKILL)
    return writer.exitcode != 0


def test_what_was_not_committed_is_not_there_and_is_read_again(tmp_path: Path) -> None:
    with Archive.opened(tmp_path) as archive:
        archive.add_event(Place("shop", 0, 0), 0, purchase(0))
    assert rows(tmp_path) == []
    with Archive.opened(tmp_path) as archive:
        assert archive.next_offset("shop", 0) is None


def test_an_archive_that_is_read_once_has_one_file_for_all_days(tmp_path: Path) -> None:
    with Archive.opened(tmp_path / "once", by_day=False) as archive:
        for number in range(10):
            archive.add_event(Place("shop", 0, number), number * DAY, purchase(number))
        archive.commit()
    assert len(files_of(tmp_path / "once", "events")) == 1
    columns = f"{PLACE}, epoch_ms(arrived_at), customer, id, amount"
    assert Counter(rows(tmp_path / "once", columns)) == Counter(rows(filled(tmp_path / "kept"), columns))


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    with (
        Archive.opened(tmp_path),
        pytest.raises(ArchiveBusy, match="another `engine archive`"),
        Archive.opened(tmp_path),
    ):
        pass


def test_files_of_others_in_the_folder_stay(tmp_path: Path) -> None:
    filled(tmp_path)
    other = tmp_path / "kind=events" / "day=1970-01-01" / "notes.txt"
    other.write_text("ours")
    filled(tmp_path, range(10, 12))
    assert other.read_text() == "ours"


def test_compaction_makes_one_file_a_day_sorted_by_customer_and_arrival(tmp_path: Path) -> None:
    with Archive.opened(tmp_path, commit_after=10) as archive:
        for number in range(100):
            archive.add_event(Place("shop", 0, number), number * DAY // 40, purchase(number))
        archive.commit()
    before = sorted(rows(tmp_path, "*"))
    assert compact(tmp_path) > 0
    assert sorted(rows(tmp_path, "*")) == before
    days = sorted(tmp_path.glob("kind=events/day=*"))
    assert [len(list(day.iterdir())) for day in days] == [1, 1, 1]
    for day in days:
        found = asked(f"SELECT customer, arrived_at FROM read_parquet('{day}/*.parquet')")
        assert found == sorted(found)
    assert compact(tmp_path) == 0


def test_an_erased_customer_is_in_no_file_and_the_others_are_complete(tmp_path: Path) -> None:
    filled(tmp_path)
    assert erase(tmp_path, ["c-3", "c-5"]) == 2
    assert sorted(rows(tmp_path, "topic_offset")) == [(0,), (1,), (2,), (4,), (6,), (7,), (8,), (9,)]
    with Archive.opened(tmp_path) as archive:
        assert archive.next_offset("shop", 0) == 10


def test_columns_have_the_types_that_other_programs_expect(tmp_path: Path) -> None:
    filled(tmp_path, range(1))
    described = asked(f"DESCRIBE FROM read_parquet('{tmp_path}/kind=events/*/*', hive_partitioning=false)")
    assert {name: type_ for name, type_, *_ in described} == {
        "topic": "VARCHAR",
        "topic_partition": "INTEGER",
        "topic_offset": "BIGINT",
        "arrived_at": "TIMESTAMP WITH TIME ZONE",
        "customer": "VARCHAR",
        "id": "VARCHAR",
        "id_source": "INTEGER",
        "type": "VARCHAR",
        "occurred_at": "TIMESTAMP WITH TIME ZONE",
        "amount": "DOUBLE",
        "currency": "VARCHAR",
        "properties": "VARCHAR",
    }
    assert rows(tmp_path, "amount, properties") == [(0.5, '{"amount":0.5,"note":"Zoë\'s"}')]


def test_a_record_that_nobody_understands_is_kept_as_it_came(tmp_path: Path) -> None:
    with Archive.opened(tmp_path) as archive:
        archive.add_unreadable(Place("shop", 2, 7), DAY, BadRecord("not-decodable", "no JSON"), b"\xff\x00{")
        archive.commit()
    assert rows(tmp_path, "topic_offset, code, value", "unreadable") == [(7, "not-decodable", b"\xff\x00{")]


def test_a_folder_that_is_no_archive_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(ArchiveBroken, match="is no archive"):
        files_of(tmp_path, "events")
    (tmp_path / NAME).write_text('{"version": 9}')
    with pytest.raises(ArchiveBroken, match="newer engine"):
        files_of(tmp_path, "events")
    (tmp_path / NAME).write_text("{")
    with pytest.raises(ArchiveBroken, match="not what `engine archive` wrote"), Archive.opened(tmp_path):
        pass


def test_an_archive_whose_ledger_was_lost_is_left_alone(tmp_path: Path) -> None:
    """What a topic has no longer would be deleted as if it were of an unfinished commit."""
    (filled(tmp_path) / NAME).unlink()
    with pytest.raises(ArchiveBroken, match="gone"), Archive.opened(tmp_path):
        pass
    for read in (compact, partial(files_of, kind="events")):
        with pytest.raises(ArchiveBroken, match="gone"):
            read(tmp_path)
    assert len(rows(tmp_path)) == 10


def test_an_archive_of_a_history_without_a_record_is_one(tmp_path: Path) -> None:
    history, folder = tmp_path / "history.jsonl", tmp_path / "archive"
    history.touch()
    assert accept(history, folder) == {"records": 0, "unreadable": 0}
    assert files_of(folder, "events") == []
    assert compact(folder) == 0
    ran = CliRunner().invoke(app, ["metrics", str(folder), "--zone", "UTC"])
    assert isinstance(ran.exception, NoPurchases)


def test_nobody_is_erased_from_a_folder_that_is_no_archive(tmp_path: Path) -> None:
    """Otherwise a misspelt folder would say that all is done."""
    for rewrite in (compact, partial(erase, customers=["c"])):
        with pytest.raises(ArchiveBroken, match="is no archive"):
            rewrite(tmp_path / "archve")
    assert not (tmp_path / "archve").exists()


def test_a_file_that_is_gone_or_damaged_is_named(tmp_path: Path) -> None:
    path = Path(files_of(filled(tmp_path), "events")[0])
    path.write_bytes(b"PAR1, but no more")
    with pytest.raises(ArchiveBroken, match=f"damaged: .*{path.name}"):
        open_tables([tmp_path])
    path.unlink()
    with pytest.raises(ArchiveBroken, match=f"{path.name} is gone"):
        files_of(tmp_path, "events")


def line(number: int, **more: str) -> str:
    event = {
        "id": f"e-{number}",
        "type": "purchase",
        "customer": "c",
        "time": number * DAY,
        "properties": {"amount": 1} | more,
    }
    return json.dumps(event) + "\n"


def test_a_file_that_has_grown_is_read_on_from_where_the_last_run_ended(tmp_path: Path) -> None:
    history, folder = tmp_path / "history.jsonl", tmp_path / "archive"
    history.write_text("".join(map(line, range(8000, 8005))) + "no event\n")
    accept(history, folder)
    with history.open("a") as file:
        file.write("".join(map(line, range(8005, 8007))))
    told = accept(history, folder)
    assert told == {"records": 2, "unreadable": 0}
    assert sorted(rows(folder, "id")) == [(f"e-{number}",) for number in range(8000, 8007)]
    assert rows(folder, "code, topic_offset", "unreadable") == [("not-decodable", 5)]


def test_a_line_that_is_still_being_written_is_archived_when_it_is_whole(tmp_path: Path) -> None:
    history, whole = tmp_path / "history.jsonl", "".join(map(line, range(8000, 8004)))
    command = ["archive", str(history), "--to", str(tmp_path / "archive"), "--source", "shop.events"]
    where = ["--rules", str(SHOP / "rules"), "--templates", str(SHOP / "templates")]
    for size, ids in ((len(whole) - 20, range(8000, 8003)), (len(whole), range(8000, 8004))):
        history.write_text(whole[:size])
        ran = CliRunner().invoke(app, [*command, *where])
        assert ran.exit_code == (size < len(whole))
        assert sorted(rows(tmp_path / "archive", "id")) == [(f"e-{number}",) for number in ids]


def test_the_first_record_that_could_not_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    history.write_text(line(8000) + line(8001).replace("purchase", "purchse") + "none\n")
    where = ["--rules", str(SHOP / "rules"), "--templates", str(SHOP / "templates"), "--source", "shop.events"]
    for command in (["archive", "--to", str(tmp_path / "archive")], ["metrics", "--no-predict"]):
        ran = CliRunner().invoke(app, [*command, str(history), *where])
        assert ran.stderr == (
            "2 of 3 records could not be read, or are not declared; the first: history.jsonl line 2: events.yaml"
            " declares no event of this type\n"
        )


def test_outcomes_and_feedback_have_tables_of_their_own(tmp_path: Path) -> None:
    outcomes, feedback = tmp_path / "outcomes.jsonl", tmp_path / "feedback.jsonl.gz"
    outcomes.write_text(
        '{"id":"o1","at":"2026-01-31T09:00:00Z","customer":"c","rule":"win-back","occurrence":"1","outcome":"fired",'
        '"reason":"","revision":"r","outreach":"m1","until":null}\nnone\n'
    )
    with gzip.open(feedback, "wt") as file:
        file.write(
            '{"id":"m1:opened","type":"outreach_opened","customer":"c","time":"2026-01-31T10:00:00Z","properties":{"outreach":"m1"}}\n'
        )
    folder = tmp_path / "archive"
    assert accept(outcomes, folder, "outcomes") == {"records": 2, "unreadable": 1}
    assert accept(feedback, folder, "feedback") == {"records": 1, "unreadable": 0}
    assert rows(folder, "rule, outcome, outreach", "outcomes") == [("win-back", "fired", "m1")]
    assert rows(folder, "type, customer", "feedback") == [("outreach_opened", "c")]


def accept(file: Path, folder: Path, kind: str = "events") -> dict[str, int]:
    arguments = ["archive", str(file), "--to", str(folder), "--kind", kind, "--json"]
    ran = CliRunner().invoke(app, [*arguments, *(["--source", "shop.events"] if kind == "events" else [])])
    assert ran.exit_code == 0, ran.output
    told: dict[str, int] = msgspec.json.decode(ran.stdout)
    return told


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    """As on a disk that fills up: in this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("records", [1, 20], ids=["while a table is written", "before"])
def test_a_disk_that_fills_up_is_named_and_what_was_written_is_gone(tmp_path: Path, records: int) -> None:
    history, folder = tmp_path / "history.jsonl", filled(tmp_path / "archive")
    history.write_text("".join(map(line, range(records))))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with no_file_beyond(1_000):
        refused = archived(history, folder)
    assert (refused.code, refused.out) == (1, "")
    assert re.fullmatch(rf".*{folder}.*: .*file too large.*", refused.err.strip().lower())
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert archived(history, folder).out.startswith(f"records: {records}")


@pytest.mark.parametrize("command", ["archive --to {} --erase c", "backtest . --events {}", "replay --as-decided {}"])
def test_whatever_reads_a_damaged_archive_names_the_file(tmp_path: Path, command: str) -> None:
    for name in ("rules", "templates"):
        shutil.copytree(SHOP / name, tmp_path / name)
    folder = filled(tmp_path / "archive")
    (path,) = folder.glob("kind=*/day=1970-01-03/*")
    path.write_bytes(b"PAR1, but no more")
    process = start(*command.format(folder).split(), folder=tmp_path, stderr=PIPE)
    told = process.communicate()[1].decode()
    assert (process.returncode, len(told.splitlines())) == (1, 1)
    assert str(path) in told


def archived(history: Path, folder: Path) -> Ran:
    command = ["archive", history, "--source", "shop.events", "--to", folder, "--rules", SHOP / "rules"]
    return engine(*command, "--templates", SHOP / "templates", folder=folder.parent)
