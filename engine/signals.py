"""The signals that end a process, and how to let them wait where one may not raise."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

ENDING: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


@contextmanager
def signals_wait() -> Iterator[None]:
    """Within, such a signal waits for the end of the block.

    For the start of processes: what a handler raises during a fork is dropped, and a signal to the new process too.
    And for the import of libraries in C++, which take what a handler raises for an error of their own.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
