"""OAUTHBEARER tokens for both clients: from a file, or from an OIDC endpoint by client credentials."""

import base64
import time
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import msgspec

from engine.adapters.kafka.settings import TokenSettings

_EARLY = 60
"""Seconds before its expiry at which a token is replaced."""


class Tokens:
    """Returns a valid token and gets another when it expires. Raises OSError or ValueError."""

    def __init__(self, settings: TokenSettings) -> None:
        self._settings = settings
        self._token = ""
        self._expires = 0.0

    def get(self) -> tuple[str, float]:
        """The token, and when it expires in seconds since the epoch."""
        if self._settings.file:
            token = self._settings.file.read_text().strip()
            return token, _expiry(token)
        if time.time() > self._expires - _EARLY:
            self._token = _fetch(self._settings)
            self._expires = _expiry(self._token)
        return self._token, self._expires


class _Answer(msgspec.Struct):
    access_token: str


class _Claims(msgspec.Struct):
    exp: float


def _fetch(settings: TokenSettings) -> str:
    form = {"grant_type": "client_credentials"} | ({"scope": settings.scope} if settings.scope else {})
    login = base64.b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
    request = Request(settings.url, urlencode(form).encode(), {"Authorization": f"Basic {login}"})
    with urlopen(request, timeout=30) as answer:
        return msgspec.json.decode(answer.read(), type=_Answer).access_token


def _expiry(token: str) -> float:
    try:
        claims = token.split(".")[1]
        return msgspec.json.decode(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)), type=_Claims).exp
    except (IndexError, ValueError, msgspec.DecodeError):
        return time.time() + 300  # an opaque token: the broker judges it
