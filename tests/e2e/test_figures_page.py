"""The page of figures on a phone, in a browser."""

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
