"""Processes that run a text of Python, such as `engine`, forked from one that has imported what they need.

A start then takes a fiftieth of a second of CPU instead of a third, and tests start hundreds. Else they are like any
other: children of the test's process, with a pid, signals and files of their own.
"""

import ctypes
import gc
import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, NamedTuple

from tests.services.processes import PATIENCE, Running, popen, wait_until

_IMPORTED = ("main", "worker", "send", "web", "replay")
"""Of engine.cli: the commands that tests start again and again."""
_SERVER = "from tests.services.forks import serve; exec(serve())"
_LONGEST = 1 << 18
"""Bytes of a wish."""
_ADOPT = 36
"""PR_SET_CHILD_SUBREAPER of Linux: whose parent ends meanwhile becomes our child."""


class _Wish(NamedTuple):
    """What `python -c` is to run, with which words, variables and working folder."""

    program: str
    words: list[str]
    environment: dict[str, str]
    folder: str


class _Forked:
    """A process as `subprocess.Popen` has it, without pipes."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def wait(self, timeout: float | None = PATIENCE) -> int:
        wait_until(lambda: self.poll() is not None, "the process ends", timeout or PATIENCE)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, sig: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        self.send_signal(9)


class Forks:
    """The process that forks, from the first wish on. It ends with us."""

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self.forked = 0
        """How many."""

    def start(self, command: Sequence[str], log: BinaryIO, folder: Path | None) -> Running:
        """For `started_by`. What this system cannot fork, or is no such text, is started as ever."""
        wish = _wish(command, folder) if sys.platform == "linux" else None
        if not wish:
            return popen(command, log, folder)
        self.forked += 1
        return _Forked(self._fork(wish, log))

    def close(self) -> None:
        if self._server and self._line:
            self._line.close()
            self._server.wait(PATIENCE)

    def _fork(self, wish: _Wish, log: BinaryIO) -> int:
        line = self._line = self._line or self._open()
        _adopt_orphans(1)
        try:
            socket.send_fds(line, [json.dumps(wish).encode()], [log.fileno()])
            pid = int(line.recv(_LONGEST))
            assert line.recv(_LONGEST) == b"ours", "the process that forks has failed"
        finally:
            _adopt_orphans(0)
        return pid

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
            command = [sys.executable, "-c", _SERVER]
            self._server = subprocess.Popen(command, env=environment, stdin=theirs.fileno(), start_new_session=True)
        return ours


def _wish(command: Sequence[str], folder: Path | None) -> _Wish | None:
    """What `[env NAME=value ...] python -c text words...` asks for; None where the command is another."""
    words = list(command)
    start = words.index(sys.executable) if sys.executable in words else 0
    before, (*python, program), after = words[:start], words[start : start + 3] or [""], words[start + 3 :]
    variables = [word.partition("=")[::2] for word in before[1:]]
    if python != [sys.executable, "-c"] or before[:1] not in ([], ["env"]) or any("-" in name for name, _ in variables):
        return None
    return _Wish(program, ["-c", *after], os.environ | dict(variables), str(folder or Path.cwd()))


def _adopt_orphans(yes: int) -> None:
    if ctypes.CDLL(None).prctl(_ADOPT, yes, 0, 0, 0):
        raise OSError("prctl")


def serve() -> str:
    """Fork for each wish on standard input; returns the program, once in each process that is forked."""
    gc.disable()
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    for name in _IMPORTED:
        import_module(f"engine.cli.{name}")
    gc.collect()
    gc.freeze()
    gc.enable()
    with socket.socket(fileno=os.dup(0)) as line:
        while True:
            wish, (log,) = _next(line)
            if _is_forked(line):
                break
            os.close(log)
    _become(wish, log)
    return wish.program


def _next(line: socket.socket) -> tuple[_Wish, list[int]]:
    """Ends the process where nobody will wish any more."""
    wish, files, _, _ = socket.recv_fds(line, _LONGEST, 1)
    if not wish:
        os._exit(0)
    return _Wish(*json.loads(wish)), files


def _is_forked(line: socket.socket) -> bool:
    """Whether this is the new process. One between it and us tells its pid and ends: so it has no parent any more."""
    if between := os.fork():
        os.waitpid(between, 0)
        line.send(b"ours")
        return False
    if pid := os.fork():
        line.send(str(pid).encode())
        os._exit(0)
    return True


def _become(wish: _Wish, log: int) -> None:
    """As if it had been started."""
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, log, log)):
        os.dup2(file, number)
    os.close(nothing)
    os.close(log)
    os.chdir(wish.folder)
    os.environ.clear()
    os.environ.update(wish.environment)
    sys.argv = wish.words
