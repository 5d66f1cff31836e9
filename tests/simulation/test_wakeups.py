"""The mirror of the wake-up index says what the store would say, whatever is moved, taken or forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from engine.worker.wakeups import NEVER, WakeUps

CUSTOMERS = st.sampled_from([f"c-{n}" for n in range(12)])
MOMENTS = st.integers(0, 9)
"""Few, so that many share one; 0: none."""
MOVES = st.dictionaries(CUSTOMERS, MOMENTS, max_size=8)
STEPS = st.lists(st.tuples(MOVES, st.integers(1, 9), st.integers(1, 6), st.booleans()), max_size=25)


class Index:
    """The store's truth."""

    def __init__(self) -> None:
        self.moments: dict[str, int] = {}

    def move(self, wakes: dict[str, int]) -> None:
        self.moments = {customer: moment for customer, moment in (self.moments | wakes).items() if moment}

    def soonest(self, until: int, limit: int) -> list[tuple[str, int]]:
        ordered = sorted(self.moments.items(), key=lambda one: (one[1], one[0]))
        return [one for one in ordered if one[1] <= until][:limit]


def taken(wakeups: WakeUps, index: Index, until: int, limit: int) -> list[tuple[str, int]]:
    if asked := wakeups.refill_size(until, limit):
        wakeups.learn(index.soonest(NEVER, asked), asked)
    return wakeups.take(until, limit)


@given(page=st.integers(1, 6), steps=STEPS)
def test_whoever_is_due_is_taken_soonest_first(page: int, steps: list[tuple[dict[str, int], int, int, bool]]) -> None:
    wakeups, index = WakeUps(page), Index()
    for wakes, until, limit, fails in steps:
        index.move(wakes)
        wakeups.moved(wakes)
        found = taken(wakeups, index, until, limit)
        wanted = index.soonest(until, limit)
        assert [moment for _, moment in found] == [moment for _, moment in wanted]
        assert len(dict(found)) == len(found)
        assert all(index.moments[customer] == moment for customer, moment in found)
        if fails:
            wakeups.forget()
        else:
            settled = {customer: 0 if moment % 2 else moment + 5 for customer, moment in found}
            index.move(settled)
            wakeups.moved(settled)
        if not wakeups.refill_size(0, 1):
            assert wakeups.first() <= min(index.moments.values(), default=NEVER)


def test_the_store_is_asked_once_for_a_page() -> None:
    wakeups, index = WakeUps(100), Index()
    index.move({f"c-{n}": n + 1 for n in range(50)})
    assert taken(wakeups, index, 20, 100) == [(f"c-{n}", n + 1) for n in range(20)]
    assert wakeups.refill_size(1_000, 100) == 0
    assert wakeups.first() == 21


def test_a_mirror_that_has_grown_forgets_the_latest() -> None:
    wakeups = WakeUps(10)
    wakeups.learn([], 10)
    wakeups.moved({f"c-{n}": n + 1 for n in range(100)})
    assert wakeups.refill_size(9, 10) == 0
    assert wakeups.refill_size(11, 11) == 11
