"""A change that was taken back: whom it has written to hears nothing of that again, whatever names it had there."""

import pytest

from engine.core.book import Reentry, RuleBook
from engine.core.triggers.inactivity import Inactivity
from engine.model import Event, Outcome
from engine.worker.context import Rules
from engine.worker.rollout_rules import WHOLE
from tests.support.books import DAY, HOUR, START, Plain, book, event, rule
from tests.support.journeys import OFFER, loaded
from tests.support.rollouts import NEW, OLD, Shop

EVENTS = """\
version: 1
events:
  signup: { properties: { born: date, ends: time }, profile: { birthday: born, trial_ends_at: ends } }
  visit: {}
  cart: {}
  buy: {}
  left: {}
"""
SIGNUP = event("signup", START, customer="ann", born="1990-01-03", ends=START + 4 * DAY)


def named(rules: str, revision: str) -> RuleBook:
    found = loaded(rules, events=EVENTS)
    found.revision = revision
    return found


def shop_of(old: str, new: str) -> Shop:
    return Shop(named(old, OLD), named(new, NEW))


def try_until(shop: Shop, until: int, *events: Event) -> None:
    """Everybody has the new rules until then, and goes back."""
    shop.turn("canary", WHOLE)
    shop.sweep()
    shop.happen(*events)
    shop.until(until)
    shop.turn("back")
    shop.sweep()


def fired(shop: Shop) -> list[str]:
    """Rule and step of each message, and after how many hours it came."""
    return [
        f"{one.step or one.rule} {(one.at - START) // HOUR}h" for one in shop.outcomes if one.outcome is Outcome.FIRED
    ]


@pytest.mark.parametrize("reentry", [Reentry(), Reentry(once=True)])
def test_who_heard_of_their_silence_by_a_renamed_rule_does_not_hear_of_it_by_the_old_one(reentry: Reentry) -> None:
    quiet = rule(Inactivity("quiet", of=frozenset({"visit"}), after=DAY), reentry=reentry)
    silent = rule(Inactivity("silent", of=frozenset({"visit"}), after=20 * HOUR), was=("quiet",), reentry=reentry)
    shop = Shop(book(quiet, revision=OLD), book(silent, revision=NEW))
    shop.happen(event("visit", START, customer="ann"))
    try_until(shop, START + 21 * HOUR)
    shop.until(START + 3 * DAY)
    assert fired(shop) == ["silent 20h"]
    shop.happen(event("visit", START + 4 * DAY, customer="ann"))
    shop.until(START + 6 * DAY)
    assert fired(shop) == ["silent 20h", *([] if reentry.once else ["quiet 120h"])]


@pytest.mark.parametrize(
    ("when", "new", "old", "wanted"),
    [
        ("date: {{ field: profile.birthday, every: year, at: '{}' }}", "09:00", "15:00", ["sooner 57h"]),
        (
            "schedule: {{ every: week, on: saturday, at: '{}', among: true }}",
            "09:00",
            "15:00",
            ["sooner 57h", "r 231h"],
        ),
        ("abandoned: {{ after: cart, without: buy, within: {} }}", "57h", "72h", ["sooner 57h"]),
        ("trial_expiring: {{ in: {} }}", "39h", "24h", ["sooner 57h"]),
    ],
)
def test_what_a_renamed_rule_has_said_is_not_said_by_the_old_one(
    when: str, new: str, old: str, wanted: list[str]
) -> None:
    shop = shop_of(
        f"rules: [{{ id: r, when: {{ {when.format(old)} }}, send: r }}]",
        f"rules: [{{ id: sooner, was: [r], when: {{ {when.format(new)} }}, send: r }}]",
    )
    shop.happen(SIGNUP, event("cart", START, customer="ann"))
    try_until(shop, START + 58 * HOUR)
    shop.until(START + 10 * DAY)
    assert fired(shop) == wanted


JOURNEY = "rules: [{ id: j, when: { event: visit }, reentry: once, exit: { event: left }, %s steps: [%s] }]"


def test_a_step_that_a_renamed_step_has_said_is_passed_over() -> None:
    old = JOURNEY % ("", "{ wait: 3d }, { send: hello }, { wait: 1d }, { send: tips }")
    new = JOURNEY % ("", "{ wait: 1d }, { send: welcome, was: [hello] }, { id: rest, wait: 9d }, { send: tips }")
    shop = shop_of(old, new)
    shop.happen(event("visit", START, customer="ann"))
    try_until(shop, START + 2 * DAY)
    shop.until(START + 9 * DAY)
    assert fired(shop) == ["welcome 24h", "tips 96h"]


def test_a_run_that_the_new_rules_have_ended_says_nothing_twice() -> None:
    shop = shop_of(JOURNEY % ("", "{ wait: 3d }, { send: hello }"), JOURNEY % ("", "{ wait: 1d }, { send: hello }"))
    shop.happen(event("visit", START, customer="ann"))
    try_until(shop, START + 2 * DAY)
    shop.until(START + 9 * DAY)
    assert fired(shop) == ["hello 24h"]


def test_reentry_knows_of_a_run_that_began_before_the_roll_out_and_wrote_within_it() -> None:
    shop = shop_of(JOURNEY % ("", "{ wait: 3d }, { send: hello }"), JOURNEY % ("", "{ wait: 1d }, { send: hello }"))
    shop.happen(event("visit", START, customer="ann"))
    shop.until(START + HOUR)
    try_until(shop, START + 2 * DAY)
    shop.happen(*(event(kind, START + day * DAY, customer="ann") for day, kind in enumerate(("left", "visit"), 2)))
    shop.until(START + 9 * DAY)
    assert fired(shop) == ["hello 24h"]


def test_what_was_said_by_rules_that_the_old_rules_lack_is_not_said_by_a_later_trial() -> None:
    """The rules were there, and were removed: a trial brings them back, and a later one renames what they send."""

    def rules(days: int, step: str, silent: str) -> str:
        journey = JOURNEY % ("", f"{{ wait: {days}d }}, {{ send: {step} }}")
        return f"{journey[:-1]}, {{ id: {silent}, when: {{ inactivity: {{ of: visit, for: {days}d }} }}, send: q }}]"

    shop = shop_of(rules(5, "hello", "q"), rules(1, "hello", "q"))
    shop.happen(event("visit", START, customer="ann"))
    shop.old = Rules(named("rules: []", OLD), Plain())
    try_until(shop, START + 2 * DAY)
    assert fired(shop) == ["hello 24h", "q 24h"]
    shop.new = Rules(named(rules(4, "greet, was: [hello]", "w, was: [q]"), NEW), Plain())
    try_until(shop, START + 9 * DAY)
    assert fired(shop) == ["hello 24h", "q 24h"]


def test_a_goal_is_credited_to_what_the_new_rules_have_sent_under_the_name_that_it_had() -> None:
    goal = "goal: { event: buy },"
    old = JOURNEY % (goal, "{ wait: 3d }, { send: hello }")
    shop = shop_of(old, (JOURNEY % (goal, "{ wait: 1d }, { send: hello }")).replace("id: j", "id: k, was: [j]"))
    shop.happen(event("visit", START, customer="ann"))
    try_until(shop, START + 2 * DAY)
    sent = next(one.outreach for one in shop.outcomes if one.outcome is Outcome.FIRED)
    shop.happen(event("buy", START + 2 * DAY + HOUR, customer="ann"))
    reached = [one for one in shop.outcomes if one.outcome is Outcome.GOAL_REACHED]
    assert [(one.rule, one.outreach) for one in reached] == [("j", sent)]


def test_no_goal_is_credited_to_what_only_the_old_rules_would_have_sent() -> None:
    goal = "goal: { event: buy },"
    old = JOURNEY % (goal, "{ wait: 1d }, { send: hello }")
    shop = shop_of(old, old.replace("1d", "9d"))
    shop.happen(event("visit", START, customer="ann"))
    try_until(shop, START + 2 * DAY)
    shop.happen(event("buy", START + 2 * DAY + HOUR, customer="ann"))
    assert fired(shop) == []
    assert [one for one in shop.outcomes if one.outreach] == []


def test_a_goal_is_credited_once_to_a_run_that_only_the_old_rules_have_ended() -> None:
    goal = "goal: { event: buy },"
    old = JOURNEY % (goal, "{ send: hello }")
    shop = shop_of(old, JOURNEY % (goal, "{ send: hello }, { wait: 9d }, { send: tips }"))
    try_until(shop, START + 2 * DAY, event("visit", START, customer="ann"))
    for hour in (1, 2):
        shop.happen(event("buy", START + 2 * DAY + hour * HOUR, customer="ann"))
    assert fired(shop) == ["hello 0h"]
    (sent,) = (one.outreach for one in shop.outcomes if one.outcome is Outcome.FIRED)
    assert [one.outreach for one in shop.outcomes if one.outcome is Outcome.GOAL_REACHED] == [sent]


def test_a_customer_is_exposed_once_and_only_by_what_was_really_decided() -> None:
    rules = "rules: [{ id: r, when: { event: %s }, if: experiments.offer != null, send: r }]"
    shop = shop_of(OFFER + rules % "visit", OFFER + rules % "cart")
    shop.happen(SIGNUP)
    try_until(shop, START + HOUR, event("visit", START + 1, customer="ann"), event("cart", START + 2, customer="bob"))
    for kind, customer in (("visit", "ann"), ("visit", "bob")):
        shop.happen(event(kind, START + DAY, customer=customer, id=f"again {customer}"))
    exposed = [(one.customer, one.revision) for one in shop.outcomes if one.exposed]
    assert exposed == [("bob", NEW), ("ann", OLD)]
