"""Which looks come up, and in what order, wherever a partition has them from."""

from random import Random

import pytest

from engine.core.zones import DAY
from engine.worker.looks import NEVER, Looks


@pytest.mark.parametrize("seed", range(60))
def test_looks_come_up_in_order_whether_the_store_had_them_or_a_commit_has_written_them(seed: int) -> None:
    chance = Random(seed)
    left = [(chance.randrange(2 * DAY), f"c-{number}") for number in range(chance.choice((0, 5, 500)))]
    looks = Looks({0, 1})
    looks.learn(0, _by_day(left))
    clock = 0
    while left:
        clock += chance.randrange(DAY // 4)
        added = [(clock + chance.randrange(DAY // 2), f"d-{clock}-{number}") for number in range(chance.randrange(9))]
        added = [look for look in added if look[0] < 2 * DAY]
        looks.written(_by_day(added), [])
        left = sorted(left + added)
        due = [look for look in left if look[0] <= clock]
        assert looks.due(clock)[0] == len(due)
        due = due[: chance.choice((1, 3, 100))] if clock < 4 * DAY else due
        assert looks.take(clock, len(due)) == [(customer, moment) for moment, customer in due]
        left = left[len(due) :]
        assert looks.first() == (left[0][0] if left else NEVER)


def _by_day(looks: list[tuple[int, str]]) -> dict[int, list[tuple[int, str]]]:
    return {day: [look for look in looks if look[0] // DAY == day] for day in (0, 1)}
