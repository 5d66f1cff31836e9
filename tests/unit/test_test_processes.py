"""What a test starts ends with it, so that one that fails spoils no other."""

import sys
from pathlib import Path
from subprocess import Popen

import pytest

from tests.services.processes import Process, nothing_outlives_it, tended

SLEEPER = [sys.executable, "-S", "-c", "import time; print(flush=True); time.sleep(600)"]


def sleeper(folder: Path) -> Process:
    return Process(SLEEPER, folder / "log", lambda: (folder / "log").stat().st_size > 0)


def test_a_test_that_fails_leaves_no_process_behind(tmp_path: Path) -> None:
    older, younger, plain = sleeper(tmp_path), [], []

    def fails() -> None:
        with nothing_outlives_it():
            younger.append(sleeper(tmp_path))
            plain.append(tended(Popen(SLEEPER)))
            for server in (older, *younger):
                server.start()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert [server.running for server in younger] == [False]
    assert plain[0].poll() is not None
    assert older.running, "it was made before, and others need it"
    older.kill9()
