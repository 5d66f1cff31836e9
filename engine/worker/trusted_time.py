"""The time now, as far as it can be believed: wall time, held against the monotonic clock and against a witness.

A wall clock that is set a month ahead for six seconds would make every customer look silent. So a live partition moves
its clock by wall time only while this is not in doubt. The worker, the ingest and its progress ask; nobody sets it.
"""

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress

from engine.errors import EngineError
from engine.worker.executors import AtOnce

JUMP = 2_000
"""Milliseconds that wall and monotonic time may differ within REANCHOR. NTP slews by 30 ms in a minute, and sets
a clock at once where it is off by more; without a bound a clock that is wrong by a month would be believed."""
REANCHOR = 60_000
"""Milliseconds after which both clocks are compared anew, so that slewing does not add up over weeks."""
AGREES = 60_000
"""Milliseconds that this machine's time and the witness's may differ. More than NTP leaves and a busy witness needs to
answer; as much too early a timer may fire."""
ASK = 5_000
"""Milliseconds between questions to the witness while there is a doubt."""

Witness = Callable[[], int | None]
"""Somebody else's time, epoch ms: the brokers', else the store's. None: nobody tells. May raise EngineError: asked
again later."""


_SINCE_BOOT = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's monotonic clock stands still while the machine is suspended; this one does not."""


def elapsed_millis() -> int:
    """Milliseconds since the machine started, those in which it was suspended too; no setting of a clock moves it."""
    return time.clock_gettime_ns(_SINCE_BOOT) // 1_000_000


class TrustedTime:
    """Asks the witness once before it is made. `aside` asks it later, so that no loop waits for it."""

    def __init__(
        self,
        wall: Callable[[], int],
        elapsed: Callable[[], int] = elapsed_millis,
        witness: Witness = lambda: None,
        aside: Executor | None = None,
    ) -> None:
        self._wall = wall
        self._elapsed = elapsed
        self._witness = witness
        self._aside = aside or AtOnce()
        self._anchor = wall(), elapsed()
        """Both clocks at one moment, at which wall time was right, once `_confirmed`."""
        self._confirmed = False
        self.doubt = "not confirmed yet"
        """Why wall time is not believed; "" where it is."""
        self._heard: tuple[int | None, int] | None = None
        """The witness's last answer, and when by the monotonic clock."""
        self._asked = elapsed()
        with suppress(EngineError):
            self._heard = witness(), elapsed()
        self._asking: Future[int | None] | None = None
        self.now()

    def now(self) -> int:
        """The best guess, epoch ms: wall time where it is believed, else what the other clocks say. Updates `doubt`."""
        wall, elapsed = self._wall(), self._elapsed()
        expected = self._anchor[0] + elapsed - self._anchor[1]
        if self._confirmed and abs(wall - expected) <= JUMP:
            self.doubt = ""
            if elapsed - self._anchor[1] > REANCHOR:
                self._anchor = wall, elapsed
            return wall
        return self._doubtful(wall, expected, elapsed)

    def why_not(self) -> str:
        """Why wall time must not move a partition's clock now; "" where it may."""
        self.now()
        return self.doubt

    def _doubtful(self, wall: int, expected: int, elapsed: int) -> int:
        if self._heard is None or elapsed - self._heard[1] > ASK:
            self._ask(elapsed)
        if self._heard is None:
            self.doubt = self.doubt or _jump(wall - expected)
            return expected
        answer, heard = self._heard
        witnessed = wall if answer is None else answer + elapsed - heard
        if answer is None and self._confirmed:
            self.doubt = f"{_jump(wall - expected)}, and nobody else tells the time: restart if it is right now"
        elif abs(wall - witnessed) <= AGREES:
            self._anchor, self._confirmed, self._heard, self.doubt = (wall, elapsed), True, None, ""
            return wall
        else:
            self.doubt = f"this machine's clock is {_apart(wall - witnessed)} that of the brokers, or of the store"
        return expected if self._confirmed else min(expected, witnessed)

    def _ask(self, elapsed: int) -> None:
        """One question at a time, and not too many. What is heard may be heard in a later call."""
        if self._asking is None and (elapsed - self._asked > ASK or not self.doubt):
            self._asked = elapsed
            self._asking = self._aside.submit(self._witness)
        if self._asking is not None and self._asking.done():
            asking, self._asking = self._asking, None
            with suppress(EngineError):
                self._heard = asking.result(), self._elapsed()


def _jump(by: int) -> str:
    return f"this machine's clock jumped by {by / 1000:+,.0f} s"


def _apart(by: int) -> str:
    return f"{abs(by) / 1000:,.0f} s {'ahead of' if by > 0 else 'behind'}"
