"""A loop in a thread of its own, beside the one that the command runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Protocol

LEAVING_SECONDS = 15.0


class Loop(Protocol):
    """Works until it is told to stop."""

    def run(self) -> None:
        """Raises what makes going on pointless."""

    def stop(self) -> None:
        """Soon. Safe to call from another thread."""


@contextmanager
def beside(main: Loop, other: Loop, name: str) -> Iterator[None]:
    """`other` runs meanwhile. If it ends by an error, `main` is stopped, and the error comes out here."""
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
