"""The embedded server: what survives, who may use a folder, and who ends the server."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest
from redis import Redis

from engine.adapters.redis import RedisStore, connect
from engine.adapters.redis.embedded import EmbeddedServer
from engine.errors import EmbeddedServerFailed, StoreUnavailable
from engine.ports import Commit, Meta
from tests.support.stores import put, raw_state, wakes

OWNER = """
import signal
import sys
from pathlib import Path
from engine.adapters.redis.embedded import EmbeddedServer
signal.signal(signal.SIGINT, signal.default_int_handler)  # which tests that run in the background ignore
server = EmbeddedServer(Path(sys.argv[1]))
print(server.url, flush=True)
sys.stdin.read()
if sys.argv[2] == "stop":
    server.stop()
"""


@contextmanager
def another_process(folder: Path, ending: str = "exit") -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process that runs the server of the folder until its standard input ends, and the server's URL."""
    command = [sys.executable, "-c", OWNER, str(folder), ending]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        yield process, process.stdout.readline().strip()
        process.kill()


def write(store: RedisStore, customer: str = "c-1") -> None:
    seq = store.meta(0).seq + 1
    put(store, meta=Meta(seq=seq, offsets={"events": seq}), states={customer: b"state"}, wakes={customer: 5})


def pid_of(url: str) -> int:
    with Redis.from_url(url) as client:
        return int(client.info("server")["process_id"])


@contextmanager
def watched(url: str) -> Iterator[None]:
    """Ends when the server has ended: it holds a connection, which the system closes with the process."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(30)
        line.connect(unquote(url.removeprefix("unix://")))
        yield
        assert line.recv(1) == b""


def test_states_survive_from_one_run_to_the_next(tmp_path: Path) -> None:
    for seq in range(3):
        with EmbeddedServer(tmp_path / "not" / "yet there") as server, closing(connect(server.url)) as store:
            assert store.meta(0).seq == seq
            write(store)
    assert not (tmp_path / "not" / "yet there" / "valkey.sock").exists()


def test_what_was_committed_survives_the_death_of_the_server(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server, closing(connect(server.url)) as store:
        write(store)
        with watched(server.url):
            os.kill(pid_of(server.url), signal.SIGKILL)
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            write(store)
    with EmbeddedServer(tmp_path) as server, closing(connect(server.url)) as store:
        assert store.meta(0).seq == 1
        assert raw_state(store, "c-1") == b"state"
        assert wakes(store) == {"c-1": 5}


def test_pages_of_customers_started_before_a_restart_still_reach_everyone_after_it(tmp_path: Path) -> None:
    customers: dict[str, bytes | None] = {f"c-{number}": b"" for number in range(1_000)}
    with EmbeddedServer(tmp_path) as server, closing(connect(server.url)) as store:
        store.commit(0, Commit(b"", Meta(seq=1), customers))
        found, cursor = store.customers(0, "", 700)
    with EmbeddedServer(tmp_path) as server, closing(connect(server.url)) as store:
        while cursor:
            page, cursor = store.customers(0, cursor, 100)
            found += page
    assert set(found) == customers.keys()


def test_a_folder_belongs_to_one_process_at_a_time(tmp_path: Path) -> None:
    with another_process(tmp_path) as (process, url):
        with pytest.raises(EmbeddedServerFailed, match=f"process {process.pid} is using it") as refused:
            EmbeddedServer(tmp_path)
        assert str(tmp_path) in str(refused.value)
        with closing(connect(url)) as store:
            write(store)


def test_the_same_process_cannot_open_a_folder_twice_but_one_after_the_other(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path), pytest.raises(EmbeddedServerFailed, match=f"process {os.getpid()}"):
        EmbeddedServer(tmp_path)
    server = EmbeddedServer(tmp_path)
    server.stop()
    server.stop()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda how: how.name)
def test_the_server_goes_when_its_process_is_killed_and_the_next_run_finds_the_data(
    tmp_path: Path, how: signal.Signals
) -> None:
    with another_process(tmp_path) as (process, url), closing(connect(url)) as store, watched(url):
        write(store)
        process.send_signal(how)
        process.wait(30)
    with EmbeddedServer(tmp_path) as server, closing(connect(server.url)) as store:
        assert store.meta(0).seq == 1


@pytest.mark.parametrize("ending", ["exit", "stop"])
def test_the_server_goes_when_its_process_ends(tmp_path: Path, ending: str) -> None:
    with another_process(tmp_path, ending) as (process, url), watched(url):
        process.communicate("")
        assert process.returncode == 0


def test_the_next_run_does_not_wait_for_a_killed_one_to_be_cleaned_up(tmp_path: Path) -> None:
    with another_process(tmp_path) as (process, url), closing(connect(url)) as store:
        write(store)
        process.kill()
        process.wait(30)
        with EmbeddedServer(tmp_path) as server, closing(connect(server.url)) as again:
            assert again.meta(0).seq == 1


@pytest.mark.skipif(shutil.which("pgrep") is None, reason="no pgrep here")
def test_a_server_left_over_is_stopped_by_the_next_run(tmp_path: Path) -> None:
    with another_process(tmp_path) as (process, url), closing(connect(url)) as store, watched(url):
        write(store)
        for child in children(process.pid) - {pid_of(url)}:
            os.kill(child, signal.SIGKILL)
        process.kill()
        process.wait(30)
        write(store)
        with EmbeddedServer(tmp_path) as server, closing(connect(server.url)) as again:
            assert again.meta(0).seq == 2


def children(pid: int) -> set[int]:
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True)
    return {int(line) for line in listed.stdout.split()}


def test_ctrl_c_in_a_terminal_is_not_for_the_server(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server:
        assert os.getsid(pid_of(server.url)) != os.getsid(0)


def test_a_folder_too_deep_for_a_socket_works_too(tmp_path: Path) -> None:
    folder = tmp_path / ("long name " * 10) / ("longer " * 20)
    with EmbeddedServer(folder) as server, closing(connect(server.url)) as store:
        write(store)
    with EmbeddedServer(folder) as server, closing(connect(server.url)) as store:
        assert store.meta(0).seq == 1


def test_damaged_data_is_an_error_that_shows_what_the_server_said(tmp_path: Path) -> None:
    with EmbeddedServer(tmp_path) as server, closing(connect(server.url)) as store:
        write(store)
    (log,) = (tmp_path / "appendonlydir").glob("*.incr.aof")
    log.write_bytes(b"*3\r\nnonsense" + log.read_bytes())
    with pytest.raises(EmbeddedServerFailed, match="Bad file format"):
        EmbeddedServer(tmp_path)


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedServerFailed, match="exists"):
        EmbeddedServer(tmp_path / "file")
