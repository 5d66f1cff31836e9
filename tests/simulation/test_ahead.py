"""Producers' clocks lie: what an event dated ahead of the clock does to windows, lists and silence until then."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from engine.testing import Simulator, load_project
from tests.support.books import DAY, HOUR, START
from tests.support.examples import so_many
from tests.support.project_files import write_project

FILES = {
    "events.yaml": "version: 1\nevents:\n  buy: { properties: { amount: integer } }\n  ask: {}\n"
    "  said: { profile: all }\n",
    "policy.yaml": "version: 1\nfresh_for: off\n",
    "rules.yaml": """\
version: 1
defaults: { channel: push }
segments: [{ id: busy, if: 'events.buy.count("2d") >= 3' }]
rules:
  - { id: asked, when: { event: ask }, send: asked }
  - { id: moved, when: { segment: busy, moves: any }, send: moved }
  - { id: silent, when: { inactivity: { of: buy, for: 3d } }, send: moved }
""",
    "asked.push.j2": '{% block text %}{{ events.buy.count("2d") }} {{ events.buy.sum("amount", "2d") }}'
    '{% for one in events.buy.list("2d") %} {{ one.amount }}{% endfor %}{% endblock %}',
    "moved.push.j2": "{% block text %}.{% endblock %}",
}
SPAN = 2 * DAY


class Buy(NamedTuple):
    time: int
    arrives: int
    amount: int


def bought(random: Random) -> list[Buy]:
    """Purchases in the order in which they come; one in five is dated up to a day ahead, one in five late."""
    at, found = START, []
    for amount in range(1, 25):
        at += random.randrange(1, 12 * HOUR)
        drift = random.choice((0, 0, 0, random.randrange(DAY), -random.randrange(DAY)))
        found.append(Buy(at + drift, at, amount))
    return found


def within(buys: list[Buy], at: int) -> list[Buy]:
    return sorted((one for one in buys if one.arrives <= at and at - SPAN < one.time <= at), reverse=True)


def shown(buys: list[Buy], at: int) -> str:
    """What a message made then says of the last two days."""
    found = within(buys, at)
    total = sum(one.amount for one in found)
    return " ".join(map(str, [len(found), total, *(one.amount for one in found)]))


def moves(buys: list[Buy]) -> Iterator[int]:
    """The moments at which the customer comes in or leaves."""
    instants = {moment for one in buys for moment in (one.arrives, one.time, one.time + SPAN)}
    inside = False
    for at in sorted(instants):
        if (len(within(buys, at)) >= 3) is not inside:
            inside = not inside
            yield at


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("ahead"), FILES)


def test_windows_lists_and_segments_have_what_happened_though_some_purchases_are_dated_ahead(project: Path) -> None:
    loaded = load_project(project / "rules", project / "templates")
    for number in range(so_many(120)):
        random = Random(f"ahead {number}")
        buys = bought(random)
        there = Simulator(loaded.book, loaded.renderer, strict=number % 2 == 0)
        asked = []
        for one in buys:
            there.event("buy", one.time, arrives=one.arrives, amount=one.amount)
            at = one.arrives + random.randrange(1, HOUR)
            if all(not one.arrives < other.arrives <= at for other in buys):
                there.event("ask", at)
                asked.append(shown(buys, at))
        there.run(buys[-1].arrives + 5 * DAY)
        assert [one.text for one in there.outreach if one.rule == "asked"] == asked, number
        assert [one.at for one in there.outreach if one.rule == "moved"] == list(moves(buys)), number


def test_the_silence_after_a_visit_dated_ahead_counts_from_its_date_so_that_nobody_is_told_too_early(
    project: Path,
) -> None:
    loaded = load_project(project / "rules", project / "templates")
    there = Simulator(loaded.book, loaded.renderer)
    there.event("buy", START + DAY, arrives=START, amount=1)
    there.event("buy", START + HOUR, amount=2)
    there.run("10d")
    assert [one.at for one in there.outreach if one.rule == "silent"] == [START + 4 * DAY]


def test_a_customer_who_says_no_after_a_yes_that_was_dated_ahead_is_believed(project: Path) -> None:
    there = Simulator(load_project(project / "rules", project / "templates").book)
    there.event("said", START + DAY, arrives=START, opt_in=True)
    there.event("said", START - HOUR, arrives=START, opt_in=False)
    assert there.states["c-1"].profile == {"opt_in": True}
    there.event("said", START + HOUR, opt_in=False)
    assert there.states["c-1"].profile == {"opt_in": False}
