"""The live clock of a partition: up to which moment all events have certainly been read. `PartitionOwner` moves it.

While a topic has unread records, its time is the broker time of the last record read; once caught up it is wall time.
The partition's clock is the smallest of its topics' times, so that a backlog never makes a customer look inactive.

The ingest's internal topic is different: its records and its end do not tell what the ingest has still to read from
its own topics. Only the progress that the ingest reports moves its time.
"""

from collections.abc import Container, Iterable


class LiveClock:
    """Times of one partition's topics, epoch ms. The clock stays at 0 until every topic's time is known.

    `ingested`: topics that the ingest writes; only `reached` moves their time.
    """

    def __init__(self, topics: Iterable[str], ingested: Container[str] = ()) -> None:
        self._times = dict.fromkeys(topics, 0)
        self._ingested = ingested

    def read(self, topic: str, broker_time: int, wall: int) -> int:
        """Note that a record was read; returns the clock. A broker time ahead of wall time counts as wall time."""
        if topic not in self._ingested:
            self._times[topic] = max(self._times[topic], min(broker_time, wall))
        return min(self._times.values())

    def caught_up(self, topics: Iterable[str], asked_at: int) -> int:
        """Note that these topics had nothing unread at wall time `asked_at`; returns the clock."""
        for topic in topics:
            if topic not in self._ingested:
                self._times[topic] = max(self._times[topic], asked_at)
        return min(self._times.values())

    def reached(self, topic: str, time: int) -> None:
        """Note that all records that arrived until `time` have been read."""
        self._times[topic] = max(self._times[topic], time)

    def time(self, wall: int, *, reading: bool) -> int:
        """The clock as it would stand now, for measuring; `reading`: there are records left to read."""
        times = (time for topic, time in self._times.items() if reading or topic in self._ingested)
        return min(times, default=wall)
