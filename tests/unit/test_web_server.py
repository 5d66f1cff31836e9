"""How `engine web` treats a client that sends the head of its request byte by byte."""

import asyncio
from functools import partial

import uvicorn
from uvicorn.server import ServerState

from engine.adapters.web.server import Impatient

GET = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
SOON = 0.1


async def drip(port: int, before: bytes = b"") -> bytes:
    """What a client is told that sends `before`, and then the head of a request too slowly."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(before + GET[:9])
    told = await asyncio.wait_for(reader.read(), 30)
    writer.close()
    return told


async def exchange() -> tuple[bytes, bytes, bytes]:
    asked, go = asyncio.Event(), asyncio.Event()

    async def app(scope: object, receive: object, send: uvicorn._types.ASGISendCallable) -> None:
        asked.set()
        await go.wait()
        await send({"type": "http.response.start", "status": 204, "headers": [], "trailers": False})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    config = uvicorn.Config(app, lifespan="off", log_config=None, access_log=False)
    made = partial(Impatient, config, ServerState(), {}, patience=SOON)
    server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await asked.wait()
        first = await drip(port)
        go.set()  # the answer takes longer than a head may
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 30)
        writer.close()
        return first, answer, await drip(port, GET)


def test_a_head_that_comes_too_slowly_holds_no_connection_and_an_answer_may_take_longer() -> None:
    slow, answer, second = asyncio.run(exchange())
    assert slow == b""
    assert answer == b"HTTP/1.1 204 No Content\r\n"
    assert second.startswith(answer)
