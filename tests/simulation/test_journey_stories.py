"""Whole stories of onboarding, win-back and NPS, told in every way."""

import pytest

from engine.core.durations import milliseconds
from engine.core.effects import effect_id
from engine.model import Event, Outcome
from engine.testing import START, Simulator
from tests.support.journeys import loaded, span
from tests.support.stories import WAYS

EVENTS = """\
version: 1
events:
  signup: {}
  login: {}
  site_visit: {}
  project_created: {}
  account_closed: {}
  purchase: { properties: { amount: number, order_id: string } }
  refund: { properties: { order_id: string } }
  delivered: { properties: { order_id: string } }
  survey_answered: { properties: { survey: string, score: integer } }
  ticket_closed: {}
  outreach_clicked: { properties: { outreach: string } }
"""

ONBOARDING = """
    rules:
      - id: onboarding
        when: { event: signup }
        reentry: once
        goal: { event: project_created }
        exit: { event: account_closed }
        steps:
          - send: hello
          - wait: 2d
          - send: nudge
            if: events.login.count("2d") == 0
          - id: look
            wait: { event: outreach_clicked, step: nudge, within: 3d }
            then:
              - send: first_steps
            else:
              - wait: { days: 0, until: "09:00" }
              - send: { template: call_me, channel: sms, purpose: service, expires: 8h }
          - wait: 5d
          - send: tips
"""

WIN_BACK = """
    rules:
      - id: win-back
        when: { inactivity: { of: [purchase, site_visit], for: 14d } }
        if: events.purchase.count() >= 1
        reentry: after 180d
        goal: { event: purchase }
        steps:
          - send: news
          - id: look
            wait: { event: outreach_clicked, step: news, within: 7d }
            then:
              - send: reason
            else:
              - wait: 9d
              - send: question
                if: events.site_visit.count("16d") == 0
          - wait: 30d
          - send: offer
            if: events.purchase.sum("amount") >= 50
          - wait: 11d
          - send: offer_ends
            if: steps.offer.sent
"""

NPS = """
    rules:
      - id: nps
        when: { event: delivered }
        reentry: after 90d
        exit: { event: refund, match: order_id }
        steps:
          - wait: { days: 7, until: "10:00" }
          - send: { template: how_likely, purpose: survey, expires: 3d }
      - id: detractor
        when: { event: survey_answered, where: event.survey == "nps" and event.score <= 6 }
        reentry: after 30d
        goal: { event: ticket_closed }
        purpose: service
        steps:
          - send: { template: detractor_alert, channel: webhook, purpose: transactional }
          - send: sorry
          - wait: 2d
          - send: { template: detractor_escalated, channel: webhook, purpose: transactional }
"""


def happened(at: str, type: str, **properties: object) -> Event:
    return Event(f"{type}-{at}", type, "c-1", START + milliseconds(at), properties)


def click(at: str, rule: str, start: str, step: str) -> Event:
    """A click in the message of a step, of the run with this occurrence."""
    return happened(at, "outreach_clicked", outreach=effect_id(rule, "c-1", start, step))


SIGNED_UP = happened("14h", "signup")
BOUGHT = happened("1h", "purchase", amount=60, order_id="o-1")
SILENT = str(BOUGHT.time)
DELIVERED = happened("9h", "delivered", order_id="o-1")

STORIES = {
    "who does nothing is asked for a call in the morning, and gets tips": (
        ONBOARDING,
        [SIGNED_UP],
        ["0d14h hello", "2d14h nudge", "6d9h call_me", "11d9h tips"],
        "completed",
    ),
    "who clicks gets the first steps at once": (
        ONBOARDING,
        [SIGNED_UP, click("4d", "onboarding", "signup-14h", "nudge")],
        ["0d14h hello", "2d14h nudge", "4d first_steps", "9d tips"],
        "completed",
    ),
    "who logs in is not nudged, and the look at the nudge is passed over": (
        ONBOARDING,
        [SIGNED_UP, happened("1d", "login")],
        ["0d14h hello", "7d14h tips"],
        "completed",
    ),
    "who makes a project hears nothing more": (
        ONBOARDING,
        [SIGNED_UP, happened("3d", "project_created")],
        ["0d14h hello", "2d14h nudge"],
        "goal_reached",
    ),
    "who closes the account hears nothing more": (
        ONBOARDING,
        [SIGNED_UP, happened("1d", "account_closed")],
        ["0d14h hello"],
        "exited",
    ),
    "who lapses and does not look is asked, and gets an offer": (
        WIN_BACK,
        [BOUGHT],
        ["14d1h news", "30d1h question", "60d1h offer", "71d1h offer_ends"],
        "completed",
    ),
    "who looks gets a reason and no question": (
        WIN_BACK,
        [BOUGHT, click("16d", "win-back", SILENT, "news")],
        ["14d1h news", "16d reason", "46d offer", "57d offer_ends"],
        "completed",
    ),
    "who spent little gets no offer, and no reminder of it": (
        WIN_BACK,
        [happened("1h", "purchase", amount=20)],
        ["14d1h news", "30d1h question"],
        "completed",
    ),
    "who buys in the middle of the 30 days is won back": (
        WIN_BACK,
        [BOUGHT, click("16d", "win-back", SILENT, "news"), happened("40d", "purchase", amount=5)],
        ["14d1h news", "16d reason"],
        "goal_reached",
    ),
    "a week after the parcel came, at ten, one question": (
        NPS,
        [DELIVERED, happened("20d", "delivered", order_id="o-2")],
        ["7d10h how_likely"],
        "completed",
    ),
    "the refund of this order takes the question back, and that of another does not": (
        NPS,
        [DELIVERED, happened("1d", "refund", order_id="o-0"), happened("3d", "refund", order_id="o-1")],
        [],
        "exited",
    ),
    "an unhappy customer hears sorry, and the lead hears of it when nobody does anything": (
        NPS,
        [happened("1d", "survey_answered", survey="nps", score=3)],
        ["1d detractor_alert", "1d sorry", "3d detractor_escalated"],
        "completed",
    ),
    "nobody is alarmed when the ticket is closed in time": (
        NPS,
        [happened("1d", "survey_answered", survey="nps", score=3), happened("2d", "ticket_closed")],
        ["1d detractor_alert", "1d sorry"],
        "goal_reached",
    ),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("story", STORIES)
def test_the_story_is_the_same_however_it_is_told(story: str, way: str) -> None:
    rules, events, messages, ending = STORIES[story]
    told = WAYS[way]
    sim = told.tell(Simulator(loaded(rules, told.policy, EVENTS), strict=told.strict), events, "120d")
    assert [f"{span(one.moment)} {one.step}" for one in sim.outreach] == messages
    ends = (Outcome.COMPLETED, Outcome.EXITED, Outcome.GOAL_REACHED)
    assert [one.outcome.value for one in sim.outcomes if one.outcome in ends] == [ending]
