"""A loyalty club as a shop would write it, told as stories on a virtual clock."""

import pytest

from engine.core.durations import milliseconds
from engine.core.points.view import value
from engine.core.zones import iso
from engine.model import Event
from engine.testing import START
from tests.support.stories import WAYS, Stories

EVENTS = """\
version: 1
events:
  signup: { properties: { referred_by: string, zone: string }, profile: { referred_by: referred_by, zone: zone } }
  purchase: { properties: { amount: number, order_id: string } }
  refund: { properties: { amount: number, order_id: string } }
  reward_taken: { properties: { stars: number } }
  referral_succeeded: { properties: { friend: string } }
"""
POLICY = "version: 1\nzone: { default: Europe/Berlin, field: profile.zone }\n"
LOYALTY = """\
version: 1
defaults: { channel: email, purpose: marketing }

points:
  - id: stars
    why: A star a euro, usable when the goods can no longer come back, gone after a year.
    earn:
      - { event: purchase, points: event.amount, match: order_id, usable_after: 14d }
      - { event: referral_succeeded, points: 200 }
    spend:
      - { event: reward_taken, points: event.stars }
    take_back:
      - { event: refund, match: order_id, points: event.amount, within: 90d }
    expire: { after: 365d, to: end of month }

segments:
  - id: tier
    why: What a year of stars makes of a customer. Up at once, down only at the end of the next year.
    levels:                                      # from the lowest; the highest that holds counts
      bronze: points.stars.earned("365d") >= 100
      silver: points.stars.earned("365d") >= 500
      gold: points.stars.earned("365d") >= 2000
    keep: end of next year

rules:
  - id: tier-up
    when: { segment: tier, moves: up }
    send: tier_up                                # event.old, event.new
  - id: tier-at-risk
    why: Six weeks are enough to do something about it.
    when: { expiring: { ends: segments.tier.kept_until, in: 6w, at: "10:00" } }
    if: segments.tier.next != segments.tier      # what would hold if the year ended now
    send: tier_at_risk
  - id: stars-end
    when: { expiring: { ends: points.stars.expires_at, in: 30d, at: "10:00" } }
    if: points.stars.expiring >= 50
    reentry: after 30d
    send: stars_end

  - id: referral
    why: The friend who brought them is thanked when the return period is over.
    when: { event: purchase, where: events.purchase.count() == 1 }
    if: profile.referred_by != null
    reentry: once
    exit: { event: refund, match: order_id }
    emit: { event: referral_succeeded, to: profile.referred_by, after: 14d, with: { friend: customer.id } }
"""
RISK = "{{ segments.tier }} until {{ (segments.tier.kept_until - 1) | date }}, then {{ segments.tier.next }}"
LAST = "{{ (points.stars.expires_at - 1) | date }}"
TEXTS = {
    "tier_up": "Welcome to {{ event.new }}, {{ segments.tier.missing }} to {{ segments.tier.above }}",
    "tier_at_risk": RISK,
    "stars_end": "{{ points.stars.expiring }} of {{ points.stars.balance }} stars end after " + LAST,
}


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> Stories:
    files = {"events.yaml": EVENTS, "policy.yaml": POLICY, "loyalty.yaml": LOYALTY}
    mails = {
        f"{name}.email.j2": f"{{% block subject %}}{text}{{% endblock %}}{{% block text %}}Dear{{% endblock %}}\n"
        for name, text in TEXTS.items()
    }
    return Stories(tmp_path_factory.mktemp("loyalty"), files | mails)


def at(when: str, type: str, who: str = "anna", **properties: object) -> Event:
    return Event(f"{type}-{when}-{who}", type, who, START + milliseconds(when), properties)


def buys(time: str, amount: float, order: str, who: str = "anna") -> Event:
    return at(time, "purchase", who, amount=amount, order_id=order)


Story = tuple[list[Event], str, list[tuple[str, str, str]], dict[str, int]]
"""What happens, until when; then rule, moment and subject of each message, and the balances at the end."""

CLIMBS: Story = (
    [
        buys("1d", 120.90, "o-1"),
        buys("20d", 450, "o-2"),
        at("40d", "reward_taken", stars=500),
        buys("50d", 1600, "o-3"),
    ],
    "100d",
    [
        ("tier-up", "2026-01-16T00:00:00Z", "Welcome to bronze, 380 to silver"),
        ("tier-up", "2026-02-04T00:00:00Z", "Welcome to silver, 1430 to gold"),
        ("tier-up", "2026-03-06T00:00:00Z", "Welcome to gold, 0 to none"),
    ],
    {"anna": 1670},
)
BUYS_GOLD_AND_SENDS_IT_BACK: Story = (
    [buys("1d", 2500, "o-1"), at("10d", "refund", amount=2500, order_id="o-1"), buys("11d", 150, "o-2")],
    "400d",
    [
        ("tier-up", "2026-01-26T00:00:00Z", "Welcome to bronze, 350 to silver"),
        ("stars-end", "2027-01-02T09:00:00Z", "150 of 150 stars end after January 31, 2027"),
    ],
    {"anna": 0},
)
SENDS_GOLD_BACK_LATE: Story = (
    [buys("1d", 2500, "o-1"), at("60d", "refund", amount=2500, order_id="o-1")],
    "740d",
    [
        ("tier-up", "2026-01-16T00:00:00Z", "Welcome to gold, 0 to none"),
        ("tier-at-risk", "2027-11-20T09:00:00Z", "gold until December 31, 2027, then none"),
    ],
    {"anna": 0},
)
LOSES_STARS_IN_TIME: Story = (
    [buys("1d", 80, "o-1"), buys("45d", 60, "o-2"), at("300d", "reward_taken", stars=100)],
    "500d",
    [("tier-up", "2026-03-01T00:00:00Z", "Welcome to bronze, 360 to silver")],
    {"anna": 0},
)
HEARS_OF_STARS_THAT_END: Story = (
    [buys("1d", 80, "o-1"), buys("45d", 60, "o-2")],
    "500d",
    [
        ("tier-up", "2026-03-01T00:00:00Z", "Welcome to bronze, 360 to silver"),
        ("stars-end", "2027-01-02T09:00:00Z", "80 of 140 stars end after January 31, 2027"),
        ("stars-end", "2027-02-01T09:00:00Z", "60 of 60 stars end after February 28, 2027"),
    ],
    {"anna": 0},
)
KEEPS_THE_TIER: Story = (
    [buys("1d", 150, "o-1"), buys("300d", 150, "o-2"), buys("600d", 150, "o-3"), buys("800d", 20, "o-4")],
    "1100d",
    [
        ("tier-up", "2026-01-16T00:00:00Z", "Welcome to bronze, 350 to silver"),
        ("stars-end", "2027-01-02T09:00:00Z", "150 of 300 stars end after January 31, 2027"),
        ("stars-end", "2027-10-02T08:00:00Z", "150 of 300 stars end after October 31, 2027"),
        ("stars-end", "2028-08-02T08:00:00Z", "150 of 170 stars end after August 31, 2028"),
    ],
    {"anna": 20},
)
BRINGS_A_FRIEND: Story = (
    [
        at("0d", "signup"),
        at("1d", "signup", "ben", referred_by="anna"),
        buys("2d", 40, "o-1", "ben"),
        buys("3d", 40, "o-2", "ben"),
    ],
    "40d",
    [("tier-up", "2026-01-17T00:00:00Z", "Welcome to bronze, 300 to silver")],
    {"anna": 200, "ben": 80},
)
FRIEND_SENDS_IT_BACK: Story = (
    [
        at("0d", "signup"),
        at("1d", "signup", "ben", referred_by="anna"),
        buys("2d", 40, "o-1", "ben"),
        at("5d", "refund", "ben", amount=40, order_id="o-1"),
    ],
    "40d",
    [],
    {"anna": 0, "ben": 0},
)
STORIES = {
    name.lower().replace("_", " "): value
    for name, value in globals().items()
    if name.isupper() and type(value) is tuple
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_the_club_treats_its_members_as_promised(stories: Stories, story: Story, way: str) -> None:
    events, until, expected, balances = story
    sim = stories.tell(way, events, until)
    assert [one.outcome.value for one in sim.outcomes if one.outcome.value == "failed"] == []
    assert [(one.rule, iso(one.moment), one.subject) for one in sim.outreach] == expected
    zone = sim.book.policy.zones.default
    assert {who: value(sim.states[who], "stars", "balance", sim.now, zone) for who in balances} == balances
