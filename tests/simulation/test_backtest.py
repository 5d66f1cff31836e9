"""A customer gets in a backtest exactly what a replay gives them: ids, texts, moments, outcomes and reasons."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, strategies as st
from msgspec.structs import replace

from engine.backtest.decided import Decided
from engine.core.book import RuleBook
from engine.core.decide import count_and_react, decide
from engine.core.facts import Fact
from engine.core.policy import Policy
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.errors import MakesForOthers
from engine.model import Event, Outreach
from tests.support.actions import Tell
from tests.support.backtests import by_customer, by_partition, careful, lines_of
from tests.support.books import DAY, HOUR, POLICIES, START, Plain, book, event, every_kind, rule
from tests.support.histories import ends, histories
from tests.support.segment_oracle import book_of, groups, history


class Counting(Plain):
    """Writes how many events the state has counted, so that texts show whether a timer or an event came first."""

    def render(self, outreach: Outreach, state: State) -> None:
        super().render(outreach, state)
        outreach.text += f" after {sum(memory.count for memory in state.events.values())}"


def decided(rules: RuleBook, events: Sequence[Event], end: int, renderer: Plain) -> list[Decided]:
    with TemporaryDirectory() as folder:
        return by_customer(rules, renderer, events, end, Path(folder))


@given(histories(), st.data(), ends(), st.sampled_from(sorted(POLICIES)), st.booleans(), st.sampled_from([1, 5_000]))
def test_a_customer_gets_what_a_replay_gives_them_however_late_and_often_events_come(
    events: list[Event], data: st.DataObject, end: int, name: str, fails: bool, page: int
) -> None:
    policy = POLICIES[name]
    arrivals = list(events)
    for one in data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else ():
        arrivals.insert(data.draw(st.integers(0, len(arrivals))), one)  # late, repeated, or both
    rules = book(*every_kind(HOUR, slack=policy.allowed_lateness), policy=policy)
    renderer = Counting("quiet", "levels") if fails and page > 1 else Counting()
    wanted = by_partition(rules, renderer, arrivals, START + end * HOUR, page)
    assert lines_of(decided(rules, arrivals, START + end * HOUR, renderer)) == wanted


@given(histories(), ends(), st.sampled_from([HOUR, 4 * HOUR]), st.booleans())
def test_events_that_no_rule_needs_are_counted_all_the_same(
    events: list[Event], end: int, span: int, ended: bool
) -> None:
    kept = {"quiet", "no-buy", "levels", "every"}
    exits = (Fact(event="trial"),) if ended else ()
    some = [replace(one, exits=exits) if one.id == "quiet" else one for one in every_kind(span) if one.id in kept]
    rules = book(*some)
    wanted = by_partition(rules, Counting(), events, START + end * HOUR)
    assert lines_of(decided(rules, events, START + end * HOUR, Counting())) == wanted


@given(histories(), st.data(), ends(), st.sampled_from([0, 6 * HOUR]))
def test_nothing_is_due_before_a_customer_s_timers_are_looked_at(
    events: list[Event], data: st.DataObject, end: int, lateness: int
) -> None:
    arrivals = list(events)
    for one in data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else ():
        arrivals.insert(data.draw(st.integers(0, len(arrivals))), one)
    some = [one for one in every_kind(HOUR, slack=lateness) if one.trigger.arms_after]
    rules = book(*some, policy=Policy(fresh_for=None, allowed_lateness=lateness))
    assert {"quiet", "no-buy", "levels", "dear"} <= {one.id for one in some}
    wanted = by_partition(rules, Counting(), arrivals, START + end * HOUR)
    assert lines_of(decided(rules, arrivals, START + end * HOUR, Counting())) == wanted


def test_who_is_forgotten_before_any_timer_is_due_begins_anew() -> None:
    some = [one for one in every_kind(HOUR) if one.id in ("quiet", "levels")]
    rules = book(*some, policy=Policy(fresh_for=None, forget_after=2 * HOUR))
    events = [event("buy", START + place * HOUR * 5 // 2) for place in range(4)]
    wanted = by_partition(rules, Counting(), events, START + 8 * HOUR)
    assert lines_of(decided(rules, events, START + 8 * HOUR, Counting())) == wanted
    assert not wanted.outreach


@given(st.integers(), ends(), st.sampled_from([0, 3 * HOUR]), st.booleans())
def test_segments_move_as_in_a_replay(seed: int, end: int, lateness: int, heard: bool) -> None:
    random = Random(seed)
    made = book_of(groups(random), lateness)
    rules = made.rules if heard else tuple(every_kind(HOUR, slack=lateness))
    some = RuleBook(rules, made.catalog, made.policy, segments=tuple(made.segments.values()))
    events = history(random)
    wanted = by_partition(some, Counting(), events, end)
    assert lines_of(decided(some, events, end, Counting())) == wanted


@pytest.mark.parametrize("start", [START, -START])
def test_an_event_that_rules_only_react_to_is_decided_as_any_other(start: int) -> None:
    rules = book(*every_kind(HOUR))
    short, long = State(mark=rules.mark), State(mark=rules.mark)
    for number in range(9):
        one = event("buy", start + number * 60_000)
        found = count_and_react(rules, rules.roles["buy"], short, one, one.time)
        wanted = decide(rules, long, one, one.time, one.time)
        assert (found.outcomes if found else []) == wanted.outcomes
        long.seen.clear()
        assert short == long


@given(histories(), ends())
def test_a_customer_whom_the_worker_s_batch_decides_gets_the_same(events: list[Event], end: int) -> None:
    rules = book(*every_kind(HOUR))
    with TemporaryDirectory() as folder:
        slowly = by_customer(rules, Plain(), events, START + end * HOUR, Path(folder), how=careful)
    assert lines_of(slowly) == lines_of(decided(rules, events, START + end * HOUR, Plain()))


def test_an_event_that_cannot_be_decided_leaves_the_customer_as_they_were() -> None:
    ping = rule(OnEvent("ping", event="cart"), action=Tell("visit"))
    pong = rule(OnEvent("pong", event="visit"), action=Tell("cart"))
    rules = book(*every_kind(HOUR), ping, pong)
    events = [event("buy", START), event("cart", START + HOUR), event("buy", START + 2 * HOUR)]
    found = decided(rules, events, START + DAY, Plain())
    assert [len(one.failures) for one in found] == [1]
    assert lines_of(found) == by_partition(rules, Plain(), events, START + DAY)


def test_an_event_that_a_rule_makes_for_the_same_customer_is_answered() -> None:
    rules = book(rule(OnEvent("ping", event="cart"), action=Tell("visit")), *every_kind(HOUR))
    events = [event("cart", START)]
    found = decided(rules, events, START + DAY, Plain())
    assert "quiet" in {one.rule for one in found[0].outreach}, "the visit that was made arms it"
    assert lines_of(found) == by_partition(rules, Plain(), events, START + DAY)


@pytest.mark.parametrize("first", ["cart", "buy"])
def test_a_rule_that_makes_events_for_another_customer_is_refused_by_name(first: str) -> None:
    rules = book(rule(OnEvent("tell-a-friend", event=first), action=Tell("visit", to="c-2")))
    with pytest.raises(MakesForOthers, match="tell-a-friend"):
        decided(rules, [event(first, START)], START + DAY, Plain())


@pytest.mark.parametrize("renderer", [Plain(), Plain("hello")], ids=["rendered", "failing"])
def test_copies_of_what_rules_make_are_not_events_for_another_customer(renderer: Plain) -> None:
    rules = book(
        rule(OnEvent("again", event="buy"), action=Tell("subscribed")),
        rule(OnEvent("hello", event="subscribed")),
        policy=Policy(fresh_for=None, publish=frozenset({"subscribed"})),
    )
    events = [event("buy", START), event("buy", START + HOUR)]
    found = lines_of(decided(rules, events, START + DAY, renderer))
    with TemporaryDirectory() as folder:
        slowly = by_customer(rules, renderer, events, START + DAY, Path(folder), careful)
    assert found == lines_of(slowly) == by_partition(rules, renderer, events, START + DAY)
    assert len(found.outcomes) == 4


def test_the_first_customer_s_timer_waits_for_the_event_of_another_that_passes_it() -> None:
    """As in a replay, where the clock stands still between events; `judged at` tells."""
    rules = book(*every_kind(HOUR), policy=Policy(fresh_for=None, allowed_lateness=6 * HOUR))
    events = [event("visit", START), event("buy", START + 20 * HOUR, customer="c-2")]
    found = lines_of(decided(rules, events, START + 20 * HOUR, Plain()))
    assert found == by_partition(rules, Plain(), events, START + 20 * HOUR)
    assert found.outreach


def test_an_end_that_is_known_too_late_is_announced_although_it_goes_soon_after() -> None:
    """Its moment was at five, before the event that tells it; lateness holds it until six, and at 6:15 the end goes."""
    told = [(5 * HOUR + HOUR // 2, START + 10 * HOUR), (6 * HOUR + HOUR // 4, None)]
    events = [event("trial", START + at, ends=ends) for at, ends in told]
    rules = book(*every_kind(HOUR, slack=HOUR), policy=Policy(fresh_for=None, allowed_lateness=HOUR))
    wanted = by_partition(rules, Plain(), events, START + DAY)
    assert len(wanted.outreach) == 1
    assert lines_of(decided(rules, events, START + DAY, Plain())) == wanted


def test_a_run_is_reusable() -> None:
    """One run decides every customer of its process; nothing of one may reach the next."""
    rules = book(*every_kind(HOUR))
    both = [event("buy", START, customer="a"), event("buy", START, customer="b")]
    one, other = decided(rules, both, START + DAY, Plain())
    assert [each.rule for each in one.outreach] == [each.rule for each in other.outreach]


def test_who_comes_back_in_the_very_moment_reads_a_text_from_before_it_however_many_timers_are_due() -> None:
    """Timers of one moment may fill several pages of wake-ups; all come before the events of that moment."""
    rules = book(*every_kind(HOUR))
    first = [event("visit", START, customer=name) for name in ("a", "b", "c")]
    events = [*first, *(event("visit", START + 3 * HOUR, customer=name) for name in ("a", "b", "c"))]
    wanted = by_partition(rules, Counting(), events, START + 4 * HOUR)
    assert by_partition(rules, Counting(), events, START + 4 * HOUR, page=1) == wanted
    assert lines_of(decided(rules, events, START + 4 * HOUR, Counting())) == wanted
    assert sum(b"after 1" in line for line in wanted.outreach) == 3
