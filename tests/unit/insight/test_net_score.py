"""Net promoter scores: who counts, and an interval that covers the truth as often as it says."""

from datetime import date
from math import comb
from pathlib import Path
from typing import Any

import pytest

from engine.insight.figures.net_score import net_score_interval
from engine.insight.figures.responses import Nps, nps
from engine.insight.report.build import build_report
from engine.insight.report.goals import goals
from engine.model import Event
from tests.support.small_shops import bought, opened


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


def test_promoters_less_detractors_rounded_half_away_from_zero(tmp_path: Path) -> None:
    def answer(number: int, score: Any) -> Event:
        return Event(f"a{number}", "survey_answered", f"c{number}", bought("", "", 1).time, {"score": score})

    scores = [10, 9, 8, 7, 6, 0, 10, 10, "x", 11, 8.6, 6.4, None, "nan"]
    shop = opened(tmp_path, bought("e1", "ann", 0), *(answer(n, score) for n, score in enumerate(scores)), answer(0, 3))
    (found,) = nps(shop, date(2026, 1, 1), date(2026, 2, 1))
    assert found == Nps(8, 4, 2), (
        "nor does the second answer to one message count, or one beyond or between the scale's"
    )
    assert found.score == 25
    assert (Nps(8, 4, 3).score, Nps(8, 3, 4).score) == (13, -13)
    assert nps(shop, date(2026, 2, 1), date(2026, 3, 1)) == []


def test_each_survey_has_its_own_score_and_other_scales_have_none(tmp_path: Path) -> None:
    def answer(number: int, score: int, **properties: Any) -> Event:
        at = bought("", "", 1).time
        return Event(f"a{number}", "survey_answered", f"c{number}", at, {"score": score} | properties)

    coffee = [answer(n, 9, survey="coffee", low=0, high=10) for n in range(3)]
    stars = [answer(n + 10, 5, survey="stars", low=1, high=5) for n in range(4)]
    shop = opened(tmp_path, bought("e1", "ann", 0), *coffee, *stars, answer(20, 6, survey="nps", low=0, high=10))
    assert nps(shop, date(2026, 1, 1), date(2026, 2, 1)) == [Nps(3, 3, 0, "coffee"), Nps(1, 0, 1)]
    report = build_report(shop, date(2026, 1, 1), date(2026, 2, 1))
    assert [section.id for section in report.sections if section.id.startswith("nps")] == ["nps_coffee", "nps"]
    figure = report.figure("nps_coffee")
    assert figure
    assert (figure.value, figure.note) == (100, "-12 to 100")
    detractors = {"nps_coffee_detractors": 1, "nps_detractors": 0}
    assert [one.note for one in goals(report, detractors)[0].figures] == ["goal 1: reached", "goal 0"]
