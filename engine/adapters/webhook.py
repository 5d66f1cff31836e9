"""Outreach by HTTPS POST, signed as Standard Webhooks say: for SMS, push, and whatever has a small server in front.

The body is {"type": "outreach", "timestamp": …, "data": …}; data has the fields of an outreach record that a provider
needs. The header webhook-id is the outreach id: whoever has seen it has this message already.
"""

import asyncio
import hmac
import ipaddress
import re
import socket
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import Final

import httpx
import msgspec

from engine.errors import EngineError, PermanentFailure, TemporaryFailure
from engine.model import Outreach

_FIELDS: Final = (
    "id", "channel", "purpose", "to", "subject", "text", "html", "customer", "rule", "occurrence", "template",
)  # fmt: skip
_HEADER: Final = re.compile(r"[!-~]{1,900}")
_TRY_AGAIN: Final = (408, 425, 429)
_LONGEST_WAIT: Final = 86_400.0
_LARGEST_ANSWER: Final = 64 * 1024
_BEFORE_THE_REQUEST: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass
class BadWebhook(EngineError):
    """An endpoint or a secret that cannot be used."""

    reason: str

    def __str__(self) -> str:
        return f"webhook: {self.reason}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`secret` as Standard Webhooks write it: whsec_ and base64. `timeout`: seconds for each step of a request.

    `private`: addresses of private networks are allowed.
    """

    url: httpx.URL
    secret: str = field(repr=False)
    private: bool = False
    timeout: float = 15
    connections: int = 20

    @property
    def key(self) -> bytes:
        """Raises BadWebhook."""
        try:
            key = b64decode(self.secret.removeprefix("whsec_"), validate=True)
        except NotBase64 as error:
            why = "the secret must be whsec_ and base64"
            raise BadWebhook(why) from error
        if len(key) < 24:
            why = "the secret must have at least 24 bytes"
            raise BadWebhook(why)
        return key


class WebhookChannel:
    """A Channel. Follows no redirect, uses no proxy, asks DNS once a request: what was checked is what is called."""

    def __init__(self, endpoint: Endpoint, wall: Callable[[], int]) -> None:
        if endpoint.url.scheme not in ("https", "http") or not endpoint.url.host:
            why = "the address must begin with https://"
            raise BadWebhook(why)
        if endpoint.url.scheme == "http" and not endpoint.private:
            why = "http:// is for private networks, where these are allowed; use https://"
            raise BadWebhook(why)
        self._endpoint = endpoint
        self._key = endpoint.key
        self._wall = wall
        self._client = httpx.AsyncClient(
            timeout=endpoint.timeout,
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_connections=endpoint.connections, max_keepalive_connections=endpoint.connections),
        )

    async def deliver(self, outreach: Outreach) -> None:
        """Returns when the endpoint has answered 2xx."""
        if not _HEADER.fullmatch(outreach.id):
            why = "an id that no header can have"
            raise PermanentFailure(why)
        body = self._body(outreach)
        address = await self._address()
        try:
            answer = await self._post(address, body, self._headers(outreach.id, body))
        except _BEFORE_THE_REQUEST as error:
            why = f"the endpoint cannot be reached: {type(error).__name__}"
            raise TemporaryFailure(why, down=True) from error
        except httpx.HTTPError as error:
            why = f"the endpoint did not answer: {type(error).__name__}"
            raise TemporaryFailure(why, uncertain=True, down=True) from error
        _check(answer)

    async def close(self) -> None:
        """Give up connections."""
        await self._client.aclose()

    def _body(self, outreach: Outreach) -> bytes:
        data = {name: getattr(outreach, name) for name in _FIELDS}
        return msgspec.json.encode({"type": "outreach", "timestamp": self._now().isoformat(), "data": data})

    def _headers(self, identity: str, body: bytes) -> dict[str, str]:
        at = str(int(self._now().timestamp()))
        signed = b".".join((identity.encode(), at.encode(), body))
        signature = b64encode(hmac.new(self._key, signed, sha256).digest()).decode()
        return {
            "host": self._endpoint.url.netloc.decode(),
            "content-type": "application/json",
            "user-agent": "trigger-engine",
            "webhook-id": identity,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{signature}",
        }

    async def _post(self, address: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """To the address that was checked, with the name in TLS and in the Host header."""
        url = self._endpoint.url
        async with self._client.stream(
            "POST", url.copy_with(host=address), content=body, headers=headers, extensions={"sni_hostname": url.host}
        ) as answer:
            read = 0
            async for part in answer.aiter_raw():  # to its end, for the next request to use the connection
                read += len(part)
                if read > _LARGEST_ANSWER:
                    break
            return answer

    async def _address(self) -> str:
        url = self._endpoint.url
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(url.host, url.port or 443, type=socket.SOCK_STREAM)
        except OSError as error:
            raise TemporaryFailure("unknown-host", down=True) from error
        addresses = [str(info[4][0]) for info in found]
        if not self._endpoint.private and not all(map(_is_public, addresses)):
            raise TemporaryFailure("private-network", down=True)
        return addresses[0]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall() / 1000, UTC)


def _is_public(text: str) -> bool:
    """Also of the IPv4 address inside an IPv6 one."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if address in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner:
            return inner.is_global and not inner.is_multicast
    return address.is_global and not address.is_multicast


def _check(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    reason = f"the endpoint answered {answer.status_code}"
    if answer.status_code in _TRY_AGAIN or answer.is_server_error:
        busy = answer.status_code == 429
        raise TemporaryFailure(reason, retry_after=_retry_after(answer), down=not busy)
    raise PermanentFailure(reason)


def _retry_after(answer: httpx.Response) -> float:
    """Seconds; the header has seconds or a date."""
    text = answer.headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return min(seconds, _LONGEST_WAIT) if seconds > 0 else 0.0
