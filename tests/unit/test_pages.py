"""What README and docs point at is there: pages and their sections, files, functions and tests."""

import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
LINK = re.compile(r"\]\(([^)\s]+)\)")
PLACE = re.compile(r"`([a-z_/]+\.(?:py|lua))`((?: `\w+`(?:, (?=`\w+`))?)*)")
TEST = re.compile(r"tests/([\w/]+\.py)(?:::(test_\w+))?")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        path, _, section = unquote(link).partition("#")
        if "://" not in link:
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not section or section in sections(target), link


def test_each_step_in_the_life_of_an_event_is_where_the_page_says() -> None:
    named = PLACE.findall((ROOT / "docs/life-of-an-event.md").read_text("utf-8"))
    assert len(named) > 40
    for path, names in named:
        text = (ROOT / "engine" / path).read_text("utf-8")
        for name in re.findall(r"\w+", names):
            assert re.search(rf"(?:def|class) {name}\b", text), (path, name)


def test_every_situation_from_a_public_report_has_a_test_that_exists() -> None:
    rows = [row for row in (ROOT / "docs/reports.md").read_text("utf-8").splitlines() if "#" in row and row[0] == "|"]
    for row in rows:
        named = TEST.findall(row.split("|")[-2])
        assert named, row
        for file, name in named:
            assert f"def {name}" in (ROOT / "tests" / file).read_text("utf-8"), (file, name)


@cache
def sections(page: Path) -> set[str]:
    """As GitHub makes anchors of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
