"""A channel that sends mail by SMTP over a few connections that stay open."""

import asyncio
import re
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTP, SMTPResponse, SMTPResponseException

from engine.adapters.mail.message import Letterhead, Mail, mail_of
from engine.adapters.mail.refusal import enhanced_code, no_such_mailbox
from engine.errors import EngineError, PermanentFailure, TemporaryFailure
from engine.model import Outreach

_TOO_LARGE: Final = 552
_PORTS: Final = {"tls": 465, "starttls": 587, "none": 25}
_LONGEST_TIMEOUT: Final = 3_600
_OURSELVES: Final = ("localhost", "127.0.0.1", "::1")


class BadMailServer(EngineError):
    """A mail server's URL that cannot be used. `url` comes without its password."""

    url: str
    reason: str

    says = "mail server {url}: {reason}"


class AnswerOutOfStep(aiosmtplib.SMTPException):
    """An answer that fits no command: it may be that to another one, and so may all that follow."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """`tls`: from the first byte, by STARTTLS, or not at all. `timeout`: seconds for the server's every answer.

    `begins_within`: seconds for all answers before the content together. More than a hand-over may take
    (`Limits.hand_over`), and a mail that a slow server has never had would count as in doubt.
    `context`: the authorities to trust, asked at each new connection; None: the system's.
    """

    host: str
    port: int
    tls: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 30
    connections: int = 20
    begins_within: float = 60
    context: Callable[[], ssl.SSLContext] | None = None

    @classmethod
    def from_url(cls, url: str, password: str = "", connections: int = 20) -> "MailServer":
        """smtps://user@host:465, smtp://user@host:587?starttls, smtp://localhost:25. Raises BadMailServer."""
        shown = re.sub(r"(?<=//).*@", "", url)
        try:
            return cls._from_url(url, password, connections)
        except ValueError as error:
            raise BadMailServer(shown, str(error)) from error

    @classmethod
    def _from_url(cls, url: str, password: str, connections: int) -> "MailServer":
        parts = urlsplit(url)
        asked = parse_qs(parts.query, keep_blank_values=True)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or asked.keys() - {"starttls", "timeout"}:
            why = "expected smtp://host:port, smtp://host:port?starttls or smtps://host:port"
            raise ValueError(why)
        tls = "tls" if parts.scheme == "smtps" else "starttls" if "starttls" in asked else "none"
        secret = unquote(parts.password or "") or password
        if secret and tls == "none" and parts.hostname not in _OURSELVES:
            why = "a password over a connection that is not encrypted: add ?starttls"
            raise ValueError(why)
        port = parts.port or _PORTS[tls]
        timeout = _seconds(asked.get("timeout", ["30"])[0])
        return cls(parts.hostname, port, tls, unquote(parts.username or ""), secret, timeout, connections)


def _seconds(text: str) -> float:
    """Raises ValueError."""
    why = f"timeout: expected seconds, more than 0 and at most {_LONGEST_TIMEOUT}"
    try:
        seconds = float(text)
    except ValueError as error:
        raise ValueError(why) from error
    if not 0 < seconds <= _LONGEST_TIMEOUT:
        raise ValueError(why)
    return seconds


class SmtpChannel:
    """A Channel. The server's answer decides: 4xx retry, 5xx failed; no answer after the content: uncertain."""

    def __init__(self, server: MailServer, head: Letterhead, wall: Callable[[], int]) -> None:
        self.concurrency = server.connections
        self._server = server
        self._head = head
        self._wall = wall
        self._idle: list[tuple[SMTP, float]] = []

    async def deliver(self, outreach: Outreach) -> None:
        """Returns when the server has answered 250 to the content."""
        mail = mail_of(outreach, self._head, self._wall())
        begins_by = asyncio.get_running_loop().time() + self._server.begins_within
        smtp = await self._take(begins_by)
        try:
            await self._send(smtp, mail, begins_by)
        except (PermanentFailure, TemporaryFailure) as failure:
            if isinstance(failure, TemporaryFailure) and failure.down:
                smtp.close()  # it may be this connection alone, as where its login has been forgotten
            await self._keep(smtp, reset=True)
            raise
        except BaseException:
            smtp.close()
            raise
        await self._keep(smtp)

    async def close(self) -> None:
        """Close all connections."""
        while self._idle:
            smtp, _ = self._idle.pop()
            try:
                await smtp.quit(timeout=1)
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()

    # --- connections

    async def _take(self, begins_by: float) -> SMTP:
        """A connection used lately, else a new one."""
        while self._idle:
            smtp, used = self._idle.pop()
            if smtp.is_connected and monotonic() - used < self._server.timeout:
                return smtp
            smtp.close()
        return await self._connect(begins_by)

    async def _keep(self, smtp: SMTP, reset: bool = False) -> None:
        """Keep the connection for the next mail, if it is still usable."""
        try:
            if reset and smtp.is_connected:
                await smtp.rset(timeout=5)
        except (aiosmtplib.SMTPException, OSError):
            smtp.close()
        if smtp.is_connected:
            self._idle.append((smtp, monotonic()))

    async def _connect(self, begins_by: float) -> SMTP:
        server = self._server
        smtp = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "tls",
            start_tls=server.tls == "starttls",
            tls_context=server.context() if server.context and server.tls != "none" else None,
            username=server.user or None,
            password=server.password or None,
            timeout=server.timeout,
        )
        try:
            await self._greet(smtp, begins_by)
        except BaseException:
            smtp.close()
            raise
        return smtp

    async def _greet(self, smtp: SMTP, begins_by: float) -> None:
        try:
            async with asyncio.timeout_at(begins_by):
                await smtp.connect()
                await smtp.ehlo()
        except SMTPResponseException as error:
            why = f"the mail server does not let us in: {_code(error.code, error.message)}"
            raise TemporaryFailure(why, down=True) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            why = f"the mail server cannot be reached: {error or type(error).__name__}"
            raise TemporaryFailure(why, down=True) from error

    # --- one mail

    async def _send(self, smtp: SMTP, mail: Mail, begins_by: float) -> None:
        if mail.needs_utf8 and not smtp.supports_extension("SMTPUTF8"):
            why = "the mail server takes no address with letters beyond ASCII (SMTPUTF8)"
            if mail.to.is_ascii:  # the shop's own are the same in all mails
                why += "; ENGINE_MAIL_FROM or ENGINE_MAIL_REPLY_TO has them"
                raise TemporaryFailure(why, down=True)
            raise PermanentFailure(why)
        try:
            async with asyncio.timeout_at(begins_by):
                await self._envelope(smtp, mail)
            await asyncio.sleep(0)  # that a server which has gone meanwhile is seen as gone
            answer = self._content(smtp, mail.content)
        except (aiosmtplib.SMTPException, OSError) as error:
            smtp.close()
            why = f"the connection broke before the mail: {type(error).__name__}"
            raise TemporaryFailure(why, down=True) from error
        try:
            _check(await answer, "content")
        except (aiosmtplib.SMTPException, OSError) as error:
            smtp.close()
            why = f"no answer to the mail: {type(error).__name__}"
            raise TemporaryFailure(why, uncertain=True, down=True) from error

    async def _envelope(self, smtp: SMTP, mail: Mail) -> None:
        options = [b"SMTPUTF8", b"BODY=8BITMIME"] if mail.needs_utf8 else []
        if smtp.supports_extension("SIZE"):
            options.append(b"SIZE=%d" % len(mail.content))
        sender, to = str(mail.sender).encode(), str(mail.to).encode()
        answer = await smtp.execute_command(b"MAIL", b"FROM:<%b>" % sender, *options)
        _check(answer, "sender")
        _check(await smtp.execute_command(b"RCPT", b"TO:<%b>" % to), "recipient")
        _check(await smtp.execute_command(b"DATA"), "content", positive=3)

    def _content(self, smtp: SMTP, content: bytes) -> Awaitable[SMTPResponse]:
        """Send the content in one piece; without an answer it is unknown whether the server accepted it.

        Raises SMTPServerDisconnected while nothing of it has been sent.
        """
        if smtp.protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("closed")
        end = b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n"
        smtp.protocol.write(content.replace(b"\r\n.", b"\r\n..") + end)
        return smtp.protocol.read_response(timeout=self._server.timeout)


def _check(answer: SMTPResponse, about: str, positive: int = 2) -> None:
    """Raises the failure that an answer means, unless it is positive, or AnswerOutOfStep."""
    kind = answer.code // 100
    if kind == positive:
        return
    if kind not in (4, 5):
        raise AnswerOutOfStep(answer.message)
    text = answer.message.encode(errors="surrogateescape").decode(errors="replace")  # bytes that were no UTF-8
    about = "mail" if about == "sender" and answer.code == _TOO_LARGE else about
    reason = f"the mail server refused the {about}: {_code(answer.code, text)}"
    if answer.code < 500:
        raise TemporaryFailure(reason, down=answer.code == 421)
    if about == "sender":  # it is the same for all of them: a setting is wrong
        raise TemporaryFailure(reason, down=True)
    if about == "recipient":
        raise PermanentFailure(reason, no_such_mailbox(answer.code, text), detail=text, words=text)
    raise PermanentFailure(reason, detail=text)


def _code(code: int, text: str) -> str:
    """What may be told of an answer: its text may have the recipient's address, or our login."""
    return f"{code} {enhanced_code(text)}".rstrip() if code > 0 else "an answer that is not SMTP"
