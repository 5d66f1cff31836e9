"""Turns a signal that ends the process into SystemExit, so that `with` and `finally` blocks remove temporary files.

The command line wraps every command in it, and so does each process that a command starts. `run`, `send` and `web`
install handlers of their own once they can stop in order.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from types import FrameType
from typing import Final

SHELL: Final = 128
"""A shell adds it to the number of the signal that has ended a command; the exit codes here are the same."""
SAME_REQUEST: Final = 1.0
"""Seconds in which further signals change nothing. A signal to a group reaches a process twice: once itself, and once
through the one that has started it. Without this the second would interrupt the removing."""
LONGEST: Final = 60
"""Seconds for removing; then the system ends the process. DuckDB waits for its threads, and no Python handler runs
meanwhile: without this limit a long query would outlast every signal but SIGKILL."""
PAUSE: Final = 0.01
"""Seconds until a signal that could not end the process is sent again."""
_ENDING: Final = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class _Unwinding:
    """The first signal raises SystemExit; a later one ends the process at once.

    A signal during an import waits for the end of the import: libraries in other languages turn an exception there into
    an error of their own (DuckDB aborts). Python drops an exception that a handler raises within some callbacks, such
    as pydantic's at a fork; then the signal is sent again, as the command would otherwise go on until LONGEST.
    """

    number = 0
    _since = 0.0

    def __init__(self, longest: int) -> None:
        self._longest = longest

    def handle(self, number: int, frame: FrameType | None) -> None:
        if not self.number and _is_importing(frame):
            self._come_again(number)
        elif not self.number:
            self.number, self._since = number, monotonic()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(self._longest)
            sys.exit(SHELL + number)
        elif monotonic() > self._since + SAME_REQUEST:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def dropped(self, unraisable: "sys.UnraisableHookArgs") -> None:
        """For `sys.unraisablehook`: what the handler raised was lost, so the signal comes once more."""
        if self.number and unraisable.exc_type is SystemExit:
            number, self.number = self.number, 0
            self._come_again(number)
        else:
            sys.__unraisablehook__(unraisable)

    def _come_again(self, number: int) -> None:
        signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), number))  # which waits where it is blocked
        signal.setitimer(signal.ITIMER_REAL, PAUSE)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename != "<frozen importlib._bootstrap>":
        frame = frame.f_back
    return frame is not None


@contextmanager
def unwound_by_signals(longest: int = LONGEST) -> Iterator[None]:
    """Within the block a signal raises SystemExit; one that `nohup` ignores stays ignored. For the main thread only."""
    unwinding = _Unwinding(longest)
    found = {one: signal.getsignal(one) for one in _ENDING}
    before = {one: handler for one, handler in found.items() if handler not in (signal.SIG_IGN, None)}
    hook, sys.unraisablehook = sys.unraisablehook, unwinding.dropped
    for one in before:
        signal.signal(one, unwinding.handle)
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING)  # a process that is started inherits that they wait
        yield
    except Exception:
        if unwinding.number:  # DuckDB puts an error of its own in place of what a handler raises
            sys.exit(SHELL + unwinding.number)
        raise
    finally:
        sys.unraisablehook = hook
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def signals_wait() -> Iterator[None]:
    """Within the block signals wait for its end.

    For the start of processes: what a handler raises during a fork is dropped, and a signal to the new process too.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
