"""A new revision meets customers who are already there."""

from datetime import time
from itertools import permutations

import pytest
from hypothesis import given, strategies as st

from engine.core.book import Reentry, Rule, RuleBook
from engine.core.expression import Expression
from engine.core.facts import Fact
from engine.core.policy import Policy, QuietHours
from engine.core.settle import soonest_due
from engine.core.state.codec import encode_state
from engine.core.state.rearm import rearm
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.base import Trigger
from engine.core.triggers.date import Date
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.milestone import Milestone
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.model import Event
from tests.support.books import DAY, DEAR, HOUR, OPEN, START, book, event, every_kind, rule
from tests.support.drive import Customers
from tests.support.examples import examples
from tests.support.histories import ends, histories

BUY = frozenset({"buy"})
NIGHT = Policy(fresh_for=None, quiet_hours=(QuietHours(0, 8 * 60),))
FIRST, SECOND, THIRD = (str(number) * 12 for number in (1, 2, 3))


def on(day: float, type: str = "buy", **properties: object) -> Event:
    return event(type, START + round(day * DAY), **properties)  # type: ignore[arg-type]


def quiet(
    id: str = "quiet", of: frozenset[str] = BUY, days: int = 14, where: Expression | None = None, **changes: object
) -> Rule:
    return rule(Inactivity(id, of=of, after=days * DAY, where=where), **changes)


def revised(*rules: Rule, revision: str = SECOND, policy: Policy = OPEN) -> RuleBook:
    return book(*rules, revision=revision, policy=policy)


@examples(60)
@given(histories(), ends(), st.data())
def test_a_new_revision_of_the_same_rules_changes_nothing_and_can_be_met_twice(
    events: list[Event], end: int, data: st.DataObject
) -> None:
    there = Customers(book(*every_kind(HOUR)))
    turn = data.draw(st.integers(0, len(events)))
    there.tell(*events[:turn])
    there.meet(revised(*every_kind(HOUR)))
    for state in there.states.values():
        before = encode_state(state)
        rearm(there.book, state, "c-1", there.clock)
        assert encode_state(state) == before
    there.tell(*events[turn:]).until(end)
    assert sorted(there.fired) == sorted(Customers(book(*every_kind(HOUR))).tell(*events).until(end).fired)


@examples(60)
@given(histories(), ends(), st.lists(st.sampled_from(every_kind(HOUR) + every_kind(2 * HOUR)), max_size=9), st.data())
def test_whatever_is_removed_added_or_changed_nobody_gets_the_same_twice(
    events: list[Event], end: int, rules: list[Rule], data: st.DataObject
) -> None:
    there = Customers(book(*every_kind(HOUR)))
    turns = sorted(data.draw(st.tuples(*[st.integers(0, len(events))] * 2)))
    there.tell(*events[: turns[0]])
    there.meet(revised(*{each.id: each for each in rules}.values()))
    there.tell(*events[turns[0] : turns[1]])
    there.meet(revised(*every_kind(HOUR), revision=THIRD))
    there.tell(*events[turns[1] :]).until(end)
    assert len(there.fired) == len(set(there.fired))


def test_a_renamed_rule_repeats_nothing_it_said_under_its_old_name() -> None:
    there = Customers(book(*every_kind(DAY)))
    there.tell(on(0, amount=20), on(0, "cart"), on(0.5, "trial", ends=START + 7 * DAY)).until(START + 20 * DAY)
    before = len(there.fired)
    renamed = [Rule(f"new-{r.id}", _renamed(r.trigger), r.action, was=(r.id,)) for r in every_kind(DAY)]
    there.meet(revised(*renamed)).until(START + 40 * DAY)
    assert len(there.fired) == before


def _renamed(trigger: Trigger) -> Trigger:
    trigger.rule = f"new-{trigger.rule}"
    return trigger


def test_a_rule_that_has_its_second_name_again_knows_whom_it_has_reached_by_its_first_one() -> None:
    once = Reentry(once=True)
    second = quiet("silent", was=("quiet",), reentry=once)
    there = Customers(book(second)).tell(on(0)).meet(revised()).meet(revised(quiet(reentry=once), revision=THIRD))
    assert there.until(START + 15 * DAY).fired == [("c-1", "quiet", str(START))]
    there.meet(book(second)).tell(on(16)).until(START + 40 * DAY)
    assert len(there.fired) == 1


def test_an_armed_timer_goes_on_under_the_new_name() -> None:
    there = Customers(book(quiet())).tell(on(0)).meet(revised(quiet("silent", was=("quiet",)))).until(START + 20 * DAY)
    assert there.fired == [("c-1", "silent", str(START))]


def test_the_timers_and_waiting_messages_of_a_removed_rule_go() -> None:
    there = Customers(book(quiet(), quiet("later", days=30), policy=NIGHT)).tell(on(0)).until(START + 14 * DAY)
    assert [one.rule for one in there.states["c-1"].deferred] == ["quiet"]
    there.meet(revised(policy=NIGHT)).until(START + 60 * DAY)
    assert there.fired == []
    assert soonest_due(there.book, there.states["c-1"]) == 0


def test_an_end_of_a_trial_that_was_known_too_late_is_not_judged_again_with_every_revision() -> None:
    there = Customers(book(rule(TrialExpiring("trial", before=DAY)))).tell(on(5, "trial", ends=START))
    there.meet(revised(rule(TrialExpiring("trial", before=DAY)))).until(START + 30 * DAY)
    assert [one.outcome.value for one in there.outcomes] == ["expired"]


def test_a_rule_that_comes_back_repeats_nothing() -> None:
    there = Customers(book(quiet())).tell(on(0)).until(START + 20 * DAY).meet(revised()).until(START + 21 * DAY)
    assert len(there.meet(revised(quiet(), revision=THIRD)).until(START + 60 * DAY).fired) == 1


def test_a_repeated_event_right_after_a_new_revision_does_not_lose_the_new_timers() -> None:
    there = Customers(book()).tell(on(0))
    there.book = revised(quiet())
    there.tell(on(0)).until(START + 20 * DAY)
    assert there.fired == [("c-1", "quiet", str(START))]


def test_a_rule_that_listens_to_more_knows_what_happened_since() -> None:
    there = Customers(book(quiet(of=frozenset({"visit"})))).tell(on(0, "visit"), on(10))
    there.meet(revised(quiet(of=frozenset({"visit", "buy"})))).until(START + 23 * DAY)
    assert there.fired == []
    assert there.until(START + 24 * DAY).fired == [("c-1", "quiet", str(START + 10 * DAY))]


@pytest.mark.parametrize(
    ("buys", "visit", "changed", "told"),
    [
        ((), 2, 3, ()),  # nothing to be silent after
        ((0,), 2, 3, (0,)),
        ((0, 10), 2, 3, (10,)),
        ((0,), 15, 16, (0,)),  # told by the old rule
    ],
)
def test_a_silence_of_fewer_types_begins_with_the_newest_of_these(
    buys: tuple[int, ...], visit: int, changed: int, told: tuple[int, ...]
) -> None:
    happened = [*(on(day) for day in buys), on(visit, "visit")]
    there = Customers(book(quiet(of=frozenset({"buy", "visit"}))))
    there.tell(*(one for one in happened if one.time < START + changed * DAY)).until(START + changed * DAY)
    there.meet(revised(quiet()))
    there.tell(*(one for one in happened if one.time > START + changed * DAY)).until(START + 90 * DAY)
    assert [occurrence for _, _, occurrence in there.fired] == [str(START + day * DAY) for day in told]


def left(after: str, *without: str, match: str | None = None) -> Rule:
    return rule(Abandoned("left", after=after, without=frozenset(without), within=10 * DAY, match=match))


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (left("cart", "buy", "visit"), []),  # a visit at 1 finishes it, by the new rule
        (left("cart", "buy", "signup"), ["left"]),
        (left("signup", "buy"), []),  # nobody has begun that
        (left("trial", "buy"), []),  # nor that since then
        (left("cart", "buy", match="cart_id"), []),  # it is not known of which cart
    ],
)
def test_what_was_left_is_judged_by_the_new_rule(changed: Rule, told: list[str]) -> None:
    there = Customers(book(left("cart", "buy"))).tell(on(-1, "trial"), on(0, "cart"), on(1, "visit"))
    there.meet(revised(changed)).until(START + 90 * DAY)
    assert [name for _, name, _ in there.fired] == told


def test_a_purchase_that_nobody_asked_about_which_cart_it_was_finishes_none_of_those_of_the_new_rule() -> None:
    there = Customers(book(left("cart", "buy"))).tell(on(2)).meet(revised(left("cart", "buy", match="cart_id")))
    there.tell(on(1, "cart", cart_id="a")).until(START + 90 * DAY)
    assert [name for _, name, _ in there.fired] == ["left"]


def test_a_trial_rule_that_reads_another_field_lets_go_of_the_old_one() -> None:
    there = Customers(book(rule(TrialExpiring("trial", before=DAY)))).tell(on(0, "trial", ends=START + 9 * DAY))
    there.meet(revised(rule(TrialExpiring("trial", before=DAY, field="plan_ends_at")))).until(START + 30 * DAY)
    assert there.fired == []


@pytest.mark.parametrize(
    ("yearly", "told", "moment"),
    [(False, 0, 7), (True, 0, 7), (False, 7.5, 7), (True, 7.5, 365 + 7)],  # told after it: once at once, yearly never
)
def test_a_date_that_an_edit_puts_into_the_past_should_have_come_then(yearly: bool, told: float, moment: int) -> None:
    def days(offset: int) -> Rule:
        return rule(Date("renewal", field="renewal", yearly=yearly, at=time(0), offset=offset * DAY))

    there = Customers(book(days(1))).tell(on(told, "person", renewal="2025-01-09" if yearly else "2026-01-09"))
    there.tell(on(7.9, "visit")).until(START + 8 * DAY)
    there.meet(revised(days(-1))).until(START + 500 * DAY)
    assert [one.moment for one in there.outreach][:1] == [START + moment * DAY]


SUBSCRIBED = (Fact("subscribed"),)
TIMERS = [
    TrialExpiring("r", before=DAY),
    Date("r", field="renewal", at=time(9)),
    Inactivity("r", of=frozenset({"person"}), after=5 * DAY),
    Abandoned("r", after="person", without=BUY, within=5 * DAY),
]


@pytest.mark.parametrize("trigger", TIMERS)
@pytest.mark.parametrize("last", ["subscribed", "person"])
def test_an_exit_that_is_new_ends_what_began_before_it_happened_and_no_more(trigger: Trigger, last: str) -> None:
    first, *_ = kinds = ["subscribed", "person"] if last == "person" else ["person", "subscribed"]
    told = {"trial_ends_at": START + 20 * DAY, "renewal": "2026-01-20"}
    there = Customers(book(rule(trigger))).tell(*(on(day, kind, **told) for day, kind in enumerate(kinds)))
    there.meet(revised(rule(trigger, exits=SUBSCRIBED))).until(START + 60 * DAY)
    assert len(there.fired) == (first == "subscribed")


@pytest.mark.parametrize("trigger", TIMERS)
def test_what_begins_with_the_end_of_the_one_before_outlasts_every_edit(trigger: Trigger) -> None:
    """A renewal ends what was to be said of the old contract, and begins what is to be said of the new one."""
    ends = (Fact("person"),)
    there = Customers(book(rule(trigger, exits=ends)))
    there.tell(on(0, "person", trial_ends_at=START + 20 * DAY, renewal="2026-01-20"))
    there.meet(revised(rule(trigger, exits=ends), quiet("other"))).until(START + 60 * DAY)
    assert [name for _, name, _ in there.fired] == ["r"]


def renewal(**changes: object) -> Rule:
    trigger = Date("renewal", field="renewal", at=time(9), keeps_event=True)
    return rule(trigger, exits=(Fact("subscribed"),), **changes)


def test_a_new_revision_does_not_bring_back_what_was_cancelled() -> None:
    there = Customers(book(renewal()))
    there.tell(on(0, "person", renewal="2026-01-20"), on(1, "subscribed"), on(2)).meet(revised(renewal()))
    assert there.until(START + 60 * DAY).fired == []


def test_a_new_revision_keeps_the_event_that_armed_a_timer() -> None:
    there = Customers(book(renewal())).tell(on(0, "person", renewal="2026-01-20", id="told"), on(2))
    there.meet(revised(renewal())).until(START + 60 * DAY)
    assert [one.event and one.event.id for one in there.outreach] == ["told"]


@pytest.mark.parametrize(("yearly", "renews"), [(True, "2025-01-01"), (False, "2026-01-01")])
def test_a_new_revision_keeps_a_date_that_has_come_while_late_events_are_awaited(yearly: bool, renews: str) -> None:
    patient = Policy(fresh_for=None, allowed_lateness=3 * HOUR)
    dated = rule(Date("date", field="renewal", yearly=yearly, at=time(9)))
    there = Customers(book(dated, policy=patient)).tell(on(0, "person", renewal=renews), on(10 / 24))
    there.meet(revised(dated, policy=patient)).until(START + 2 * DAY)
    assert [one.occurrence for one in there.outreach] == ["2026-01-01"]


KINDS: list[Trigger] = [
    Inactivity("r", of=BUY, after=2 * DAY),
    Abandoned("r", after="cart", without=BUY, within=DAY),
    Abandoned("r", after="cart", without=BUY, within=DAY, match="cart_id"),
    TrialExpiring("r", before=DAY),
    Date("r", field="birthday", yearly=True),
    Milestone("r", event="buy", property="amount", every=10),
    OnEvent("r", event="buy"),
]


@pytest.mark.parametrize(("old", "new"), list(permutations(KINDS, 2)), ids=lambda trigger: trigger.kind)
def test_a_rule_may_become_one_of_another_kind_without_harm(old: Trigger, new: Trigger) -> None:
    """What waits for the morning, or is armed, may be of the old kind; nothing raises, and the customer goes on."""
    there = Customers(book(rule(old), policy=NIGHT))
    for day in (0, 1):
        there.tell(
            on(day, "person", birthday="2026-01-03", id=f"p{day}"),
            on(day, "trial", ends=START + 4 * DAY + day),
            on(day, "cart", cart_id="a"),
            on(day, "buy", amount=11, cart_id="a"),
            on(day + 0.01, "cart", cart_id="a"),
        )
        there.until(START + round((2.1 * day) * DAY))
    there.meet(revised(rule(new), policy=NIGHT))
    there.tell(*(on(5, one, amount=12, cart_id="a", ends=START + 9 * DAY) for one in ("cart", "trial", "buy")))
    there.until(START + 90 * DAY)
    assert encode_state(there.states["c-1"])


OTHERS = [(one, other) for one, other in permutations(KINDS, 2) if one.code != other.code]


@pytest.mark.parametrize(("own", "other"), OTHERS, ids=lambda trigger: trigger.kind)
def test_a_rule_that_becomes_another_kind_and_goes_back_has_lost_nothing(own: Trigger, other: Trigger) -> None:
    def there() -> Customers:
        return Customers(book(rule(own))).tell(
            on(0, "person", birthday="1990-01-03"),
            on(0, "buy", amount=11, cart_id="a"),
            on(0.5, "trial", ends=START + 4 * DAY),
            on(1, "cart", cart_id="b"),
        )

    stayed = there().until(START + 30 * DAY)
    changed = there().meet(revised(rule(other))).meet(revised(rule(own), revision=THIRD)).until(START + 30 * DAY)
    assert stayed.fired
    assert [one for one in changed.fired if one in stayed.fired] == stayed.fired


def test_a_rule_that_was_another_kind_for_a_while_does_not_fire_for_what_was_disproved_meanwhile() -> None:
    there = Customers(book(quiet(days=5))).tell(on(0))
    there.meet(revised(rule(OnEvent("quiet", event="visit")))).tell(on(4))
    there.meet(revised(quiet(days=5), revision=THIRD)).until(START + 40 * DAY)
    assert there.fired == [("c-1", "quiet", str(START + 4 * DAY))]


def test_what_the_night_held_of_a_rule_that_was_away_for_a_month_is_given_up() -> None:
    other = quiet("other", of=frozenset({"visit"}))
    there = Customers(book(quiet(), other, policy=NIGHT)).tell(on(0)).until(START + 14 * DAY)
    there.meet(revised(other, policy=NIGHT)).tell(on(31, "visit")).until(START + 45 * DAY)
    there.meet(revised(other, quiet(), revision=THIRD, policy=NIGHT)).until(START + 90 * DAY)
    assert [name for _, name, _ in there.fired] == ["other"]


def test_what_the_night_held_of_a_rule_that_was_away_is_dropped_where_it_may_have_been_disproved() -> None:
    other = rule(Abandoned("other", after="cart", without=frozenset({"visit"}), within=DAY))
    bought = rule(Abandoned("bought", after="cart", without=BUY, within=DAY))
    there = Customers(book(bought, other, policy=NIGHT)).tell(on(0, "cart")).until(START + DAY)
    there.meet(revised(other, policy=NIGHT)).tell(on(1.1)).meet(revised(bought, other, revision=THIRD, policy=NIGHT))
    assert [name for _, name, _ in there.until(START + 9 * DAY).fired] == ["other"]


def test_an_exit_that_came_while_its_rule_was_away_ends_what_began_before_it() -> None:
    """Whatever its `where` says: nothing but its time was kept."""
    exits = (Fact("subscribed", where=DEAR),)
    there = Customers(book(quiet(exits=exits))).tell(on(0), on(1, "subscribed", amount=9), on(2))
    there.meet(revised()).tell(on(3, "visit"), on(4, "subscribed", amount=1))
    there.meet(revised(quiet(exits=exits), revision=THIRD)).until(START + 17 * DAY)
    assert there.fired == []
    assert len(there.tell(on(17)).until(START + 90 * DAY).fired) == 1


@pytest.mark.parametrize(
    ("bought", "left", "missed", "told"),
    [
        (0, 1, (5, 3), [5]),  # each of them may have counted
        (4, 5, (3,), [4]),  # it came late
    ],
)
def test_a_silence_of_dear_purchases_goes_on_after_what_may_have_been_one_while_the_rule_was_away(
    bought: int, left: int, missed: tuple[int, ...], told: list[int]
) -> None:
    dear = quiet(of=frozenset({"buy", "visit"}), where=DEAR)
    there = Customers(book(dear)).tell(on(bought, amount=9)).until(START + left * DAY).meet(revised())
    there.tell(*(on(day, kind, amount=9) for day, kind in zip(missed, ("visit", "buy"), strict=False)))
    there.meet(revised(dear, revision=THIRD)).until(START + 90 * DAY)
    assert [occurrence for _, _, occurrence in there.fired] == [str(START + day * DAY) for day in told]


def test_a_cart_that_was_left_after_what_finished_another_one_while_the_rule_was_away_stays_open() -> None:
    carts = left("cart", "buy", "visit", match="cart_id")
    there = Customers(book(carts)).tell(on(3, "cart", cart_id="a"), on(6, "cart", cart_id="b")).meet(revised())
    there.tell(on(5, "buy", cart_id="a"), on(2, "visit")).meet(revised(carts, revision=THIRD))
    assert [one[2].partition("@")[0] for one in there.until(START + 90 * DAY).fired] == ["b"]
