"""In which order a reshard reads what workers have left in several partitions."""

import random
from collections.abc import Iterable, Iterator, Mapping

import pytest

from engine.operate.drain import in_order_of_arrival
from engine.ports import Place, Record

Log = dict[Place, list[int]]
"""When each record arrived, by place; 0: the marker of a transaction, which nobody is given."""


class Topics:
    """A TopicReader of records that hold nothing."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.most = 0
        """Records of the largest answer."""

    def read(self, spans: Mapping[Place, tuple[int, int]]) -> Iterator[Record]:
        found = [
            Record(topic, number, offset + 1, None, None, self.log[topic, number][offset])
            for (topic, number), (start, end) in spans.items()
            for offset in range(start, end)
            if self.log[topic, number][offset]
        ]
        self.most = max(self.most, len(found))
        return iter(found)

    def bounds(self, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
        return {place: (0, len(self.log[place])) for place in places}

    def since(self, places: Iterable[Place], moment: int) -> dict[Place, int]:
        return {place: next((n for n, at in enumerate(self.log[place]) if at >= moment), 0) for place in places}

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize("read_ahead", [1, 4, 40, 1_000])
@pytest.mark.parametrize("seed", range(5))
def test_what_came_first_counts_first_however_little_is_read_ahead(seed: int, read_ahead: int) -> None:
    chance = random.Random(seed)
    log: Log = {
        (topic, number): sorted(chance.randrange(1, 500) for _ in range(chance.randrange(80)))
        for topic in ("shop", "web")
        for number in range(4)
    }
    topics = Topics(log)
    spans = {place: (min(3, end), end) for place, (_, end) in topics.bounds(log).items()}
    found = list(in_order_of_arrival(topics, spans, read_ahead))
    assert [one.timestamp for one in found] == sorted(at for times in log.values() for at in times[3:])
    assert topics.most <= max(read_ahead, len(log))


def test_the_markers_of_transactions_hold_nobody_up() -> None:
    topics = Topics({("shop", 0): [0, 0, 0, 7, 0], ("shop", 1): [5, 9]})
    found = in_order_of_arrival(topics, topics.bounds(topics.log), 2)
    assert [one.timestamp for one in found] == [5, 7, 9]
