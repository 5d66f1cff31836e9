"""Webhooks: signed so that the other side can check, and never into a network that was not meant."""

import asyncio
import hmac
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from hashlib import sha256
from pathlib import Path

import httpx
import msgspec
import pytest

from engine.adapters.tls import Authorities
from engine.adapters.webhook import BadWebhook, Endpoint, WebhookChannel
from engine.errors import PermanentFailure, TemporaryFailure
from engine.sender.delivery import Limits
from tests.services.hooks import hook_server
from tests.services.kafka_config import make_certificate
from tests.services.processes import free_ports
from tests.support.outreach import outreach

KEY = b"k" * 32
SECRET = "whsec_" + b64encode(KEY).decode()
NOW = 1_790_000_000_000


def send(url: str, *, private: bool = True, timeout: float = 5) -> None:
    async def run() -> None:
        channel = WebhookChannel(Endpoint(httpx.URL(url), SECRET, private, timeout), lambda: NOW)
        try:
            await channel.deliver(outreach(channel="sms", to="+49 170 1234567"))
        finally:
            await channel.close()

    asyncio.run(run())


def test_a_request_can_be_checked_as_standard_webhooks_say() -> None:
    with hook_server() as hooks:
        send(hooks.url + "?tenant=1")
    (posted,) = hooks.received
    signed = f"{posted.headers['webhook-id']}.{posted.headers['webhook-timestamp']}.".encode() + posted.body
    wanted = "v1," + b64encode(hmac.new(KEY, signed, sha256).digest()).decode()
    assert posted.headers["webhook-signature"] == wanted
    assert posted.headers["webhook-timestamp"] == str(NOW // 1000)
    assert posted.headers["host"] == f"localhost:{hooks.port}"
    assert posted.path == "/outreach?tenant=1"
    body = msgspec.json.decode(posted.body)
    assert body["type"] == "outreach"
    assert body["data"]["to"] == "+49 170 1234567"
    assert body["data"]["text"] == outreach().text


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 410, 413])
def test_a_no_is_for_good_and_a_redirect_is_not_followed(status: int) -> None:
    with hook_server() as hooks:
        hooks.status, hooks.headers = status, {"Location": hooks.url}
        with pytest.raises(PermanentFailure):
            send(hooks.url)
    assert len(hooks.received) == 1


@pytest.mark.parametrize(
    ("status", "header", "seconds", "down"),
    [
        (429, "7", 7.0, False),
        (503, "", 0.0, True),
        (500, "soon", 0.0, True),
        (502, "nan", 0.0, True),
        (503, "1e99", 86_400.0, True),
        (503, "-5", 0.0, True),
        (503, "Sun, 15 Jun 2025 15:06:40 GMT", 0.0, True),
        (503, "Sun, 15 Jun 3025 15:06:40 GMT", 86_400.0, True),
    ],
)
def test_a_later_is_taken_as_the_endpoint_means_it(status: int, header: str, seconds: float, down: bool) -> None:
    with hook_server() as hooks:
        hooks.status, hooks.headers = status, {"Retry-After": header}
        with pytest.raises(TemporaryFailure) as failed:
            send(hooks.url)
    assert (failed.value.retry_after, failed.value.down, failed.value.uncertain) == (seconds, down, False)


def test_a_request_that_nobody_answers_is_in_doubt() -> None:
    with hook_server() as hooks:
        hooks.silent = True
        with pytest.raises(TemporaryFailure) as failed:
            send(hooks.url)
    assert failed.value.uncertain


@pytest.mark.parametrize(("status", "refused"), [(200, False), (503, True)])
def test_an_answer_that_breaks_off_after_its_status_leaves_nothing_in_doubt(status: int, refused: bool) -> None:
    with hook_server() as hooks:
        hooks.status, hooks.headers = status, {"Content-Length": "500", "Connection": "close"}
        with pytest.raises(TemporaryFailure) if refused else nullcontext() as failed:
            send(hooks.url)
    assert len(hooks.received) == 1
    assert not (failed and failed.value.uncertain)


def test_an_international_host_is_asked_for_as_it_was_meant() -> None:
    """By IDNA 2003, which Python's resolver and TLS know, faß.example would be fass.example: somebody else's."""
    asked: list[str] = []

    async def resolved(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["10.0.0.1"]

    async def run() -> None:
        endpoint = Endpoint(httpx.URL("https://faß.example/hook"), SECRET)
        with pytest.raises(TemporaryFailure, match="private-network"):
            await WebhookChannel(endpoint, lambda: NOW, resolved).deliver(outreach(channel="sms"))

    asyncio.run(run())
    assert asked == ["xn--fa-hia.example"]


def test_an_endpoint_that_is_not_there_has_surely_not_got_it() -> None:
    with pytest.raises(TemporaryFailure) as failed:
        send(f"http://localhost:{free_ports(1)[0]}/")
    assert failed.value.down
    assert not failed.value.uncertain


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1", "224.0.0.1",
        "[::1]", "[fd00::1]", "[fe80::1]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]", "2130706433", "0x7f000001", "127.1",
    ],
)  # fmt: skip
def test_no_way_of_writing_a_private_address_is_called(host: str) -> None:
    with hook_server() as hooks:
        with pytest.raises(TemporaryFailure) as failed:
            send(f"https://{host}:{hooks.port}/", private=False)
        assert hooks.received == []
    assert failed.value.reason in ("private-network", "unknown-host")


@pytest.mark.parametrize("url", ["http://shop.example", "ftp://shop.example", "/outreach", "https://"])
def test_an_address_without_tls_or_host_is_refused(url: str) -> None:
    with pytest.raises(BadWebhook):
        WebhookChannel(Endpoint(httpx.URL(url), SECRET), lambda: NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_!!!"])
def test_a_secret_that_could_be_guessed_is_refused_and_not_quoted(secret: str) -> None:
    with pytest.raises(BadWebhook) as refused:
        WebhookChannel(Endpoint(httpx.URL("https://shop.example"), secret), lambda: NOW)
    assert "c2hvcnQ" not in str(refused.value) + repr(Endpoint(httpx.URL("https://shop.example"), secret))


def call(url: str, *addresses: str, private: bool = True, times: int = 1, timeout: float = 5) -> None:
    """A host with these addresses, in this order."""

    async def resolved(host: str, port: int) -> Sequence[str]:
        return addresses

    async def run() -> None:
        channel = WebhookChannel(Endpoint(httpx.URL(url), SECRET, private, timeout), lambda: NOW, resolved)
        try:
            for number in range(times):
                await channel.deliver(outreach(id=f"o-{number}", channel="sms", to="+49 170 1234567"))
        finally:
            await channel.close()

    asyncio.run(run())


@pytest.mark.parametrize("first", ["::1", "127.0.0.2"])
def test_where_one_address_of_a_host_refuses_the_next_is_called(first: str) -> None:
    with hook_server() as hooks:
        call(hooks.url.replace("localhost", "hooks.example"), first, "127.0.0.1", times=3)
    assert [posted.headers["webhook-id"] for posted in hooks.received] == ["o-0", "o-1", "o-2"]
    assert {posted.headers["host"] for posted in hooks.received} == {f"hooks.example:{hooks.port}"}


def test_what_may_have_arrived_at_one_address_is_not_sent_to_the_next() -> None:
    with hook_server() as hooks:
        hooks.silent = True
        with pytest.raises(TemporaryFailure) as failed:
            call(hooks.url, "127.0.0.1", "127.0.0.1", "::1")
    assert failed.value.uncertain
    assert len(hooks.received) == 1


def test_a_host_of_which_no_address_answers_cannot_be_reached() -> None:
    with pytest.raises(TemporaryFailure) as failed:
        call(f"http://hooks.example:{free_ports(1)[0]}/", "::1", "127.0.0.1")
    assert (failed.value.down, failed.value.uncertain) == (True, False)


def test_a_host_of_which_every_address_hangs_is_given_up_while_that_still_leaves_no_doubt() -> None:
    usual = Endpoint(httpx.URL("https://hooks.example"), SECRET)
    assert 4 * usual.timeout < Limits().hand_over, "two steps of the last address, begun after as many"
    with hanging() as (port, tried):
        with pytest.raises(TemporaryFailure) as failed:
            call(f"https://hooks.example:{port}/", *(f"127.0.0.{number}" for number in range(1, 5)), timeout=0.5)
        assert 2 <= tried() <= 3
    assert (failed.value.down, failed.value.uncertain) == (True, False)


@contextmanager
def hanging() -> Iterator[tuple[int, Callable[[], int]]]:
    """A port that connects and then says nothing, and how often somebody has connected."""
    with socket.create_server(("", 0)) as server:
        server.setblocking(False)

        def tried() -> int:
            connected = []
            with suppress(BlockingIOError):
                while True:
                    connected.append(server.accept()[0])
            for each in connected:
                each.close()
            return len(connected)

        yield server.getsockname()[1], tried


def test_every_address_of_a_host_is_checked() -> None:
    with hook_server() as hooks, pytest.raises(TemporaryFailure, match="private-network"):
        call(f"https://hooks.example:{hooks.port}/", "10.0.0.1", "127.0.0.1", "::1", private=False)
    assert hooks.received == []


def test_a_new_authority_in_the_file_is_trusted_without_a_restart(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        assert make_certificate(tmp_path / name)
    serving, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tmp_path / "trusted.pem"
    serving.load_cert_chain(tmp_path / "new" / "broker.pem")
    trusted.write_bytes((tmp_path / "old" / "certificate.pem").read_bytes())

    async def run(url: str) -> None:
        endpoint = Endpoint(httpx.URL(url), SECRET, private=True, timeout=5, context=Authorities(trusted).context)
        channel = WebhookChannel(endpoint, lambda: NOW)
        try:
            with pytest.raises(TemporaryFailure):
                await channel.deliver(outreach(id="o-1"))
            both = b"".join((tmp_path / name / "certificate.pem").read_bytes() for name in ("old", "new"))
            trusted.write_bytes(both)
            await channel.deliver(outreach(id="o-2"))
        finally:
            await channel.close()

    with hook_server(serving) as hooks:
        asyncio.run(run(hooks.url))
    assert [posted.headers["webhook-id"] for posted in hooks.received] == ["o-2"]


def test_connections_that_trust_old_authorities_are_closed_once_nothing_waits_for_them() -> None:
    """Authorities may be renewed every day: each would leave as many connections open as there were at a time."""
    trusted = [ssl.create_default_context()]

    async def run() -> None:
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with suppress(asyncio.IncompleteReadError):
                await serve(reader, writer)
            writer.close()
            if not closed.done():
                closed.set_result(None)

        async with await asyncio.start_server(served, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            endpoint = Endpoint(httpx.URL(url), SECRET, private=True, timeout=5, context=lambda: trusted[-1])
            channel = WebhookChannel(endpoint, lambda: NOW)
            await channel.deliver(outreach(id="o-1"))
            trusted.append(ssl.create_default_context())
            await channel.deliver(outreach(id="o-2"))
            await asyncio.wait_for(closed, 5)
            await channel.close()

    asyncio.run(run())
