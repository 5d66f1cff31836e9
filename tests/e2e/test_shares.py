"""A replay by several processes: what one would have decided, and what happens when one of them is gone."""

import gzip
import json
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest

from bench.usage import children, cpu_seconds
from engine.wiring.replay_processes import WORTHWHILE, usual_number
from tests.services.processes import wait_until
from tests.support.command import Ran, engine, start
from tests.support.job import Job, make_job, project
from tests.support.project_files import write_project

in_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="finds a process's children in /proc")
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
    assert ran.code == 2
    assert "one writer" in ran.said
    ran = engine("replay", "-", "--processes", 2, folder=folder)
    assert ran.code == 2
    assert "standard input" in ran.said
    os.mkfifo(folder / "pipe.jsonl")
    ran = engine("replay", "one.jsonl", "pipe.jsonl", "--processes", 2, folder=folder)
    assert ran.code == 2
    assert "pipe.jsonl, which is no file" in ran.said


def test_only_a_long_history_in_files_is_shared_without_being_asked(tmp_path: Path) -> None:
    short, long = tmp_path / "short.jsonl", tmp_path / "long.jsonl"
    for path, size in ((short, 1_000), (long, WORTHWHILE)):
        path.touch()
        os.truncate(path, size)
    assert usual_number([short]) == 1
    assert usual_number([long, Path("-")]) == 1
    assert usual_number([short, long]) == min(8, len(os.sched_getaffinity(0)))


@pytest.fixture(params=[12])
def long(request: pytest.FixtureRequest, folder: Path, job: Job) -> Path:
    """The job of so many shops: seconds of work."""
    once = b"".join((entry.value or b"") + b"\n" for entry in job.entries)
    shops = (once.replace(b"customer-", b"shop-%d-" % number) for number in range(request.param))
    (folder / "long.jsonl").write_bytes(b"".join(shops))
    return folder


@in_proc
def test_a_process_that_is_gone_ends_the_replay_with_what_to_do(long: Path) -> None:
    run = start("replay", "long.jsonl", "--processes", 2, folder=long, stderr=PIPE, stdout=DEVNULL)
    shares = until_shared(run)
    os.kill(shares[1], signal.SIGKILL)
    check_gone(run, shares)


@in_proc
@pytest.mark.parametrize("long", [40], indirect=True, ids=["more outcomes than pipes hold"])
def test_that_all_are_gone_is_heard_of_while_nobody_takes_the_output(long: Path) -> None:
    run = start("replay", "long.jsonl", "--processes", 2, "--outcomes", "-", folder=long, stderr=PIPE, stdout=PIPE)
    shares = until_shared(run)
    wait_until(lambda: not any(is_busy(share) for share in shares), "all stand still")
    for share in shares:
        os.kill(share, signal.SIGKILL)
    check_gone(run, shares)


@in_proc
@pytest.mark.parametrize("long", [40], indirect=True, ids=["more than pipes hold"])
def test_they_do_not_outlive_the_one_that_has_started_them(long: Path) -> None:
    run = start("replay", "long.jsonl", "--processes", 2, folder=long, stderr=DEVNULL, stdout=DEVNULL)
    shares = until_shared(run)
    run.kill()
    run.wait()
    wait_until(lambda: not any(map(is_there, shares)), "both are gone")


@in_proc
def test_what_is_appended_while_it_is_read_is_not_read_by_some(long: Path) -> None:
    args = ("replay", "long.jsonl", "--processes", 2, "--json")
    records = (long / "long.jsonl").read_bytes().count(b"\n")
    run = start(*args, folder=long, stderr=PIPE, stdout=PIPE)
    shares = until_shared(run)
    os.kill(shares[0], signal.SIGSTOP)
    with (long / "long.jsonl").open("ab") as file:
        file.write((long / "one.jsonl").read_bytes())
    os.kill(shares[0], signal.SIGCONT)
    said, trouble = run.communicate(timeout=120)
    assert run.returncode == 0, trouble
    assert json.loads(said)["records"] == records


def until_shared(run: subprocess.Popen[bytes]) -> list[int]:
    """The processes that work for it, once they do."""
    wait_until(lambda: len(children(run.pid)) == 2, "two processes share the replay")
    shares = children(run.pid)
    wait_until(lambda: all(cpu_seconds(share) > 0.3 for share in shares), "they work")
    return shares


def is_busy(share: int) -> bool:
    before = cpu_seconds(share)
    time.sleep(0.5)
    return cpu_seconds(share) > before


def check_gone(run: subprocess.Popen[bytes], shares: Sequence[int]) -> None:
    _, said = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "signal 9" in said.decode()
    assert "--processes 1" in said.decode()
    wait_until(lambda: not any(map(is_there, shares)), "both are gone")


def is_there(share: int) -> bool:
    """Whether the process lives; one that is dead stays until whoever it is left to asks for its end."""
    with suppress(FileNotFoundError):
        return Path(f"/proc/{share}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
