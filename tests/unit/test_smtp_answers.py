"""Mail servers that answer in other encodings, go away between two words, and say beforehand what they take."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import pytest

from engine.adapters.mail.message import Letterhead
from engine.adapters.mail.smtp import MailServer, SmtpChannel
from engine.errors import PermanentFailure, TemporaryFailure
from tests.support.outreach import outreach

HEAD = Letterhead("Shop <news@shop.example>")
AWAY = b""
"""In the place of an answer: the server closes the connection."""


@dataclass
class Script:
    """A server that answers each command as `answers` say, by the command's first word; others with 250."""

    answers: dict[str, Sequence[bytes]]
    heard: list[str] = field(default_factory=list)
    sessions: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sessions += 1
        writer.write(b"220 mail.example\r\n")
        while not writer.is_closing() and (line := await reader.readline()):
            self.heard.append(line.decode("latin-1").strip())
            word = self.heard[-1].partition(" ")[0]
            answers = self.answers.get(word, [b"354 go on"] if word == "DATA" else [b"250 ok"])
            for answer in answers:
                writer.write(answer + b"\r\n" if answer else b"")
            if answers == [b"354 go on"]:
                await reader.readuntil(b"\r\n.\r\n")
                writer.write(b"250 taken\r\n")
            if AWAY in answers:
                writer.close()
        writer.close()


Failure = PermanentFailure | TemporaryFailure


def send(
    answers: dict[str, Sequence[bytes]], count: int = 1, tls: str = "none", user: str = ""
) -> tuple[Script, list[Failure]]:
    """So many mails one after the other, and what was raised."""
    script, raised = Script(answers), list[Failure]()

    async def run() -> None:
        async with await asyncio.start_server(script.serve, "localhost", 0) as server:
            port = server.sockets[0].getsockname()[1]
            channel = SmtpChannel(MailServer("localhost", port, tls, user, user, timeout=2), HEAD, lambda: 0)
            for number in range(count):
                try:
                    await channel.deliver(outreach(id=f"o-{number}", to="ada@shop.example"))
                except (PermanentFailure, TemporaryFailure) as failure:
                    raised.append(failure)
            await channel.close()

    asyncio.run(run())
    return script, raised


@pytest.mark.parametrize("word", ["MAIL", "RCPT", "DATA"])
def test_a_refusal_in_another_encoding_can_be_written_down(word: str) -> None:
    """Else the sender would end at it, and so would the next one."""
    _, [failure] = send({word: ["552 5.3.4 Postfach ungültig".encode("latin-1")]})
    assert isinstance(failure, PermanentFailure)
    assert b"Postfach ung" in msgspec.json.encode([failure.reason, failure.detail, failure.words])


def test_a_server_that_goes_before_the_first_byte_of_a_mail_leaves_none_in_doubt() -> None:
    _, [failure] = send({"DATA": [b"354 go on", AWAY]})
    assert isinstance(failure, TemporaryFailure)
    assert (failure.uncertain, failure.down) == (False, True)


def test_a_server_that_says_what_it_takes_is_told_how_large_a_mail_is() -> None:
    script, [failure] = send({"EHLO": [b"250-mail.example", b"250 SIZE 100"], "MAIL": [b"552 5.3.4 too large"]})
    assert script.heard[1].startswith("MAIL FROM:<news@shop.example> SIZE=")
    assert int(script.heard[1].rpartition("=")[2]) > 100
    assert isinstance(failure, PermanentFailure)
    assert str(failure) == "the mail server refused the mail: 552 5.3.4"


def test_a_connection_that_knows_our_login_no_more_is_not_used_again() -> None:
    """A server may have been restarted behind a proxy, or have changed its mind; the next connection logs in."""
    script, failures = send({"MAIL": [b"530 5.7.0 Authentication required"]}, count=2)
    assert script.sessions == 2
    assert all(isinstance(failure, TemporaryFailure) and failure.down for failure in failures)


@pytest.mark.parametrize(
    ("tls", "user", "ehlo", "why"),
    [
        ("starttls", "", b"250 mail.example", "STARTTLS"),
        ("none", "ada", b"250 AUTH NTLM", "AUTH"),
        ("tls", "", b"250 mail.example", "(?i)ssl"),
    ],
)
def test_why_a_server_cannot_be_reached_is_said_in_words(tls: str, user: str, ehlo: bytes, why: str) -> None:
    _, [failure] = send({"EHLO": [ehlo]}, tls=tls, user=user)
    assert isinstance(failure, TemporaryFailure)
    assert failure.down
    with pytest.raises(TemporaryFailure, match=why):
        raise failure
