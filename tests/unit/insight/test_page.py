"""What the page of a report draws is in proportion to what it shows."""

import re

import pytest

from engine.insight.report.content import Bars, Lines, Report, Section
from engine.insight.report.page import page

CHARTS: list[Bars | Lines] = [
    Bars("Few", ["a", "b", "c"], [10.0, 5.0, 0.0], "x", "money"),
    Bars("Long", ["a name too long to stand beside others below its bar" * 3, "b", "c"], [10.0, 5.0, 0.0], "x"),
    Lines("Line", [0.0, 10.0, 20.0], {"one": [0.0, 0.5, 1.0]}, "x"),
]


def test_bars_and_lines_are_drawn_as_high_and_as_long_as_what_they_show() -> None:
    section = Section("s", "Drawn", "What is drawn.", charts=[*CHARTS])
    drawn = page(Report("2026-01-01", "2026-02-01", ("2026-01-01", "2026-02-01"), "UTC", "EUR", [section]))
    few, long, line = drawn.split("<svg ")[1:]

    def of(svg: str, name: str) -> list[float]:
        return [float(one) for one in re.findall(rf'class="bar"[^>]* {name}="([0-9.]+)"', svg)]

    heights, widths, tops, lefts = (of(few, name) for name in ("height", "width", "y", "x"))
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.2)
    assert heights[2] == 0
    assert [top + height for top, height in zip(tops, heights, strict=True)] == [190.0] * 3, "they stand on one line"
    assert all(left + width < following for left, width, following in zip(lefts, widths, lefts[1:], strict=False))
    assert of(long, "width") == [640.0, 320.0, 0.0]
    (path,) = re.findall(r'<path class="l1" d="M([^"]+)"', line)
    points = [tuple(map(float, point.split())) for point in path.split("L")]
    assert points == [(58.0, 190.0), (344.0, 101.0), (630.0, 12.0)]
