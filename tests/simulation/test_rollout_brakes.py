"""When a roll-out goes back by itself: its rules send more than was said, fail, or bring complaints."""

from collections.abc import Callable, Sequence

import msgspec
import pytest

from engine.core.book import Rule, RuleBook
from engine.core.catalog import Catalog
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.model import Outcome
from engine.ports import Counts, Limits, Meta, Rollout
from engine.worker.rollout_brakes import MAX_NEW_FAILURES, MIN_OUTREACH_JUDGED, reason_to_go_back
from engine.worker.rollout_rules import WHOLE
from tests.support.books import CATALOG, HOUR, START, book, event, rule
from tests.support.rollouts import HALF, NEW, OLD, PEOPLE, QUIET, RECEIPT, Shop, opened


def reason(shop: Shop, limits: Limits) -> str:
    meta = shop.store.meta(0)
    assert meta.rollout is not None
    rollout = msgspec.structs.replace(meta.rollout, limits=limits)
    return reason_to_go_back([msgspec.structs.replace(meta, rollout=rollout)], rollout)


def buying(times: int) -> Callable[[Shop], None]:
    def happen(shop: Shop) -> None:
        for place in range(times):
            shop.happen(*(event("buy", START + (place + 1) * HOUR, customer=one) for one in PEOPLE))

    return happen


@pytest.mark.parametrize(
    ("times", "failing", "limits", "wanted"),
    [
        (4, (), Limits({"receipt": (0, 400 * 24)}), ""),
        (4, (), Limits({"receipt": (0, 400)}), "receipt has sent"),
        (4, (), Limits(), "receipt has sent"),
        (1, (), Limits(), ""),
        (1, (), Limits(most=5), "messages were sent, and 5 are allowed"),
        (1, ("receipt",), Limits(), "could not be made, and 0 with the old rules"),
    ],
)
def test_a_rule_that_sends_far_more_than_its_plan_says_or_that_fails_is_a_reason_to_go_back(
    times: int, failing: Sequence[str], limits: Limits, wanted: str
) -> None:
    shop = opened(RECEIPT, share=400, failing=failing)
    buying(times)(shop)
    assert wanted in reason(shop, limits)
    assert bool(wanted) == bool(reason(shop, limits))


@pytest.mark.parametrize(
    "receipt", [RECEIPT, rule(OnEvent("thanks", event="buy"), was=("receipt",))], ids=["the same", "another name"]
)
def test_what_the_live_rules_would_have_sent_too_is_no_reason(receipt: Rule) -> None:
    shop = Shop(book(RECEIPT, revision=OLD), book(receipt, QUIET, revision=NEW))
    shop.happen(*(event("visit", START, customer=one) for one in PEOPLE))
    shop.turn("canary")
    buying(3)(shop)
    rollout = shop.store.meta(0).rollout
    assert rollout is not None
    assert rollout.counts is not None
    assert rollout.counts.sent == rollout.counts.without
    assert sum(rollout.counts.sent.values()) > 3 * MIN_OUTREACH_JUDGED
    assert reason(shop, Limits()) == ""


def test_what_is_due_at_once_when_customers_meet_a_shorter_wait_counts_too() -> None:
    soon = rule(Inactivity("quiet", of=frozenset({"visit"}), after=HOUR))
    shop = Shop(book(QUIET, revision=OLD), book(soon, revision=NEW))
    shop.happen(*(event("visit", START, customer=one) for one in PEOPLE))
    shop.until(START + 5 * HOUR)
    shop.turn("canary")
    shop.sweep()
    fired = sum(one.outcome is Outcome.FIRED for one in shop.outcomes)
    rollout = shop.store.meta(0).rollout
    assert rollout is not None
    assert rollout.counts is not None
    assert fired == len(shop.have_new()) > MIN_OUTREACH_JUDGED
    assert (rollout.counts.sent, rollout.counts.without) == ({"quiet": fired}, {})
    assert "quiet has sent" in reason(shop, Limits())


def test_what_one_partition_has_taken_back_the_others_take_back_too() -> None:
    rollout = Rollout(OLD, NEW, HALF, at=7)
    gone = msgspec.structs.replace(rollout, phase="back", reason="too much")
    assert reason_to_go_back([Meta(rollout=rollout), Meta(rollout=gone)], rollout) == "too much"
    other = msgspec.structs.replace(gone, at=6)
    assert reason_to_go_back([Meta(rollout=rollout), Meta(rollout=other)], rollout) == ""


def test_complaints_of_customers_with_the_new_rules_are_a_reason() -> None:
    counts = Counts(sent={"quiet": 100}, without={"quiet": 100}, complaints=3)
    rollout = Rollout(OLD, NEW, HALF, counts=counts)
    assert "complained" in reason_to_go_back([Meta(rollout=rollout)], rollout)
    few = msgspec.structs.replace(rollout, counts=msgspec.structs.replace(counts, complaints=2))
    assert reason_to_go_back([Meta(rollout=few)], few) == ""


def test_messages_of_a_type_of_event_that_only_the_new_rules_know_fail_with_the_new_rules_only() -> None:
    events = CATALOG.events
    both = {name: one for name, one in events.items() if name != "buy"}
    old = RuleBook(book(QUIET).rules, Catalog(events=both), revision=OLD)
    shop = Shop(old, book(QUIET, RECEIPT, revision=NEW), failing=("receipt",))
    shop.turn("canary", WHOLE)
    shop.happen(*(event("buy", START + HOUR, customer=one) for one in PEOPLE[:MAX_NEW_FAILURES]))
    assert f"{MAX_NEW_FAILURES} messages could not be made, and 0 with the old rules" in reason(shop, Limits())
