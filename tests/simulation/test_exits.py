"""What ends a rule before it comes true, per customer or per value of a property, in any order of arrival."""

import pytest

from engine.core.actions.send import Send
from engine.core.book import RuleBook
from engine.core.durations import milliseconds
from engine.core.exits import MAX_MATCHED_EXITS
from engine.core.expr import compile_expression
from engine.core.expression import Needs, Reads
from engine.core.facts import Fact
from engine.core.policy import Policy, QuietHours
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.inactivity import Inactivity
from engine.core.zones import iso
from engine.model import Event, Outcome
from engine.testing import Simulator
from tests.support.books import DAY, HOUR, OPEN, START, book, event, profile_value, rule
from tests.support.drive import Customers
from tests.support.journeys import EVENTS, loaded

EXITS = (Fact("subscribed", match="cart_id"),)
NEEDS = Needs(Reads(event=True))


def carts(policy: Policy = OPEN) -> RuleBook:
    trigger = Abandoned(
        "cart", after="cart", without=frozenset({"buy"}), within=HOUR, match="cart_id", keeps_event=True,
        slack=policy.allowed_lateness,
    )  # fmt: skip
    return book(rule(trigger, exits=EXITS, needs=NEEDS), policy=policy)


def begun(minute: int, cart: str) -> Event:
    return event("cart", START + minute * 60_000, cart_id=cart)


def ended(minute: int, cart: str) -> Event:
    return event("subscribed", START + minute * 60_000, cart_id=cart)


def occurrences(customers: Customers) -> list[str]:
    return [one.occurrence.partition("@")[0] for one in customers.outreach]


def test_an_exit_with_match_ends_only_what_it_is_about() -> None:
    there = Customers(carts()).tell(begun(0, "a"), begun(5, "b"), ended(10, "a")).until(START + DAY)
    assert occurrences(there) == ["b"]


def test_an_exit_that_arrives_before_what_it_ends_still_ends_it() -> None:
    policy = Policy(fresh_for=None, allowed_lateness=DAY)
    there = Customers(carts(policy)).tell(ended(10, "a"), begun(5, "b"), begun(0, "a")).until(START + 3 * DAY)
    assert occurrences(there) == ["b"]


def test_an_exit_ends_nothing_that_began_after_it() -> None:
    there = Customers(carts()).tell(ended(10, "a"), begun(20, "a")).until(START + DAY)
    assert occurrences(there) == ["a"]


def test_an_exit_takes_back_only_its_own_message_out_of_quiet_hours() -> None:
    policy = Policy(fresh_for=None, quiet_hours=(QuietHours(0, 12 * 60),))
    there = Customers(carts(policy)).tell(begun(0, "a"), begun(5, "b"), ended(120, "a")).until(START + DAY)
    assert occurrences(there) == ["b"]
    stopped = [(one.outcome, one.reason) for one in there.outcomes if one.outcome is Outcome.SUPPRESSED]
    assert stopped == [(Outcome.SUPPRESSED, "ended by subscribed")]


@pytest.mark.parametrize("count", [MAX_MATCHED_EXITS + 20])
def test_a_customer_with_many_exits_keeps_a_small_state(count: int) -> None:
    there = Customers(carts()).tell(*(ended(minute, f"cart-{minute}") for minute in range(count)))
    assert len(there.states["c-1"].rules["cart"].exits) == MAX_MATCHED_EXITS


def test_an_expression_knows_the_customer_it_is_asked_about() -> None:
    mine = compile_expression('customer.id == "c-2"', carts().catalog, frozenset())[0]
    trigger = Inactivity("quiet", of=frozenset({"visit"}), after=DAY)
    there = Customers(book(rule(trigger, action=Send("quiet"), condition=mine)))
    there.tell(event("visit", START), event("visit", START, customer="c-2")).until(START + 2 * DAY)
    assert [one.customer for one in there.outreach] == ["c-2"]


def consents(**by_channel: str) -> Policy:
    return Policy(
        fresh_for=None, consent={"marketing": {channel: profile_value(field) for channel, field in by_channel.items()}}
    )


@pytest.mark.parametrize(
    ("channel", "told"),
    [("email", True), ("sms", False), ("push", False)],
)
def test_consent_to_one_channel_is_none_to_another(channel: str, told: bool) -> None:
    trigger = Inactivity("quiet", of=frozenset({"visit"}), after=DAY)
    rules = book(rule(trigger, action=Send("quiet", channel)), policy=consents(email="email_ok", sms="sms_ok"))
    there = Customers(rules).tell(event("person", START, email_ok=True), event("visit", START)).until(START + 2 * DAY)
    assert bool(there.outreach) is told


SEGMENTS = "[{ id: active, if: events.visit.count('2d') >= 1 }, { id: buyers, if: events.buy.count() >= 1 }]"


@pytest.mark.parametrize("late", ["0s", "5s"])
@pytest.mark.parametrize(
    ("happens", "when", "exit_", "does", "sent"),
    [
        # What a purchase begins is not ended by the purchase itself, nor by the move that it brings.
        ("buy", "{ abandoned: { after: buy, without: visit, within: 1h } }", "{ segment: buyers }", "send: x", "1h"),
        ("buy", "{ inactivity: { of: [buy, visit], for: 3d } }", "{ event: buy }", "send: x", "3d"),
        ("buy", "{ event: buy }", "{ segment: buyers }", "steps: [{ wait: 1h }, { send: x }]", "1h"),
        # A segment is left in the same millisecond in which the silence is long enough, and before it.
        ("visit", "{ inactivity: { of: visit, for: 2d } }", "{ segment: active, moves: out }", "send: x", ""),
        ("visit", "{ inactivity: { of: visit, for: 1d } }", "{ segment: active, moves: out }", "send: x", "1d"),
    ],
)
def test_what_an_event_begins_is_not_ended_by_it_and_a_move_comes_before_what_is_due_with_it(
    happens: str, when: str, exit_: str, does: str, sent: str, late: str
) -> None:
    rules = f"segments: {SEGMENTS}\nrules: [{{ id: r, when: {when}, exit: {exit_}, {does} }}]\n"
    there = Simulator(loaded(rules), strict=True)
    there.event(happens, "0s", arrives=late)
    there.run("9d")
    assert [one.at - there.start for one in there.outreach] == ([milliseconds(sent)] if sent else [])


@pytest.fixture
def at_night() -> Simulator:
    """It is night until eight; a buyer is written to unless the order is sent back."""
    rules = "rules: [{ id: r, when: { event: buy }, exit: { event: refund, match: order_id }, send: note }]"
    return Simulator(loaded(rules, 'quiet_hours: { from: "00:00", to: "08:00" }'))


def test_what_the_night_would_hold_is_not_held_where_its_exit_is_known_before_it(at_night: Simulator) -> None:
    at_night.event("refund", "2h", order_id="a")
    at_night.event("buy", "1h", arrives="3h", order_id="a")
    at_night.event("buy", "1h", arrives="3h", order_id="b")
    at_night.run("1d")
    assert [one.event and one.event.properties["order_id"] for one in at_night.outreach] == ["b"]


def test_an_exit_that_arrives_late_takes_back_nothing_held_that_began_after_it(at_night: Simulator) -> None:
    at_night.event("buy", "2h", order_id="a")
    at_night.event("refund", "1h", arrives="3h", order_id="a")
    at_night.run("1d")
    assert [one.at for one in at_night.outreach] == [at_night.moment("8h")]


@pytest.mark.parametrize(("happens", "arrives", "told"), [("2h", "3h", 0), ("1h", "3h", 0), ("59m", "3h", 1)])
def test_what_the_night_holds_is_ended_by_what_happens_from_its_own_moment_on(
    at_night: Simulator, happens: str, arrives: str, told: int
) -> None:
    at_night.event("buy", "1h", order_id="a")
    at_night.event("refund", happens, arrives=arrives, order_id="a")
    at_night.run("1d")
    assert len(at_night.outreach) == told


def test_a_silence_that_the_night_holds_is_ended_by_what_happened_within_it() -> None:
    """The exit is late: when it happened the silence had begun, and was not yet long enough."""
    rules = "rules: [{ id: r, when: { inactivity: { of: visit, for: 1d } }, exit: { event: buy }, send: note }]"
    there = Simulator(loaded(rules, 'quiet_hours: { from: "00:00", to: "08:00" }'))
    there.event("visit", "1h")
    there.event("buy", "2h", arrives="1d3h")
    there.run("9d")
    assert there.outreach == []


def test_of_two_exits_about_the_same_the_newer_one_counts_in_whatever_order_they_come() -> None:
    policy = Policy(fresh_for=None, allowed_lateness=DAY)
    there = Customers(carts(policy)).tell(ended(30, "a"), ended(10, "a"), begun(20, "a")).until(START + 3 * DAY)
    assert there.outreach == []


SILENCE = "rules: [{ id: r, when: { inactivity: { of: visit, for: 1d } }, exit: { event: closed }, send: note }]"
NIGHT = 'quiet_hours: { from: "00:00", to: "08:00" }\n'


@pytest.mark.parametrize(("closed", "sent"), [("1h", ["8h"]), ("3h", []), ("26h", [])])
def test_a_silence_that_the_night_holds_is_ended_by_what_came_after_its_beginning_only(
    closed: str, sent: list[str]
) -> None:
    there = Simulator(loaded(SILENCE, NIGHT), strict=True)
    there.event("visit", "2h")
    there.event("closed", closed, arrives="27h")
    there.run("9d")
    assert [one.at for one in there.outreach] == [there.moment(f"1d{at}") for at in sent]


@pytest.mark.parametrize(("closed", "sent"), [("27h", []), ("1h", ["35h"])])
def test_what_the_night_would_hold_is_not_held_either_where_lateness_lets_its_exit_come_first(
    closed: str, sent: list[str]
) -> None:
    there = Simulator(loaded(SILENCE, NIGHT + "allowed_lateness: 3h\n"), strict=True)
    there.event("visit", "2h")
    there.event("closed", closed)
    there.run("9d")
    assert [one.at for one in there.outreach] == [there.moment(at) for at in sent]


def test_what_was_before_a_date_was_told_ends_nothing_that_it_makes_come_true_at_once() -> None:
    events = EVENTS + "  person: { properties: { day: date }, profile: { day: day } }\n  told: {}\n"
    rule = (
        "{ id: r, when: { date: { field: profile.day } }, exit: { event: closed }, emit: { event: told, after: 1d } }"
    )
    there = Simulator(loaded(f"rules: [{rule}]", events=events), strict=True)
    there.event("closed", "10h")
    there.event("person", "12h", day=iso(there.start)[:10])
    there.run("9d")
    assert [one.outcome for one in there.outcomes] == [Outcome.DEFERRED, Outcome.EMITTED]


@pytest.mark.parametrize(
    ("rule", "outcomes"),
    [
        ("when: { event: visit }, exit: { event: closed }, emit: { event: kept, after: 9d }", [Outcome.SUPPRESSED]),
        ("when: { inactivity: { of: visit, for: 2d } }, exit: { event: closed }, send: note", []),
    ],
)
def test_the_exit_of_a_rule_that_an_edit_puts_in_counts_from_the_beginning(rule: str, outcomes: list[Outcome]) -> None:
    events = EVENTS + "  kept: {}\n"
    before = loaded("rules: [{ id: other, when: { event: buy }, send: note }]", events=events)
    there = Simulator(before, strict=True)
    there.event("closed", "2h")
    there.run("3h")
    there.adopt(loaded(f"rules: [{{ id: r, {rule} }}]", events=events))
    there.event("visit", "1h", arrives="4h")
    there.run("30d")
    assert [one.outcome for one in there.outcomes] == outcomes
