"""The page of figures on a phone, in a browser."""

from itertools import combinations
from pathlib import Path

import pytest

from engine.insight.report.content import Bars, Chart, Figure, Heat, Lines, Report, Section
from engine.insight.report.page import page
from tests.services.browser import quiet_page

NAMES = ("shop", "shop of yen", "shop with a very_long_name_of_an_experiment_that_nobody_can_break")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_on_the_page_is_wider_than_a_narrow_phone(tmp_path: Path, name: str) -> None:
    """Tables of months scroll within themselves."""
    figures = [
        Figure("revenue", f"revenue of {name}", 448_459_959_123.0, "money", "goal 500,000,000,000 JPY: 89.7 % of it"),
        Figure("gap", "mean", 170.9, "days"),
        Figure("rate", "repeat rate", None, "share"),
    ]
    charts: list[Chart] = [
        Heat(
            "Cohorts", ["Jan 97"] * 3, [str(n) for n in range(24)], [[0.5] * 24] * 3, [["50%"] * 24] * 3, "months later"
        ),
        Bars("Gaps by weeks", [str(n) for n in range(52)], [float(n) for n in range(52)], "weeks"),
        Lines("Course", [0.0, 1.0, 2.0], {"evidence": [None, 0.0, 3.0], "decided": [1.3, 1.3, 1.3]}, "day"),
    ]
    section = Section("one", name, f"What {name} is.", figures, charts, f"Beware of {name}.")
    report = Report("1997-01-01", "1998-07-01", ("1998-04-01", "1998-07-01"), "UTC", "JPY", [section], name, name)
    path = tmp_path / "page.html"
    path.write_text(page(report))
    with quiet_page(lambda url: url == path.as_uri()) as browser:
        browser.set_viewport_size({"width": 320, "height": 640})
        browser.goto(path.as_uri())
        assert browser.evaluate("document.documentElement.scrollWidth") == 320
        clipped = (
            "[...document.querySelectorAll('.figures div')].filter(one => one.scrollWidth > one.clientWidth).length"
        )
        assert browser.evaluate(clipped) == 0


def test_no_name_of_a_bar_is_printed_over_another_or_left_out(tmp_path: Path) -> None:
    names = [f"{name}-{number}" for number in range(7) for name in ("trial-ending", "win-back", "resume-reminder")]
    bars = Bars("Messages by rule", names, [float(n) for n in range(len(names))], "")
    section = Section("one", "Rule by rule", "", [], [bars])
    report = Report("1997-01-01", "1998-07-01", ("1998-04-01", "1998-07-01"), "UTC", "JPY", [section], "shop", "shop")
    path = tmp_path / "page.html"
    path.write_text(page(report))
    with quiet_page(lambda url: url == path.as_uri()) as browser:
        browser.goto(path.as_uri())
        boxes = browser.evaluate(
            "[...document.querySelectorAll('svg text')].map(one => [one.textContent, one.getBoundingClientRect()])"
        )
    assert set(names) <= {text for text, _ in boxes}
    overlaps = [
        (one, other)
        for (one, a), (other, b) in combinations(boxes, 2)
        if min(a["right"], b["right"]) > max(a["left"], b["left"])
        and min(a["bottom"], b["bottom"]) > max(a["top"], b["top"])
    ]
    assert overlaps == []
