"""Signed tokens for links in outreach: they say whose link it is, and cannot be made by others."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from engine.errors import BadToken

_KEPT: Final = 24
"""Bytes of the signature that go into the token."""
_LONGEST: Final = 2_000


class LinkToken(msgspec.Struct, array_like=True, frozen=True):
    """Whom a link is about. `address`: digest of channel and address. `at`: when it was made, epoch ms.

    `former`: that digest as it was made before, where it differs.
    """

    customer: str
    channel: str
    address: str
    purpose: str
    outreach: str
    at: int
    rule: str = ""
    former: str = ""


def make_token(secrets: Sequence[str], token: LinkToken) -> str:
    """For a URL's path. The first secret signs; the others only verify, so that secrets can be changed."""
    body = msgspec.msgpack.encode(token)
    return f"{_text(body)}.{_text(_signature(secrets[0], body))}"


def read_token(secrets: Sequence[str], text: str, since: int = 0) -> LinkToken:
    """Raises BadToken for what none of the secrets has signed, or what was made before `since` (epoch ms)."""
    body, signature = _parts(text)
    if not any(hmac.compare_digest(_signature(secret, body), signature) for secret in secrets):
        raise BadToken("forged-token")
    token = msgspec.msgpack.decode(body, type=LinkToken)
    if token.at < since:
        raise BadToken("expired-token")
    return token


def _parts(text: str) -> tuple[bytes, bytes]:
    body, _, signature = text.partition(".")
    if len(text) > _LONGEST:
        raise BadToken("token-too-long")
    try:
        return _bytes(body), _bytes(signature)
    except (NotBase64, ValueError) as error:
        raise BadToken("not-a-token") from error


def _signature(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), b"link:" + body, sha256).digest()[:_KEPT]


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
