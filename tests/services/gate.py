"""A way to a server on this machine that can be shut for one kind of request."""

import socket
import threading
from contextlib import suppress


class Gate:
    """Passes on what a client and the server at `port` say. While it is shut, what a client says that has `word` in it
    waits, with all that follows. `late` is what the server answers to what has waited, one answer a connection."""

    def __init__(self, port: int, word: bytes) -> None:
        self._server = port
        self._word = word
        self._open = threading.Event()
        self._open.set()
        self._waiting = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.late: list[bytes] = []
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        """Until `open`."""
        self._waiting.clear()
        self._open.clear()

    def open(self) -> None:
        """What waits goes on."""
        self._open.set()

    @property
    def holds(self) -> bool:
        """Something waits."""
        return self._waiting.is_set()

    def close(self) -> None:
        """Nobody else may come; who is here stays."""
        self._listener.close()
        self.open()

    def _accept(self) -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server))
                for end in (client, server):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                waited = threading.Event()
                for way in ((self._ask, client, server, waited), (self._answer, server, client, waited)):
                    threading.Thread(target=way[0], args=way[1:], daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, waited: threading.Event) -> None:
        with suppress(OSError), client, server:  # either end has gone
            while said := client.recv(65536):
                if self._word in said and not self._open.is_set():
                    self._waiting.set()
                    self._open.wait()
                    waited.set()
                server.sendall(said)

    def _answer(self, server: socket.socket, client: socket.socket, waited: threading.Event) -> None:
        with suppress(OSError), client, server:
            while said := server.recv(65536):
                if waited.is_set():
                    waited.clear()
                    self.late.append(said)
                client.sendall(said)
