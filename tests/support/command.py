"""`engine` as a user runs it, on a project of their own."""

import gc
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
import pytest

from engine.cli import console
from engine.cli.main import run
from tests.services.processes import Running, started, tended

REPOSITORY = Path(__file__).parents[2]
PROGRAM = "from engine.cli.start import run; run()"


def at_another_time(seconds: int) -> str:
    """The program of a machine whose clock is so far ahead."""
    return f"import engine.wiring.wall_clock as c; real = c.time; c.time = lambda: real() + {seconds}; {PROGRAM}"


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """All of it, with the line breaks of tables and panels taken out."""
        return " ".join(f"{self.out} {self.err}".split())


def engine(*args: object, folder: Path, stdin: bytes = b"", env: Mapping[str, str] = MappingProxyType({})) -> Ran:
    """Run a command in `folder`, in this process but through the real entry point. A traceback fails the test."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with chdir(folder), _as_process(args, stdin, env), redirect_stdout(out), redirect_stderr(err):
        try:
            run()
            code = 0
        except SystemExit as exit:
            code = exit.code if isinstance(exit.code, int) else 0
    ran = Ran(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))
    assert "Traceback" not in ran.out + ran.err
    return ran


@contextmanager
def _as_process(args: tuple[object, ...], stdin: bytes, env: Mapping[str, str]) -> Iterator[None]:
    """What a command takes from its process, and changes in it, put back."""
    before = sys.argv, sys.stdin, gc.get_threshold()
    variables, width = dict(os.environ), console.out._width
    os.environ.update(env)
    console.out._width = console.err._width = int(env["COLUMNS"]) if "COLUMNS" in env else width
    sys.argv = ["engine", *map(str, args)]
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin)))
    try:
        yield
    finally:
        sys.argv, sys.stdin, threshold = before
        console.out._width = console.err._width = width
        os.environ.clear()
        os.environ.update(variables)
        gc.set_threshold(*threshold)
        gc.unfreeze()


def start(
    *args: object,
    folder: Path,
    env: Mapping[str, str] = MappingProxyType({}),
    before: Sequence[str] = (),
    **options: Any,
) -> subprocess.Popen[bytes]:
    """Start a command as a process of its own; it does not outlive the test. `before`: a program that starts it."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **env}
    command = [*before, sys.executable, "-c", PROGRAM, *map(str, args)]
    return tended(subprocess.Popen(command, cwd=folder, env=environment, **options))


def start_again(*args: object, folder: Path, env: Mapping[str, str] = MappingProxyType({})) -> Running:
    """The same for a test that does so many times: quicker, see `tests.services.forks`. What it says is in a log."""
    variables = [f"{name}={value}" for name, value in env.items()]
    command = ["env", *variables, sys.executable, "-c", PROGRAM, *map(str, args)]
    return tended(started(command, folder / "engine.log", folder))


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Every line as JSON; a torn one fails the test."""
    text = path.read_bytes()
    assert text.endswith(b"\n") or not text
    return [msgspec.json.decode(line) for line in text.splitlines()]


def shared_data(name: str) -> Path:
    """A file of the data sets that are too large for the repository. Skips the test where they are not."""
    path = Path(os.environ.get("ENGINE_SHARED", REPOSITORY.parent / "shared"), "data", name)
    if not path.is_file():
        pytest.skip(f"{name} is not there; ENGINE_SHARED names the folder whose data/ has it")
    return path
