"""A mail server, with TLS and a login if need be, that fails as it is told: by the recipient, and only so many times.

A recipient like `450x2+anna@shop.example` gets 450 twice and is welcome then. The words: a code of three digits (at
RCPT), `latin` (554 in Latin-1), `data451` (a code after the content), `stall` (no answer at RCPT), `drop` (gone before
DATA), `twice` (two answers at RCPT), `cut` (gone after the content, which was not taken), `lost` (taken, and gone
before the answer).
"""

import asyncio
import re
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.services.processes import free_ports

_FAULT = re.compile(r"(?P<word>\d{3}|data\d{3}|latin|stall|drop|twice|cut|lost)(?:x(?P<times>\d+))?\+")
USER, PASSWORD = "engine", "let-me-in"


@dataclass
class Received:
    """A mail that the server has taken; `answered` whether it could say so."""

    sender: str
    to: str
    content: bytes
    answered: bool
    options: tuple[str, ...] = ()


@dataclass
class MailServer:
    """Runs on a thread of its own. `refusing`: it answers 421 to everybody, as one that is about to stop.

    `refusal`: its answer to every recipient, of one line or several; {to} stands for the recipient.
    """

    port: int
    context: ssl.SSLContext | None = None
    login: bool = False
    implicit_tls: bool = False
    utf8: bool = True
    refusing: bool = False
    refusal: str = ""
    received: list[Received] = field(default_factory=list)
    tried: Counter[str] = field(default_factory=Counter)
    sessions: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def copies(self) -> Counter[str]:
        """How many mails it has taken, by recipient."""
        with self._lock:
            return Counter(mail.to for mail in self.received)

    def has(self, count: int) -> bool:
        """Whether it has taken so many mails."""
        return len(self.received) >= count

    # --- hooks of aiosmtpd

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.sessions += 1
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusing:
            return "421 4.3.2 closing"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str | bytes:
        if self.refusal:
            self.tried[address] += 1
            return self.refusal.format(to=address).replace("\n", "\r\n")
        match self._fault(address):
            case "stall":
                await asyncio.sleep(3600)
            case "drop":
                _close(server)
            case "twice":
                await server.push("250 2.1.5 ok")
            case "latin":
                return "554 5.7.1 ungültig".encode("latin-1")
            case code if code.isdigit():
                return f"{code} {code[0]}.{'1.1' if code == '550' else '2.0'} <{address}> not now"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        (address,) = envelope.rcpt_tos
        fault = self._fault(address, at_rcpt=False)
        if fault.startswith("data"):
            return f"{fault[4:]} {fault[4]}.3.0 not now"
        if fault != "cut":
            content = envelope.original_content or b""
            options = tuple(envelope.mail_options)
            mail = Received(envelope.mail_from or "", address, content, answered=fault != "lost", options=options)
            with self._lock:
                self.received.append(mail)
        if fault in ("cut", "lost"):
            _close(server)
        return "250 2.0.0 taken"

    def _fault(self, address: str, at_rcpt: bool = True) -> str:
        match = _FAULT.match(address)
        if not match or match["word"].startswith(("data", "cut", "lost")) is at_rcpt:
            return ""
        self.tried[address] += 1
        return match["word"] if self.tried[address] <= int(match["times"] or 1_000_000) else ""

    def _protocol(self, loop: asyncio.AbstractEventLoop) -> SMTP:
        def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, given: LoginPassword) -> AuthResult:
            return AuthResult(success=given == LoginPassword(USER.encode(), PASSWORD.encode()), handled=False)

        smtp = SMTP(
            self,
            hostname="mail.example",
            loop=loop,
            enable_SMTPUTF8=self.utf8,
            tls_context=None if self.implicit_tls else self.context,
            require_starttls=bool(self.context) and not self.implicit_tls,
            auth_required=self.login,
            authenticator=authenticate if self.login else None,
        )
        smtp._auth_require_tls = not self.implicit_tls  # it does not see TLS that was there before it
        return smtp

    async def _serve(self, ready: threading.Event, stop: "asyncio.Future[None]") -> None:
        loop = asyncio.get_running_loop()
        tls = self.context if self.implicit_tls else None
        server = await loop.create_server(lambda: self._protocol(loop), "127.0.0.1", self.port, ssl=tls)
        ready.set()
        await stop
        server.close()


async def _cut_off_all() -> None:
    """End all sessions; returns when they have ended."""
    sessions = asyncio.all_tasks() - {asyncio.current_task()}
    for session in sessions:
        session.cancel()
    await asyncio.gather(*sessions, return_exceptions=True)


def _close(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.WriteTransport)
    server.transport.abort()


@contextmanager
def mail_server(**options: Any) -> Iterator[MailServer]:
    """A running one."""
    server = MailServer(options.pop("port", None) or free_ports(1)[0], **options)
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), loop.create_future()

    def run() -> None:
        loop.run_until_complete(server._serve(ready, stop))
        loop.run_until_complete(_cut_off_all())
        loop.close()

    thread = threading.Thread(target=run, name="mail", daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set_result, None)
        thread.join(10)
