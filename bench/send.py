"""How many mails a second one `engine send` hands over to a mail server on the same machine, and what memory it takes.

python -m bench.send [--mails 20000]. A broker and a Valkey are started for it, or taken from ENGINE_TEST_KAFKA
and ENGINE_TEST_REDIS. The server is a few lines that take everything, in a process of its own.
"""

import argparse
import asyncio
import multiprocessing
import tempfile
import time
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from uuid import uuid4

from bench.usage import MIB, cpu_seconds, memory
from tests.services import open_broker, open_redis
from tests.services.processes import free_ports, listens, wait_until
from tests.support.post_office import PostOffice, letter


class _Server(asyncio.Protocol):
    """Answers every line with yes; counts the mails."""

    def __init__(self, taken: "Synchronized[int]") -> None:
        self._taken = taken
        self._rest = b""
        self._in_mail = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 bench\r\n")

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while self._rest:
            end = b"\r\n.\r\n" if self._in_mail else b"\r\n"
            line, found, rest = self._rest.partition(end)
            if not found:
                return
            self._rest = rest
            self._answer(line)

    def _answer(self, line: bytes) -> None:
        if self._in_mail:
            self._in_mail = False
            self._taken.value += 1
            self._transport.write(b"250 taken\r\n")
        elif line == b"DATA":
            self._in_mail = True
            self._transport.write(b"354 go on\r\n")
        else:
            self._transport.write(b"250 bench\r\n")


def _serve(port: int, taken: "Synchronized[int]") -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Server(taken), "127.0.0.1", port)
        await server.serve_forever()

    asyncio.run(serve())


def measure(office: PostOffice, mails: int, port: int) -> None:
    """Prints a line for every tenth, and the sum."""
    taken: Synchronized[int] = multiprocessing.Value("q", lock=False)
    server = multiprocessing.Process(target=_serve, args=(port, taken), daemon=True)
    server.start()
    wait_until(lambda: listens(port), "the mail server listens")
    office.post(letter(number, f"{number}@shop{number % 50}.example") for number in range(mails))
    office.settings["email_url"] = f"smtp://localhost:{port}"
    sender = office.start()
    wait_until(lambda: taken.value > 0, "the first mail is there", 60)
    started, cpu = time.monotonic(), cpu_seconds(sender.pid)
    for tenth in range(1, 11):
        wait_until(lambda tenth=tenth: taken.value >= mails * tenth // 10, "mails come", 600)  # type: ignore[misc]
        seconds = time.monotonic() - started
        print(f"{taken.value:8,} mails  {taken.value / seconds:7,.0f} a second  {memory(sender.pid) / MIB:5.0f} MiB")
    used = cpu_seconds(sender.pid) - cpu
    print(f"sender: {used / mails * 1000:.2f} ms of CPU a mail")
    sender.stop()
    server.terminate()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--mails", type=int, default=20_000)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "broker").mkdir()
        broker, redis = open_broker(folder / "broker"), open_redis(folder / "redis")
        office = PostOffice(broker.address, redis.url, folder, f"bench-{uuid4().hex[:6]}-")
        try:
            measure(office, given.mails, free_ports(1)[0])
        finally:
            office.close()
            redis.remove()
            broker.remove()


if __name__ == "__main__":
    main()
