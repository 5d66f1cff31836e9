"""The wall clock that the composition root hands to everything that asks for the time."""

from time import time


def wall_clock() -> int:
    """Now, epoch ms."""
    return int(time() * 1000)
