"""The trigger `score`: each customer is reached in the second in which their own rhythm says that they are leaving."""

from collections import defaultdict
from functools import cache
from itertools import pairwise
from random import Random
from zoneinfo import ZoneInfo

import pytest

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.core.actions.send import Send
from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog, EventType
from engine.core.policy import Policy
from engine.core.scores import ScoreModel
from engine.core.state.codec import encode_state
from engine.core.state.days import days_of, unpack
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.score import Score
from engine.model import Event
from tests.support import shop_history as shop
from tests.support.books import DAY, HOUR, START, event
from tests.support.drive import Customers, through_crashes
from tests.support.falling_scores import falls_at

UTC = ZoneInfo("UTC")
MODEL = ParetoNbd(0.553277, 10.577684, 0.606240, 11.668731)
"""As fitted to the tenth of CDNOW."""
STERNER = ParetoNbd(0.553277, 8.0, 1.2, 11.668731)
"""Another fit, by which customers leave sooner."""
SCORES = ScoreModel("buy", UTC, MODEL, 1)
END = 899_251_200_000
"""1998-07-01T00:00:00Z, when the data of CDNOW end."""


def score_book(
    scores: ScoreModel | None = SCORES, below: float = 0.5, within: int = 0, slack: int = 0, **changes: object
) -> RuleBook:
    policy = Policy(fresh_for=None, allowed_lateness=slack)
    name = "buys_within" if within else "alive"
    trigger = Score("leaving", scores=scores, score=name, within=within, below=below, slack=slack)
    rule = Rule("leaving", trigger, Send("leaving"), arming=f"{name} {within} {below}", **changes)  # type: ignore[arg-type]
    return RuleBook(
        (rule,), Catalog(events={"buy": EventType("buy"), "visit": EventType("visit")}, scores=scores), policy
    )


@cache
def purchases() -> tuple[Event, ...]:
    """The tenth of CDNOW, each purchase at some second of its day, in order."""
    clock = Random(16)
    found = [
        event(
            "buy", int(one.at.timestamp()) * 1000 + clock.randrange(86_400) * 1000, customer=one.customer, id=f"b-{n}"
        )
        for n, one in enumerate(shop.purchases())
    ]
    return tuple(sorted(found, key=lambda one: one.time))


@cache
def silences(model: ParetoNbd, within: int = 0) -> list[tuple[str, str, int]]:
    """(customer, the purchase it follows, when the score falls below) of each silence that is long enough."""
    bought: dict[str, list[int]] = defaultdict(list)
    for one in purchases():
        bought[one.customer].append(one.time)
    below = 0.2 if within else 0.5
    found = []
    for customer, times in bought.items():
        for count, (last, following) in enumerate(pairwise([*times, END + 1]), start=1):
            longest = (following - last) // 1000
            moment = falls_at(model, times[:count], below, within, longest=longest)
            if moment and moment < following:
                found.append((customer, str(last), moment))
    return sorted(found)


def test_every_customer_of_the_shop_is_reached_in_the_second_that_a_bisection_gives() -> None:
    customers = Customers(score_book()).tell(*purchases()).until(END)
    told = sorted((one.customer, one.occurrence, one.moment) for one in customers.outreach)
    assert told == silences(MODEL)
    assert len(told) > 1_000
    assert all(one.at == one.moment for one in customers.outreach)


def test_the_chance_of_a_purchase_within_39_weeks_falls_in_the_second_that_a_bisection_gives() -> None:
    customers = Customers(score_book(below=0.2, within=39 * 7 * DAY)).tell(*purchases()).until(END)
    told = sorted((one.customer, one.occurrence, one.moment) for one in customers.outreach)
    assert told == silences(MODEL, 39 * 7 * DAY)


def test_a_worker_that_is_killed_again_and_again_reaches_each_of_them_once() -> None:
    fired = through_crashes(Random(16), score_book(), purchases(), END, most=59)
    assert sorted((customer, occurrence) for customer, _, occurrence in fired) == [
        (customer, occurrence) for customer, occurrence, _ in silences(MODEL)
    ]


def test_saved_and_reloaded_states_and_repeated_events_change_nothing() -> None:
    twice = [same for one in purchases()[::3] for same in (one, one)]
    once = Customers(score_book()).tell(*purchases()[::3]).until(END)
    again = Customers(score_book(), reload=lambda: True).tell(*twice).until(END)
    assert again.fired == once.fired


def test_a_purchase_disarms_the_timer_and_the_next_silence_fires_by_the_new_rhythm() -> None:
    first = START + 10 * HOUR
    due = falls_at(MODEL, [first])
    assert due
    again = due - 1
    after = falls_at(MODEL, [first, again])
    assert after
    customers = Customers(score_book()).tell(event("buy", first), event("buy", again))
    assert customers.until(after - 1).outreach == []
    assert [one.moment for one in customers.until(after).outreach] == [after]
    assert len(customers.until(after + 3 * 365 * DAY).outreach) == 1


def test_several_purchases_of_a_day_are_one_and_the_silence_begins_after_the_last() -> None:
    moments = [START + 10 * HOUR, START + 12 * HOUR, START + 23 * HOUR]
    due = falls_at(MODEL, moments)
    assert due == falls_at(MODEL, moments[2:])
    assert due
    customers = Customers(score_book()).tell(*(event("buy", moment) for moment in moments)).until(due)
    assert [one.moment for one in customers.outreach] == [due]


def test_the_days_are_those_of_the_shops_zone() -> None:
    scores = ScoreModel("buy", ZoneInfo("America/New_York"), MODEL, 1)
    evening = START + 28 * HOUR  # in UTC on two days, in New York on one
    due = falls_at(MODEL, [evening])
    assert due
    customers = Customers(score_book(scores)).tell(event("buy", START + 20 * HOUR), event("buy", evening)).until(due)
    assert [one.moment for one in customers.outreach] == [due]


@pytest.mark.parametrize("late_by", [40 * DAY, 3 * DAY])
def test_a_purchase_that_arrives_late_counts_as_if_it_had_come_in_time(late_by: int) -> None:
    first, last = START, START + 100 * DAY
    late = event("buy", last - late_by)
    due = falls_at(MODEL, [first, late.time, last])
    assert due
    customers = Customers(score_book(below=0.5)).tell(
        event("buy", first), event("buy", last), event("visit", last + DAY)
    )
    customers.tell(late).until(due)
    assert customers.outreach[-1].moment == due


def test_a_late_purchase_within_the_lateness_still_prevents_the_message() -> None:
    first = START
    due = falls_at(MODEL, [first])
    assert due
    customers = Customers(score_book(slack=2 * DAY)).tell(event("buy", first), event("visit", due + DAY))
    customers.tell(event("buy", due - HOUR)).until(due + 3 * DAY)
    assert customers.outreach == []


def test_a_silence_that_was_long_enough_waits_for_the_lateness_and_fires_though_a_purchase_followed() -> None:
    due = falls_at(MODEL, [START])
    assert due
    customers = Customers(score_book(slack=2 * DAY)).tell(event("buy", START), event("buy", due + HOUR))
    assert [one.moment for one in customers.until(due + 2 * DAY).outreach] == [due]


def test_a_new_fit_moves_the_timers_and_fires_nothing_that_it_has_put_into_the_past() -> None:
    sterner = ScoreModel("buy", UTC, STERNER, 2)
    times = {f"c-{n}": START + n * HOUR for n in range(200)}
    early = {customer: falls_at(STERNER, [time]) or 0 for customer, time in times.items()}
    now = sorted(early.values())[100] + 1
    customers = (
        Customers(score_book()).tell(*(event("buy", time, customer=one) for one, time in times.items())).until(now)
    )
    assert customers.fired == []
    customers.meet(score_book(sterner)).until(max(early.values()))
    assert {one.customer: one.moment for one in customers.outreach} == {
        customer: moment for customer, moment in early.items() if moment > now
    }


def test_who_was_reached_for_a_silence_is_not_reached_again_by_a_fit_that_falls_later() -> None:
    sterner = ScoreModel("buy", UTC, STERNER, 2)
    customers = Customers(score_book(sterner)).tell(event("buy", START)).until(START + 365 * DAY)
    assert len(customers.fired) == 1
    assert len(customers.meet(score_book()).until(START + 5 * 365 * DAY).fired) == 1
    customers.tell(event("buy", START + 6 * 365 * DAY)).until(START + 16 * 365 * DAY)
    assert len(customers.fired) == 2


def test_what_came_true_while_the_worker_was_down_fires_although_it_comes_back_with_a_new_fit() -> None:
    due = falls_at(MODEL, [START])
    assert due
    customers = Customers(score_book()).tell(event("buy", START))
    customers.clock = due + HOUR
    customers.meet(score_book(ScoreModel("buy", UTC, STERNER, 2)))
    assert [one.moment for one in customers.outreach] == [due]


def test_a_silence_that_a_purchase_ended_does_not_fire_beside_an_earlier_one_that_lateness_holds() -> None:
    bought = [START]
    due = falls_at(MODEL, bought)
    assert due
    bought += [due + DAY, due + 2 * DAY]
    customers = Customers(score_book(slack=30 * DAY)).tell(*(event("buy", time) for time in bought))
    assert [one.moment for one in customers.until(due + 2_000 * DAY).outreach] == [due, falls_at(MODEL, bought)]


def test_a_purchase_that_comes_late_takes_back_a_silence_that_lateness_holds() -> None:
    due = falls_at(MODEL, [START])
    assert due
    late, bought = due - DAY, [START, due + DAY]
    customers = Customers(score_book(slack=30 * DAY)).tell(*(event("buy", time) for time in (*bought, late)))
    found = [one.moment for one in customers.until(due + 2_000 * DAY).outreach]
    assert found == [falls_at(MODEL, sorted([*bought, late]))]


def test_customers_who_were_there_before_the_first_fit_are_met_by_the_rule() -> None:
    moments = [START, START + 40 * DAY]
    due = falls_at(MODEL, moments)
    assert due
    customers = Customers(score_book(None)).tell(*(event("buy", moment) for moment in moments))
    assert customers.meet(score_book()).until(due - 1).fired == []
    assert [one.moment for one in customers.until(due).outreach] == [due]


def test_without_a_fit_nobody_is_reached_and_timers_of_an_earlier_one_go() -> None:
    customers = Customers(score_book()).tell(event("buy", START)).meet(score_book(None)).until(START + 900 * DAY)
    assert customers.outcomes == []


def test_a_customer_who_is_always_alive_has_no_timer() -> None:
    bg = ScoreModel("buy", UTC, BgNbd(0.242595, 4.413602, 0.792922, 2.425907), 3)
    customers = Customers(score_book(bg)).tell(event("buy", START)).until(START + 3_000 * DAY)
    assert customers.fired == []
    assert customers.states["c-1"].timers("leaving") == []


def test_the_mark_of_no_rule_changes_with_a_fit_but_customers_meet_it() -> None:
    before, after = score_book(), score_book(ScoreModel("buy", UTC, STERNER, 2))
    assert before.marks == after.marks
    assert before.mark != after.mark


def test_a_score_timer_takes_no_more_room_than_one_of_inactivity_and_a_few_bytes_for_the_days() -> None:
    quiet = Rule("leaving", Inactivity("leaving", of=frozenset({"buy"}), after=14 * DAY), Send("leaving"))
    plain = RuleBook((quiet,), Catalog(events={"buy": EventType("buy")}), Policy(fresh_for=None))
    told = [event("buy", START + n * 9 * DAY, id=f"{n}") for n in range(4)]
    sizes = [len(encode_state(Customers(book).tell(*told).states["c-1"])) for book in (score_book(), plain)]
    assert sizes[0] - sizes[1] <= 30


def test_customers_of_one_kind_share_the_computation_of_the_moment() -> None:
    asked = 0

    class Counted(ParetoNbd):
        def alive(self, history: PurchaseHistory) -> float:
            nonlocal asked
            asked += 1
            return ParetoNbd.alive(self, history)

    scores = ScoreModel("buy", UTC, Counted(*(getattr(MODEL, name) for name in ("r", "alpha", "s", "beta"))), 1)
    told = [event("buy", START + n, customer=f"c-{n}") for n in range(10_000)]
    Customers(score_book(scores)).tell(*told)
    assert asked < 20


def test_a_daily_customer_keeps_few_days_and_knows_them_all() -> None:
    times = [START + n * DAY for n in range(200)]
    customers = Customers(score_book()).tell(*(event("buy", time) for time in times))
    due = falls_at(MODEL, times)
    assert [timer.due for timer in customers.states["c-1"].timers("leaving")] == [due]
    memory = customers.states["c-1"].events["buy"]
    assert unpack(days_of(memory)) == [200, 199, *[1] * 15]
    assert len(encode_state(customers.states["c-1"])) < 260


def test_all_customers_of_a_rule_are_reached_for_the_same_reason_so_that_a_store_keeps_it_once() -> None:
    told = [event("buy", START + n * HOUR, customer=f"c-{n}") for n in range(50)]
    customers = Customers(score_book()).tell(*told).until(START + 400 * DAY)
    assert len(customers.outcomes) == 50
    assert {one.reason for one in customers.outcomes} == {"scores.alive has fallen below 0.5"}
