"""`engine show`: a journey as a picture, in the terminal and as SVG."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from engine.cli.show import drawing, lines
from engine.testing import load_project
from tests.support.journeys import EVENTS, journey, loaded

STEPS = """
    - send: hello
    - wait: { days: 2, until: "10:00" }
    - id: look
      wait: { event: outreach_clicked, step: hello, within: 3d }
      then: [{ send: first_steps }, stop]
      else:
        - if: events.visit.count() < 1
          then: [{ send: { template: call_me, channel: sms, purpose: service } }]
    - { id: last, send: tips, if: steps.hello.sent }
"""
PICTURE = """\
j

● begins with event: signup
│
✉ hello  email, marketing
│
◷ hello.wait  2 days until 10:00
│
◷ look  for outreach_clicked about hello, at most 3d
├─ then: outreach_clicked came
│  │
│  ✉ first_steps  email, marketing
│  │
│  ■ the journey is over
├─ else: it did not within 3d
│  │
│  ? events.visit.count() < 1
│  ├─ then: it holds
│  │  │
│  │  ✉ call_me  sms, service
│
✉ last  template tips, email, marketing  if steps.hello.sent
│
● completed

goal: buy ends it at once, and counts
exit: closed ends it at once"""


def test_a_journey_is_drawn_in_the_terminal_with_its_branches_waits_and_ends() -> None:
    [rule] = journey(STEPS, "goal: { event: buy }\nexit: { event: closed }").rules
    assert rule.action.journey is not None
    assert "\n".join(lines(rule, rule.action.journey)) == PICTURE


def test_what_ends_a_run_is_drawn_with_its_condition_and_whose_run_it_ends() -> None:
    [rule] = journey(
        "- send: hello",
        """
match: order_id
goal: { event: closed }
exit: [{ event: refund, match: order_id }, { event: buy, where: event.amount > 0 }]
""",
        when="{ event: buy }",
    ).rules
    assert rule.action.journey is not None
    picture = lines(rule, rule.action.journey)
    assert "● begins with event: buy, one run for each order_id" in picture
    assert picture[-3:] == [
        "goal: closed ends it at once, and counts",
        "exit: refund, of the same order_id, ends it at once",
        "exit: buy where event.amount > 0 ends it at once",
    ]


def test_a_journey_that_follows_a_date_is_not_said_to_begin_with_the_zone() -> None:
    text = "rules: [{ id: j, when: { date: { field: profile.since } }, steps: [{ send: hello }] }]"
    [rule] = loaded(text, "zone: { default: UTC, field: profile.plan }", f"{EVENTS}profile: {{ since: date }}\n").rules
    assert rule.action.journey is not None
    assert "● begins with date: since" in lines(rule, rule.action.journey)


@pytest.mark.parametrize("sign", ["<", "&"])
def test_the_svg_is_xml_with_a_box_for_each_step_and_branch(sign: str) -> None:
    text = STEPS if sign == "<" else STEPS.replace("events.visit.count() < 1", "profile.plan == '&'")
    [rule] = journey(text).rules
    assert rule.action.journey is not None
    tree = ElementTree.fromstring(drawing(rule, rule.action.journey))
    space = "{http://www.w3.org/2000/svg}"
    assert len(tree.findall(f"{space}rect")) == 12, "the background, seven steps, a stop, and three heads of branches"
    assert any(sign in (one.text or "") for one in tree.findall(f"{space}text"))


def test_the_journey_of_the_page_and_its_picture_are_those_of_the_example() -> None:
    shop = Path(__file__).parents[2]
    rule = load_project(shop / "rules", shop / "templates").book.by_id["first-record"]
    assert rule.action.journey is not None
    assert drawing(rule, rule.action.journey) == (shop / "docs/pictures/first-record.svg").read_text("utf-8")
    shown = (shop / "docs/journeys.md").read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(shown) == yaml.safe_load((shop / "rules/onboarding.yaml").read_text("utf-8"))["rules"]
