"""Runs a second loop in a background thread while the command runs its main loop."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from engine.loop import Loop

LEAVING_SECONDS = 15.0
"""Seconds that the second loop has to leave its group. Without an end, one that hangs would keep the process alive."""


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
