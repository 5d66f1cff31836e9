"""Makes and checks the signed tokens in links of outreach. Senders make them; `engine web` checks them.

A token names the customer and what the link is for; without the secret nobody can make one. Each kind of token is
signed apart: a link that answers a survey unsubscribes nobody.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, TypeVar

import msgspec

from engine.errors import BadToken
from engine.wire.url_text import check_length, to_bytes, to_text

_SIGNATURE_BYTES: Final = 24
"""Bytes of the signature that go into the token."""


class LinkToken(msgspec.Struct, array_like=True, frozen=True):
    """The content of a token. `address`: digest of channel and address. `at`: when it was made, epoch ms.

    `former`: the address's digest as older versions made it, if it differs.
    """

    customer: str
    channel: str
    address: str
    purpose: str
    outreach: str
    at: int
    rule: str = ""
    former: str = ""


class SurveyToken(msgspec.Struct, array_like=True, frozen=True):
    """The content of a link that answers a survey on a scale from `low` to `high`. `at`: when it was made, epoch ms.

    The answer itself is not signed: the customer may give any.
    """

    customer: str
    channel: str
    outreach: str
    at: int
    rule: str
    survey: str
    low: int
    high: int


Token = LinkToken | SurveyToken
T = TypeVar("T", LinkToken, SurveyToken)
_KINDS: Final[dict[type[Token], bytes]] = {LinkToken: b"link:", SurveyToken: b"survey:"}
"""What is signed before the body of each kind."""


def make_token(secrets: Sequence[str], token: Token) -> str:
    """A token for a URL's path. The first secret signs; the others only verify, so that secrets can be rotated."""
    body = msgspec.msgpack.encode(token)
    return f"{to_text(body)}.{to_text(_signature(secrets[0], _KINDS[type(token)] + body))}"


def read_token(secrets: Sequence[str], text: str, since: int = 0) -> LinkToken:
    """A token about an outreach. Raises as `read_token_of`."""
    return read_token_of(LinkToken, secrets, text, since)


def read_token_of(kind: type[T], secrets: Sequence[str], text: str, since: int = 0) -> T:
    """Raises BadToken for a token that none of the secrets has signed, or that was made before `since` (epoch ms)."""
    body, signature = _parts(text)
    signed = _KINDS[kind] + body
    if not any(hmac.compare_digest(_signature(secret, signed), signature) for secret in secrets):
        raise BadToken("forged-token")
    token = msgspec.msgpack.decode(body, type=kind)
    if token.at < since:
        raise BadToken("expired-token")
    return token


def _parts(text: str) -> tuple[bytes, bytes]:
    check_length(text)
    body, _, signature = text.partition(".")
    return to_bytes(body), to_bytes(signature)


def _signature(secret: str, signed: bytes) -> bytes:
    return hmac.new(secret.encode(), signed, sha256).digest()[:_SIGNATURE_BYTES]
