"""Bounds how much of a channel is claimed ahead of its hand-over: if sender and store crash together, all of it is in
doubt.

`Delivery` enters it before it claims and leaves it when the hand-over begins. It does no IO and never sleeps.
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

BURST = 1_000
"""Claims ahead while none has waited too long: a short campaign must not wait until the channel has shown its pace."""


@dataclass
class Ahead:
    """Places for claims. There are BURST of them at first. Once a claim has waited `seconds` for one of the `hands`,
    there are as many as hand-overs began in that time, and one for each hand, until no claim waits for a place.

    `seconds`: more than the store takes for a claim. All are monotonic.
    """

    hands: int
    seconds: float
    _bounded: bool = field(default=False, init=False)
    _places: int = field(default=BURST, init=False)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BURST), init=False)
    _begun: deque[float] = field(default_factory=deque, init=False)
    """When hand-overs began, in the last `seconds`."""

    @property
    def is_full(self) -> bool:
        """Whether `enter` would wait."""
        return self._room.locked()

    async def enter(self) -> None:
        """Wait for a place."""
        await self._room.acquire()

    def leave(self, now: float, *, begins: bool = False, late: bool = False) -> None:
        """Give the place up. `begins`: the hand-over does. `late`: no hand was free for too long."""
        self._bounded = late or (self._bounded and self._room.locked())
        if begins:
            self._begun.append(now)
        while self._begun and self._begun[0] <= now - self.seconds:
            self._begun.popleft()
        wanted = self.hands + len(self._begun)
        change = max(-1, (wanted if self._bounded else max(BURST, wanted)) - self._places)
        self._places += change
        for _ in range(1 + change):
            self._room.release()
