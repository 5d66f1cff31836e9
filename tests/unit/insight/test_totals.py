"""Totals of the figures are the same from run to run, though DuckDB adds in any order."""

import math
import random

import pytest

from engine.insight.archive.reading import open_tables


@pytest.mark.parametrize("seed", [0, 2])
def test_a_large_total_is_the_same_in_whichever_order_its_parts_come(seed: int) -> None:
    chance = random.Random(seed)
    amounts = [round(chance.choice([1, 1, 1e3, 1e9]) * chance.uniform(1, 9999), 2) for _ in range(300)]
    plain, steady = set(), set()
    with open_tables([]) as connection:
        for _ in range(60):
            chance.shuffle(amounts)
            asked = "SELECT sum(x), steady(fsum(x), 6) FROM (SELECT unnest(?::DOUBLE[]) AS x)"
            [(one, other)] = connection.execute(asked, [amounts]).fetchall()
            plain.add(one)
            steady.add(other)
    assert len(plain) > 1
    assert list(steady) == [pytest.approx(sum(amounts), rel=1e-13)]


@pytest.mark.parametrize("total", [3_834_834_166.04, 410_815_938_061_040.7, 1.1])
def test_a_total_whose_last_digit_is_in_doubt_is_kept_without_it(total: float) -> None:
    doubtful = [math.nextafter(total, 0), total, math.nextafter(total, math.inf)]
    with open_tables([]) as connection:
        kept = connection.execute("SELECT DISTINCT steady(unnest(?::DOUBLE[]), 6)", [doubtful]).fetchall()
    assert kept == [(pytest.approx(total, rel=1e-13),)]


@pytest.mark.parametrize(
    ("total", "kept"),
    [
        (12.3456787, 12.345679),
        (-98_765_432_109.876, -98_765_432_109.876),
        (1_234_567_890_123.4567, 1_234_567_890_123.5),
        (0.0, 0.0),
        (None, None),
        (float("inf"), float("inf")),
    ],
)
def test_a_total_keeps_six_decimals_and_fourteen_digits(total: float | None, kept: float | None) -> None:
    with open_tables([]) as connection:
        assert connection.execute("SELECT steady(?::DOUBLE, 6)", [total]).fetchall() == [(kept,)]
