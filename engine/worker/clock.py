"""The live clock of a partition: what time it surely is, given what has been read.

While a topic has unread records its time is the broker time of the last one read; once caught up it is wall time. Over
several topics the smallest counts, so that lag can make nobody look inactive.

The internal topic of the ingest is different: neither its records nor its end say what the ingest has not read yet of
its own topics. Its time is what the ingest's progress says, and nothing else.
"""

from collections.abc import Container, Iterable


class LiveClock:
    """Times of one partition's topics, epoch ms. A topic that nothing is known of holds the clock at 0.

    `told`: topics whose time only `reached` moves.
    """

    def __init__(self, topics: Iterable[str], told: Container[str] = ()) -> None:
        self._times = dict.fromkeys(topics, 0)
        self._told = told

    def read(self, topic: str, broker_time: int, wall: int) -> int:
        """A record was read; returns the clock. A broker time ahead of wall time counts as wall time."""
        if topic not in self._told:
            self._times[topic] = max(self._times[topic], min(broker_time, wall))
        return min(self._times.values())

    def caught_up(self, topics: Iterable[str], asked_at: int) -> int:
        """These topics had nothing unread when the broker was asked, at this wall time; returns the clock."""
        for topic in topics:
            if topic not in self._told:
                self._times[topic] = max(self._times[topic], asked_at)
        return min(self._times.values())

    def reached(self, topic: str, time: int) -> None:
        """All that arrived until then has been read."""
        self._times[topic] = max(self._times[topic], time)

    def time(self, wall: int, *, reading: bool) -> int:
        """The clock, or where it would stand if it were asked for; `reading`: there are records left to read."""
        times = (time for topic, time in self._times.items() if reading or topic in self._told)
        return min(times, default=wall)
