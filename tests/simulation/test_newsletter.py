"""A newsletter in the rhythm that readers chose, and an experiment for those who chose none, told as stories."""

from collections import Counter

import pytest

from engine.arithmetic.assignment import variant_of
from engine.core.durations import milliseconds
from engine.model import Event, Outcome
from engine.testing import START, Simulator
from tests.support.journeys import span
from tests.support.stories import WAYS, Stories

NEWSLETTER = """\
version: 1
defaults: { channel: email, purpose: newsletter }

segments:
  - id: reader
    if: profile.wants_newsletter

experiments:
  - id: rhythm
    hypothesis: Who hears from us every second week stays longer and buys no less.
    among: segments.reader and profile.letter_rhythm == null
    variants: { weekly: 45, biweekly: 45, none: 10 }
    goal: { event: purchase, within: 90d }

rules:
  - id: letter
    why: On Tuesdays at nine where the reader lives; who chose a rhythm gets it, the others are in the test.
    when: { schedule: { every: week, on: tuesday, at: "09:00", among: segments.reader } }
    if: profile.letter_rhythm == "weekly" or experiments.rhythm == "weekly"
    send: { template: letter, expires: 1d }
  - id: letter-biweekly
    when: { schedule: { every: 2w, on: tuesday, at: "09:00", from: 2026-12-01, among: segments.reader } }
    if: profile.letter_rhythm == "biweekly" or experiments.rhythm == "biweekly"
    send: { template: letter, expires: 1d }
"""
EVENTS = """\
version: 1
events:
  changed: { profile: all }
  purchase: { properties: { amount: number } }
profile: { wants_newsletter: boolean, letter_rhythm: string, zone: string }
"""
POLICY = "version: 1\nzone: { default: Europe/Berlin, field: profile.zone }\n"
MAIL = "{% block subject %}News{% endblock %}{% block text %}Dear reader{% endblock %}\n"
JOINED, END = "330d", "357d"
"""2026-11-27 and 2026-12-24; the Tuesdays in between are days 334, 341, 348 and 355, and nine in Berlin is 8h UTC."""
SHARES = {"weekly": 45.0, "biweekly": 45.0, "none": 10.0}


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Stories:
    files = {"newsletter.yaml": NEWSLETTER, "events.yaml": EVENTS, "policy.yaml": POLICY, "letter.email.j2": MAIL}
    return Stories(tmp_path_factory.mktemp("newsletter"), files)


def at(when: str, customer: str = "c-1", **fields: str | bool) -> Event:
    return Event(f"{customer}-{when}", "changed", customer, START + milliseconds(when), fields)


def reader(rhythm: str, **more: str) -> Event:
    return at(JOINED, wants_newsletter=True, letter_rhythm=rhythm, **more)


EVERY_WEEK = ["334d8h letter", "341d8h letter", "348d8h letter", "355d8h letter"]
STORIES = {
    "who chose weekly gets it every Tuesday": ([reader("weekly")], EVERY_WEEK),
    "who chose every second week gets it then": (
        [reader("biweekly")],
        ["334d8h letter-biweekly", "348d8h letter-biweekly"],
    ),
    "nine is nine where the reader lives": (
        [reader("weekly", zone="America/New_York")],
        ["334d14h letter", "341d14h letter", "348d14h letter", "355d14h letter"],
    ),
    "another rhythm holds from the next Tuesday on": (
        [reader("weekly"), at("335d", letter_rhythm="biweekly")],
        ["334d8h letter", "348d8h letter-biweekly"],
    ),
    "who wants no letter any more gets none": (
        [reader("weekly"), at("335d", wants_newsletter=False)],
        ["334d8h letter"],
    ),
    "who joins after nine gets the next one": (
        [at("334d9h", wants_newsletter=True, letter_rhythm="weekly")],
        EVERY_WEEK[1:],
    ),
    "who is no reader gets nothing": ([at(JOINED, wants_newsletter=False, letter_rhythm="weekly")], []),
}


def letters(sim: Simulator) -> list[str]:
    return [f"{span(one.moment)} {one.rule}" for one in sim.outreach]


def test_nothing_is_wrong_with_the_file(stories: Stories) -> None:
    assert [each.human() for each in stories.project.loaded.diagnostics] == []


@pytest.mark.parametrize(
    ("story", "way"),
    [(story, way) for story in STORIES for way in WAYS if not ("after nine" in story and WAYS[way].policy)],
)
def test_the_story_is_the_same_however_it_is_told(stories: Stories, story: str, way: str) -> None:
    events, wanted = STORIES[story]
    assert letters(stories.tell(way, events, END)) == wanted


@pytest.mark.parametrize("way", ["in order", "twice and reloaded"])
def test_who_chose_no_rhythm_gets_what_their_variant_says(stories: Stories, way: str) -> None:
    customers = [f"c-{number}" for number in range(60)]
    sim = stories.tell(way, [at(JOINED, customer, wants_newsletter=True) for customer in customers], END)
    got = Counter((one.customer, one.rule) for one in sim.outreach)
    held_out = {one.customer for one in sim.outcomes if one.outcome is Outcome.HELD_OUT}
    variants = {customer: variant_of(SHARES, "rhythm", customer) for customer in customers}
    assert set(variants.values()) == SHARES.keys()
    for customer, variant in variants.items():
        assert got[customer, "letter"] == (4 if variant == "weekly" else 0)
        assert got[customer, "letter-biweekly"] == (2 if variant == "biweekly" else 0)
        assert (customer in held_out) == (variant == "none")
