"""On an event clock the time between two events passes moment by moment: a message is of its own moment."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from engine.model import Event
from engine.testing import Project, Simulator, load_project
from tests.support.backtests import by_customer, by_partition, lines_of
from tests.support.books import DAY, START, event
from tests.support.project_files import write_project

FILES = {
    "events.yaml": "version: 1\nevents: { visit: {}, buy: {}, warned: {} }\n",
    "policy.yaml": "version: 1\nzone: UTC\n",
    "rules.yaml": """\
version: 1
segments: [{ id: active, if: 'events.visit.count("2d") >= 1' }]
rules:
  - { id: quiet, when: { inactivity: { of: visit, for: 1d } }, send: note }
  - { id: warn, when: { event: buy }, emit: { event: warned, after: 1d } }
  - { id: warned, when: { event: warned }, send: note }
""",
    "note.email.j2": "{% block subject %}Hi{% endblock %}{% block text %}"
    "{{ segments.active }} {{ events.visit.count() }}{% endblock %}\n",
}


@pytest.fixture
def shop(tmp_path: Path) -> Project:
    write_project(tmp_path, FILES)
    return load_project(tmp_path / "rules", tmp_path / "templates")


def told(lines: Sequence[bytes]) -> list[tuple[str, str, str, str]]:
    """Rule, moment, when it was decided, and text."""
    found = [msgspec.json.decode(line) for line in lines]
    return [(one["rule"], one["moment"][:10], one["at"][:10], one["text"].strip()) for one in found]


def replayed(shop: Project, folder: Path, *events: Event) -> list[tuple[str, str, str, str]]:
    """By a replay, which a backtest equals."""
    end = START + 20 * DAY
    lines = by_partition(shop.book, shop.renderer, events, end)
    assert lines_of(by_customer(shop.book, shop.renderer, events, end, folder)) == lines
    return told(lines.outreach)


def test_a_message_shows_what_is_so_at_its_moment_though_nobody_does_anything_for_weeks(
    shop: Project, tmp_path: Path
) -> None:
    found = replayed(shop, tmp_path, event("visit", START))
    assert found == [("quiet", "2026-01-02", "2026-01-02", "True 1")], "a day later the segment is left"


def test_what_an_event_sets_off_that_was_made_later_happens_at_its_moment(shop: Project, tmp_path: Path) -> None:
    found = replayed(shop, tmp_path, event("buy", START))
    assert found == [("warned", "2026-01-02", "2026-01-02", "False 0")]


@pytest.mark.parametrize("strict", [False, True])
def test_who_comes_in_the_very_moment_of_a_message_is_not_in_it_yet_in_a_rule_test(
    shop: Project, *, strict: bool
) -> None:
    sim = Simulator(shop.book, shop.renderer, strict=strict)
    sim.event("visit", "0d")
    sim.event("visit", "1d")
    assert [one.text.strip() for one in sim.outreach] == ["True 1"]
