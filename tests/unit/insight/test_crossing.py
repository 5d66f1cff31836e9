"""The second at which silence brings a score below a threshold: the same as by bisection, in fewer steps."""

from collections.abc import Callable
from random import Random

import pytest

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.crossing import SECONDS_PER_WEEK, Crossings, seconds_until_below
from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.pareto_nbd import ParetoNbd
from tests.support import shop_history as shop

MODEL = ParetoNbd(0.553277, 10.577684, 0.606240, 11.668731)
LONGEST = 20 * 366 * 86_400


def alive_in_silence(model: ParetoNbd | BgNbd, history: PurchaseHistory) -> Callable[[float], float]:
    return lambda weeks: model.alive(PurchaseHistory(history.repeats, history.recency, history.recency + weeks))


class Counted:
    """A score that counts how often it is asked."""

    def __init__(self, score: Callable[[float], float]) -> None:
        self.score = score
        self.asked = 0

    def __call__(self, weeks: float) -> float:
        self.asked += 1
        return self.score(weeks)


def by_bisection(score: Callable[[float], float], threshold: float) -> int | None:
    if score(0) < threshold:
        return 0
    if not score(LONGEST / SECONDS_PER_WEEK) < threshold:
        return None
    low, high = 0, LONGEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if score(middle / SECONDS_PER_WEEK) < threshold else (middle, high)
    return high


@pytest.mark.parametrize("threshold", [0.95, 0.5, 0.05])
def test_every_customer_of_the_shop_crosses_in_the_second_that_bisection_gives(threshold: float) -> None:
    for history in sorted(set(shop.histories())):
        score = alive_in_silence(MODEL, history)
        assert seconds_until_below(score, threshold, LONGEST) == by_bisection(score, threshold), history


def test_the_chance_of_a_purchase_within_some_weeks_crosses_in_the_second_that_bisection_gives() -> None:
    for history in sorted(set(shop.histories()))[::25]:

        def score(weeks: float, one: PurchaseHistory = history) -> float:
            return MODEL.buys_within(PurchaseHistory(one.repeats, one.recency, one.recency + weeks), 39)

        assert seconds_until_below(score, 0.2, LONGEST) == by_bisection(score, 0.2), history


def test_the_crossing_takes_a_third_of_the_steps_of_a_bisection() -> None:
    scores = [Counted(alive_in_silence(MODEL, history)) for history in sorted(set(shop.histories()))]
    for score in scores:
        seconds_until_below(score, 0.5, LONGEST)
    assert sum(score.asked for score in scores) / len(scores) < 12  # bisection: 31


@pytest.mark.parametrize("seed", range(12))
def test_from_what_is_known_of_similar_customers_it_is_the_same_second(seed: int) -> None:
    random = Random(seed)
    fit = (random.uniform(0.05, 5), random.uniform(0.2, 30), random.uniform(0.05, 5), random.uniform(0.2, 30))
    model = BgNbd(*fit) if seed % 3 == 0 else ParetoNbd(*fit)
    threshold, weeks = random.uniform(0.01, 0.99), random.choice([0, 0, 4, 39])
    crossings = Crossings(threshold, LONGEST)
    for _ in range(250):
        repeats = random.choice([0, 1, 2, 5, 40])
        recency = random.randrange(repeats, random.choice([60, 400, 4_000])) / 7 if repeats else 0.0

        def score(silence: float, repeats: int = repeats, recency: float = recency) -> float:
            history = PurchaseHistory(repeats, recency, recency + silence)
            return model.buys_within(history, weeks) if weeks else model.alive(history)

        assert crossings.seconds_until_below(score, repeats, recency) == by_bisection(score, threshold)


def test_with_similar_customers_the_crossing_takes_three_steps() -> None:
    asked, kinds, crossings = 0, sorted(set(shop.histories())), Crossings(0.5, LONGEST)
    Random(1).shuffle(kinds)
    for history in kinds:
        score = alive_in_silence(MODEL, history)
        counted = Counted(score)
        found = crossings.seconds_until_below(counted, history.repeats, history.recency)
        assert found == by_bisection(score, 0.5)
        asked += counted.asked
    assert asked / len(kinds) < 3.5  # the first ones included


def test_a_customer_who_is_below_the_threshold_at_once_or_never_is_told_apart() -> None:
    bg = BgNbd(0.24, 4.4, 0.79, 2.43)
    assert seconds_until_below(alive_in_silence(bg, PurchaseHistory(1, 5.0, 5.0)), 0.9, LONGEST) == 0
    assert seconds_until_below(alive_in_silence(bg, PurchaseHistory(0, 0.0, 0.0)), 0.9, LONGEST) is None


def test_a_customer_who_buys_often_is_given_up_sooner_than_one_who_buys_rarely() -> None:
    often = seconds_until_below(alive_in_silence(MODEL, PurchaseHistory(30, 40.0, 40.0)), 0.5, LONGEST)
    rarely = seconds_until_below(alive_in_silence(MODEL, PurchaseHistory(2, 40.0, 40.0)), 0.5, LONGEST)
    assert often is not None
    assert rarely is not None
    assert often < 15 * 7 * 86_400 < rarely
