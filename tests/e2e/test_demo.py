"""`engine demo`: real purchases through the example rules, and the page of what came of it in a browser."""

from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

import pytest
from playwright.sync_api import Page

from engine.demo.generate import generated_events
from tests.services.browser import quiet_page
from tests.support.command import engine, lines_of

PHONE, DESK = 400, 1280
"""Pixels across."""


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the demo has written beside a file that was there."""
    folder = tmp_path_factory.mktemp("demo")
    (folder / "out").mkdir()
    (folder / "out/mine.txt").write_text("mine")
    assert engine("demo", folder=folder).code == 0
    return folder / "out"


@pytest.fixture
def page(out: Path) -> Iterator[Page]:
    with quiet_page(lambda url: not url.startswith("http")) as page:
        page.goto((out / "index.html").as_uri())
        yield page


def test_it_writes_the_messages_and_a_page_of_them(out: Path) -> None:
    assert (out / "mine.txt").exists()
    sent = lines_of(out / "outreach.jsonl")
    assert len({one["id"] for one in sent}) == len(sent) > 10_000
    assert {one["rule"] for one in sent} >= {"welcome", "win-back-news", "loyal", "trial-ending"}
    page = (out / "index.html").read_text()
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_generated_events_say_that_they_are() -> None:
    assert all(one["properties"]["generated"] for one in generated_events())


ROWS = """rows => rows.map(row => [...row.cells].map(cell => {
    const {left, right, top, bottom} = cell.getBoundingClientRect()
    const named = getComputedStyle(cell, "::before").content === `"${cell.dataset.label}"`
    return {left, right, top, bottom, named, counts: "label" in cell.dataset}
}))"""
"""Where the cells of each row are, and whether each says itself what it counts."""


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_table_of_the_rules_is_readable_on_a_phone_and_at_a_desk(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nobody has to scroll sideways"
    rows = page.locator("table.rules tr:has(td)").evaluate_all(ROWS)
    assert len(rows) > 10
    for cells in rows:
        assert all(cell["left"] >= 0 and cell["right"] <= width for cell in cells)
        assert not any(overlap(*pair) for pair in combinations(cells, 2))
        named = [cell["named"] for cell in cells if cell["counts"]]
        assert named == [width == PHONE] * 6, "at a desk headings say it"


def test_a_message_is_shown_as_its_customer_sees_it(page: Page) -> None:
    page.locator(".card iframe").first.scroll_into_view_if_needed()
    assert "Northfold" in page.frame_locator(".card iframe").first.locator("body").inner_text()
    assert page.locator("ol.story li.message").count() > 3


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_the_figures_of_the_shop_are_readable_on_a_phone_and_at_a_desk(page: Page, width: int) -> None:
    page.get_by_role("link", name="a page of its own").click()
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width, "nobody has to scroll sideways"
    titles = page.locator("section h2").all_inner_texts()
    assert titles == [
        "Who buys, and how often",
        "Who stays",
        "To the second purchase, and on",
        "Time between purchases",
        "Cohorts",
        "Recency, frequency, money",
        "What they will do",
        "What outreach led to",
        "Where people leave journeys",
    ]
    assert page.locator("section svg").count() >= 5
    for svg in page.locator("section svg").all():
        box = svg.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
    assert page.locator("#second .figures b").first.inner_text().endswith(" %")
    assert "2,357" in page.locator("#buying .figures").inner_text()


def overlap(one: dict[str, float], other: dict[str, float]) -> bool:
    """By more than a line's width."""
    across = min(one["right"], other["right"]) - max(one["left"], other["left"])
    down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
    return min(across, down) > 1
