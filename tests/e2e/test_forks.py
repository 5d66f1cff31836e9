"""A service that tests fork is a process like one that is started."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.services.forks import Forks
from tests.services.processes import Process, started_by, wait_until

pytestmark = pytest.mark.e2e

SAYS = (
    "import os, sys, time; print(sys.argv, os.environ['GIVEN'], os.getcwd(), os.getsid(0) == os.getpid(), flush=True)"
)
WAITS = f"{SAYS}; time.sleep(600)"


@pytest.fixture
def forks() -> Iterator[Forks]:
    with closing(Forks()) as forks, started_by(forks.start):
        yield forks


def process(folder: Path, program: str) -> Process:
    log = folder / "log"
    log.touch()
    command = ["env", "GIVEN=a variable", sys.executable, "-c", program, "word", "another"]
    return Process(command, log, lambda: "True" in log.read_text())


def test_it_has_its_words_and_variables_and_a_session_of_its_own(forks: Forks, tmp_path: Path) -> None:
    forked = process(tmp_path, WAITS)
    forked.start()
    assert forked.log.read_text() == f"['-c', 'word', 'another'] a variable {Path.cwd()} True\n"
    assert forks.forked == 1
    assert "GIVEN" not in os.environ


def test_it_is_frozen_and_killed_and_its_end_is_seen(forks: Forks, tmp_path: Path) -> None:
    forked = process(tmp_path, WAITS)
    forked.start()
    forked.freeze()
    assert forked.running
    forked.thaw()
    forked.kill9()
    assert forked.code == -signal.SIGKILL
    forked.start()
    forked.stop()
    assert forked.code == -signal.SIGTERM
    assert forks.forked == 2


def test_one_that_ends_by_itself_has_its_code_and_its_last_words(forks: Forks, tmp_path: Path) -> None:
    forked = process(tmp_path, f"{SAYS}; sys.exit(7)")
    forked.start()
    wait_until(lambda: not forked.running, "it ends")
    forked.kill9()
    assert forked.code == 7
    forked.log.write_text("")
    with pytest.raises(RuntimeError, match=r"does not start:\n(.*\n)*ZeroDivisionError"):
        process(tmp_path, "1 / 0").start()
