"""Hands outreach over by HTTPS POST, signed by Standard Webhooks: for SMS, push, and any channel with a small server.

The body is {"type": "outreach", "timestamp": …, "data": …}; data has the fields of an outreach record that a provider
needs. The header webhook-id is the outreach id, by which the receiver recognizes a repeat.
"""

import asyncio
import hmac
import ipaddress
import re
import socket
import ssl
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from time import monotonic
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
_ABOUT_US: Final = (401, 403, 404, 405)
"""Statuses that may concern everybody (a wrong secret or address) and not only one recipient."""
_LONGEST_WAIT: Final = 86_400.0
_LARGEST_ANSWER: Final = 64 * 1024
_MOST_ADDRESSES: Final = 4
"""Addresses tried of one host."""
_BEFORE_THE_REQUEST: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host, best first. Raises OSError."""


async def resolve(host: str, port: int) -> Sequence[str]:
    """By the system."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in found]


class BadWebhook(EngineError):
    """An endpoint or a secret that cannot be used."""

    reason: str

    says = "webhook: {reason}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`secret` as Standard Webhooks write it: whsec_ and base64. `timeout`: seconds for each step of a request, and
    twice that until the next address of a host is not tried any more: an address takes two steps, TCP and TLS, and all
    must fit into a hand-over (`Limits.hand_over`), or what nobody has been sent would count as in doubt.

    `private`: addresses of private networks are allowed. `context`: the authorities to trust, asked at each request.
    """

    url: httpx.URL
    secret: str = field(repr=False)
    private: bool = False
    timeout: float = 15
    connections: int = 20
    context: Callable[[], ssl.SSLContext] | None = None

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
    """A Channel. Follows no redirect, uses no proxy, asks DNS once a request: what was checked is what is called.

    Of a host with several addresses the next is tried where one cannot be reached.
    """

    def __init__(self, endpoint: Endpoint, wall: Callable[[], int], resolve: Resolve = resolve) -> None:
        if endpoint.url.scheme not in ("https", "http") or not endpoint.url.host:
            why = "the address must begin with https://"
            raise BadWebhook(why)
        if endpoint.url.scheme == "http" and not endpoint.private:
            why = "http:// is for private networks, where these are allowed; use https://"
            raise BadWebhook(why)
        self._endpoint = endpoint
        self._key = endpoint.key
        self._wall = wall
        self._resolve = resolve
        self._answered = ""
        """The address that answered last; it is tried first."""
        self._trusted: ssl.SSLContext | bool = True
        self._client = self._new_client()
        self._retired: list[httpx.AsyncClient] = []
        """Clients that trust earlier authorities, until their last request has ended."""
        self._under_way: Counter[httpx.AsyncClient] = Counter()

    async def deliver(self, outreach: Outreach) -> None:
        """Returns when the endpoint has answered 2xx."""
        if not _HEADER.fullmatch(outreach.id):
            why = "an id that no header can have"
            raise PermanentFailure(why)
        body = self._body(outreach)
        addresses = await self._addresses()
        try:
            answer = await self._ask(addresses, body, self._headers(outreach.id, body))
        except _BEFORE_THE_REQUEST as error:
            why = f"the endpoint cannot be reached: {type(error).__name__}"
            raise TemporaryFailure(why, down=True) from error
        except httpx.HTTPError as error:
            why = f"the endpoint did not answer: {type(error).__name__}"
            raise TemporaryFailure(why, uncertain=True, down=True) from error
        _check(answer)

    async def close(self) -> None:
        """Close the connections."""
        for client in (self._client, *self._retired):
            await client.aclose()

    def _new_client(self) -> httpx.AsyncClient:
        endpoint = self._endpoint
        self._trusted = endpoint.context() if endpoint.context else True
        return httpx.AsyncClient(
            timeout=endpoint.timeout,
            follow_redirects=False,
            trust_env=False,
            verify=self._trusted,
            limits=httpx.Limits(max_connections=endpoint.connections, max_keepalive_connections=endpoint.connections),
        )

    def _trusting(self) -> httpx.AsyncClient:
        """A client with the present authorities. Requests of an earlier client end there."""
        context = self._endpoint.context
        if context and context() is not self._trusted:
            self._retired.append(self._client)
            self._client = self._new_client()
        return self._client

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

    async def _ask(self, addresses: Sequence[str], body: bytes, headers: dict[str, str]) -> httpx.Response:
        """The answer of the first address that can be reached."""
        *others, last = addresses
        tried_until = monotonic() + 2 * self._endpoint.timeout
        for address in others:
            try:
                return await self._post(address, body, headers)
            except _BEFORE_THE_REQUEST:
                if monotonic() > tried_until:
                    raise
        return await self._post(last, body, headers)

    async def _post(self, address: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        """Send to the address that was checked, with the host's name in TLS and the Host header."""
        client = self._trusting()
        self._under_way[client] += 1
        try:
            return await self._post_by(client, address, body, headers)
        finally:
            self._under_way[client] -= 1
            for idle in [one for one in self._retired if not self._under_way[one]]:
                self._retired.remove(idle)
                del self._under_way[idle]
                await idle.aclose()

    async def _post_by(
        self, client: httpx.AsyncClient, address: str, body: bytes, headers: dict[str, str]
    ) -> httpx.Response:
        url = self._endpoint.url
        async with client.stream(
            "POST", url.copy_with(host=address), content=body, headers=headers, extensions={"sni_hostname": _host(url)}
        ) as answer:
            self._answered = address
            with suppress(httpx.HTTPError):  # the status has said it all, also where the rest never comes
                await _read_on(answer)
            return answer

    async def _addresses(self) -> list[str]:
        """The host's addresses that may be called, each checked."""
        url = self._endpoint.url
        try:
            found = await self._resolve(_host(url), url.port or 443)
        except (OSError, UnicodeError) as error:
            raise TemporaryFailure("unknown-host", down=True) from error
        allowed = [one for one in dict.fromkeys(found) if self._endpoint.private or _is_public(one)]
        if not allowed:
            raise TemporaryFailure("private-network", down=True)
        return sorted(allowed, key=lambda address: address != self._answered)[:_MOST_ADDRESSES]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._wall() / 1000, UTC)


async def _read_on(answer: httpx.Response) -> None:
    """To the answer's end, for the next request to use the connection; not of an answer that does not end."""
    read = 0
    async for part in answer.aiter_raw():
        read += len(part)
        if read > _LARGEST_ANSWER:
            break


def _host(url: httpx.URL) -> str:
    """In ASCII, by IDNA 2008 as in the Host header: Python would ask for fass.example instead of faß.example."""
    return url.raw_host.decode()


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
    raise PermanentFailure(reason, words=reason if answer.status_code in _ABOUT_US else "")


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
