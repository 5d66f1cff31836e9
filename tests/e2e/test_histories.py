"""Real histories, replayed: exactly what SQL finds in them, whatever happens to the run."""

import gzip
import json
import random
import signal
import time
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.demo.generate import SAMPLE
from tests.services.processes import Running
from tests.support.cdnow import CDNOW, END, EVENTS, PROJECT, RULES, Firing, by_rule, fired, wanted
from tests.support.command import engine, lines_of, shared_data, start_again
from tests.support.project_files import write_project

RETAIL_END = "2012-03-31T12:00:00Z"
STAYS = ("--store", "embedded", "--out", "out.jsonl")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path, PROJECT)


@pytest.fixture(scope="module")
def sample_firings() -> Counter[Firing]:
    return wanted(SAMPLE, END)


def test_every_cdnow_customer_gets_exactly_what_their_history_calls_for(project: Path) -> None:
    history = shared_data("cdnow.jsonl.gz")
    assert engine("replay", history, "--until", END, "--out", "out.jsonl", folder=project).code == 0
    found = fired(project / "out.jsonl")
    assert by_rule(found) == CDNOW
    assert found == wanted(history, END)


def test_cdnow_stays_exact_in_three_killed_runs_with_every_event_twice(project: Path) -> None:
    parts = _thirds(project, [line for line in _lines(shared_data("cdnow.jsonl.gz")) for _ in range(2)])
    for part in parts:
        _replay_despite_kills(project, [part], kills=1)
    engine("replay", parts[-1], "--until", END, *STAYS, folder=project)
    assert by_rule(fired(project / "out.jsonl")) == CDNOW


def test_a_repeated_event_counts_once_if_it_comes_within_the_window(project: Path) -> None:
    history = shared_data("online_retail.jsonl.gz")
    arrivals = [
        (_time(line) + timedelta(hours=23) * random.random() * late, line)
        for line in _lines(history)
        for late in (0, 1)
    ]
    (project / "events.jsonl").write_bytes(b"".join(line for _, line in sorted(arrivals)))
    ran = engine("replay", "events.jsonl", "--until", RETAIL_END, "--out", "out.jsonl", "--json", folder=project)
    assert json.loads(ran.out)["duplicates"] == json.loads(ran.out)["events"] / 2 > 18_000
    assert fired(project / "out.jsonl") == wanted(history, RETAIL_END)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_run_killed_again_and_again_ends_like_one_that_was_not(
    project: Path, sample_firings: Counter[Firing], seed: int
) -> None:
    random.seed(seed)
    lines = [
        line for number, line in enumerate(_lines(SAMPLE)) for line in (line, b"rubbish\n")[: 1 + (number % 100 == 0)]
    ]
    (project / "events.jsonl").write_bytes(b"".join(lines))
    outputs = ["--outcomes", "outcomes.jsonl", "--dead-letters", "dead.jsonl"]
    _replay_despite_kills(project, ["events.jsonl", "--until", END, *outputs], kills=2)
    assert fired(project / "out.jsonl") == sample_firings
    outcomes = lines_of(project / "outcomes.jsonl")
    assert Counter((one["rule"], one["customer"], one["at"]) for one in outcomes) == sample_firings
    assert {one["outreach"] for one in outcomes} == {one["id"] for one in lines_of(project / "out.jsonl")}
    places = [int(one["place"].rpartition(":")[2]) for one in lines_of(project / "dead.jsonl")]
    assert places == [number for number, line in enumerate(lines, 1) if line == b"rubbish\n"]


def test_a_history_in_three_files_and_three_runs_is_still_one_history(
    project: Path, sample_firings: Counter[Firing]
) -> None:
    for part in _thirds(project, _lines(SAMPLE)):
        assert engine("replay", part, *STAYS, folder=project).code == 0
    engine("replay", part, "--until", END, *STAYS, folder=project)
    assert fired(project / "out.jsonl") == sample_firings


def test_a_file_that_grows_is_read_on_from_where_the_last_run_ended(
    project: Path, sample_firings: Counter[Firing]
) -> None:
    growing = project / "growing.jsonl"
    for part in _thirds(project, _lines(SAMPLE)):
        with growing.open("ab") as file:
            file.write(part.read_bytes())
        engine("replay", growing, *STAYS, folder=project)
    engine("replay", growing, "--until", END, *STAYS, folder=project)
    assert fired(project / "out.jsonl") == sample_firings


def test_stopping_the_clock_half_way_and_going_on_changes_nothing(
    project: Path, sample_firings: Counter[Firing]
) -> None:
    for until in ("1997-02-10", "1997-02-10", "1997-12-31T23:59:59.999Z", END):
        assert engine("replay", SAMPLE, "--until", until, *STAYS, folder=project).code == 0
    assert fired(project / "out.jsonl") == sample_firings


@pytest.mark.parametrize(
    ("declared", "types"),
    [("", ["purchase"]), ("  refund: {}\n", ["purchase"]), ("  refund: {}\n", ["purchase", "refund"])],
)
def test_a_shop_with_times_to_the_second_gets_exactly_what_sql_finds(
    tmp_path: Path, declared: str, types: list[str]
) -> None:
    history = shared_data("online_retail.jsonl.gz")
    rules = RULES.replace("of: purchase", f"of: [{', '.join(types)}]")
    write_project(tmp_path, PROJECT | {"events.yaml": EVENTS + declared, "rules.yaml": rules})
    assert engine("replay", history, "--until", RETAIL_END, "--out", "out.jsonl", folder=tmp_path).code == 0
    assert fired(tmp_path / "out.jsonl") == wanted(history, RETAIL_END, idle_of=types)


def _time(line: bytes) -> datetime:
    return datetime.fromisoformat(json.loads(line)["ts"])


def _lines(path: Path) -> list[bytes]:
    with gzip.open(path) as file:
        return file.readlines()


def _thirds(folder: Path, lines: list[bytes]) -> list[Path]:
    paths = [folder / f"part-{number}.jsonl" for number in (1, 2, 3)]
    for number, path in enumerate(paths):
        path.write_bytes(b"".join(lines[len(lines) * number // 3 : len(lines) * (number + 1) // 3]))
    return paths


def _replay_despite_kills(folder: Path, args: list[object], kills: int) -> None:
    """Kill the run, without warning, each time it has written a random amount; then let it get to its end."""
    for _ in range(kills):
        run = _start(folder, args)
        _wait_until_longer(folder / "out.jsonl", random.randrange(1_000_000), run)
        time.sleep(random.random() / 20)  # to be in the middle of anything
        run.kill()
        assert run.wait(60) == -signal.SIGKILL
    assert _start(folder, args).wait(120) == 0


def _start(folder: Path, args: list[object]) -> Running:
    return start_again("replay", *args, *STAYS, folder=folder)


def _wait_until_longer(path: Path, by: int, run: Running) -> None:
    goal = _size(path) + by
    while _size(path) < goal and run.poll() is None:
        time.sleep(0.001)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
