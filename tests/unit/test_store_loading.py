"""A store that is still loading its data when a process starts: services wait for it, commands say so and end."""

import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from threading import Thread

import pytest

from engine.config import Settings
from engine.errors import EngineError, StoreLoading
from engine.loop import Outage
from engine.wiring.store import open_sending, open_store

LOADING = b"-LOADING Valkey is loading the dataset in memory\r\n"


def answer(server: socket.socket, connections: int) -> None:
    """The first so many connections as while the data are read from disk, later ones as afterwards."""
    number = 0
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        number += 1
        with connection:
            while said := connection.recv(4096):
                commands = said.startswith(b"*") + said.count(b"\r\n*")
                connection.sendall((LOADING if number <= connections else b"+PONG\r\n") * commands)


@pytest.fixture
def settings() -> Iterator[Settings]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        Thread(target=answer, args=(server, 2), daemon=True).start()
        yield Settings(store=f"redis://127.0.0.1:{server.getsockname()[1]}/0?protocol=2")
        server.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("opening", [open_store, open_sending])
def test_a_service_waits_while_the_store_loads_and_says_so(
    settings: Settings, opening: Callable[[Settings, Outage], AbstractContextManager[object]]
) -> None:
    said: list[str] = []

    def away(error: EngineError, attempt: int) -> None:
        said.append(f"{attempt}: {error}")

    with opening(settings, Outage(away, lambda _: said.append("back"))):
        assert ["loading" in one for one in said] == [True, True, False], said
        assert said[-1] == "back"


def test_a_command_says_that_the_store_loads(settings: Settings) -> None:
    with pytest.raises(StoreLoading), open_store(settings):
        pass


def test_pages_are_served_while_the_store_loads(settings: Settings) -> None:
    with open_sending(settings, while_loading=True) as (claims, _), pytest.raises(StoreLoading):
        claims.results(["o-1"])
