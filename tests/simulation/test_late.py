"""What comes late, or comes again: particular histories that are easy to get wrong."""

from datetime import time

import pytest

from engine.core.book import RuleBook
from engine.core.facts import Fact
from engine.core.policy import Policy
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.base import Trigger
from engine.core.triggers.date import Date
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.core.zones import Zones
from engine.model import Event
from tests.support.books import DAY, HOUR, START, book, event, rule
from tests.support.drive import Customers

MINUTE = HOUR // 60
PATIENT = Policy(fresh_for=None, allowed_lateness=3 * HOUR)
BUY = frozenset({"buy"})


def at(hours: float, type: str, **properties: object) -> Event:
    return event(type, START + round(hours * HOUR), **properties)  # type: ignore[arg-type]


def occurrences(customers: Customers) -> list[str]:
    return [one.occurrence for one in customers.outreach]


def carts(policy: Policy = PATIENT, match: str | None = None) -> RuleBook:
    slack = policy.allowed_lateness
    trigger = Abandoned("cart", after="cart", without=BUY, within=HOUR, match=match, slack=slack)
    return book(rule(trigger), policy=policy)


def test_a_late_cart_is_settled_by_the_purchase_right_after_it_whatever_was_bought_later() -> None:
    customers = Customers(carts()).tell(at(1, "buy"), at(2.5, "buy"), at(0.9, "cart")).until(START + DAY)
    assert customers.fired == []


def test_a_late_cart_that_nobody_bought_is_still_reminded_of() -> None:
    customers = Customers(carts()).tell(at(1, "buy"), at(3.2, "buy"), at(1.1, "cart")).until(START + DAY)
    assert occurrences(customers) == [str(START + round(1.1 * HOUR))]


def test_a_cart_that_comes_later_than_allowed_is_not_reminded_of_once_something_was_bought() -> None:
    impatient = carts(Policy(fresh_for=None))
    customers = Customers(impatient).tell(at(1, "buy"), at(2.5, "buy"), at(0.9, "cart")).until(START + DAY)
    assert customers.fired == []


def test_an_open_cart_is_not_forgotten_over_many_that_were_bought() -> None:
    open_cart = at(0, "cart", cart_id="open")
    others = [at(0.001 * n, kind, cart_id=f"{n}", id=f"{kind}{n}") for n in range(1, 60) for kind in ("cart", "buy")]
    customers = Customers(carts(Policy(fresh_for=None), "cart_id")).tell(open_cart, *others).until(START + DAY)
    assert occurrences(customers) == [f"open@{START}"]


def test_a_cart_of_number_zero_is_a_cart() -> None:
    customers = Customers(carts(Policy(fresh_for=None), "cart_id")).tell(at(0, "cart", cart_id=0)).until(START + DAY)
    assert occurrences(customers) == [f"0@{START}"]


@pytest.mark.parametrize("late", [1, 1.5])
def test_a_late_visit_makes_no_silence_where_one_right_after_it_is_known(late: float) -> None:
    """An exit ended the later one's silence at 8.5, when that of the late one would have been over."""
    quiet = Inactivity("quiet", of=frozenset({"visit"}), after=6 * HOUR, slack=12 * HOUR)
    policy = Policy(fresh_for=None, allowed_lateness=12 * HOUR)
    said = [at(3, "visit"), at(8.5, "subscribed"), at(9, "visit"), at(late, "visit")]
    customers = Customers(book(rule(quiet, exits=(Fact("subscribed"),)), policy=policy)).tell(*said)
    assert occurrences(customers.until(START + 2 * DAY)) == [str(START + 9 * HOUR)]


def test_many_silences_that_exits_have_ended_take_no_room() -> None:
    quiet = Inactivity("quiet", of=frozenset({"visit"}), after=30 * DAY, slack=DAY)
    policy = Policy(fresh_for=None, allowed_lateness=DAY)
    customers = Customers(book(rule(quiet, exits=(Fact("subscribed"),)), policy=policy))
    customers.tell(*(at(hour, "visit" if hour % 2 else "subscribed") for hour in range(200)))
    assert len(customers.states["c-1"].timers("quiet")) <= 2


def trial_book(policy: Policy = PATIENT, **changes: object) -> RuleBook:
    return book(rule(TrialExpiring("trial", before=5 * HOUR), **changes), policy=policy)


def test_a_trial_that_moves_away_and_back_is_announced_once() -> None:
    said = [at(0, "trial", ends=START + 4 * HOUR), at(1, "trial", ends=START + 99 * HOUR)]
    back = [at(2, "trial", ends=START + 4 * HOUR)]
    customers = Customers(trial_book(Policy(fresh_for=None))).tell(*said, *back).until(START + DAY)
    assert occurrences(customers) == [str(START + 4 * HOUR)]


@pytest.mark.parametrize(("ends", "announced"), [(None, []), (99 * HOUR, [99 * HOUR])])
def test_a_trial_that_was_withdrawn_or_prolonged_while_lateness_holds_its_announcement_is_not_announced(
    ends: int | None, announced: list[int]
) -> None:
    """Nor where older news comes in that still says so."""
    news = [
        at(0, "trial", ends=START + 10 * HOUR),
        at(7, "trial", ends=ends and START + ends),
        at(4.5, "trial", id="late", ends=START + 10 * HOUR),
    ]
    customers = Customers(trial_book()).tell(*news).until(START + 5 * DAY)
    assert occurrences(customers) == [str(START + end) for end in announced]


def test_a_late_cancellation_counts_although_a_later_one_is_known() -> None:
    cancels = trial_book(exits=(Fact("subscribed"),))
    news = [at(0, "trial", ends=START + 10 * HOUR), at(6, "subscribed"), at(4, "subscribed")]
    assert Customers(cancels).tell(*news).until(START + DAY).fired == []


NEW_YEAR = {True: "1990-01-01", False: "2026-01-01"}
"""What comes round at 2026-01-01, every year or once."""


def birthday(yearly: bool, policy: Policy = PATIENT, hour: int = 9, **changes: object) -> RuleBook:
    trigger = Date("birthday", field="birthday", yearly=yearly, at=time(hour), zones=Zones("UTC", "zone"))
    return book(rule(trigger, **changes), policy=policy, revision=f"{hour:012}")


@pytest.mark.parametrize("yearly", [True, False])
def test_a_date_that_was_put_right_while_lateness_holds_the_greeting_comes_true_on_the_day_that_is_right(
    yearly: bool,
) -> None:
    right = NEW_YEAR[yearly].replace("-01-01", "-01-03")
    news = [at(0, "person", birthday=NEW_YEAR[yearly]), at(10, "person", birthday=right)]
    customers = Customers(birthday(yearly)).tell(*news).until(START + 9 * DAY)
    assert occurrences(customers) == ["2026-01-03"]


@pytest.mark.parametrize("yearly", [True, False])
@pytest.mark.parametrize("hour", [9, 10])
def test_a_date_told_again_while_late_events_are_awaited_comes_true_once(yearly: bool, hour: int) -> None:
    news = [at(0, "person", birthday=NEW_YEAR[yearly]), at(hour, "person", birthday=NEW_YEAR[yearly])]
    customers = Customers(birthday(yearly)).tell(*news).until(START + 2 * DAY)
    assert occurrences(customers) == ["2026-01-01"]


@pytest.mark.parametrize("yearly", [True, False])
def test_a_date_that_has_come_is_kept_although_older_news_comes_in(yearly: bool) -> None:
    news = [at(hour, "person", birthday=NEW_YEAR[yearly]) for hour in (0, 10, 8)]
    customers = Customers(birthday(yearly)).tell(*news).until(START + 2 * DAY)
    assert occurrences(customers) == ["2026-01-01"]


@pytest.mark.parametrize("yearly", [True, False])
@pytest.mark.parametrize("hour", [8, 11, 20])
def test_a_greeting_that_lateness_holds_comes_at_the_hour_that_an_edit_gives_it(yearly: bool, hour: int) -> None:
    """As one does of which nothing has been heard since it was due."""
    customers = Customers(birthday(yearly)).tell(at(0, "person", birthday=NEW_YEAR[yearly]), at(10, "person"))
    customers.meet(birthday(yearly, hour=hour)).until(START + 2 * DAY)
    assert [(one.moment - START) // HOUR for one in customers.outreach] == [hour]


def test_a_date_told_again_after_it_was_cancelled_stays_cancelled() -> None:
    cancels = birthday(False, Policy(fresh_for=None), exits=(Fact("subscribed"),))
    news = [
        at(0, "person", birthday="2026-01-02"),
        at(1, "subscribed"),
        at(2, "person", birthday="2026-01-02"),
        at(3, "person", zone="Europe/Berlin"),
    ]
    assert Customers(cancels).tell(*news).until(START + 3 * DAY).fired == []


def receipts(dedupe: int) -> RuleBook:
    return book(rule(OnEvent("receipt", event="buy")), policy=Policy(fresh_for=None, dedupe=dedupe))


def test_without_dedupe_every_event_counts_whatever_its_id() -> None:
    same = at(0, "buy")
    assert len(Customers(receipts(0)).tell(same, same, same).fired) == 3


def test_an_id_counts_again_once_the_dedupe_window_has_passed() -> None:
    again = [at(hours, "buy", id="same") for hours in (0, 23, 24, 25)]
    assert len(Customers(receipts(DAY)).tell(*again).fired) == 2


def trigger_kinds() -> list[Trigger]:
    return [
        Abandoned("cart", after="cart", without=BUY, within=HOUR),
        TrialExpiring("trial", before=HOUR),
        Date("birthday", field="birthday"),
    ]


@pytest.mark.parametrize("trigger", trigger_kinds(), ids=lambda trigger: trigger.kind)
def test_no_kind_fires_for_a_customer_it_knows_nothing_of(trigger: Trigger) -> None:
    customers = Customers(book(rule(trigger))).tell(at(0, "visit"), at(1, "buy"), at(2, "person", name="Ann"))
    assert customers.until(START + 900 * DAY).fired == []
