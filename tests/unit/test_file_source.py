"""Events from files: names, offsets, odd files, and several files as one by time."""

import gzip
import json
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.adapters.file import JsonLinesSource
from engine.errors import BadInputFile
from engine.ports import Record


def save(path: Path, *lines: bytes, end: bytes = b"\n") -> Path:
    path.write_bytes(b"".join(line + end for line in lines))
    return path


def values(records: Iterator[Record]) -> list[bytes | None]:
    return [record.value for record in records]


@pytest.fixture
def events(tmp_path: Path) -> Path:
    return save(tmp_path / "events.jsonl", *(f'{{"n":{number}}}'.encode() for number in range(5)))


def test_each_line_is_a_record_that_says_where_to_go_on(events: Path) -> None:
    records = list(JsonLinesSource([events]).read({}))
    assert [record.next_offset for record in records] == [1, 2, 3, 4, 5]
    assert records[2] == Record(records[0].source, 0, 3, b'{"n":2}')
    assert records[0].source.startswith("events.jsonl#")


def test_a_second_run_goes_on_where_the_first_one_stopped(events: Path) -> None:
    source = next(JsonLinesSource([events]).read({})).source
    assert values(JsonLinesSource([events]).read({source: 3, "other": 1})) == [b'{"n":3}', b'{"n":4}']
    assert values(JsonLinesSource([events]).read({source: 5})) == []
    with events.open("ab") as more:
        more.write(b'{"n":5}\n')
    assert values(JsonLinesSource([events]).read({source: 5})) == [b'{"n":5}']


def test_another_file_of_the_same_name_is_read_from_its_beginning(events: Path) -> None:
    source = next(JsonLinesSource([events]).read({})).source
    save(events, b'{"n":100}', b'{"n":101}')
    assert values(JsonLinesSource([events]).read({source: 5})) == [b'{"n":100}', b'{"n":101}']


def test_blank_lines_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'\r\n\xef\xbb\xbf{"n":0}\r\n\r\n   \n{"n":1}\r\n\n{"n":2}')
    records = list(JsonLinesSource([path]).read({}))
    assert values(iter(records)) == [b'{"n":0}', b'{"n":1}', b'{"n":2}']
    assert [record.next_offset for record in records] == [2, 5, 7]
    assert values(JsonLinesSource([path]).read({records[0].source: 2})) == [b'{"n":1}', b'{"n":2}']


@pytest.mark.parametrize("content", [b"", b"\n", b"\n \r\n\t\n"])
def test_an_empty_file_has_no_records(tmp_path: Path, content: bytes) -> None:
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    assert values(JsonLinesSource([plain, packed]).read({})) == []


@pytest.mark.parametrize("name", ["events.jsonl.gz", "events-without-the-ending"])
def test_gzipped_files_are_unpacked(events: Path, name: str) -> None:
    packed = events.with_name(name)
    packed.write_bytes(gzip.compress(events.read_bytes()))
    assert values(JsonLinesSource([packed]).read({})) == values(JsonLinesSource([events]).read({}))


def test_files_are_read_one_after_the_other(events: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "more.jsonl", b'{"n":9}')
    assert values(JsonLinesSource([str(events), other]).read({}))[-2:] == [b'{"n":4}', b'{"n":9}']


def test_two_files_that_cannot_be_told_apart_are_refused(events: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    copy = save(tmp_path / "copy" / events.name, b'{"n":0}')
    with pytest.raises(BadInputFile, match="rename one"):
        list(JsonLinesSource([events, copy]).read({}))


@pytest.mark.parametrize("repeats", [1, 2, 3])
def test_a_line_without_end_is_cut_and_the_next_one_is_whole(tmp_path: Path, repeats: int) -> None:
    path = save(tmp_path / "events.jsonl", b"x" * 100 * repeats, b"y" * 99, b"z" * 101, b'{"n":1}')
    records = list(JsonLinesSource([path], longest_line=100).read({}))
    assert values(iter(records)) == [b"x" * 100, b"y" * 99, b"z" * 100, b'{"n":1}']
    assert [record.next_offset for record in records] == [1, 2, 3, 4]


def test_a_huge_line_does_not_take_huge_memory(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    path.write_bytes(gzip.compress(b"0" * 50_000_000, compresslevel=1))
    tracemalloc.start()
    (record,) = JsonLinesSource([path], longest_line=1_000_000).read({})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert record.value == b"0" * 1_000_000
    assert peak < 10_000_000


def test_a_gzip_file_that_breaks_off_gives_what_is_there_and_then_says_so(tmp_path: Path) -> None:
    lines = [json.dumps({"n": os.urandom(30).hex()}).encode() for _ in range(20_000)]
    path = tmp_path / "events.jsonl.gz"
    packed = gzip.compress(b"\n".join(lines))
    path.write_bytes(packed[: len(packed) // 2])
    read: list[bytes | None] = []
    with pytest.raises(BadInputFile, match="breaks off"):
        read.extend(record.value for record in JsonLinesSource([path]).read({}))
    assert 9_000 < len(read) < 11_000
    assert read == lines[: len(read)]


def test_a_line_that_is_still_being_written_is_read_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":2}\n{"n":')
    read: list[bytes | None] = []
    with pytest.raises(BadInputFile, match="the last line breaks off; everything before that was read"):
        read.extend(record.value for record in JsonLinesSource([path]).read({}))
    with path.open("ab") as file:
        file.write(b"3}")
    (record,) = JsonLinesSource([path]).read({record_name(path): len(read)})
    assert [*read, record.value] == [b'{"n":1}', b'{"n":2}', b'{"n":3}']


def record_name(path: Path) -> str:
    return next(JsonLinesSource([path]).read({})).source


@pytest.mark.parametrize("last", [b"no json", b'{"n":3}', b'{"n":\n', b"\xff"])
def test_a_last_line_that_is_whole_or_no_json_is_a_record(tmp_path: Path, last: bytes) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"n":1}\n' + last)
    assert [record.value for record in JsonLinesSource([path]).read({})] == [b'{"n":1}', last.strip()]


def test_damaged_gzip_data_is_named(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(os.urandom(1_000_000), compresslevel=1))
    packed[500_000:500_100] = bytes(100)
    path = tmp_path / "events.jsonl.gz"
    for content in (bytes(packed), b"no gzip at all\n" * 100):
        path.write_bytes(content)
        with pytest.raises(BadInputFile, match="damaged"):
            list(JsonLinesSource([path]).read({}))


def test_what_cannot_be_opened_is_named_before_anything_is_read(events: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInputFile, match=r"absent\.jsonl: no such file"):
        JsonLinesSource([events, tmp_path / "absent.jsonl"])
    with pytest.raises(BadInputFile, match="is a folder"):
        JsonLinesSource([events, tmp_path])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_one_may_not_read_is_named(events: Path) -> None:
    events.chmod(0)
    with pytest.raises(BadInputFile, match="permission denied"):
        JsonLinesSource([events])


def test_a_dash_is_the_standard_input(events: Path) -> None:
    program = (
        "from engine.adapters.file import JsonLinesSource\n"
        "for record in JsonLinesSource(['-']).read({}): print(record.source[:2], record.next_offset, record.value)"
    )
    with events.open("rb") as lines:
        done = subprocess.run([sys.executable, "-c", program], stdin=lines, capture_output=True, check=True, text=True)
    assert done.stdout.splitlines()[4] == "-# 5 b'{\"n\":4}'"


def test_one_source_per_file_reads_the_same_and_refuses_the_same(events: Path, tmp_path: Path) -> None:
    other = save(tmp_path / "more.jsonl", b'{"n":9}')
    both = JsonLinesSource.of_each([events, other])
    for _ in range(2):
        assert [record for source in both for record in source.read({})] == list(
            JsonLinesSource([events, other]).read({})
        )
    first, second = JsonLinesSource.of_each([events, events])
    assert len(list(first.read({}))) == 5
    with pytest.raises(BadInputFile, match="rename one"):
        next(second.read({}))


@pytest.mark.parametrize("name", ["orders.csv", "orders.CSV.gz", "orders.parquet", "orders.tsv", "orders.xlsx"])
def test_a_table_is_refused_with_the_command_that_converts_it(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / name, b"id,customer")
    stem = Path(name.removesuffix(".gz")).stem
    with pytest.raises(BadInputFile, match="no file of JSON lines") as refused:
        JsonLinesSource([path])
    assert f"\"COPY (FROM '{path}') TO '{stem}.jsonl' (FORMAT json)\"" in refused.value.reason


@pytest.mark.parametrize(
    ("first", "command"), [(b"[", "jq -c '.[]'"), (b'[{"id":1},', "jq -c '.[]'"), (b"{", "jq -c .")]
)
def test_json_that_is_not_in_lines_is_refused_with_the_command_that_converts_it(
    tmp_path: Path, first: bytes, command: str
) -> None:
    path = save(tmp_path / "orders.json", b"\xef\xbb\xbf" + first, b'  "id": 1', b"}")
    with pytest.raises(BadInputFile) as refused:
        list(JsonLinesSource([path]).read({}))
    assert refused.value.reason.endswith(f" on a line of its own: {command} {path}")
