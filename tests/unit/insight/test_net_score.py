"""The interval of a net promoter score covers the truth as often as it says."""

from math import comb

import pytest

from engine.insight.figures.net_score import net_score_interval


def chance(answers: int, up: int, down: int, shares: tuple[float, float]) -> float:
    """Of exactly so many promoters and detractors."""
    ways = comb(answers, up) * comb(answers - up, down)
    rest = answers - up - down
    return float(ways * shares[0] ** up * shares[1] ** down * (1 - sum(shares)) ** rest)


@pytest.mark.parametrize("answers", [10, 40])
@pytest.mark.parametrize("shares", [(0.5, 0.2), (0.3, 0.3), (0.8, 0.05), (0.05, 0.6), (0.95, 0.01), (0.1, 0.02)])
def test_of_all_shops_with_few_answers_about_nineteen_of_twenty_intervals_hold_the_truth(
    answers: int, shares: tuple[float, float]
) -> None:
    truth = shares[0] - shares[1]
    covered = 0.0
    for up in range(answers + 1):
        for down in range(answers + 1 - up):
            low, high = net_score_interval(answers, up, down)
            assert -1 <= low <= (up - down) / answers <= high <= 1
            covered += chance(answers, up, down, shares) * (low <= truth <= high)
    assert covered > 0.93


def test_ten_customers_who_all_are_promoters_do_not_prove_that_everybody_is() -> None:
    low, high = net_score_interval(10, 10, 0)
    assert high == 1
    assert 0.3 < low < 0.8
    assert net_score_interval(10, 0, 10) == (-high, -low)


def test_with_many_answers_it_is_the_usual_interval() -> None:
    answers, up, down = 100_000, 50_000, 20_000
    error = 1.959964 * ((0.7 - 0.3**2) / answers) ** 0.5
    assert net_score_interval(answers, up, down) == pytest.approx((0.3 - error, 0.3 + error), abs=1e-4)
