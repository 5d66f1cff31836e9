"""What may still stop a message, and in which order."""

from datetime import UTC, datetime
from itertools import groupby

import pytest
from hypothesis import given, strategies as st

from engine.core.actions.send import Send
from engine.core.book import Reentry, Rule, RuleBook
from engine.core.policy import Cap, Policy
from engine.core.triggers.date import Date
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.core.zones import Zones
from engine.model import Event, Outreach
from engine.ports import Record
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import DAY, HOUR, OPEN, START, Plain, book, event, profile_is, profile_value, rule
from tests.support.drive import CrashingStore, Customers
from tests.support.examples import examples

BUY = frozenset({"buy"})


def receipt(id: str = "receipt", of: str = "buy", purpose: str = "marketing", **changes: object) -> Rule:
    reentry = changes.pop("reentry", Reentry())
    return rule(OnEvent(id, event=of), action=Send(id, purpose=purpose, **changes), reentry=reentry)  # type: ignore[arg-type]


def buy(hour: float, **properties: object) -> Event:
    return event("buy", START + round(hour * HOUR), **properties)  # type: ignore[arg-type]


def outcomes(rules: RuleBook, *events: Event, until: int = START) -> list[str]:
    return [one.outcome.value for one in Customers(rules).tell(*events).until(until).outcomes]


limits = st.builds(
    lambda limit, window, purpose, channel: Cap(
        limit,
        span=window if isinstance(window, int) else 0,
        calendar=None if isinstance(window, int) else window,
        purpose=purpose,
        channel=channel,
    ),
    st.integers(1, 3),
    st.sampled_from([HOUR, 5 * HOUR, DAY, "day", "week", "month"]),
    st.sampled_from([None, "marketing", "news"]),
    st.sampled_from([None, "email", "push"]),
)
CAPPED = [
    receipt("mail", "buy"),
    receipt("push", "cart", channel="push"),
    receipt("news", "visit", "news"),
    receipt("bill", "subscribed", "transactional"),
    rule(Inactivity("quiet", of=BUY, after=2 * HOUR)),
]
happening = st.lists(
    st.tuples(st.integers(0, 24 * 70), st.sampled_from(["buy", "cart", "visit", "subscribed"])), max_size=60
)


@examples(200)
@given(st.lists(limits, min_size=1, max_size=3), happening, st.booleans())
def test_no_window_ever_holds_more_than_its_cap_allows(
    caps: list[Cap], drawn: list[tuple[int, str]], dense: bool
) -> None:
    policy = Policy(fresh_for=None, caps=tuple(caps))
    moments = [(START + hour * HOUR // (20 if dense else 1), type) for hour, type in sorted(drawn)]
    events = [event(type, moment, id=str(n)) for n, (moment, type) in enumerate(moments)]
    customers = Customers(book(*CAPPED, policy=policy), reload=lambda: True).tell(*events).until(START + 80 * DAY)
    for cap in caps:
        assert _fullest(cap, customers.outreach) <= cap.limit
    bills = [one for one in customers.outreach if one.rule == "bill"]
    assert len(bills) == sum(1 for one in events if one.type == "subscribed")


@examples(100)
@given(limits, happening)
def test_a_message_is_capped_only_if_its_window_is_full(cap: Cap, drawn: list[tuple[int, str]]) -> None:
    events = [event(type, START + hour * HOUR, id=str(n)) for n, (hour, type) in enumerate(sorted(drawn))]
    customers = Customers(book(*CAPPED, policy=Policy(fresh_for=None, caps=(cap,)))).tell(*events)
    for capped in [one for one in customers.outcomes if one.outcome == "capped"]:
        before = [one for one in customers.outreach if one.at <= capped.at]
        assert _in_window(cap, before, capped.at) == cap.limit


def _concerns(cap: Cap, one: Outreach) -> bool:
    if one.purpose == "transactional":
        return False
    return cap.purpose in (None, one.purpose) and cap.channel in (None, one.channel)


def _fullest(cap: Cap, sent: list[Outreach]) -> int:
    return max((_in_window(cap, sent, one.at) for one in sent if _concerns(cap, one)), default=0)


def _in_window(cap: Cap, sent: list[Outreach], at: int) -> int:
    times = [one.at for one in sent if _concerns(cap, one)]
    if cap.span:
        return sum(1 for time in times if at - cap.span < time <= at)
    return sum(1 for time in times if _named(cap, time) == _named(cap, at))


def _named(cap: Cap, at: int) -> tuple[int, ...]:
    local = datetime.fromtimestamp(at / 1000, UTC)
    week = local.isocalendar()
    return {"day": local.timetuple()[:3], "week": (week.year, week.week), "month": (local.year, local.month)}[
        cap.calendar or "day"
    ]


def test_a_calendar_day_is_the_customers_own() -> None:
    daily = Policy(fresh_for=None, caps=(Cap(1, calendar="day"),), zones=Zones("UTC", "zone"))
    told = [event("person", START, zone="Asia/Tokyo"), buy(14), buy(15.5), buy(16)]
    assert outcomes(book(receipt(), policy=daily), *told) == ["fired", "fired", "capped"]


def test_once_means_once_and_after_means_that_long_after_the_last() -> None:
    bought = [buy(0), buy(23), buy(24), buy(47), buy(48)]
    assert outcomes(book(receipt(reentry=Reentry(once=True))), *bought) == ["fired", *["suppressed"] * 4]
    again = ["fired", "suppressed", "fired", "suppressed", "fired"]
    assert outcomes(book(receipt(reentry=Reentry(after=DAY))), *bought) == again


def test_suppression_consent_and_a_missing_address_each_stop_a_message() -> None:
    strict = Policy(
        fresh_for=None,
        consent={"marketing": profile_is("opted_in")},
        suppress={"all": profile_is("bounced"), "marketing": profile_is("unsubscribed")},
        addresses={"email": profile_value("email")},
    )
    rules = book(receipt(), receipt("bill", purpose="transactional"), policy=strict)
    told = (
        Customers(rules)
        .tell(
            buy(0),
            event("person", START + HOUR, email="a@b.example"),
            buy(1),
            event("person", START + 2 * HOUR, opted_in=True),
            buy(2),
            event("person", START + 3 * HOUR, unsubscribed=True),
            buy(3),
            event("person", START + 4 * HOUR, bounced=True),
            buy(4),
        )
        .told()
    )
    assert [one[1] for one in told if one[0] == "receipt"] == ["suppressed", "suppressed", "fired"] + ["suppressed"] * 2
    assert [one[1] for one in told if one[0] == "bill"] == ["suppressed", "fired", "fired", "fired", "suppressed"]


def test_of_what_competes_for_one_instant_the_most_important_wins_then_the_first_in_the_files() -> None:
    rules = book(
        receipt("a"), receipt("b", priority=1), receipt("c", priority=1), policy=Policy(caps=(Cap(2, span=DAY),))
    )
    told = Customers(rules).tell(buy(0)).told()
    assert [one[:2] for one in told] == [("b", "fired"), ("c", "fired"), ("a", "capped")]


def test_timers_of_one_instant_compete_and_what_is_due_earlier_does_not_wait_for_them() -> None:
    rules = book(
        rule(Inactivity("late", of=BUY, after=3 * HOUR), action=Send("late", priority=99)),
        rule(Inactivity("small", of=BUY, after=2 * HOUR)),
        rule(Inactivity("big", of=BUY, after=2 * HOUR), action=Send("big", priority=5)),
        policy=Policy(caps=(Cap(1, span=DAY),)),
    )
    told = Customers(rules).tell(buy(0)).until(START + DAY).told()
    assert [one[:2] for one in told] == [("big", "fired"), ("small", "capped"), ("late", "capped")]


FRESH = Policy()


def test_a_late_event_older_than_it_may_be_sends_nothing() -> None:
    rules = book(receipt(), policy=FRESH)
    assert outcomes(rules, event("visit", START + 72 * HOUR), buy(0)) == ["fired"]
    assert outcomes(rules, event("visit", START + 72 * HOUR + 1), buy(0)) == ["expired"]


def test_expires_of_a_rule_counts_instead_of_the_policys() -> None:
    short, long = (book(receipt(expires=hours * HOUR), policy=FRESH) for hours in (1, 24 * 9))
    assert outcomes(short, event("visit", START + 2 * HOUR), buy(0)) == ["expired"]
    assert outcomes(long, event("visit", START + 9 * DAY), buy(0)) == ["fired"]


def test_a_new_rule_floods_nobody() -> None:
    quiet = rule(Inactivity("quiet", of=BUY, after=14 * DAY))
    customers = Customers(book(policy=FRESH))
    bought = [event("buy", START + n * DAY, customer=f"c{n}") for n in range(30)]
    customers.tell(*bought).until(START + 30 * DAY).meet(book(quiet, policy=FRESH, revision="2" * 12))
    assert customers.until(START + 30 * DAY).fired == [
        (f"c{n}", "quiet", str(START + n * DAY)) for n in (13, 14, 15, 16)
    ]
    assert [one.outcome.value for one in customers.outcomes].count("expired") == 13


@pytest.mark.parametrize("days", [1, 10])
def test_after_a_long_outage_only_what_is_fresh_is_sent(days: int) -> None:
    """Live: wall time decides what is fresh, however the clock catches up."""
    store = CrashingStore()
    rules = book(rule(Inactivity("quiet", of=BUY, after=14 * DAY)), policy=FRESH)
    bought = [event("buy", START + n * HOUR, customer=f"c{n}") for n in range(20)]
    partition = Partition(0, rules, store, Plain(), live=True)
    list(
        partition.process(
            [Arrival(Record("events", 0, n, None), one.time, one) for n, one in enumerate(bought)], START + DAY
        )
    )
    list(partition.advance(START + 15 * DAY, START + (14 + days) * DAY))
    assert len(store.fired()) == (20 if days == 1 else 0)


def test_an_import_of_years_sends_nothing_but_what_is_of_now() -> None:
    store = CrashingStore()
    now = START + 1000 * DAY
    rules = book(receipt(), rule(Inactivity("quiet", of=BUY, after=14 * DAY)), policy=FRESH)
    bought = [event("buy", START + n * DAY) for n in range(0, 1000, 20)]
    partition = Partition(0, rules, store, Plain(), live=True)
    list(partition.process([Arrival(Record("events", 0, n, None), now, one) for n, one in enumerate(bought)], now))
    assert store.fired() == []


def test_a_trial_notice_is_pointless_once_the_trial_has_ended() -> None:
    rules = book(rule(TrialExpiring("trial", before=3 * DAY)))
    assert outcomes(rules, event("trial", START, ends=START + 1)) == ["fired"]
    assert outcomes(rules, event("trial", START, ends=START)) == ["expired"]


def test_a_message_that_cannot_be_written_counts_against_nothing() -> None:
    store = CrashingStore()
    once = receipt("broken", priority=1, reentry=Reentry(once=True))
    rules = book(once, receipt("fine"), policy=Policy(caps=(Cap(1, span=DAY),)))
    partition = Partition(0, rules, store, Plain("broken"))
    [first] = results(partition.process([Arrival(Record("events", 0, 1, None), START, buy(0))]))
    assert [(one.rule, one.outcome.value) for one in first.outcomes] == [("broken", "failed"), ("fine", "capped")]
    partition.renderer = Plain()
    [second] = results(partition.process([Arrival(Record("events", 0, 2, None), START + HOUR, buy(1))]))
    assert [(one.rule, one.outcome.value) for one in second.outcomes] == [("broken", "fired"), ("fine", "capped")]


def test_nobody_gets_two_messages_of_one_occurrence_in_one_decision() -> None:
    rules = book(receipt(), rule(Date("date", field="day")), rule(Inactivity("quiet", of=BUY, after=HOUR)), policy=OPEN)
    customers = Customers(rules).tell(buy(0), event("person", START + 1, day="2026-01-02"), buy(1), buy(2))
    fired = sorted(customers.until(START + 9 * DAY).fired)
    assert [len(list(same)) for _, same in groupby(fired)] == [1] * len(fired)


def test_a_message_that_cannot_be_written_takes_no_other_one_with_it() -> None:
    partition = Partition(0, book(receipt("broken"), receipt("fine"), policy=OPEN), CrashingStore(), Plain("broken"))
    [first] = results(partition.process([Arrival(Record("events", 0, 1, None), START, buy(0))]))
    assert [(one.rule, one.outcome.value) for one in first.outcomes] == [("broken", "failed"), ("fine", "fired")]
