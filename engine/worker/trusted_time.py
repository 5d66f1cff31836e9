"""Wall time that is checked against the monotonic clock and against a witness: the clock of the brokers or the store.

A machine whose clock is a month ahead for six seconds would make every customer look inactive. So a live partition
moves its clock by wall time only while the check holds; a sender would take all outreach for expired. The worker, the
ingest, its progress reader, the sender and the web pages ask for the time here; they must not call the system clock
themselves.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress
from threading import Lock
from typing import NamedTuple

from engine.errors import EngineError
from engine.worker.executors import InlineExecutor

MAX_CLOCK_JUMP = 2_000
"""Milliseconds that wall and monotonic time may differ within REANCHOR_INTERVAL. NTP slews by at most 30 ms a minute,
and jumps if the clock is off by more; without this bound a clock that is wrong by a month would be believed."""
REANCHOR_INTERVAL = 60_000
"""Milliseconds after which the comparison starts anew; otherwise slewing would add up to a jump over weeks."""
MAX_WITNESS_DIFFERENCE = 60_000
"""Milliseconds that this machine's time and the witness's may differ: more than NTP leaves plus the time a busy witness
needs to answer. A timer may fire too early by this much."""
WITNESS_INTERVAL = 5_000
"""Milliseconds between questions to the witness while wall time is in doubt."""

Witness = Callable[[], int | None]
"""Returns the time, epoch ms, of the brokers or else the store; None if neither tells. An EngineError means: ask again
later."""


_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's monotonic clock stands still while the machine is suspended, CLOCK_BOOTTIME does not."""


def elapsed_millis() -> int:
    """Milliseconds since the machine started, including time suspended; setting the clock does not change it."""
    return time.clock_gettime_ns(_SINCE_BOOT) // 1_000_000


class _Times(NamedTuple):
    """Epoch ms: by this machine, and by the other clocks. They differ only while this machine's was never confirmed."""

    ours: int
    others: int


class TrustedTime:
    """The constructor asks the witness once and waits; later questions run in `executor`, so that no loop waits."""

    def __init__(
        self,
        wall: Callable[[], int],
        elapsed: Callable[[], int] = elapsed_millis,
        witness: Witness = lambda: None,
        executor: Executor | None = None,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._witness = witness
        self._executor = executor or InlineExecutor()
        self._anchor = wall(), elapsed()
        """(wall, monotonic) at one moment. Wall time was right then, once `_confirmed`."""
        self._confirmed = False
        self.doubt = "not confirmed yet"
        """Why wall time is not trusted now; "" when it is."""
        self._heard: tuple[int | None, int] | None = None
        """The witness's last answer, and when it came by the monotonic clock."""
        self._asked = elapsed()
        with suppress(EngineError):
            self._heard = witness(), elapsed()
        self._asking: Future[int | None] | None = None
        self._lock = Lock()
        self.now()

    def now(self) -> int:
        """The time, epoch ms: wall time if it is trusted, else derived from the other clocks. Updates `doubt`.

        While wall time has never been confirmed, the earlier of it and the witness's. Safe to call from several
        threads, as are the others.
        """
        return min(self._times())

    def latest(self) -> int:
        """The time that it is at most: `now`, but while wall time has never been confirmed the later of both."""
        return max(self._times())

    def by_others(self) -> int:
        """The time as the other clocks tell it: `now`, but while wall time has never been confirmed the witness's."""
        return self._times().others

    def _times(self) -> _Times:
        with self._lock:
            return self._read()

    def _read(self) -> _Times:
        wall, elapsed = self._wall(), self._elapsed()
        expected = self._anchor[0] + elapsed - self._anchor[1]
        if self._confirmed and abs(wall - expected) <= MAX_CLOCK_JUMP:
            self.doubt = ""
            if elapsed - self._anchor[1] > REANCHOR_INTERVAL:
                self._anchor = wall, elapsed
            return _Times(wall, wall)
        return self._check_doubt(wall, expected, elapsed)

    def why_not(self) -> str:
        """Why wall time must not move a partition's clock now; "" when it may."""
        self.now()
        return self.doubt

    def _check_doubt(self, wall: int, expected: int, elapsed: int) -> _Times:
        if self._heard is None or elapsed - self._heard[1] > WITNESS_INTERVAL:
            self._ask(elapsed)
        if self._heard is None:
            self.doubt = self.doubt or _jump(wall - expected)
            return _Times(expected, expected)
        answer, heard = self._heard
        witnessed = wall if answer is None else answer + elapsed - heard
        if answer is None and self._confirmed:
            self.doubt = (
                f"{_jump(wall - expected)}, and neither brokers nor store tell the time. Correct the clock; if it is"
                " right now, restart the worker"
            )
        elif abs(wall - witnessed) <= MAX_WITNESS_DIFFERENCE:
            self._anchor, self._confirmed, self._heard, self.doubt = (wall, elapsed), True, None, ""
            return _Times(wall, wall)
        else:
            self.doubt = f"this machine's clock is {_apart(wall - witnessed)} the clock of the brokers or of the store"
        return _Times(expected, expected if self._confirmed else witnessed)

    def _ask(self, elapsed: int) -> None:
        """Ask the witness, one question at a time. A later call collects the answer."""
        if self._asking is None and (elapsed - self._asked > WITNESS_INTERVAL or not self.doubt):
            self._asked = elapsed
            self._asking = self._executor.submit(self._witness)
        if self._asking is not None and self._asking.done():
            asking, self._asking = self._asking, None
            with suppress(EngineError):
                self._heard = asking.result(), self._elapsed()


def _jump(by: int) -> str:
    return f"this machine's clock jumped by {by / 1000:+,.0f} s"


def _apart(by: int) -> str:
    return f"{abs(by) / 1000:,.0f} s {'ahead of' if by > 0 else 'behind'}"
