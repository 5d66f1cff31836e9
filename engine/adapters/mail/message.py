"""Builds the bytes of a mail from an outreach.

Written by hand: what goes in comes out again exactly, whoever reads it, which the standard library's generator does not
do with long subjects beyond ASCII. Every header value is checked: none can begin another header.
"""

import re
from base64 import b64encode
from binascii import b2a_base64, b2a_qp
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from engine.adapters.mail.address import Address, parse_address, parse_mailbox
from engine.errors import PermanentFailure
from engine.model import Outreach

_PLAIN: Final = re.compile(r"[!-~]+(?: [!-~]+)*")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]")
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_ATOM: Final = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(?: [\w!#$%&'*+/=?^`{|}~-]+)*", re.ASCII)
_LONGEST_QUOTED: Final = 60
"""Characters of a name in quotes, so that its line has 78 at most."""
_WORD_BYTES: Final = 42
"""Bytes of text in one encoded word, so that a line has at most 78 characters with its header's name."""

LinkOf = Callable[[Outreach], str]
"""Returns the unsubscribe link of an outreach; "" if there is none."""

HeadersOf = Callable[[Outreach], Iterable[tuple[str, str]]]
"""Returns the headers by which the provider's webhooks identify the outreach."""


def no_link(outreach: Outreach) -> str:
    """For senders without a web endpoint."""
    return ""


def no_headers(outreach: Outreach) -> Iterable[tuple[str, str]]:
    """No headers, for providers that repeat none."""
    return ()


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The settings of all mails. `sender` and `reply_to` are mailboxes: Shop <news@shop.example>.

    `reference`: headers that the mail provider repeats in its reports.
    """

    sender: str
    reply_to: str = ""
    link: LinkOf = no_link
    reference: HeadersOf = no_headers

    @property
    def address(self) -> Address:
        """The address of the envelope's sender."""
        return parse_mailbox(self.sender)[1]


@dataclass(frozen=True, slots=True)
class Mail:
    """A message with its envelope. `needs_utf8`: an address in its headers does, so only a server with SMTPUTF8 can
    take it.
    """

    sender: Address
    to: Address
    content: bytes
    needs_utf8: bool


def mail_of(outreach: Outreach, head: Letterhead, at: int) -> Mail:
    """Build the mail. `at`: now, epoch ms. Raises PermanentFailure for an outreach that cannot be a mail."""
    to = parse_address(outreach.to)
    headers = "".join(f"{name}: {value}\r\n" for name, value in _headers(outreach, head, to, at))
    return Mail(head.address, to, headers.encode() + _body(outreach), not headers.isascii())


def _headers(outreach: Outreach, head: Letterhead, to: Address, at: int) -> Iterator[tuple[str, str]]:
    domain = head.address.domain
    yield "From", _mailbox(head.sender)
    if head.reply_to:
        yield "Reply-To", _mailbox(head.reply_to)
    yield "To", str(to)
    yield "Subject", _text(outreach.subject)
    yield "Date", formatdate(at / 1000, usegmt=True)
    yield "Message-ID", f"<{_token(outreach.id)}@{domain}>"
    yield "Auto-Submitted", "auto-generated"
    if link := head.link(outreach):
        yield "List-Id", f"<{_token(outreach.purpose)}.{domain}>"
        yield "List-Unsubscribe", f"<{_token(link)}>"
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
    yield from ((name, _line(value)) for name, value in head.reference(outreach))
    yield "MIME-Version", "1.0"


@lru_cache(maxsize=64)
def _mailbox(text: str) -> str:
    name, address = parse_mailbox(text)
    if not name:
        return str(address)
    if _ATOM.fullmatch(name):
        return f"{name} <{address}>"
    if len(name) <= _LONGEST_QUOTED and _PLAIN.fullmatch(name) and "=?" not in name:
        return '"' + re.sub(r'(["\\])', r"\\\1", name) + f'"\r\n <{address}>'
    return f"{_words(name)}\r\n <{address}>"


def _text(value: str) -> str:
    """Free text for a header: unchanged if that is safe, else in encoded words."""
    if _CONTROL.search(value):
        why = "a subject with a line break or another control character"
        raise PermanentFailure(why)
    if len(value) <= 66 and _PLAIN.fullmatch(value) and "=?" not in value:
        return value
    return _words(value)


def _words(value: str) -> str:
    return "\r\n ".join(f"=?utf-8?b?{b64encode(piece).decode()}?=" for piece in _pieces(value))


def _pieces(value: str) -> Iterator[bytes]:
    """Pieces of at most so many bytes, without cutting a character."""
    piece = b""
    for character in value:
        data = character.encode(errors="replace")
        if len(piece) + len(data) > _WORD_BYTES:
            yield piece
            piece = b""
        piece += data
    if piece:
        yield piece


def _line(value: str) -> str:
    """What must stay in one piece."""
    if len(value) > 950 or not _PLAIN.fullmatch(value):
        why = "a reference that no header can have"
        raise PermanentFailure(why)
    return value


def _token(value: str) -> str:
    """What stands between angle brackets."""
    if not re.fullmatch(r"[!-;=?-~]{1,900}", value):
        why = "an id, a purpose or a link that no header can have"
        raise PermanentFailure(why)
    return value


def _body(outreach: Outreach) -> bytes:
    if not outreach.html:
        return _part("plain", outreach.text)
    # Neither of the two encodings can have these letters: no text can end its part.
    boundary = b"=_" + b64encode(outreach.id.encode()).rstrip(b"=").replace(b"/", b"-")[:60]
    head = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n'
    parts = (_part("plain", outreach.text), _part("html", outreach.html))
    return head + b"".join(b"--%b\r\n%b\r\n" % (boundary, part) for part in parts) + b"--%b--\r\n" % boundary


def _part(subtype: str, text: str) -> bytes:
    data = _LINE_END.sub(b"\r\n", text.encode(errors="replace"))
    head = f"Content-Type: text/{subtype}; charset=utf-8\r\nContent-Transfer-Encoding: "
    if len(data) > len(text) * 1.2:
        lines = (b2a_base64(data[at : at + 57], newline=False) for at in range(0, len(data), 57))
        return head.encode() + b"base64\r\n\r\n" + b"\r\n".join(lines)
    return head.encode() + b"quoted-printable\r\n\r\n" + _LINE_END.sub(b"\r\n", b2a_qp(data, istext=True))
