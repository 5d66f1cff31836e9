"""Makes and checks the signed tokens in links of outreach. Senders make them; `engine web` checks them.

A token names customer, purpose and outreach; without the secret nobody can make one.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import msgspec

from engine.errors import BadToken

_SIGNATURE_BYTES: Final = 24
"""Bytes of the signature that go into the token."""
_MAX_LENGTH: Final = 2_000


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


def make_token(secrets: Sequence[str], token: LinkToken) -> str:
    """A token for a URL's path. The first secret signs; the others only verify, so that secrets can be rotated."""
    body = msgspec.msgpack.encode(token)
    return f"{_text(body)}.{_text(_signature(secrets[0], body))}"


def read_token(secrets: Sequence[str], text: str, since: int = 0) -> LinkToken:
    """Raises BadToken for a token that none of the secrets has signed, or that was made before `since` (epoch ms)."""
    body, signature = _parts(text)
    if not any(hmac.compare_digest(_signature(secret, body), signature) for secret in secrets):
        raise BadToken("forged-token")
    token = msgspec.msgpack.decode(body, type=LinkToken)
    if token.at < since:
        raise BadToken("expired-token")
    return token


def _parts(text: str) -> tuple[bytes, bytes]:
    body, _, signature = text.partition(".")
    if len(text) > _MAX_LENGTH:
        raise BadToken("token-too-long")
    try:
        return _bytes(body), _bytes(signature)
    except (NotBase64, ValueError) as error:
        raise BadToken("not-a-token") from error


def _signature(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), b"link:" + body, sha256).digest()[:_SIGNATURE_BYTES]


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
