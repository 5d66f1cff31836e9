"""Outreach as JSON lines: what is in the file, after a kill too."""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.adapters.file import JsonLinesSink
from engine.errors import BadOutputFile
from engine.ports import Entry

ONE, TWO = b'{"id":"o-1","subject":"We miss you"}', b'{"id":"o-2"}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outreach.jsonl"


def publish(path: Path | str, *entries: Entry) -> set[str]:
    sink = JsonLinesSink(path)
    sink.publish(0, entries)
    sink.close()
    return sink.published(0)


def test_outreach_is_one_line_each_in_order_in_a_folder_made_for_it(tmp_path: Path) -> None:
    path = tmp_path / "not" / "yet" / "there.jsonl"
    publish(path, Entry("o-1", ONE), Entry("o-2", TWO))
    assert path.read_bytes() == ONE + b"\n" + TWO + b"\n"


@pytest.mark.parametrize("torn", [b"{", b'{"id":"o-2"', b'{"id":"o-2","text":"' + b"x" * 200_000], ids=len)
def test_a_line_that_a_kill_left_unfinished_is_cut_off_and_published_again(path: Path, torn: bytes) -> None:
    path.write_bytes(ONE + b"\n" + torn)
    assert publish(path, Entry("o-2", TWO)) == {"o-1", "o-2"}
    assert path.read_bytes() == ONE + b"\n" + TWO + b"\n"


def test_a_first_line_that_a_kill_left_unfinished_is_cut_off(path: Path) -> None:
    path.write_bytes(b'{"id":"o')
    assert publish(path) == set()
    assert path.read_bytes() == b""


def test_a_last_line_that_lacks_only_its_end_is_kept(path: Path) -> None:
    path.write_bytes(ONE)
    assert publish(path, Entry("o-2", TWO)) == {"o-1", "o-2"}
    assert path.read_bytes() == ONE + b"\n" + TWO + b"\n"


def test_a_file_of_something_else_is_not_added_to_unnoticed(path: Path) -> None:
    path.write_bytes(ONE + b"\nnotes to self\n")
    with closing(JsonLinesSink(path)) as sink, pytest.raises(BadOutputFile, match="line 2 is no outreach") as refused:
        sink.published(0)
    assert str(path) in str(refused.value)


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadOutputFile, match="is a directory"):
        JsonLinesSink(tmp_path)


def test_a_file_in_place_of_the_folder_is_named(path: Path) -> None:
    path.write_bytes(b"")
    with pytest.raises(BadOutputFile, match=r"not a directory|exists"):
        JsonLinesSink(path / "outreach.jsonl")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_full_disk_is_an_error_that_says_so() -> None:
    sink = JsonLinesSink("/dev/full")
    sink.publish(0, [Entry("o-1", ONE)])
    with pytest.raises(BadOutputFile, match="no space left"):
        sink.delivered(0)
    with pytest.raises(BadOutputFile, match="no space left"):
        sink.close()


def test_outreach_can_be_thrown_away() -> None:
    assert publish("/dev/null", Entry("o-1", ONE)) == set()


def test_a_dash_is_the_standard_output() -> None:
    program = (
        "from engine.adapters.file import JsonLinesSink\n"
        "from engine.ports import Entry\n"
        "sink = JsonLinesSink('-')\n"
        f"sink.publish(0, [Entry('o-1', {ONE!r})])\n"
        "assert sink.published(0) == set()\n"
        "sink.close()\n"
        "print('still open')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == ONE + b"\nstill open\n"
