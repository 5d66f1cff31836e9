"""Python's garbage collection in processes that hold many states: workers, replays and backtests."""

import gc


def collect_rarely() -> None:
    """Make cyclic garbage collection rare: states have no cycles, and searching a million takes a tenth of the time."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)
