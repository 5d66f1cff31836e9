"""Coupons as customers meet them: one code for a run, from its first message that shows it; another for the next."""

import re
from pathlib import Path

import msgspec
import pytest

from engine.backtest.customer import CustomerRun
from engine.core.coupons import TEST_SECRET
from engine.core.decide import decide
from engine.core.durations import milliseconds
from engine.core.state.codec import decode_state, encode_state
from engine.model import Event, Outcome
from engine.ports import OUTREACH
from engine.testing import START
from engine.wire.derived import DERIVED
from engine.worker.turns import entries_of
from tests.support.backtests import How, by_customer, by_partition, careful, lines_of
from tests.support.coupons import RULES, SHOWN, shop, shown, told

DAY = milliseconds("1d")
OTHER = "another secret, as after a rotation"


def test_the_reminder_shows_the_code_of_the_first_message_and_when_it_ends(tmp_path: Path) -> None:
    sim = shop(tmp_path).simulator(strict=True)
    sim.event("came", "1h")
    sim.run("30d")
    first, reminder = map(shown, sim.outreach)
    assert first == reminder
    assert re.fullmatch(r"GIFT-[A-Z2-7]{10}", first[0])
    assert first[1] == sim.outreach[0].at + 14 * DAY
    assert [(one["code"], one["valid_until"]) for one in told(sim)] == [first]


def test_another_customer_and_another_run_have_other_codes(tmp_path: Path) -> None:
    sim = shop(tmp_path).simulator()
    for day in (0, 20):
        for customer in ("ann", "bob"):
            sim.event("came", f"{day}d", customer=customer)
    sim.run("60d")
    assert len(sim.outreach) == 8
    assert len({shown(one)[0] for one in sim.outreach}) == 4


def test_the_shop_is_told_whose_the_code_is_and_the_outcome_keeps_it(tmp_path: Path) -> None:
    sim = shop(tmp_path).simulator()
    sim.event("came", "0d", customer="ann")
    sim.run("30d")
    outreach = sim.outreach[0]
    code, until = shown(outreach)
    (event,) = (one for one in sim.derived if one.type == "coupon_issued")
    assert (event.customer, event.time) == ("ann", outreach.at)
    issued = {"coupon": "gift", "code": code, "valid_until": until, "rule": "welcome", "outreach": outreach.id}
    assert event.properties == issued
    of_steps = {one.step: one.coupons for one in sim.outcomes if one.outcome is Outcome.FIRED}
    assert {id_: (one.code, one.valid_until) for id_, one in of_steps["gift"].items()} == {"gift": (code, until)}
    assert of_steps["ends"] == {}


def test_a_message_that_does_not_show_the_code_issues_none(tmp_path: Path) -> None:
    texts = {"gift": "Hello{% if profile.name == 'Ann' %} " + SHOWN + "{% endif %}", "ends": SHOWN}
    sim = shop(tmp_path, texts=texts).simulator()
    sim.event("came", "0d", customer="bob", name="Bob")
    sim.run("30d")
    assert shown(sim.outreach[1])[1] == START + 25 * DAY
    assert [one["outreach"] for one in told(sim)] == [sim.outreach[1].id]


def test_a_message_that_fails_issues_nothing_and_the_next_one_does(tmp_path: Path) -> None:
    sim = shop(tmp_path, texts={"gift": SHOWN + "{{ 1 / 0 }}", "ends": SHOWN}).simulator(strict=True)
    sim.event("came", "0d")
    sim.run("30d")
    assert [one.outcome for one in sim.outcomes if one.step == "gift"] == [Outcome.FAILED]
    (reminder,) = sim.outreach
    assert shown(reminder)[1] == START + 25 * DAY
    assert len(told(sim)) == 1


def test_a_step_a_minute_later_stands_in_for_one_that_failed(tmp_path: Path) -> None:
    steps = "steps: [{ send: gift }, { wait: 1m }, { send: ends, if: not steps.gift.sent }]"
    rules = ONE_MESSAGE.replace("send: gift", steps)
    sim = shop(tmp_path, rules=rules, texts={"gift": "{{ 1 / 0 }}", "ends": SHOWN}).simulator(strict=True)
    sim.event("came", "0d")
    sim.run("1d")
    assert [one.step for one in sim.outreach] == ["ends"]


ONE_MESSAGE = """\
version: 1
coupons:
  - { id: gift, code: "GIFT-{10}", valid: 14d }
rules:
  - { id: welcome, when: { event: came }, send: gift }
"""


def test_what_quiet_hours_hold_counts_from_when_it_is_sent(tmp_path: Path) -> None:
    policy = 'quiet_hours: { from: "22:00", to: "08:00", purposes: marketing }'
    sim = shop(tmp_path, rules=ONE_MESSAGE, policy=policy, texts={"gift": SHOWN}).simulator(strict=True)
    sim.event("came", "1h")
    sim.run("2h")
    assert told(sim) == []
    sim.run("1d")
    assert shown(sim.outreach[0])[1] == START + milliseconds("8h") + 14 * DAY
    assert len(told(sim)) == 1


ENDS_FIRST = ONE_MESSAGE.replace("valid: 14d", "valid: 1d")


@pytest.mark.parametrize(
    ("fresh_for", "text", "ends"), [("3d", SHOWN, "1d"), ("off", SHOWN, "1d"), ("6h", SHOWN, "6h"), ("3d", "Hi", "3d")]
)
def test_a_message_is_not_sent_when_its_code_has_ended(tmp_path: Path, fresh_for: str, text: str, ends: str) -> None:
    policy = f"fresh_for: {fresh_for}"
    sim = shop(tmp_path, rules=ENDS_FIRST, policy=policy, texts={"gift": text}).simulator(strict=True)
    sim.event("came", "0d")
    assert [one.expires_at for one in sim.outreach] == [START + milliseconds(ends)]


def test_a_reminder_is_not_sent_when_the_code_has_ended_nor_held_back_by_one_that_ended_before(tmp_path: Path) -> None:
    """The code of the first message ends in the middle of the last day of the second one, and before the third."""
    steps = "steps: [{ send: gift }, { wait: 2d }, { send: ends }, { wait: 3d }, { send: over }]"
    rules = ONE_MESSAGE.replace("14d", "4d").replace("send: gift", steps)
    sim = shop(tmp_path, rules=rules, texts=dict.fromkeys(("gift", "ends", "over"), SHOWN)).simulator(strict=True)
    sim.event("came", "0d")
    sim.run("9d")
    assert [one.expires_at - START for one in sim.outreach] == [3 * DAY, 4 * DAY, 8 * DAY]


def test_who_is_held_out_gets_no_code(tmp_path: Path) -> None:
    sim = shop(tmp_path, rules=ONE_MESSAGE, policy="holdout: 50%", texts={"gift": SHOWN}).simulator()
    for number in range(40):
        sim.event("came", "0d", customer=f"c-{number}")
    held = {one.customer for one in sim.outcomes if one.outcome is Outcome.HELD_OUT}
    assert 0 < len(held) < 40
    assert len(told(sim)) == 40 - len(held)


def test_a_new_secret_changes_no_code_of_a_run_that_has_one(tmp_path: Path) -> None:
    project = shop(tmp_path)
    sim = project.simulator()
    sim.event("came", "0d")
    sim.run("5d")
    sim.renderer = project.signing(OTHER).renderer
    sim.event("came", "6d", customer="bob")
    sim.run("30d")
    first, of_bob, reminder, _ = map(shown, sim.outreach)
    assert reminder == first
    again = project.simulator()
    again.event("came", "6d", customer="bob")
    again.run("7d")
    assert shown(again.outreach[0])[0] != of_bob[0]


def test_new_names_and_another_form_change_no_code_of_a_run_that_has_one(tmp_path: Path) -> None:
    project = shop(tmp_path)
    sim = project.simulator(strict=True)
    sim.event("came", "0d")
    sim.run("5d")
    rules = RULES.replace('id: gift, code: "GIFT-{10}"', 'id: present, was: [gift], code: "P-{12}"')
    rules = rules.replace("id: welcome", "id: hello\n    was: [welcome]").replace("14d", "3d")
    texts = {name: SHOWN.replace("gift", "present") for name in ("gift", "ends")}
    changed = shop(tmp_path, rules=rules, texts=texts)
    sim.renderer = changed.renderer
    sim.adopt(changed.book)
    sim.run("30d")
    first, reminder = map(shown, sim.outreach)
    assert first == reminder
    assert len(told(sim)) == 1


def test_the_last_messages_of_a_run_show_its_code_though_nothing_is_left_to_wait_for(tmp_path: Path) -> None:
    rules = RULES.replace("      - wait: 11d\n", "")
    sim = shop(tmp_path, rules=rules).simulator(strict=True)
    sim.event("came", "0d")
    assert len(sim.outreach) == 2
    assert shown(sim.outreach[0]) == shown(sim.outreach[1])
    assert len(told(sim)) == 1


def test_the_same_decision_made_again_makes_the_same_code(tmp_path: Path) -> None:
    """As after a kill before the commit, or by another worker."""
    codes: set[str] = set()
    for _ in range(2):
        sim = shop(tmp_path).simulator()
        sim.event("came", "0d", id="e-7", arrives=f"{len(codes)}s")
        codes.add(shown(sim.outreach[0])[0])
    assert codes == {shown(sim.outreach[0])[0]}


def test_rules_may_start_from_an_issued_code_and_count_them(tmp_path: Path) -> None:
    rules = """
        version: 1
        coupons: [{ id: gift, code: "GIFT-{10}", valid: 14d }]
        rules:
          - { id: welcome, when: { event: came }, if: events.coupon_issued.count("30d") == 0, send: gift }
          - { id: thanks, when: { event: coupon_issued }, send: { template: thanks, channel: email } }
          - when: { inactivity: { of: coupon_issued, for: 14d } }
            id: unused
            send: unused
    """
    texts = {"gift": SHOWN, "thanks": "{{ event.code }} is yours", "unused": "{{ events.coupon_issued.last.code }}"}
    sim = shop(tmp_path, rules=rules, texts=texts).simulator(strict=True)
    sim.event("came", "0d")
    sim.event("came", "20d")
    sim.run("40d")
    code, _ = shown(sim.outreach[0])
    assert [(one.rule, one.text.partition(" ")[0]) for one in sim.outreach] == [
        ("welcome", code), ("thanks", code), ("unused", code),
    ]  # fmt: skip


def test_a_customer_with_a_code_is_as_inactive_as_without_one(tmp_path: Path) -> None:
    sim = shop(tmp_path, rules=ONE_MESSAGE, texts={"gift": SHOWN}, policy="forget_after: 10d").simulator()
    sim.event("came", "0d")
    sim.run("11d")
    assert sim.states == {}


def test_a_run_keeps_its_code_in_few_bytes_and_without_a_coupon_none(tmp_path: Path) -> None:
    sizes = []
    for texts in ({"gift": "Hi", "ends": SHOWN}, {"gift": SHOWN, "ends": SHOWN}):
        sim = shop(tmp_path, texts=texts).simulator()
        sim.event("came", "0d")
        state = sim.states["c-1"]
        state.events.pop("coupon_issued", None)
        state.seen = {}
        sizes.append(len(encode_state(state)))
    assert 0 < sizes[1] - sizes[0] <= 40
    (run,) = decode_state(encode_state(state)).rules["welcome"].runs
    assert run.coupons["gift"].code == shown(sim.outreach[0])[0]


@pytest.mark.parametrize("secret", [TEST_SECRET, OTHER])
def test_no_two_of_many_customers_have_the_same_code(tmp_path: Path, secret: str) -> None:
    coupon = shop(tmp_path).book.catalog.coupons["gift"]
    codes = {coupon.code(secret, f"{number:032x}") for number in range(20_000)}
    assert len(codes) == 20_000
    letters = {char for code in codes for char in code.removeprefix("GIFT-")}
    assert letters == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def test_codes_stay_what_they_are(tmp_path: Path) -> None:
    """By openssl: printf 'coupon\\0gift\\0%032d' 0 | openssl dgst -sha256 -mac HMAC -macopt key:… -binary | base32."""
    coupon = shop(tmp_path).book.catalog.coupons["gift"]
    assert coupon.code("a secret of sixteen", "0" * 32) == "GIFT-LNDEBLP6JM"


@pytest.mark.parametrize("how", [CustomerRun.of, careful], ids=["quickly", "carefully"])
def test_a_backtest_makes_the_codes_that_a_replay_makes(tmp_path: Path, how: How) -> None:
    project = shop(tmp_path / "shop")
    events = [Event(f"e-{n}", "came", f"c-{n % 7}", START + n * DAY, {"name": "Ann"}) for n in range(60)]
    wanted = by_partition(project.book, project.renderer, events, START + 90 * DAY)
    decided = by_customer(project.book, project.renderer, events, START + 90 * DAY, tmp_path, how)
    assert lines_of(decided) == wanted
    assert sum(b'"coupons"' in line for line in wanted.outcomes) == len(wanted.outreach) / 2 > 20


def test_a_message_too_large_for_its_topic_issues_nothing(tmp_path: Path) -> None:
    project = shop(tmp_path, rules=ONE_MESSAGE, texts={"gift": SHOWN + " {{ profile.name }}"})
    decision = decide(project.book, None, Event("e", "came", "ann", START, {"name": "A" * 900}), START)
    assert entries_of(project.book, decision, project.renderer, 1_000, START) == []
    assert [one.outcome for one in decision.outcomes] == [Outcome.FAILED]
    assert decision.state is not None
    assert "coupon_issued" not in decision.state.events


def test_the_shop_reads_of_it_in_a_topic_when_the_policy_says_so(tmp_path: Path) -> None:
    project = shop(tmp_path, rules=ONE_MESSAGE, texts={"gift": SHOWN}, policy="publish: [coupon_issued]")
    decision = decide(project.book, None, Event("e", "came", "ann", START), START)
    outreach, told = entries_of(project.book, decision, project.renderer, 10_000, START)
    code, _ = shown(decision.outreach[0])
    event = msgspec.json.decode(told.value)
    assert (outreach.destination, told.destination, told.key) == (OUTREACH, DERIVED, "ann")
    assert (event["type"], event["customer"], event["because_of"]) == ("coupon_issued", "ann", "ann")
    until = "2026-01-15T00:00:00Z"
    issued = {"coupon": "gift", "code": code, "valid_until": until, "rule": "welcome", "outreach": outreach.id}
    assert event["properties"] == issued
