"""An HTTP server that keeps what is asked of it and answers as it is told."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class Posted:
    """One request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class HookServer:
    """`status` and `headers` are of every answer; with `silent` it hangs up instead, having read the request."""

    port: int = 0
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    received: list[Posted] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}/outreach"


@contextmanager
def hook_server() -> Iterator[HookServer]:
    """A running one."""
    hooks = HookServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            names = {name.lower(): value for name, value in self.headers.items()}
            hooks.received.append(Posted(self.path, names, body))
            if hooks.silent:
                self.close_connection = True
                return
            self.send_response(hooks.status)
            for name, value in {"Content-Length": "0", **hooks.headers}.items():
                self.send_header(name, value)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_: object) -> None:
            """A test looks at what came."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        hooks.port = server.server_port
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield hooks
        finally:
            server.shutdown()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
