"""A change that is rolled out to some customers first: who meets it, and what it leaves behind."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, strategies as st

from engine.core.book import Reentry, RuleBook
from engine.core.catalog import Catalog
from engine.core.coupons import Coupon
from engine.core.state.going_back import remember
from engine.core.state.model import Run, Slot, State
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.model import Event, IssuedCoupon, Outcome
from engine.operate.customers import everything, find
from engine.operate.store_view import check
from engine.ports import Commit, Rollout
from engine.worker.rollout_rules import PASSES, WHOLE, RolloutRules
from engine.worker.values import Shadow, Value, encode_value, read_value
from tests.support.books import DAY, HOUR, POLICIES, START, book, event, every_kind, profile_is, rule
from tests.support.examples import examples
from tests.support.histories import CUSTOMERS, LAST, histories
from tests.support.journeys import loaded
from tests.support.rollouts import NEW, OLD, PEOPLE, QUIET, RECEIPT, Shop, opened

END = START + (LAST + 10) * HOUR


def books(policy: str, span: int, dropped: Sequence[int]) -> tuple[RuleBook, RuleBook]:
    slack = POLICIES[policy].allowed_lateness
    changed = [one for place, one in enumerate(every_kind(span, slack=slack)) if place not in dropped]
    return (
        book(*every_kind(HOUR, slack=slack), policy=POLICIES[policy], revision=OLD),
        book(*changed, policy=POLICIES[policy], revision=NEW),
    )


def plain(state: State | None) -> State | None:
    """Without what going back remembers of what the customer really got."""
    if state is None:
        return None
    for slot in state.rules.values():
        slot.fired = 0
    state.rules = {rule: slot for rule, slot in state.rules.items() if not slot.is_empty}
    state.sent = []
    return state


def awake(state: State | None) -> State | None:
    """Without the wake-up, which is a shadow's if that is sooner."""
    if state is not None:
        state.wake = 0
    return state


changes = st.tuples(
    st.sampled_from(sorted(POLICIES)), st.sampled_from([HOUR, 2 * HOUR]), st.lists(st.integers(0, 11), max_size=4)
)


@examples(150)
@given(histories(), changes, st.integers(0, WHOLE), st.data())
def test_after_going_back_every_state_is_that_of_a_run_that_never_saw_the_book(
    events: list[Event], change: tuple[str, int, list[int]], share: int, data: st.DataObject
) -> None:
    first, last = sorted(data.draw(st.tuples(*[st.integers(0, len(events))] * 2)))
    tried, never = Shop(*books(*change)), Shop(*books(*change))
    for shop in (tried, never):
        shop.happen(*events[:first])
    tried.turn("canary", share)
    for one in range(first, last):
        if data.draw(st.integers(0, 2)) == 0:
            tried.sweep()
        tried.happen(events[one])
    never.happen(*events[first:last])
    for shop in (tried, never):
        shop.until(END - 10 * HOUR)
    tried.turn("back", share)
    if data.draw(st.booleans()):
        tried.sweep()
    for shop in (tried, never):
        shop.until(END - 5 * HOUR)
    tried.sweep()
    assert tried.shadows() == 0
    trying = RolloutRules(Rollout(OLD, NEW, share), tried.old, tried.new)
    for customer in CUSTOMERS:
        if not trying.has_new(customer, PASSES):
            assert tried.state(customer) == never.state(customer)
        elif change[0] != "strict":  # what the canary was sent counts for caps: later firings may differ
            assert plain(tried.state(customer)) == plain(never.state(customer))


@examples(100)
@given(histories(), changes, st.integers(1, WHOLE), st.data())
def test_nobody_outside_the_canary_hears_of_a_change_and_those_inside_have_it_as_if_it_had_been_deployed(
    events: list[Event], change: tuple[str, int, list[int]], share: int, data: st.DataObject
) -> None:
    turn = data.draw(st.integers(0, len(events)))
    old, new = books(*change)
    canary, stayed, deployed = Shop(old, new), Shop(old, new), Shop(old, new)
    for shop in (canary, stayed, deployed):
        shop.happen(*events[:turn])
    canary.turn("canary", share)
    canary.sweep()
    deployed.old = deployed.new
    deployed.sweep()
    for shop in (canary, stayed, deployed):
        shop.happen(*events[turn:])
        shop.until(END)
    trying = RolloutRules(Rollout(OLD, NEW, share), canary.old, canary.new)
    for customer in CUSTOMERS:
        other = deployed if trying.has_new(customer, PASSES) else stayed
        told, wanted = ([one for one in shop.outcomes if one.customer == customer] for shop in (canary, other))
        assert told == wanted
        assert awake(canary.state(customer)) == awake(other.state(customer))


@examples(60)
@given(histories(), changes, st.data())
def test_a_change_that_is_finished_leaves_everybody_as_if_it_had_been_deployed_and_no_shadow(
    events: list[Event], change: tuple[str, int, list[int]], data: st.DataObject
) -> None:
    turn = data.draw(st.integers(0, len(events)))
    old, new = books(*change)
    shop, deployed = Shop(old, new), Shop(old, new)
    deployed.old = deployed.new
    shop.turn("canary", WHOLE)
    for one in (shop, deployed):
        one.happen(*events[:turn])
    shop.turn("finished", WHOLE)
    for one in (shop, deployed):
        one.happen(*events[turn:])
        one.until(END)
    shop.sweep()
    assert shop.shadows() == 0
    assert shop.outcomes == deployed.outcomes
    assert all(shop.state(customer) == deployed.state(customer) for customer in CUSTOMERS)


def test_it_is_always_the_same_customers_whom_a_larger_share_has_too() -> None:
    shop = opened(RECEIPT)
    shop.sweep()
    few = shop.have_new()
    assert 5 <= len(few) <= 40
    shop.turn("canary", 2_000)
    shop.sweep()
    assert few < shop.have_new()
    shop.turn("back")
    shop.sweep()
    assert shop.have_new() == set()


def test_customers_go_over_one_after_another_where_a_change_is_spread() -> None:
    shop = opened(RECEIPT, share=WHOLE, spread=DAY)
    counts = []
    for hour in range(0, 26, 6):
        shop.until(START + hour * HOUR)
        shop.sweep()
        counts.append(len(shop.have_new()))
    assert counts == sorted(set(counts)), "each six hours some more"
    assert 0 < counts[0] < 60
    assert counts[-1] == len(PEOPLE)


def test_what_the_canary_was_sent_counts_for_reentry_after_going_back() -> None:
    once = rule(Inactivity("quiet", of=frozenset({"visit"}), after=HOUR))
    shop = Shop(book(QUIET, revision=OLD), book(once, revision=NEW))
    shop.happen(event("visit", START, customer="ann"))
    shop.turn("canary", WHOLE)
    shop.sweep()
    shop.until(START + 2 * HOUR)
    assert [one.outcome for one in shop.outcomes] == [Outcome.FIRED]
    shop.turn("back")
    shop.sweep()
    state = shop.state("ann")
    assert state is not None
    assert state.rules["quiet"].fired_at == START + HOUR
    assert [one.due for one in state.timers("quiet")] == [0], "of this silence they have heard"
    shop.until(START + 2 * DAY)
    assert [one.outcome for one in shop.outcomes] == [Outcome.FIRED]


def test_reentry_counts_what_the_canary_was_sent_by_a_rule_that_the_old_rules_had_not_come_to() -> None:
    old = rule(OnEvent("big", event="buy"), condition=profile_is("vip"), reentry=Reentry(once=True))
    new = rule(OnEvent("big", event="buy"), reentry=Reentry(once=True))
    shop = Shop(book(old, revision=OLD), book(new, revision=NEW))
    shop.turn("canary", WHOLE)
    shop.happen(event("buy", START, customer="ann"))
    shop.turn("back")
    shop.happen(event("person", START + HOUR, customer="ann", vip=True))
    shop.happen(event("buy", START + 2 * HOUR, customer="ann"))
    fired = [(one.at, one.revision) for one in shop.outcomes if one.outcome is Outcome.FIRED]
    assert fired == [(START, NEW)]


def test_a_renamed_rule_that_is_tried_again_after_going_back_knows_of_whom_it_has_written_to() -> None:
    named = rule(Inactivity("silent", of=frozenset({"visit"}), after=DAY), was=("quiet",))
    shop = Shop(book(QUIET, revision=OLD), book(named, revision=NEW))
    shop.happen(event("visit", START, customer="ann"))
    shop.until(START + DAY)
    for phase in ("canary", "back", "canary"):
        shop.turn(phase, WHOLE)
        shop.sweep()
        shop.until(shop.open().clock + HOUR)
    assert [(one.rule, one.outcome) for one in shop.outcomes] == [("quiet", Outcome.FIRED)]
    state = shop.state("ann")
    assert state is not None
    assert list(state.rules) == ["silent"]


def test_a_coupon_that_nobody_was_told_of_is_issued_with_the_next_message() -> None:
    issued = IssuedCoupon("CODE", START + 2 * DAY)
    runs = [Run("1", START, "again", coupons={"gift": issued}), Run("2", START, "again", coupons={"gift": issued})]
    state = State(rules={"journey": Slot(runs=runs)})
    tried = State(rules={"journey": Slot(runs=[Run("2", START, "again", coupons={"gift": issued})])})
    remember(state, tried, (), START, GIVING, GIVING)
    assert [run.coupons for run in state.rules["journey"].runs] == [{}, {"gift": issued}]


def test_a_code_that_a_run_had_before_the_roll_out_stays_though_the_new_rules_ended_the_run() -> None:
    issued = IssuedCoupon("CODE", START + DAY - 1)
    state = State(rules={"journey": Slot(runs=[Run("1", START - HOUR, "again", coupons={"gift": issued})])})
    remember(state, State(), (), START, GIVING, GIVING)
    assert [run.coupons for run in state.rules["journey"].runs] == [{"gift": issued}]


def test_moves_and_changes_after_going_back_have_ids_of_their_own() -> None:
    stars = "{ id: stars, earn: [{ event: buy, points: 1 }] }"
    rules = f"""
    points: [{stars}]
    segments: [{{ id: rich, if: points.stars.balance >= 1 }}]
    rules:
      - {{ id: moved, when: {{ segment: rich }}, send: note }}
      - {{ id: told, when: {{ event: points_changed }}, send: note }}
    """
    shop = Shop(loaded(rules.replace(">= 1", ">= 2")), loaded(rules))
    shop.turn("canary", WHOLE)
    shop.happen(event("buy", START, customer="ann"))
    shop.turn("back", WHOLE)
    shop.sweep()
    shop.happen(event("buy", START + HOUR, customer="ann"))
    fired = [(one.rule, one.occurrence) for one in shop.outcomes if one.outcome is Outcome.FIRED]
    assert [one for one in fired if one[0] == "moved"] == [("moved", "rich 1"), ("moved", "rich 2")]
    assert len(fired) == len(set(fired)) == 4


@pytest.mark.parametrize(
    "old",
    ["", "rich", "poor"],
    ids=["lacks them", "has the segment", "names it otherwise"],
)
def test_moves_and_changes_of_the_next_roll_out_have_ids_of_their_own_too(old: str) -> None:
    points = "points: [{ id: %s, earn: [{ event: buy, points: 1 }] }]"
    before = f"""
    {points % "old" if old else ""}
    {f"segments: [{{ id: {old}, if: points.old.balance >= 9 }}]" if old else ""}
    rules: [{{ id: hello, when: {{ event: signup }}, send: note }}]
    """
    after = f"""
    {points % "stars, was: [old]"}
    segments: [{{ id: rich, was: [poor], if: "points.stars.balance in [1, 3, 5]" }}]
    rules:
      - {{ id: moved, when: {{ segment: rich }}, send: note }}
      - {{ id: told, when: {{ event: points_changed }}, send: note }}
    """
    shop = Shop(loaded(before), loaded(after))
    shop.happen(event("signup", START, customer="ann"))
    for hour in (1, 10):
        shop.turn("canary", WHOLE)
        for number in range(4):
            shop.happen(event("buy", START + (hour + number) * HOUR, customer="ann"))
        shop.turn("back", WHOLE)
        shop.sweep()
    fired = [(one.rule, one.occurrence) for one in shop.outcomes if one.outcome is Outcome.FIRED]
    assert {rule for rule, _ in fired} == {"hello", "moved", "told"}
    assert len(fired) == len(set(fired))


def test_a_held_move_that_was_told_by_the_tried_rules_keeps_no_number() -> None:
    rules = """
    points: [{ id: stars, earn: [{ event: buy, points: 1 }] }]
    segments: [{ id: rich, if: "points.stars.balance %s" }]
    rules: [{ id: moved, when: { segment: rich }, send: note }]
    """
    quiet = 'quiet_hours: { from: "00:00", to: "12:00" }'
    shop = Shop(loaded(rules % ">= 1", quiet), loaded(rules % "in [1, 3]"))
    night = START // DAY * DAY + DAY
    shop.turn("canary", WHOLE)
    shop.happen(event("buy", night, customer="ann"), event("buy", night + HOUR, customer="ann"))
    shop.turn("back", WHOLE)
    shop.sweep()
    state = shop.state("ann")
    assert state is not None
    assert state.deferred == []
    assert state.segments["rich"].moves == 2


GIVING = RuleBook((), Catalog(coupons={"gift": Coupon("gift", "", 10, "", DAY)}))


def test_an_export_has_what_waits_for_going_back_and_a_check_reads_it() -> None:
    shop = Shop(book(QUIET, revision=OLD), book(QUIET, revision=NEW))
    shop.turn("canary", WHOLE)
    shop.happen(event("person", START, customer="ann", name="Ann"))
    assert everything(shop.store, "ann", find(shop.store, "ann"))["without_roll_out"]["profile"] == {"name": "Ann"}
    value = read_value(shop.store.load(0, ["ann"])[0])
    damaged = Value(value.state, history=value.history, shadow=Shadow(b"no state"))
    before = shop.store.open(0)
    meta = msgspec.structs.replace(before.meta, seq=before.meta.seq + 1)
    shop.store.commit(0, Commit(before.seal, meta, {"ann": encode_value(damaged)}))
    assert [customer for customer, _ in check(shop.store, 0).problems] == ["ann"]


def test_a_value_without_a_shadow_takes_as_many_bytes_as_before_there_were_any() -> None:
    shop = Shop(book(QUIET, revision=OLD), book(QUIET, revision=NEW))
    shop.happen(event("visit", START, customer="ann"))
    (value,) = shop.store.load(0, ["ann"])
    assert value is not None
    assert len(msgspec.msgpack.decode(value)) == 4
    assert read_value(value).shadow is None
