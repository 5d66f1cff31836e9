"""Files that commands write whole."""

import os
from pathlib import Path

import pytest

from engine.cli.whole_files import whole_file
from tests.support.command import engine
from tests.support.newcomer import STORY


@pytest.mark.parametrize("left", ["file", "link"])
def test_what_was_left_beside_a_private_file_lets_nobody_read_it(tmp_path: Path, left: str) -> None:
    """Left by a killed command, or put there by a stranger in a folder that is shared."""
    list_, beside, others = (tmp_path / name for name in ("vip.csv", ".vip.csv.new", "others.csv"))
    others.write_text("theirs")
    beside.symlink_to(others) if left == "link" else beside.write_text("half")
    with whole_file(list_, private=True) as file:
        file.write("ada@shop.example")
    assert list_.read_text() == "ada@shop.example"
    assert list_.stat().st_mode & 0o777 == 0o600
    assert not list_.is_symlink()
    assert others.read_text() == "theirs"


@pytest.mark.parametrize(
    ("arguments", "begins", "besides"),
    [
        ("show first-record --svg -", "<svg ", ""),
        ("test --junit -", "<?xml ", "passed, 0 failed"),
        ("metrics events.jsonl --no-predict --html -", "<!doctype html>", ""),
        ("backtest rules --events events.jsonl --html -", "<!doctype html>", "3 events"),
        ("backtest rules --events events.jsonl --outcomes -", '{"id":"', "3 events"),
        ("plan rules --against rules --store memory --out -", "{\n", "customers"),
    ],
)
def test_a_dash_is_standard_output_and_what_is_said_besides_goes_to_standard_error(
    tmp_path: Path, arguments: str, begins: str, besides: str
) -> None:
    engine("init", ".", folder=tmp_path)
    (tmp_path / "events.jsonl").write_bytes(STORY)
    ran = engine(*arguments.split(), folder=tmp_path)
    assert ran.out.startswith(begins), ran
    assert besides in ran.err
    assert not (tmp_path / "-").exists()


def test_a_dash_is_standard_input_for_the_data_of_a_preview(tmp_path: Path) -> None:
    engine("init", ".", folder=tmp_path)
    ran = engine(
        "preview", "win_back_news", "--data", "-", folder=tmp_path, stdin=b'{"profile": {"first_name": "Ada"}}'
    )
    assert "Hi Ada," in ran.out


def test_two_documents_are_not_mixed_on_standard_output(tmp_path: Path) -> None:
    ran = engine("plan", "rules", "--against", "rules", "--out", "-", "--html", "-", folder=tmp_path)
    assert (ran.code, ran.err) == (2, "standard output is given twice; each document has a file of its own\n")


def test_a_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with whole_file(pipe) as file:
        file.write("ada@shop.example")
    assert os.read(reader, 100) == b"ada@shop.example"
    assert pipe.is_fifo()
    os.close(reader)
