"""Runs a second loop in a background thread while the command runs its main loop."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Protocol

LEAVING_SECONDS = 15.0
"""Seconds that the second loop has to leave its group. Without an end, one that hangs would keep the process alive."""


class Loop(Protocol):
    """Works until it is told to stop."""

    def run(self) -> None:
        """Work until `stop`. Raises an error when going on makes no sense."""

    def stop(self) -> None:
        """Let `run` return soon. Safe to call from another thread."""


@contextmanager
def run_in_background(main: Loop, other: Loop, name: str) -> Iterator[None]:
    """Run `other` in a thread for the duration of the context. If it fails, `main` is stopped and the error raised."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            other.run()
        except BaseException as error:
            failures.append(error)
            main.stop()

    thread = Thread(target=run, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        other.stop()
        thread.join(LEAVING_SECONDS)
    if failures:
        raise failures[0]
