"""What a mail server says, and what it means for one mail. Against a real server on this machine."""

import asyncio
import ssl
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.mail.message import Letterhead
from engine.adapters.mail.smtp import BadMailServer, MailServer, SmtpChannel
from engine.adapters.tls import Authorities
from engine.errors import PermanentFailure, TemporaryFailure
from engine.sender.delivery import Limits
from tests.services.kafka_config import make_certificate
from tests.services.mail import PASSWORD, USER, mail_server
from tests.support.outreach import outreach

NOW = 1_790_000_000_000
HEAD = Letterhead("Shop <news@shop.example>", "help@shop.example", lambda _: "https://shop.example/u/abc")


def send(server: MailServer, *to: str, head: Letterhead = HEAD) -> None:
    """All over one channel, one after the other."""

    async def run() -> None:
        channel = SmtpChannel(server, head, lambda: NOW)
        try:
            for number, address in enumerate(to):
                await channel.deliver(outreach(id=f"o-{number}", to=address))
        finally:
            await channel.close()

    asyncio.run(run())


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """For the server, and for whoever trusts it."""
    certificate = make_certificate(tmp_path_factory.mktemp("tls"))
    assert certificate
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    return serving, ssl.create_default_context(cafile=certificate)


def plain(port: int) -> MailServer:
    return MailServer("localhost", port, "none", timeout=2)


@pytest.mark.parametrize("kind", ["starttls", "tls"])
def test_mail_goes_encrypted_and_with_a_login(kind: str, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    serving, trusting = tls
    with mail_server(context=serving, login=True, implicit_tls=kind == "tls") as server:
        to = MailServer("localhost", server.port, kind, USER, PASSWORD, 5, context=lambda: trusting)
        send(to, "a@shop.example", "b@shop.example")
        with pytest.raises(TemporaryFailure, match="does not let us in: 535") as refused:
            send(replace(to, password="wrong"), "c@shop.example")
        with pytest.raises(TemporaryFailure):
            send(replace(to, context=ssl.create_default_context), "d@shop.example")
    assert [mail.to for mail in server.received] == ["a@shop.example", "b@shop.example"]
    assert refused.value.down
    assert PASSWORD not in str(refused.value)


def test_a_new_authority_in_the_file_is_trusted_without_a_restart(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        assert make_certificate(tmp_path / name)
    serving, trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), tmp_path / "trusted.pem"
    serving.load_cert_chain(tmp_path / "new" / "broker.pem")
    old, new = ((tmp_path / name / "certificate.pem").read_bytes() for name in ("old", "new"))
    trusted.write_bytes(old)

    async def run(server: MailServer) -> None:
        channel = SmtpChannel(server, HEAD, lambda: NOW)
        try:
            for half_written in (b"", new[:200]):
                with pytest.raises(TemporaryFailure):
                    await channel.deliver(outreach(id="o-1", to="a@shop.example"))
                trusted.write_bytes(half_written)
            trusted.write_bytes(old + new)
            await channel.deliver(outreach(id="o-2", to="b@shop.example"))
        finally:
            await channel.close()

    with mail_server(context=serving) as server:
        asyncio.run(
            run(MailServer("localhost", server.port, "starttls", timeout=5, context=Authorities(trusted).context))
        )
    assert [mail.to for mail in server.received] == ["b@shop.example"]


def test_one_connection_serves_many_mails_also_after_a_refusal() -> None:
    with mail_server() as server:
        for address in ("550+x@shop.example", "450+x@shop.example"):
            with pytest.raises((PermanentFailure, TemporaryFailure)):
                send(plain(server.port), address)
        before = server.sessions
        send(plain(server.port), *(f"{number}@shop.example" for number in range(10)))
    assert server.sessions - before <= 2


@pytest.mark.parametrize(
    ("fault", "meaning"),
    [
        ("421", {"down": True, "uncertain": False}),
        ("450", {"down": False, "uncertain": False}),
        ("451", {"down": False, "uncertain": False}),
        ("data451", {"down": False, "uncertain": False}),
        ("stall", {"down": True, "uncertain": False}),
        ("drop", {"down": True, "uncertain": False}),
        ("cut", {"down": True, "uncertain": True}),
        ("lost", {"down": True, "uncertain": True}),
        ("data354", {"down": True, "uncertain": True}),
        ("999", {"down": True, "uncertain": False}),
    ],
)
def test_what_may_still_work_is_tried_again_unless_it_may_have_worked(fault: str, meaning: dict[str, bool]) -> None:
    patience = 0.5 if fault == "stall" else 2
    with mail_server() as server, pytest.raises(TemporaryFailure) as failed:
        send(replace(plain(server.port), timeout=patience), f"{fault}+a@shop.example")
    assert {name: getattr(failed.value, name) for name in meaning} == meaning
    assert "shop.example" not in str(failed.value)


def test_a_server_that_never_comes_to_the_content_leaves_no_mail_in_doubt() -> None:
    with mail_server() as server:
        patient = MailServer("localhost", server.port, "none", timeout=3_600)
        assert patient.begins_within < Limits().hand_over, "else the sender does not know how far the channel is"
        with pytest.raises(TemporaryFailure) as failed:
            send(replace(patient, begins_within=0.5), "stall+a@shop.example")
    assert (failed.value.uncertain, failed.value.down) == (False, True)


def test_a_server_that_answers_once_too_often_gets_no_mail_that_counts_as_refused() -> None:
    """Each answer would be taken for that to the next command, and the mail be sent again, which it has taken."""
    with mail_server() as server:
        with pytest.raises(TemporaryFailure) as failed:
            send(plain(server.port), "twice+a@shop.example")
        assert (failed.value.down, failed.value.uncertain) == (True, False)
        assert not server.received


@pytest.mark.parametrize(("fault", "bounced"), [("550", True), ("554", False), ("552", False), ("data554", False)])
def test_a_refusal_for_good_is_a_bounce_only_where_there_is_no_such_recipient(fault: str, bounced: bool) -> None:
    with mail_server() as server, pytest.raises(PermanentFailure) as failed:
        send(plain(server.port), f"{fault}+a@shop.example")
    assert failed.value.bounced is bounced
    assert "shop.example" not in str(failed.value)


@pytest.mark.parametrize(
    "answer",
    [
        "550 relay not permitted",
        "550-Please log in first in your mail program.\n550-app.shop.example may not relay through this\n550 server.",
        "550 Rejected because 192.0.2.9 is in a black list",
        "550 Rejected because 5.1.1.9 is in a black list",
        "550 SC-001 Mail from 192.0.2.9 was not accepted. Ask your provider",
        "550 5.7.1 <{to}>: Relay access denied",
        "550 5.7.1 <{to}>: no such user here",
        "550 Sender address rejected: user unknown in local table",
        "550 Requested action not taken: mailbox unavailable",
        "550 #5.7.0 Your account does not exist",
        "553 sorry, that domain isn't in my list of allowed rcpthosts",
        "550",
        "550 <{to}>",
        "552 5.2.2 mailbox full",
    ],
)
def test_a_refusal_that_says_nothing_of_the_mailbox_is_no_bounce(answer: str) -> None:
    with mail_server(refusal=answer) as server, pytest.raises(PermanentFailure) as failed:
        send(plain(server.port), "ada@shop.example")
    assert not failed.value.bounced
    assert failed.value.words or answer == "550"
    assert "shop.example" not in str(failed.value)


@pytest.mark.parametrize(
    "answer",
    [
        "550 5.1.1 <{to}>: Recipient address rejected: User unknown in local recipient table",
        "550-5.1.1 The email account that you tried to reach does not exist.\n550 5.1.1 Please check it",
        "550 #5.1.1 rejected",
        "550 sorry, no mailbox here by that name. (#5.1.1)",
        "550 No such user here",
        "550 Unknown user",
        "550 <{to}>: mailbox not found",
        "550 user {to} does not exist",
        "550 Unrouteable address",
        "554 delivery error: This user doesn't have a shop.example account",
        "551 5.1.6 the mailbox has moved",
        "556 5.1.10 the domain takes no mail",
    ],
)
def test_a_refusal_that_says_that_there_is_no_such_mailbox_is_a_bounce(answer: str) -> None:
    with mail_server(refusal=answer) as server, pytest.raises(PermanentFailure) as failed:
        send(plain(server.port), "ada@shop.example")
    assert failed.value.bounced


def test_letters_beyond_ascii_before_the_at_need_a_server_that_knows_them() -> None:
    with mail_server() as server:
        send(plain(server.port), "zoë@exämple.org")
    assert server.received[0].to == "zoë@xn--exmple-cua.org"
    with mail_server(utf8=False) as server:
        send(plain(server.port), "zoe@exämple.org")
        with pytest.raises(PermanentFailure):
            send(plain(server.port), "zoë@exämple.org")


@pytest.mark.parametrize(
    "head", [Letterhead("zoë@shop.example"), Letterhead("news@shop.example", "Zoë <zoë@shop.example>")]
)
def test_while_a_server_does_not_take_the_shops_own_address_all_is_kept_and_the_setting_named(head: Letterhead) -> None:
    with mail_server() as server:
        send(plain(server.port), "ann@shop.example", head=head)
    assert "SMTPUTF8" in server.received[0].options
    with mail_server(utf8=False) as server:
        with pytest.raises(TemporaryFailure, match="ENGINE_MAIL_REPLY_TO") as failed:
            send(plain(server.port), "ann@shop.example", head=head)
        assert failed.value.down
        assert not server.received


def test_a_mail_has_the_headers_that_big_providers_ask_of_bulk_senders() -> None:
    with mail_server() as server:
        send(plain(server.port), "a@shop.example")
    message = message_from_bytes(server.received[0].content, policy=default)
    assert message["list-unsubscribe"] == "<https://shop.example/u/abc>"
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
    assert message["list-id"] == "<transactional.shop.example>"
    assert message["message-id"] == "<o-0@shop.example>"
    assert message["auto-submitted"] == "auto-generated"
    assert message["reply-to"] == "help@shop.example"
    assert message["date"].datetime.timestamp() == NOW / 1000
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    "url",
    ["http://mail", "smtp://", "smtp://mail?tls", "smtp://me:secret@mail.example:25", "smtp://mail:x"],
)
def test_a_server_that_cannot_be_meant_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BadMailServer) as refused:
        MailServer.from_url(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        ("smtp://localhost", {"port": 25, "tls": "none"}),
        ("smtp://me@mail?starttls", {"port": 587, "tls": "starttls", "user": "me"}),
        ("smtps://me%40x:p%20w@mail", {"port": 465, "tls": "tls", "user": "me@x", "password": "p w"}),
        ("smtp://mail:2525?starttls&timeout=3", {"port": 2525, "timeout": 3.0}),
    ],
)
def test_a_url_says_all_of_a_server(url: str, wanted: dict[str, Any]) -> None:
    server = MailServer.from_url(url)
    assert {name: getattr(server, name) for name in wanted} == wanted


def test_a_server_that_does_not_greet_us_keeps_no_connection() -> None:
    """Each try would leave one open; a server that is down for a night would use up all that a process may have."""

    async def run() -> bytes:
        ended: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 here\r\n")
            for _ in ("EHLO", "HELO"):
                await reader.readline()
                writer.write(b"554 not you\r\n")
            ended.set_result(await reader.read())
            writer.close()

        async with await asyncio.start_server(serve, "localhost", 0) as server:
            port = server.sockets[0].getsockname()[1]
            with pytest.raises(TemporaryFailure, match="does not let us in: 554"):
                await SmtpChannel(plain(port), HEAD, lambda: NOW).deliver(outreach(to="a@shop.example"))
            return await asyncio.wait_for(ended, 5)

    assert asyncio.run(run()) == b""
