"""Servers as child processes: they come back with the same command, and die with their test, or with us."""

import fcntl
import os
import random
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar
from unittest import SkipTest


def unavailable(reason: str) -> Exception:
    """What to raise where a service cannot be had: a skip, or a failure where CI=true."""
    return RuntimeError(reason) if os.environ.get("CI") == "true" else SkipTest(reason)


PATIENCE = 900.0 if "SOAK_SEED" in os.environ else 180.0
"""Seconds until what should come true has failed to: twenty times what a broker takes to start on a quiet machine, as
others may use the machine too. A soak does ten times as much. Only a test that fails waits so long."""
_PAUSE = 0.02
"""Seconds: faults have to hit a worker in the middle of a second's work."""
_SOON, _LONG_PAUSE = 5.0, 0.1
"""What has not come true so soon is an outage, or a busy machine, which looking more often makes busier."""
_PAUSE_PER_WORK = 9.0
"""Seconds for each second of CPU that a look takes: what is waited for needs the processor more."""
_PORTS = range(16_000, 32_000)
"""Below those that systems give to clients (Linux: from 32,768 on), one of which could sit on the port of a server that
is down for a while, or, calling it there, reach itself."""


class _Given:
    """Ports that this process has: no other run on this machine gets them while it lives."""

    def __init__(self) -> None:
        self._left = iter(random.SystemRandom().sample(_PORTS, len(_PORTS)))
        place = Path(tempfile.gettempdir(), f"trigger-engine-test-ports-{os.getuid()}")
        self._locks = os.open(place, os.O_CREAT | os.O_RDWR, 0o600)

    def next(self, count: int) -> list[int]:
        return list(islice(filter(self._take, self._left), count))

    def _take(self, port: int) -> bool:
        """Whether it was free; a byte of the file is locked for each port."""
        with suppress(OSError), socket.socket() as trial:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            trial.bind(("127.0.0.1", port))
            return True
        return False


_given = cache(_Given)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on and nobody else is given."""
    return _given().next(count)


def wait_until(true: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    """Raises TimeoutError naming `what` did not come true."""
    begun, worked = time.monotonic(), time.process_time()
    while not true():
        waited = time.monotonic() - begun
        if waited > seconds:
            message = f"not within {seconds} s: {what}"
            raise TimeoutError(message)
        time.sleep(max(_LONG_PAUSE if waited > _SOON else _PAUSE, _PAUSE_PER_WORK * (time.process_time() - worked)))
        worked = time.process_time()


def listens(port: int) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


_killers: list[Callable[[], None]] = []
"""Of everything that was made, in order."""


@contextmanager
def for_many_tests() -> Iterator[None]:
    """What is made meanwhile outlives its first test; who made it ends it."""
    before = len(_killers)
    yield
    del _killers[before:]


@contextmanager
def nothing_outlives_it() -> Iterator[None]:
    """Kill, at the end, every process that was made meanwhile. Those made before may have been started again."""
    before = len(_killers)
    try:
        yield
    finally:
        while len(_killers) > before:
            _killers.pop()()


class Running(Protocol):
    """What `subprocess.Popen` has."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...
    def kill(self) -> None: ...


_AnyRunning = TypeVar("_AnyRunning", bound=Running)
_Start = Callable[[Sequence[str], BinaryIO, Path | None], Running]


def popen(command: Sequence[str], log: BinaryIO, folder: Path | None) -> Running:
    """A session of its own that nobody talks to."""
    return subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
    )


_starts: list[_Start] = [popen]


@contextmanager
def started_by(start: _Start) -> Iterator[None]:
    """Meanwhile processes are started in this way."""
    _starts.append(start)
    try:
        yield
    finally:
        _starts.remove(start)


def started(command: Sequence[str], log: Path, folder: Path | None = None) -> Running:
    """A process that appends what it says to `log`."""
    with log.open("ab") as file:
        return _starts[-1](command, file, folder)


def tended(process: _AnyRunning) -> _AnyRunning:
    """One that was started without `Process`, to be killed with the others."""

    def kill() -> None:
        if process.poll() is None:
            process.kill()
            process.wait(60)

    _killers.append(kill)
    return process


class Process:
    """One server. `ready` says when it serves; its output goes to `log`."""

    def __init__(self, command: Sequence[str], log: Path, ready: Callable[[], bool]) -> None:
        self.command = command
        self.log = log
        self.ready = ready
        self._running: Running | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self.code: int | None = None
        """How it ended when it was told to; negative: by that signal."""
        _killers.append(self.kill9)

    @property
    def running(self) -> bool:
        return self._running is not None and self._running.poll() is None

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._running
        return self._running.pid

    def start(self, seconds: float = PATIENCE) -> None:
        """Returns when it serves. Raises RuntimeError with the end of its log if it does not."""
        self._running = started(self.command, self.log)
        # Nothing is ever written to the pipe: its end closes with our process.
        watch = ["/bin/sh", "-c", f"read -r nothing; kill -KILL {self.pid}"]
        self._watch = subprocess.Popen(watch, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            wait_until(lambda: self.ready() or not self.running, "the server is ready", seconds)
        except TimeoutError:
            self.kill9()
        if not self.running:
            end = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            message = f"{Path(self.command[0]).name} does not start:\n{end}"
            raise RuntimeError(message)

    def stop(self) -> None:
        """As an operator would; returns when it has ended."""
        self.end(signal.SIGTERM)

    def kill9(self) -> None:
        """Without warning; returns when it is gone."""
        self.end(signal.SIGKILL)

    def freeze(self) -> None:
        """It stands still and does not know; returns when it does."""
        os.kill(self.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def thaw(self) -> None:
        """It goes on."""
        os.kill(self.pid, signal.SIGCONT)

    def end(self, by: signal.Signals) -> None:
        """Does nothing where it does not run."""
        if self._watch:
            self._watch.kill()
            self._watch.communicate()
        if self._running:
            self._running.send_signal(by)
            self.code = self._running.wait(60)
        self._running = self._watch = None
