"""A token is used as long as it is good, and no longer."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from engine.adapters.kafka.settings import TokenSettings
from engine.adapters.kafka.tokens import Tokens


def token(name: str, expires: float) -> str:
    parts = {"alg": "none"}, {"sub": name, "exp": expires}
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@dataclass
class Issuer:
    """An OIDC endpoint: hands out `tokens` in turn and remembers who asked."""

    tokens: list[str] = field(default_factory=list)
    asked: list[tuple[str, dict[str, list[str]]]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            issuer.asked.append((self.headers["Authorization"], form))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"access_token": issuer.tokens.pop(0), "token_type": "Bearer"}).encode())

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_port}/token"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield issuer
        server.shutdown()
        thread.join()


def test_a_file_is_read_anew_each_time(tmp_path: Path) -> None:
    path = tmp_path / "token"
    tokens = Tokens(TokenSettings(file=path))
    for expires in (4_000_000_000.0, 4_000_000_100.0):
        path.write_text(token("engine", expires) + "\n")
        assert tokens.get() == (token("engine", expires), expires)


def test_a_token_nobody_can_look_into_counts_as_good_for_a_while(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("opaque")
    value, expires = Tokens(TokenSettings(file=tmp_path / "token")).get()
    assert value == "opaque"
    assert expires > time.time()


def test_a_token_is_fetched_once_and_again_before_it_ends(issuer: Issuer) -> None:
    good, ending = token("b", time.time() + 3_600), token("a", time.time() + 30)
    issuer.tokens = [ending, good]
    tokens = Tokens(TokenSettings(url=issuer.url, client_id="engine", client_secret="s:1", scope="kafka"))
    assert [tokens.get()[0] for _ in range(3)] == [ending, good, good]
    login = "Basic " + base64.b64encode(b"engine:s:1").decode()
    assert issuer.asked == [(login, {"grant_type": ["client_credentials"], "scope": ["kafka"]})] * 2
