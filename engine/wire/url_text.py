"""Bytes as text in the path of a URL: base64url without padding. Tokens and the codes of share links are such text."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64

from engine.errors import BadToken

_MAX_LENGTH = 2_000
"""Characters of a token or code; ours have some hundred."""


def to_text(data: bytes) -> str:
    """The bytes as text."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def to_bytes(text: str) -> bytes:
    """The bytes of a text. Raises BadToken."""
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (NotBase64, ValueError) as error:
        raise BadToken("not-a-token") from error


def check_length(text: str) -> None:
    """Raises BadToken for a text that is too long to be ours."""
    if len(text) > _MAX_LENGTH:
        raise BadToken("token-too-long")
