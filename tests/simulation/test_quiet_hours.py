"""Quiet hours hold messages back until the customer's morning, and everything is looked at again then."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from engine.core.actions.send import Send
from engine.core.book import Reentry, Rule, RuleBook
from engine.core.facts import Fact
from engine.core.guards import MAX_DEFERRED_FIRINGS
from engine.core.policy import Cap, Policy, QuietHours
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.core.zones import Zones
from engine.model import Event
from tests.support import oracle
from tests.support.books import DAY, HOUR, START, book, event, expression, rule
from tests.support.drive import Customers
from tests.support.examples import examples

BUY = frozenset({"buy"})
MINUTE = HOUR // 60
NIGHT = QuietHours(21 * 60, 8 * 60)


def policy(*quiet: QuietHours, zone: str = "UTC", **changes: object) -> Policy:
    return Policy(**{"zones": Zones(zone, "zone"), "quiet_hours": quiet or (NIGHT,), "fresh_for": None, **changes})  # type: ignore[arg-type]


def receipt(**changes: object) -> Rule:
    return rule(OnEvent("receipt", event="buy"), **changes)


def instant(text: str, zone: str = "UTC") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def sent_at(rules: RuleBook, *events: Event) -> list[str]:
    customers = Customers(rules).tell(*events).until(START + 900 * DAY)
    return [oracle.iso(one.at) for one in customers.outreach]


@pytest.mark.parametrize(
    ("bought", "sent"),
    [("20:59", "01T20:59"), ("21:00", "02T08:00"), ("23:59", "02T08:00"), ("07:59", "01T08:00"), ("08:00", "01T08:00")],
)
def test_the_night_begins_at_nine_and_ends_at_eight(bought: str, sent: str) -> None:
    rules = book(receipt(), policy=policy())
    assert sent_at(rules, event("buy", instant(f"2026-01-01T{bought}"))) == [f"2026-01-{sent}:00Z"]


@pytest.mark.parametrize(
    ("quiet", "bought", "sent"),
    [
        # 29 March: 02:00 to 03:00 is missing. 25 October: 02:00 to 03:00 comes twice, the first ends at 01:00 UTC.
        (("22:00", "02:30"), "2026-03-29T00:15", "2026-03-29T01:00"),
        (("02:15", "02:45"), "2026-03-29T01:00", "2026-03-29T01:00"),
        (("22:00", "02:30"), "2026-10-25T00:15", "2026-10-25T00:30"),
        (("22:00", "02:30"), "2026-10-25T00:30", "2026-10-25T00:30"),
        (("22:00", "02:30"), "2026-10-25T01:15", "2026-10-25T01:15"),
        (("02:30", "08:00"), "2026-10-25T00:45", "2026-10-25T07:00"),
        (("02:30", "08:00"), "2026-10-25T01:15", "2026-10-25T07:00"),
    ],
)
def test_nights_in_which_clocks_change(quiet: tuple[str, str], bought: str, sent: str) -> None:
    start, end = (int(at[:2]) * 60 + int(at[3:]) for at in quiet)
    rules = book(receipt(), policy=policy(QuietHours(start, end), zone="Europe/Berlin"))
    assert sent_at(rules, event("buy", instant(bought))) == [f"{sent}:00Z"]


quarters = st.integers(0, 95).map(lambda quarter: quarter * 15)


@examples(200)
@given(
    quarters, quarters, st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo"]), st.data()
)
def test_nothing_goes_out_in_a_night_and_what_waited_goes_out_when_it_ends(
    start: int, end: int, zone: str, data: st.DataObject
) -> None:
    """Outside the days on which clocks change, where the test above says what happens."""
    if start == end:
        return
    bought = START + data.draw(st.integers(0, 40 * 24 * 4)) * 15 * MINUTE
    rules = book(receipt(), policy=policy(QuietHours(start, end), zone=zone))
    [one] = Customers(rules).tell(event("buy", bought)).until(bought + 2 * DAY).outreach
    local = _minute(bought, zone)
    night = start <= local < end if start < end else local >= start or local < end
    assert one.at == bought + ((end - local) % 1440 * MINUTE if night else 0)


def _minute(moment: int, zone: str) -> int:
    local = datetime.fromtimestamp(moment / 1000, UTC).astimezone(ZoneInfo(zone))
    return local.hour * 60 + local.minute


def test_the_night_is_the_customers_own() -> None:
    rules = book(receipt(), policy=policy())
    told = [event("person", START, zone="America/New_York"), event("buy", START + HOUR), event("buy", START + 3 * HOUR)]
    assert sent_at(rules, *told) == ["2026-01-01T01:00:00Z", "2026-01-01T13:00:00Z"]


def test_a_zone_that_is_none_counts_as_not_given() -> None:
    told = [event("person", START, zone="Atlantis/Poseidonis"), event("buy", START + 20 * HOUR)]
    assert sent_at(book(receipt(), policy=policy()), *told) == ["2026-01-01T20:00:00Z"]


def test_receipts_come_at_night_too_and_quiet_hours_may_be_for_one_channel_only() -> None:
    night = event("buy", START + 22 * HOUR)
    pushes = policy(QuietHours(21 * 60, 8 * 60, channels=frozenset({"push"})))
    now, later = ["2026-01-01T22:00:00Z"], ["2026-01-02T08:00:00Z"]
    assert sent_at(book(receipt(action=Send("receipt", purpose="transactional")), policy=policy()), night) == now
    assert sent_at(book(receipt(), policy=pushes), night) == now
    assert sent_at(book(receipt(action=Send("receipt", channel="push")), policy=pushes), night) == later


def quiet_at_ten(**changes: object) -> Rule:
    """Comes true at 22:00 of the first day, for somebody who bought at its beginning."""
    return rule(Inactivity("quiet", of=BUY, after=22 * HOUR), **changes)


def told_of(rules: RuleBook, *meanwhile: Event) -> list[tuple[str, str, str]]:
    customers = Customers(rules).tell(event("buy", START), *meanwhile).until(START + 40 * HOUR)
    return customers.told()[1:]


def meanwhile(type: str, **properties: object) -> Event:
    return event(type, START + 26 * HOUR, **properties)  # type: ignore[arg-type]


def test_who_comes_back_overnight_is_not_told_in_the_morning_that_they_were_away() -> None:
    [told] = told_of(book(quiet_at_ten(), policy=policy()), meanwhile("buy"))
    assert told == ("quiet", "suppressed", "no longer true after it was deferred")


def test_who_stays_away_overnight_is_told_in_the_morning() -> None:
    [told] = told_of(book(quiet_at_ten(), policy=policy()), meanwhile("visit"))
    assert told[:2] == ("quiet", "fired")


def test_who_cancels_overnight_hears_nothing() -> None:
    [told] = told_of(book(quiet_at_ten(exits=(Fact("subscribed"),)), policy=policy()), meanwhile("subscribed"))
    assert told == ("quiet", "suppressed", "ended by subscribed")


def test_whose_condition_no_longer_holds_in_the_morning_hears_nothing() -> None:
    wanted = expression("not profile.asleep", lambda scope: not scope.state.profile.get("asleep"))
    [told] = told_of(book(quiet_at_ten(condition=wanted), policy=policy()), meanwhile("person", asleep=True))
    assert told[:2] == ("quiet", "suppressed")


def test_a_cap_that_filled_up_overnight_stops_what_waited() -> None:
    urgent = rule(OnEvent("urgent", event="cart"), action=Send("urgent", channel="push"))
    by_mail = policy(QuietHours(21 * 60, 8 * 60, channels=frozenset({"email"})), caps=(Cap(1, span=DAY),))
    told = told_of(book(quiet_at_ten(), urgent, policy=by_mail), meanwhile("cart"))
    assert [one[:2] for one in told] == [("urgent", "fired"), ("quiet", "capped")]


def test_what_has_expired_by_the_morning_is_not_sent() -> None:
    [told] = told_of(book(quiet_at_ten(action=Send("quiet", expires=6 * HOUR)), policy=policy()))
    assert told[:2] == ("quiet", "expired")


def test_reentry_is_looked_at_again_in_the_morning() -> None:
    rules = book(receipt(reentry=Reentry(once=True)), policy=policy())
    told = [event("buy", START + 22 * HOUR), event("buy", START + 23 * HOUR)]
    assert sent_at(rules, *told) == ["2026-01-02T08:00:00Z"]


def test_a_cart_bought_overnight_is_not_mentioned_in_the_morning_whatever_else_was_bought() -> None:
    cart = rule(Abandoned("cart", after="cart", without=BUY, within=HOUR, match="cart_id"))
    bought = [event("buy", START + hour * HOUR, cart_id=id) for hour, id in ((23, "a"), (26, "b"), (30, "c"))]
    told = [event("cart", START + 21 * HOUR, cart_id="a"), *bought]
    assert sent_at(book(cart, policy=policy()), *told) == []


def test_a_trial_that_moved_overnight_is_not_announced_in_the_morning() -> None:
    trial = rule(TrialExpiring("trial", before=DAY))
    told = [event("trial", START, ends=START + 46 * HOUR), event("trial", START + 26 * HOUR, ends=START + 90 * HOUR)]
    assert sent_at(book(trial, policy=policy()), *told) == ["2026-01-03T18:00:00Z"]


def test_what_waits_in_the_morning_goes_by_priority() -> None:
    first = rule(OnEvent("first", event="buy"))
    second = rule(OnEvent("second", event="buy"), action=Send("second", priority=1))
    rules = book(first, second, policy=policy(caps=(Cap(1, span=DAY),)))
    customers = Customers(rules).tell(event("buy", START + 22 * HOUR)).until(START + 2 * DAY)
    assert [one[:2] for one in customers.told()[2:]] == [("second", "fired"), ("first", "capped")]


def test_two_quiet_hours_in_a_row_both_count() -> None:
    nap = policy(NIGHT, QuietHours(8 * 60, 9 * 60))
    assert sent_at(book(receipt(), policy=nap), event("buy", START + 22 * HOUR)) == ["2026-01-02T09:00:00Z"]


def test_a_flood_of_events_at_night_is_held_back_in_bounds() -> None:
    flood = [event("buy", START + 22 * HOUR + n) for n in range(MAX_DEFERRED_FIRINGS + 50)]
    customers = Customers(book(receipt(), policy=policy())).tell(*flood)
    assert len(customers.states["c-1"].deferred) == MAX_DEFERRED_FIRINGS
    assert [one.outcome.value for one in customers.outcomes].count("suppressed") == 50
    assert len(customers.until(START + 2 * DAY).outreach) == MAX_DEFERRED_FIRINGS
