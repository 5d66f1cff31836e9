"""How often a worker asks whether its topics have grown."""

from collections.abc import Callable

import pytest

from engine.errors import BrokersAway
from engine.wiring.growth_check import GrowthCheck
from engine.worker.opening_checks import PartitionsChanged


class Hours:
    """Time that passes while the worker rests; and answers of brokers, of which the last one is given again."""

    def __init__(self, *answers: int | BrokersAway) -> None:
        self.now = 1_000.0
        self.asked: list[float] = []
        self._answers = list(answers)
        self.check: Callable[[], None] = GrowthCheck(self._counts, 4, lambda: self.now, self._rest)

    def _counts(self) -> dict[str, int]:
        self.asked.append(self.now)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, BrokersAway):
            raise answer
        return {"shop": answer}

    def _rest(self, seconds: float) -> None:
        self.now += seconds


def test_where_producers_place_keys_in_their_own_way_the_brokers_are_asked_ever_less() -> None:
    hours = Hours(4)
    for _ in range(24 * 3_600):
        hours.check()
        hours.now += 1
    assert len(hours.asked) < 2 * 32
    assert hours.asked[1] - hours.asked[0] == 1
    assert hours.asked[-1] - hours.asked[-3] < 3_700, "it still asks"


@pytest.mark.parametrize("answers", [(6,), (4, 6), (4, 4, 6)])
def test_growth_is_told_also_by_a_broker_that_hears_of_it_late(answers: tuple[int, ...]) -> None:
    hours = Hours(*answers)
    if answers == (4, 4, 6):
        hours.check()
        hours.now += 100
    with pytest.raises(PartitionsChanged, match="shop has 6 partitions now, and had 4"):
        hours.check()


def test_brokers_that_are_away_are_asked_again_at_once() -> None:
    hours = Hours(BrokersAway("kafka:9092", "do not answer"), 4)
    with pytest.raises(BrokersAway):
        hours.check()
    hours.check()
    assert len(hours.asked) == 3
