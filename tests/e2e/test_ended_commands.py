"""A command that is ended before its work is done leaves nothing of what it made for the time being."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen

import pytest

from tests.services.processes import PATIENCE, wait_until
from tests.support.command import REPOSITORY, start
from tests.support.job import make_job, project
from tests.support.project_files import write_project

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
ENDLESS = "endless.jsonl --source shop.events"
ARCHIVE, SORTED = "temporary/*/archive", "endless.jsonl.backtest/*"
QUERY = """
import os, threading
from engine.insight.sql import connected
from engine.wiring.unwinding import unwound_by_signals
with unwound_by_signals(), connected() as connection:
    connection.execute("SET threads = 1")
    threading.Timer(1, os.kill, (os.getpid(), {by})).start()
    try:
        connection.execute("SELECT sum(sqrt(i)) FROM range(1000000000000000) r(i)")
    finally:
        print("removed")
"""
IMPORTING = """
import enum, os, signal
from engine.insight.sql import connected
from engine.wiring.unwinding import unwound_by_signals
made = enum.EnumMeta.__new__
def ended_meanwhile(*given, **options):
    enum.EnumMeta.__new__ = made
    os.kill(os.getpid(), signal.SIGTERM)
    return made(*given, **options)
with unwound_by_signals():
    enum.EnumMeta.__new__ = ended_meanwhile
    connected()
"""
DROPPING = """
import os, signal
try:
    os.kill(os.getpid(), signal.SIGTERM)
except BaseException:
    pass
"""
"""A module, with which what a handler raises is lost, as with some of pydantic's."""
STUBBORN = """
import os, signal, time
from engine.wiring.unwinding import unwound_by_signals
with unwound_by_signals(longest=1):
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(1)
    finally:
        time.sleep(1000)
"""


@pytest.fixture(autouse=True)
def every_signal_ends() -> Iterator[None]:
    """A command inherits what is ignored: SIGHUP in tests that `nohup` has started."""
    ignored = [by for by in SIGNALS if signal.getsignal(by) == signal.SIG_IGN]
    for by in ignored:
        signal.signal(by, signal.SIG_DFL)
    yield
    for by in ignored:
        signal.signal(by, signal.SIG_IGN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a history that ends, one that is written without end, and a folder for temporary files."""
    write_project(tmp_path, project("shop.events"))
    lines = [entry.value or b"" for entry in make_job(2_000, 200).entries]
    (tmp_path / "events.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    os.mkfifo(tmp_path / "endless.jsonl")
    (tmp_path / "temporary").mkdir()
    return tmp_path


@contextmanager
def started(folder: Path, command: str, made: str, before: Sequence[str] = ()) -> Iterator[Popen[bytes]]:
    """A group of its own, as from a terminal or a service manager, once it has made what `made` is a pattern of."""
    environment = {"TMPDIR": str(folder / "temporary")}
    options = {"stdin": DEVNULL, "stdout": DEVNULL, "stderr": PIPE, "start_new_session": True}
    run = start(*command.split(), folder=folder, env=environment, before=before, **options)
    try:
        wait_until(lambda: any(folder.glob(made)) or run.poll() is not None, f"there is {made}")
        yield run
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)


def check_ended(run: Popen[bytes], by: signal.Signals) -> None:
    """The signal goes to the processes that it has started too; nobody is shown a traceback."""
    os.killpg(run.pid, by)
    _, said = run.communicate(timeout=PATIENCE)
    assert (run.returncode, b"Traceback" in said) == (128 + by, False), said.decode()


@pytest.mark.parametrize("by", SIGNALS, ids=lambda by: by.name)
@pytest.mark.parametrize("command", ["metrics", "fit", "recommend fit"])
def test_figures_leave_no_archive_of_the_files_they_read(folder: Path, command: str, by: signal.Signals) -> None:
    with started(folder, f"{command} {ENDLESS}", ARCHIVE) as run:
        check_ended(run, by)
        assert not list(folder.glob("temporary/*"))


@pytest.mark.parametrize("by", SIGNALS, ids=lambda by: by.name)
def test_a_backtest_leaves_no_history_that_is_sorted_in_part(folder: Path, by: signal.Signals) -> None:
    with started(folder, f"backtest rules --events {ENDLESS}", SORTED) as run:
        check_ended(run, by)
        assert not list(folder.glob(SORTED))


@pytest.mark.parametrize("by", SIGNALS, ids=lambda by: by.name)
def test_a_backtest_leaves_no_lines_that_are_not_put_together(folder: Path, by: signal.Signals) -> None:
    os.mkfifo(folder / "unread.jsonl")
    with started(folder, "backtest rules --events events.jsonl --out unread.jsonl", "temporary/*/outreach") as run:
        check_ended(run, by)
        assert not list(folder.glob("temporary/*"))


def test_a_plan_leaves_nothing_of_the_backtest_that_it_makes(folder: Path) -> None:
    with started(folder, "plan rules --against rules --events endless.jsonl", SORTED) as run:
        check_ended(run, signal.SIGTERM)
        assert not list(folder.glob(SORTED))


def ran(program: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, timeout=PATIENCE)


@pytest.mark.parametrize("by", SIGNALS, ids=lambda by: by.name)
def test_a_query_that_is_under_way_is_given_up(by: signal.Signals) -> None:
    found = ran(QUERY.format(by=int(by)))
    assert (found.returncode, found.stdout, found.stderr) == (128 + by, b"removed\n", b"")


def test_a_signal_while_duckdb_is_imported_waits_for_its_end() -> None:
    """It makes enums from C++, which takes what a handler raises for an error of its own and shows its traceback."""
    found = ran(IMPORTING)
    assert (found.returncode, found.stderr) == (128 + signal.SIGTERM, b"")


def test_a_signal_is_not_lost_in_an_import_that_drops_what_is_raised(tmp_path: Path) -> None:
    (tmp_path / "dropping.py").write_text(DROPPING)
    program = f"import sys, time; from engine.wiring.unwinding import unwound_by_signals; sys.path.append('{tmp_path}')"
    found = ran(f"{program}\nwith unwound_by_signals():\n    import dropping\n    time.sleep(1000)")
    assert (found.returncode, found.stderr) == (128 + signal.SIGTERM, b"")


def test_a_signal_is_not_lost_where_what_is_raised_is_dropped() -> None:
    """As in what an object does when it goes, or in a validator of pydantic's."""
    program = "import os, time; from engine.wiring.unwinding import unwound_by_signals\nclass Going:\n"
    program += f"    def __del__(self): os.kill(os.getpid(), {signal.SIGTERM:d})\n"
    found = ran(f"{program}with unwound_by_signals():\n    one = Going()\n    del one\n    time.sleep(1000)")
    assert (found.returncode, found.stderr) == (128 + signal.SIGTERM, b"")


def test_nothing_but_a_connection_imports_duckdb() -> None:
    users = "engine.cli.metrics, engine.cli.backtest, engine.insight.figures.trial, engine.wiring.as_decided"
    found = ran(f"import sys, {users}; assert 'duckdb' not in sys.modules")
    assert found.returncode == 0, found.stderr.decode()


def test_what_cannot_be_removed_does_not_keep_a_command_for_ever() -> None:
    assert ran(STUBBORN).returncode == -signal.SIGALRM


def test_a_command_that_nohup_has_started_outlives_its_terminal(folder: Path) -> None:
    with started(folder, f"metrics {ENDLESS}", ARCHIVE, before=["nohup"]) as run:
        os.killpg(run.pid, signal.SIGHUP)
        (folder / "endless.jsonl").write_bytes((folder / "events.jsonl").read_bytes())
        _, said = run.communicate(timeout=PATIENCE)
        assert run.returncode == 0, said.decode()
