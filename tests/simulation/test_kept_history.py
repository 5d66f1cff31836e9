"""History is exact or says that it is not: rules come and go, and what was not kept is missing, never zero.

The oracle knows every event that was told and since when the book asks: what is right, and when it must be known.
"""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from engine.core.actions.send import Send
from engine.core.book import Reentry, Rule, RuleBook
from engine.core.catalog import Catalog, EventType, Keep
from engine.core.decide import decide
from engine.core.expression import Keeps, Needs
from engine.core.policy import Cap, Policy, QuietHours
from engine.core.scope import MISSING, count_within, total
from engine.core.settle import retract
from engine.core.state.fold import GRACE
from engine.core.state.model import State
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.model import Event
from tests.support.books import CATALOG, DAY, DEAR, HOUR, OPEN, START, book, event, rule
from tests.support.drive import Customers
from tests.support.examples import examples
from tests.support.rule_files import new_rule

BUY = frozenset({"buy"})
BY_PUSH = Send("receipt", "push")
SPANS = (2 * DAY, 5 * DAY, 12 * DAY)


def asking(keeps: Keeps, revision: str) -> RuleBook:
    """A rule that asks for this history and never fires."""
    never = rule(Inactivity("asks", of=frozenset({"subscribed"}), after=DAY), needs=Needs(keeps=keeps))
    return book(never, revision=revision)


@dataclass
class Oracle:
    """One customer's purchases as they were told, and since when, in purchases told, each history is asked for."""

    told: list[Event] = field(default_factory=list)
    since: dict[tuple[str | None, int], int] = field(default_factory=dict)
    """(property or None, span or 0 for ever) -> purchases that had been told before."""
    summing: int | None = None

    def ask(self, keeps: Keeps) -> None:
        asked = {(name, span) for _, name, span in keeps.windows} | {(name, 0) for _, name in keeps.sums}
        self.since = {one: self.since.get(one, len(self.told)) for one in asked}

    def right(self, name: str | None, span: int, now: int) -> float:
        within = [one for one in self.told if not span or now - span < one.time <= now]
        return round(sum(one.properties[name] for one in within), 6) if name else len(within)

    def must_be_known(self, name: str | None, span: int, now: int) -> bool:
        """It has been asked for since before everything that counts."""
        return all(span and one.time <= now - span for one in self.told[: self.since[name, span]])


def found(state: State, name: str | None, span: int, now: int) -> object:
    if name is None:
        return count_within(state, "buy", now, span)
    return total(state, "buy", name, now, span or None)


ASKED = [
    Keeps(),
    Keeps(sums=frozenset({("buy", "amount")})),
    *(Keeps(windows=frozenset({("buy", name, span)})) for name in (None, "amount") for span in SPANS),
]
kept = st.tuples(st.sampled_from(ASKED), st.sampled_from(ASKED)).map(lambda two: two[0] | two[1])
purchases = st.tuples(st.integers(0, 3 * DAY // HOUR), st.integers(0, 30), st.sampled_from([1, 2.5, -4]))


@examples(150)
@given(st.lists(st.one_of(purchases, purchases, kept), min_size=8, max_size=40))
def test_what_is_not_known_is_missing_and_what_is_said_is_right(steps: list[tuple[int, int, float] | Keeps]) -> None:
    """Purchases come up to thirty hours late, while the book asks for other spans and sums, or for none."""
    customers, oracle, asked, now = Customers(asking(Keeps(), "0" * 12)), Oracle(), Keeps(), START
    for place, step in enumerate(steps):
        if isinstance(step, Keeps):
            asked = step
            oracle.ask(asked)
            customers.meet(asking(asked, f"{place + 1:012}"))
            continue
        after, late, amount = step
        now += after * HOUR
        one = event("buy", max(START, now - late * HOUR), id=f"e{place}", amount=amount)
        customers.tell(event("visit", now, id=f"v{place}"), one)
        oracle.told.append(one)
        compare(customers.states["c-1"], oracle, customers.clock)


def compare(state: State, oracle: Oracle, now: int) -> None:
    for name, span in oracle.since:
        value = found(state, name, span, now)
        assert value is MISSING or value == pytest.approx(oracle.right(name, span, now))
        assert value is not MISSING or not oracle.must_be_known(name, span, now)


def sums(*rules: Rule, revision: str) -> RuleBook:
    summing = rule(
        Inactivity("asks", of=frozenset({"subscribed"}), after=DAY),
        needs=Needs(keeps=Keeps(sums=frozenset({("buy", "amount")}), windows=frozenset({("buy", "amount", 90 * DAY)}))),
    )
    return book(summing, *rules, revision=revision)


def spent(customers: Customers) -> object:
    return total(customers.states["c-1"], "buy", "amount", customers.clock)


def test_500_stays_500_where_a_rule_that_sums_goes_and_comes_back() -> None:
    there = Customers(sums(revision="1" * 12)).tell(event("buy", START, amount=500))
    there.meet(book(revision="2" * 12)).meet(sums(revision="3" * 12))
    assert spent(there) == 500


def test_what_is_bought_while_the_rule_is_away_counts_too() -> None:
    there = Customers(sums(revision="1" * 12)).tell(event("buy", START, amount=500))
    there.meet(book(revision="2" * 12)).tell(event("buy", START + 20 * DAY, amount=30))
    there.meet(sums(revision="3" * 12))
    assert spent(there) == 530
    assert total(there.states["c-1"], "buy", "amount", there.clock, 90 * DAY) == 530


def test_a_rule_that_was_away_for_longer_than_the_grace_period_knows_that_it_does_not_know() -> None:
    there = Customers(sums(revision="1" * 12)).tell(event("buy", START, amount=500)).meet(book(revision="2" * 12))
    there.tell(event("buy", START + GRACE + HOUR, amount=30)).meet(sums(revision="3" * 12))
    assert spent(there) is MISSING


def test_history_that_events_yaml_keeps_is_there_when_the_first_rule_asks() -> None:
    keeping = Catalog(events={**CATALOG.events, "buy": EventType("buy", keep=Keep(("amount",), 90 * DAY, last=True))})
    there = Customers(RuleBook((), keeping, OPEN, "1" * 12)).tell(event("buy", START, amount=500))
    asking = sums(revision="2" * 12)
    there.meet(RuleBook(asking.rules, keeping, OPEN, "2" * 12))
    assert spent(there) == 500
    assert total(there.states["c-1"], "buy", "amount", START + DAY, 90 * DAY) == 500


def names(customers: Customers) -> list[tuple[str, str]]:
    return [(one.customer, one.rule) for one in customers.outreach if one.rule == "never-bought"]


def test_a_new_rule_does_not_tell_customers_who_have_bought_that_they_have_not(tmp_path: Path) -> None:
    before, after = new_rule(tmp_path)
    there = Customers(before).tell(event("buy", START, amount=5), event("visit", START, customer="looks", id="v0"))
    there.meet(after).tell(event("visit", START + DAY), event("visit", START + DAY, customer="looks", id="v1"))
    assert names(there) == [("looks", "never-bought")]


def test_the_same_rule_tells_them_when_its_window_has_passed_and_says_why_not_before(tmp_path: Path) -> None:
    before, after = new_rule(tmp_path)
    there = Customers(before).tell(event("buy", START - 80 * DAY, amount=5), event("buy", START, amount=5)).meet(after)
    there.tell(event("visit", START + 90 * DAY - 1))
    because = 'condition is not met: events.buy.count("90d") == 0; not kept for long enough yet: buy'
    assert there.told()[-1] == ("never-bought", "suppressed", because)
    there.tell(event("visit", START + 90 * DAY, id="later"))
    assert names(there) == [("c-1", "never-bought")]


def cart(**changes: object) -> Rule:
    return rule(Abandoned("cart", after="cart", without=BUY, within=10 * DAY, match="cart_id"), **changes)


def away(*events: Event, rules: tuple[Rule, ...] = (), back: float = 5) -> Customers:
    """A cart is begun, its rule is taken out, the events come, and the rule is back after so many days."""
    there = Customers(book(*(rules or (cart(),)))).tell(event("cart", START, cart_id="a"))
    there.meet(book(revision="2" * 12)).tell(*events).until(START + round(back * DAY))
    return there.meet(book(*(rules or (cart(),)), revision="3" * 12)).until(START + 90 * DAY)


def test_a_timer_waits_for_the_return_of_its_rule() -> None:
    assert away(event("visit", START + DAY)).fired == [("c-1", "cart", f"a@{START}")]


def test_a_timer_whose_rule_stays_away_goes() -> None:
    assert away(back=31).fired == []


def test_who_bought_while_the_rule_was_away_is_not_told_of_their_cart() -> None:
    assert away(event("buy", START + DAY, cart_id="a")).fired == []


def test_a_silence_that_may_have_been_broken_while_the_rule_was_away_begins_after_that() -> None:
    dear = rule(Inactivity("quiet", of=frozenset({"cart", "buy"}), after=10 * DAY, where=DEAR))
    there = Customers(book(dear)).tell(event("buy", START, amount=20)).meet(book(revision="2" * 12))
    there.tell(event("buy", START + DAY, amount=20)).meet(book(dear, revision="3" * 12)).until(START + 90 * DAY)
    assert there.fired == [("c-1", "quiet", str(START + DAY))]


def test_a_message_that_waits_for_the_morning_waits_for_its_rule_too() -> None:
    night = Policy(fresh_for=None, quiet_hours=(QuietHours(0, 8 * 60),))
    quiet = rule(Inactivity("quiet", of=BUY, after=DAY))
    there = Customers(book(quiet, policy=night)).tell(event("buy", START)).until(START + DAY)
    there.meet(book(policy=night, revision="2" * 12)).until(START + 2 * DAY)
    assert there.fired == []
    there.meet(book(quiet, policy=night, revision="3" * 12)).until(START + 3 * DAY)
    assert there.fired == [("c-1", "quiet", str(START))]


def test_reentry_that_is_added_knows_of_earlier_messages() -> None:
    thanks = rule(OnEvent("thanks", event="buy"))
    there = Customers(book(thanks)).tell(event("buy", START + 1))
    there.meet(book(rule(OnEvent("thanks", event="buy"), reentry=Reentry(after=7 * DAY)), revision="2" * 12))
    there.tell(event("buy", START + 6 * DAY), event("buy", START + 7 * DAY), event("buy", START + 7 * DAY + 1000))
    assert [one.at for one in there.outreach] == [START + 1, START + 7 * DAY + 1000]


def test_a_cap_that_is_added_knows_of_the_messages_of_seven_days() -> None:
    rules = (rule(OnEvent("thanks", event="buy")), rule(OnEvent("receipt", event="buy"), action=BY_PUSH))
    there = Customers(book(*rules)).tell(event("buy", START), event("buy", START + 3 * DAY))
    capped = Policy(fresh_for=None, caps=(Cap(2, span=7 * DAY, channel="email"),))
    there.meet(book(*rules, policy=capped, revision="2" * 12)).tell(event("buy", START + 6 * DAY))
    assert [one[1] for one in there.fired[4:]] == ["receipt"]
    assert there.tell(event("buy", START + 8 * DAY)).fired[5:] == [
        ("c-1", "thanks", f"buy-{START + 8 * DAY}"),
        ("c-1", "receipt", f"buy-{START + 8 * DAY}"),
    ]


def test_a_message_that_could_not_be_written_leaves_the_earlier_one_remembered() -> None:
    there = book(rule(OnEvent("thanks", event="buy"), reentry=Reentry(after=7 * DAY)))
    state = decide(there, None, event("buy", START), START).state
    again = decide(there, state, event("buy", START + 8 * DAY), START + 8 * DAY)
    retract(again, again.outreach[0], "no text")
    assert again.state
    assert again.state.rules["thanks"].fired_at == START
