"""The live clock of a partition: what time it surely is, given what has been read.

While a topic has unread records its time is the broker time of the last one read; once caught up it is wall time. Over
several topics the smallest counts, so that lag can make nobody look inactive.
"""

from collections.abc import Iterable


class LiveClock:
    """Times of one partition's topics, epoch ms. A topic that nothing is known of holds the clock at 0."""

    def __init__(self, topics: Iterable[str]) -> None:
        self._times = dict.fromkeys(topics, 0)

    def read(self, topic: str, broker_time: int, wall: int) -> int:
        """A record was read; returns the clock. A broker time ahead of wall time counts as wall time."""
        self._times[topic] = max(self._times[topic], min(broker_time, wall))
        return min(self._times.values())

    def caught_up(self, topics: Iterable[str], asked_at: int) -> int:
        """These topics had nothing unread when the broker was asked, at this wall time; returns the clock."""
        for topic in topics:
            self._times[topic] = max(self._times[topic], asked_at)
        return min(self._times.values())
