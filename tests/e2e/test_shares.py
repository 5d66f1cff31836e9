"""A replay by several processes: what one would have decided, and what happens when one of them is gone."""

import gzip
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench.usage import children
from engine.cli.shares import WORTHWHILE, usual_number
from tests.e2e.command import Ran, engine, start, write_project
from tests.e2e.job import Job, make_job, project

OUTPUTS = ("out", "outcomes", "dead-letters")


@pytest.fixture(scope="module")
def job() -> Job:
    return make_job(6_000, 600)


@pytest.fixture
def folder(tmp_path: Path, job: Job) -> Path:
    """The job in two files that belong together by time, with records nobody can use."""
    write_project(tmp_path, project("shop.events"))
    lines = [entry.value or b"" for entry in job.entries]
    lines[1_000:1_000] = [b"no event", b'{"id": "x", "customer": "customer-0000001", "type": "lost", "time": 1}']
    for name, some in (("one", lines[::2]), ("two", lines[1::2])):
        (tmp_path / f"{name}.jsonl").write_bytes(b"\n".join(some) + b"\n")
    return tmp_path


def replay(folder: Path, processes: int, *more: object) -> Ran:
    outputs = [part for name in OUTPUTS for part in (f"--{name}", f"{name}-{processes}.jsonl")]
    files = ("one.jsonl", "two.jsonl", "--processes", processes)
    return engine("replay", *files, *outputs, "--json", *more, folder=folder)


def lines(folder: Path, processes: int) -> list[list[bytes]]:
    return [(folder / f"{name}-{processes}.jsonl").read_bytes().splitlines() for name in OUTPUTS]


@pytest.mark.parametrize("processes", [2, 3])
@pytest.mark.parametrize("more", [(), ("--until", "2025-09-01")], ids=["to the end", "until a day"])
def test_several_processes_decide_what_one_does(folder: Path, processes: int, more: Sequence[object]) -> None:
    summaries = [json.loads(replay(folder, number, *more).out) for number in (1, processes)]
    for summary in summaries:
        assert summary.pop("seconds") > 0
    assert summaries[0] == summaries[1]
    assert summaries[0]["outreach"] > 200
    for alone, shared in zip(lines(folder, 1), lines(folder, processes), strict=True):
        assert sorted(alone) == sorted(shared)


def test_their_lines_are_put_together_in_the_order_of_time(folder: Path) -> None:
    replay(folder, 3)
    for records in lines(folder, 3)[:2]:
        moments = [json.loads(line)["at"].removesuffix("Z") for line in records]
        assert moments == sorted(moments)


def test_a_history_that_breaks_off_is_decided_as_far_as_it_goes(folder: Path) -> None:
    whole = gzip.compress((folder / "one.jsonl").read_bytes())
    (folder / "torn.gz").write_bytes(whole[: len(whole) // 2])
    for number in (1, 2):
        ran = engine("replay", "torn.gz", "--processes", number, "--out", f"out-{number}.jsonl", folder=folder)
        assert ran.code == 1
        assert "torn.gz: the gzip data breaks off" in ran.said
    alone, shared = ((folder / f"out-{number}.jsonl").read_bytes().splitlines() for number in (1, 2))
    assert sorted(alone) == sorted(shared) != []


def test_what_several_processes_cannot_share_is_refused(folder: Path) -> None:
    ran = engine("replay", "one.jsonl", "--store", "embedded", "--processes", 2, folder=folder)
    assert ran.code == 1
    assert "one writer" in ran.said
    ran = engine("replay", "-", "--processes", 2, folder=folder)
    assert ran.code == 1
    assert "standard input" in ran.said


def test_only_a_long_history_in_files_is_shared_without_being_asked(tmp_path: Path) -> None:
    short, long = tmp_path / "short.jsonl", tmp_path / "long.jsonl"
    for path, size in ((short, 1_000), (long, WORTHWHILE)):
        path.touch()
        os.truncate(path, size)
    assert usual_number([short]) == 1
    assert usual_number([long, Path("-")]) == 1
    assert usual_number([short, long]) == min(8, len(os.sched_getaffinity(0)))


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds a process's children in /proc")
def test_a_process_that_is_gone_ends_the_replay_with_what_to_do(folder: Path) -> None:
    os.mkfifo(folder / "endless.jsonl")
    args = ("replay", "endless.jsonl", "--processes", 2)
    run = start(*args, folder=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    wait_until(lambda: len(children(run.pid)) == 2)
    shares = children(run.pid)
    os.kill(shares[1], signal.SIGKILL)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "signal 9" in said.decode()
    assert "--processes 1" in said.decode()
    wait_until(lambda: not any(Path(f"/proc/{share}").exists() for share in shares))


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
