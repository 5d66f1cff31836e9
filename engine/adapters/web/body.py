"""Reads a request's body with a limit for its size and its time, so that a client cannot exhaust memory or workers."""

import asyncio
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

LONGEST_FORM: Final = 64 * 1024
_MOST_FIELDS: Final = 1_000
_PATIENCE: Final = 10.0
"""Seconds for a whole body, a form of some kB: a byte a minute would hold a connection for ever."""


async def read_form(request: Request) -> dict[str, list[str]]:
    """The fields of a posted form. Raises as `read_body`, and HTTPException 400 for what is no form."""
    try:
        return parse_qs((await read_body(request, LONGEST_FORM)).decode(), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise HTTPException(HTTPStatus.BAD_REQUEST) from error


async def read_body(request: Request, limit: int, seconds: float = _PATIENCE) -> bytes:
    """Raises HTTPException 413 as soon as it has more than `limit` bytes, 408 if it takes longer than `seconds`."""
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    except (TimeoutError, ClientDisconnect) as error:
        raise HTTPException(HTTPStatus.REQUEST_TIMEOUT) from error
    return bytes(body)
