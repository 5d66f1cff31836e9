"""Tiers, subscribers and activated members as a shop would write them, told as stories on a virtual clock."""

import pytest

from engine.core.durations import milliseconds
from engine.model import Event
from engine.testing import Simulator
from tests.support.books import DAY, HOUR, START
from tests.support.stories import WAYS, Stories

EVENTS = """\
version: 1
events:
  signup: { properties: { opt_in: boolean, zone: string }, profile: { email_opt_in: opt_in, zone: zone } }
  preferences_changed: { properties: { opt_in: boolean }, profile: { email_opt_in: opt_in } }
  purchase: { properties: { amount: number, order_id: string } }
  project_created: {}
  invite_sent: {}
"""
POLICY = "version: 1\nzone: { default: Europe/Berlin, field: profile.zone }\n"
RULES = """\
version: 1
defaults: { channel: email, purpose: marketing }

segments:
  - id: tier
    why: What a year of purchases makes of a customer. Up at once, down only at the end of the next year.
    levels:
      bronze: events.purchase.sum("amount", "365d") >= 100
      silver: events.purchase.sum("amount", "365d") >= 500
      gold: events.purchase.sum("amount", "365d") >= 2000
    keep: end of next year
  - { id: subscriber, if: profile.email_opt_in }
  - { id: activated, if: events.project_created.count() >= 1 and events.invite_sent.count() >= 2 }
  - { id: at_risk, if: segments.tier.next < segments.tier and segments.subscriber }

rules:
  - { id: tier-up, when: { segment: tier, moves: up }, send: note }
  - { id: tier-down, when: { segment: tier, moves: down }, send: note }
  - id: welcome
    when: { segment: subscriber }
    reentry: once
    send: note
  - id: nudge
    why: Members who have made nothing a week after they came get one hint; who unsubscribes gets none.
    when: { inactivity: { of: signup, for: 7d } }
    exit: [{ segment: activated }, { segment: subscriber, moves: out }]
    send: note
  - { id: tier-at-risk, when: { segment: at_risk }, send: note }
"""
NOTE = "{% block subject %}{{ segments.tier }}{% endblock %}{% block text %}Dear customer{% endblock %}\n"


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Stories:
    files = {"events.yaml": EVENTS, "policy.yaml": POLICY, "rules.yaml": RULES, "note.email.j2": NOTE}
    return Stories(tmp_path_factory.mktemp("segments"), files)


def at(when: str, type: str, **properties: object) -> Event:
    return Event(f"{type}-{when}", type, "c-1", START + milliseconds(when), properties)


def told(sim: Simulator) -> list[tuple[str, str]]:
    """What was sent, by the moment at which it came true."""
    return [(_when(one.moment - START), one.rule) for one in sim.outreach]


def _when(moment: int) -> str:
    day, rest = divmod(moment, DAY)
    return f"{day}d{rest // HOUR}h" if rest else f"{day}d"


STORIES = {
    "a customer rises at once, keeps the tier for the next year, and falls to what a year of purchases is worth": (
        [at("10d", "purchase", amount=120), at("40d", "purchase", amount=450), at("700d", "purchase", amount=300)],
        "1200d",
        [("10d", "tier-up"), ("40d", "tier-up"), ("729d23h", "tier-down")],
        [("tier", "up", 10 * DAY), ("tier", "up", 40 * DAY), ("tier", "down", 730 * DAY - HOUR)],
    ),
    "who earns the tier again within its time keeps it for another two years": (
        [at("10d", "purchase", amount=600), at("400d", "purchase", amount=700), at("750d", "purchase", amount=1)],
        "1094d",
        [("10d", "tier-up")],
        [("tier", "up", 10 * DAY)],
    ),
    "a year ends where the customer is": (
        [at("0d", "signup", zone="America/New_York", opt_in=False), at("10d", "purchase", amount=120)],
        "731d",
        [("7d", "nudge"), ("10d", "tier-up"), ("730d5h", "tier-down")],
        [("tier", "up", 10 * DAY), ("tier", "down", 730 * DAY + 5 * HOUR)],
    ),
    "consent starts the welcome, not the sign-up, and a second consent does not welcome again": (
        [
            at("0d", "signup", opt_in=False),
            at("1d", "preferences_changed", opt_in=True),
            at("3d", "preferences_changed", opt_in=False),
            at("9d", "preferences_changed", opt_in=True),
        ],
        "20d",
        [("1d", "welcome")],
        [("subscriber", "in", DAY), ("subscriber", "out", 3 * DAY), ("subscriber", "in", 9 * DAY)],
    ),
    "who has invited two colleagues gets no hint, whatever came first": (
        [
            at("0d", "invite_sent"),
            at("1h", "signup", opt_in=True),
            at("2d", "invite_sent"),
            at("3d", "project_created"),
        ],
        "20d",
        [("0d1h", "welcome")],
        [("subscriber", "in", HOUR), ("activated", "in", 3 * DAY)],
    ),
    "a subscriber whose tier is only kept is told that it is at risk when the purchases leave the year": (
        [at("0d", "signup", opt_in=True), at("1d", "purchase", amount=150)],
        "700d",
        [("0d", "welcome"), ("1d", "tier-up"), ("7d", "nudge"), ("366d", "tier-at-risk")],
        [("subscriber", "in", 0), ("tier", "up", DAY), ("at_risk", "in", 366 * DAY)],
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", STORIES)
def test_a_story_has_one_end_however_it_is_told(stories: Stories, name: str, way: str) -> None:
    events, until, sent, moves = STORIES[name]
    sim = stories.tell(way, events, until)
    assert [(move.segment, move.moves, move.at - START) for move in sim.moves] == moves
    assert told(sim) == sent
