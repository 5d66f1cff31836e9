"""Lets a signal that ends a process raise, as an error does, so that every block which made something removes it.

Around every command, and in each process that a command starts. `run`, `send` and `web` put their own handlers in place
of these once they can stop in order.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Final

from engine.signals import ENDING

SHELL: Final = 128
"""A shell adds it to the number of the signal that has ended a command; the exit codes here are the same."""
SAME_REQUEST: Final = 1.0
"""Seconds in which further signals change nothing. A signal to a group reaches a process twice: once itself, and once
through the one that has started it. Without this the second would interrupt the removing."""
LONGEST: Final = 60
"""Seconds for removing; then the system ends the process. DuckDB waits for what its threads have begun, and no
handler runs meanwhile: without this a long query would outlast every signal but SIGKILL."""


class _Unwinding:
    """The first signal raises SystemExit, one that comes later ends the process at once."""

    number = 0
    _since = 0.0

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def handle(self, number: int, frame: FrameType | None) -> None:
        if not self.number:
            self.number, self._since = number, monotonic()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(self._longest)
            sys.exit(SHELL + number)
        if monotonic() > self._since + SAME_REQUEST:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)


@contextmanager
def unwound_by_signals(longest: int = LONGEST) -> Iterator[None]:
    """Within, such a signal raises. One that was ignored, as `nohup` does, stays so. For the main thread alone."""
    unwinding = _Unwinding(longest)
    found = {one: signal.getsignal(one) for one in ENDING}
    before = {one: handler for one, handler in found.items() if handler not in (signal.SIG_IGN, None)}
    for one in before:
        signal.signal(one, unwinding.handle)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)  # a process that is started inherits that they wait
        yield
    except Exception:
        if unwinding.number:  # DuckDB puts an error of its own in place of what a handler raises
            sys.exit(SHELL + unwinding.number)
        raise
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
