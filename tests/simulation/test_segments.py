"""Segments: customers move in and out on time, once a move, and meet new segments silently."""

from pathlib import Path

import pytest

from engine.core.explain import explain, segments
from engine.core.scope import in_segment, level_of, segment_time
from engine.core.state.codec import encode_state
from engine.model import Identified, Outcome
from engine.ports import Record
from engine.render import JinjaRenderer
from engine.wire.decode import Decoder
from tests.support.books import DAY, HOUR, START, event
from tests.support.drive import Customers
from tests.support.journeys import loaded
from tests.support.segment_shop import ACTIVE, ANY, DOWN, IN, KEPT, OTHER, OUT, TIER, UP, buy, fired, shop, visit


def test_a_customer_who_leaves_a_segment_by_time_alone_leaves_on_time(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, ACTIVE, IN + OUT)).tell(visit()).until(START + 7 * DAY - 1)
    assert fired(there) == [("hello", 0)]
    there.until(START + 7 * DAY)
    assert there.outreach[1].moment == START + 7 * DAY
    assert there.outreach[1].reason == "left segment active"


STAFF = """\
segments:
  - { id: staff, if: 'customer.id in ["c-1", "c-2"]' }
  - { id: shoppers, if: 'events.visit.count("7d") >= 1 and customer.id != "c-1"' }
"""


@pytest.mark.parametrize(
    ("customer", "sent"), [("c-1", ["staff"]), ("c-2", ["staff", "shopper"]), ("c-3", ["shopper"])]
)
def test_a_segment_can_tell_customers_by_their_ids(customer: str, sent: list[str]) -> None:
    moves = "[{ id: staff, when: { segment: staff }, send: x }, { id: shopper, when: { segment: shoppers }, send: x }]"
    there = Customers(loaded(f"rules: {moves}\n{STAFF}")).tell(event("visit", START, customer=customer))
    assert [one.rule for one in there.outreach] == sent


@pytest.mark.parametrize(("customer", "sent"), [("c-1", 1), ("c-3", 0)])
def test_a_new_segment_knows_by_their_ids_who_is_there_already(customer: str, sent: int) -> None:
    rule = "{ id: r, when: { event: visit }, if: segments.staff, send: x }"
    there = Customers(loaded(f"rules: [{rule.replace('segments.staff', 'false')}]"))
    there.tell(event("buy", START, customer=customer)).meet(loaded(f"rules: [{rule}]\n{STAFF}"))
    there.tell(event("visit", START + DAY, customer=customer))
    assert len(there.outreach) == sent


def test_a_visit_in_time_keeps_the_customer_in_without_a_word(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, ACTIVE, IN + OUT)).tell(visit(), visit(100)).until(START + 7 * DAY)
    assert fired(there) == [("hello", 0)]


def test_the_same_customer_enters_again_with_an_occurrence_of_its_own(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, ACTIVE, IN + OUT)).tell(visit(), visit(10 * 24))
    assert [one.occurrence for one in there.outreach] == ["active 1", "active 2", "active 3"]
    assert len({one.id for one in there.outreach}) == 3


def test_a_late_event_changes_membership_now_and_not_in_the_past(tmp_path: Path) -> None:
    book = shop(tmp_path, ACTIVE, IN + OUT)
    there = Customers(book).tell(visit(customer="c-2", hours=5 * 24), visit())
    late = next(one for one in there.outreach if one.customer == "c-1")
    assert (late.rule, late.moment) == ("hello", START + 5 * DAY)
    there.until(START + 7 * DAY)
    assert there.outreach[-1].moment == START + 7 * DAY, "the window still counts from the visit"
    too_late = Customers(book).tell(visit(customer="c-2", hours=9 * 24), visit())
    assert {one.customer for one in too_late.outreach} == {"c-2"}, "whose window is over was never in"


def test_levels_move_up_and_down_with_what_they_count(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, TIER, UP + DOWN)).tell(buy(0, 20), buy(24, 40)).until(START + 40 * DAY)
    assert fired(there) == [("up", 0), ("up", 24), ("down", 30 * 24), ("down", 31 * 24)]
    moved = [(one.event.properties["old"], one.event.properties["new"]) for one in there.outreach if one.event]
    assert moved == [("none", "low"), ("low", "high"), ("high", "low"), ("low", "none")]


def test_a_segment_follows_dates_that_pass(tmp_path: Path) -> None:
    segments = "  - { id: active, if: profile.ends > now }\n"
    there = Customers(shop(tmp_path, segments, IN + OUT))
    there.tell(event("person", START, ends=START + 5 * DAY), event("person", START + DAY, ends=START + 9 * DAY))
    assert fired(there.until(START + 20 * DAY)) == [("hello", 0), ("bye", 9 * 24)]


def test_what_reads_a_segment_moves_with_it(tmp_path: Path) -> None:
    gone = "  - { id: gone, if: not segments.active and segments.tier >= 'low' }\n"
    rules = OUT + "  - { id: lost, when: { segment: gone }, send: note }\n"
    there = Customers(shop(tmp_path, gone + ACTIVE + TIER, rules)).tell(visit(), buy(1, 12)).until(START + 8 * DAY)
    assert fired(there) == [("bye", 7 * 24), ("lost", 7 * 24)]


def test_segments_change_before_what_else_is_due_at_the_same_instant(tmp_path: Path) -> None:
    rules = """\
  - { id: quiet, when: { inactivity: { of: visit, for: 7d } }, if: not segments.active, send: note }
  - { id: late, when: { segment: active, moves: out }, send: { template: note, priority: 5 } }
"""
    there = Customers(shop(tmp_path, ACTIVE, rules, policy="caps: [{ limit: 1, per: day }]\n"))
    there.tell(visit()).until(START + 7 * DAY)
    assert there.told() == [
        ("late", "fired", "left segment active"),
        ("quiet", "capped", "cap of 1 per day is reached"),
    ], "and what comes due together is ranked by priority"


def test_a_move_ends_a_rule_at_once(tmp_path: Path) -> None:
    rules = """\
  - id: lost
    when: { inactivity: { of: visit, for: 10d } }
    exit: { segment: tier, moves: up }
    send: note
"""
    book = shop(tmp_path, TIER, rules)
    assert fired(Customers(book).tell(visit(), buy(24, 5)).until(START + 20 * DAY)) == [("lost", 240)]
    assert fired(Customers(book).tell(visit(), buy(24, 15)).until(START + 20 * DAY)) == []


def test_a_move_by_time_alone_ends_a_rule_too(tmp_path: Path) -> None:
    rules = """\
  - id: lost
    when: { inactivity: { of: visit, for: 10d } }
    exit: { segment: active, moves: out }
    send: note
"""
    there = Customers(shop(tmp_path, ACTIVE, rules)).tell(visit()).until(START + 20 * DAY)
    assert fired(there) == []


def test_rules_answer_the_events_of_moves_too(tmp_path: Path) -> None:
    rules = """\
  - id: twice
    when: { event: segment_entered, where: event.segment == "active" }
    if: events.segment_entered.count() == 2
    send: note
"""
    there = Customers(shop(tmp_path, ACTIVE, rules)).tell(visit(), visit(10 * 24))
    assert fired(there) == [("twice", 10 * 24)]


def test_no_record_can_pretend_to_be_a_move(tmp_path: Path) -> None:
    book = shop(tmp_path, ACTIVE, IN)
    decoder = Decoder(book.catalog.sources[0], book.catalog)
    text = b'{"id": "1", "type": "segment_entered", "customer": "c-1", "time": 1767225600000, "properties": {}}'
    assert decoder.decode(Record("events", 0, 0, text), START) is None


def test_moves_are_no_activity_and_keep_nobody_from_being_forgotten(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, ACTIVE, IN + OUT, policy="forget_after: 9d\n")).tell(visit())
    there.until(START + 9 * DAY)
    assert there.states == {}
    there.tell(visit(30 * 24))
    assert fired(there)[-1] == ("hello", 30 * 24), "who comes back after that is new"


def test_a_new_segment_meets_customers_silently(tmp_path: Path) -> None:
    keeps = "  - { id: keeps, when: { event: buy }, if: events.visit.count('7d') >= 1, send: note }\n"
    there = Customers(shop(tmp_path / "a", "", keeps)).tell(visit())
    there.until(START + DAY).meet(shop(tmp_path / "b", ACTIVE, keeps + IN + OUT))
    assert in_segment(there.states["c-1"], "active")
    assert segment_time(there.states["c-1"], "active", "since") == START + DAY
    assert fired(there.until(START + 8 * DAY)) == [("bye", 7 * 24)]


def test_who_turns_out_to_have_been_in_when_history_becomes_known_is_told_nothing(tmp_path: Path) -> None:
    """Nothing was kept of the visits before the segment was there: how many there were is known a week later."""
    segments = "  - { id: active, if: events.visit.count('7d') < 2 }\n"
    there = Customers(shop(tmp_path / "a", "", OTHER)).tell(visit(), visit(9 * 24))
    there.meet(shop(tmp_path / "b", segments, IN + OUT)).until(START + 17 * DAY)
    assert in_segment(there.states["c-1"], "active")
    assert fired(there) == []
    assert fired(there.tell(visit(18 * 24), visit(18 * 24 + 1)).until(START + 30 * DAY)) == [
        ("bye", 18 * 24 + 1),
        ("hello", 25 * 24),
    ]


def test_who_is_certain_to_be_outside_is_told_when_they_come_in(tmp_path: Path) -> None:
    """How many visits there were is not known, but the newest is: there is one within the week."""
    segments = "  - { id: active, if: events.visit.count('7d') == 0 and events.visit.count() > 1 }\n"
    there = Customers(shop(tmp_path / "a", "", OTHER)).tell(visit(), visit(9 * 24))
    there.meet(shop(tmp_path / "b", segments, IN + OUT)).until(START + 17 * DAY)
    assert fired(there) == [("hello", 16 * 24)]


def test_a_changed_segment_meets_customers_silently_and_the_same_one_goes_on(tmp_path: Path) -> None:
    longer = ACTIVE.replace("7d", "9d")
    there = Customers(shop(tmp_path / "a", ACTIVE, IN + OUT)).tell(visit(), visit(1, customer="c-2"))
    there.until(START + 8 * DAY)
    assert fired(there) == [("hello", 0), ("hello", 1), ("bye", 7 * 24), ("bye", 7 * 24 + 1)]
    there.meet(shop(tmp_path / "b", longer, IN + OUT))
    assert len(there.outreach) == 4
    said = longer.replace("id: active", "id: active, why: Because.")
    there.meet(shop(tmp_path / "c", said, IN + OUT)).until(START + 10 * DAY)
    assert fired(there)[4:] == [("bye", 9 * 24), ("bye", 9 * 24 + 1)]


def test_what_reads_a_changed_segment_meets_customers_silently_too(tmp_path: Path) -> None:
    reads = "  - { id: idle, if: not segments.active }\n"
    rules = "  - { id: idle, when: { segment: idle, moves: any }, send: note }\n"
    there = Customers(shop(tmp_path / "a", ACTIVE + reads, rules)).tell(visit()).until(START + 3 * DAY)
    there.meet(shop(tmp_path / "b", ACTIVE.replace("7d", "2d") + reads, rules)).until(START + 30 * DAY)
    assert fired(there) == []
    assert in_segment(there.states["c-1"], "idle")


@pytest.mark.parametrize(("away", "expected"), [(2, [("hello", 0), ("bye", 7 * 24)]), (40, [("hello", 0)])])
def test_a_segment_that_comes_back_within_the_grace_has_lost_nothing(
    tmp_path: Path, away: int, expected: list[tuple[str, int]]
) -> None:
    rest = "  - { id: r, when: { event: buy }, send: note }\n"
    with_it, without = shop(tmp_path / "a", ACTIVE, IN + OUT), shop(tmp_path / "b", "", rest)
    there = Customers(with_it).tell(visit()).until(START + 6 * DAY).meet(without).until(START + (7 + away) * DAY)
    there.meet(with_it)
    assert fired(there) == expected
    assert len(there.outcomes) == len(expected), "nor was one too late"
    assert not in_segment(there.states["c-1"], "active")


def test_a_segment_that_comes_back_knows_what_happened_meanwhile(tmp_path: Path) -> None:
    once = ACTIVE.replace("events.visit.count('7d') >= 1", "events.visit.count() == 1")
    there = Customers(shop(tmp_path / "a", once, IN + OUT)).tell(visit()).meet(shop(tmp_path / "b", "", OTHER))
    there.tell(visit(24)).meet(shop(tmp_path / "c", once, IN + OUT))
    assert fired(there) == [("hello", 0), ("bye", 24)]


def test_a_renamed_segment_keeps_its_members(tmp_path: Path) -> None:
    renamed = ACTIVE.replace("id: active", "id: lively, was: [active]")
    rules = "  - { id: any, when: { segment: lively, moves: any }, send: note }\n"
    there = Customers(shop(tmp_path / "a", ACTIVE, IN)).tell(visit())
    there.meet(shop(tmp_path / "b", renamed, rules)).until(START + 9 * DAY)
    assert [(one.rule, one.occurrence) for one in there.outreach] == [("hello", "active 1"), ("any", "lively 2")]


def test_a_move_that_the_night_holds_is_told_though_the_segment_is_renamed_meanwhile(tmp_path: Path) -> None:
    quiet = 'quiet_hours: { from: "20:00", to: "08:00" }\n'
    renamed = ACTIVE.replace("id: active", "id: lively, was: [active]")
    there = Customers(shop(tmp_path / "a", ACTIVE, IN, policy=quiet)).tell(visit())
    there.meet(shop(tmp_path / "b", renamed, IN.replace("active", "lively"), policy=quiet)).until(START + DAY)
    assert [(one.rule, one.occurrence) for one in there.outreach] == [("hello", "active 1")]


def test_a_guest_who_became_a_customer_leaves_silently(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, ACTIVE, IN + OUT)).tell(visit())
    there.tell(Identified("c-1", "c-9", START + DAY))
    assert fired(there.until(START + 20 * DAY)) == [("hello", 0)]


def test_a_firing_held_by_the_night_is_dropped_when_the_customer_has_moved_on(tmp_path: Path) -> None:
    quiet = 'quiet_hours: { from: "20:00", to: "08:00" }\n'
    there = Customers(shop(tmp_path, ACTIVE, OUT, policy=quiet)).tell(visit()).tell(visit(7 * 24 + 5))
    there.until(START + 8 * DAY)
    assert [(one.outcome, one.reason) for one in there.outcomes][-1] == (
        Outcome.SUPPRESSED,
        "no longer true after it was deferred",
    )


def test_a_move_found_long_after_its_moment_floods_nobody(tmp_path: Path) -> None:
    """A worker that was off: on a live clock the customer leaves at the moment, and the message is too late."""
    there = Customers(shop(tmp_path, ACTIVE, OUT), live=True).tell(visit()).until(START + 20 * DAY)
    assert [(one.rule, one.outcome) for one in there.outcomes] == [("bye", Outcome.EXPIRED)]
    assert segment_time(there.states["c-1"], "active", "since") == START + 7 * DAY


def test_who_comes_back_within_the_allowed_lateness_has_not_left(tmp_path: Path) -> None:
    book = shop(tmp_path, ACTIVE, IN + OUT, policy="allowed_lateness: 2h\n")
    there = Customers(book).tell(visit(), visit(7 * 24 + 1)).until(START + 10 * DAY)
    assert fired(there) == [("hello", 0)]
    slower = Customers(book).tell(visit(), visit(7 * 24 + 3)).until(START + 10 * DAY)
    assert fired(slower) == [("hello", 0), ("bye", 7 * 24), ("hello", 7 * 24 + 3)]


def test_an_edit_soon_after_a_visit_moves_nobody_though_lateness_holds_time_back(tmp_path: Path) -> None:
    wait, new = "allowed_lateness: 2h\n", ACTIVE.replace("active", "lately").replace("7d", "2d")
    moves = "  - { id: lately, when: { segment: lately, moves: any }, send: note }\n"
    there = Customers(shop(tmp_path / "a", ACTIVE, IN + OUT, policy=wait)).tell(visit())
    there.meet(shop(tmp_path / "b", ACTIVE + new, IN + OUT + moves, policy=wait)).until(START + 8 * DAY)
    assert fired(there) == [("hello", 0), ("lately", 2 * 24), ("bye", 7 * 24)], "nobody enters a new one aloud"


def test_a_visit_that_is_late_within_the_allowance_takes_back_the_leaving(tmp_path: Path) -> None:
    book = shop(tmp_path, ACTIVE + TIER, IN + OUT, policy="allowed_lateness: 2h\n")
    there = Customers(book).tell(visit(), buy(7 * 24 + 1, 5), visit(7 * 24 - 1)).until(START + 10 * DAY)
    assert fired(there) == [("hello", 0)]


def test_a_kept_level_stays_until_its_end_and_then_goes_to_what_holds(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, KEPT, ANY)).tell(buy(0, 50), buy(24, 12)).until(START + 30 * DAY)
    state = there.states["c-1"]
    assert (level_of(state, "tier"), level_of(state, "tier", next=True)) == ("high", "low")
    assert segment_time(state, "tier", "kept_until") == START + 40 * DAY
    there.until(START + 40 * DAY)
    assert [one.moment for one in there.outreach] == [START, START + 40 * DAY]
    assert there.outreach[-1].reason == "segment tier: high to none"


def test_a_level_is_kept_longer_each_time_its_condition_turns_true_again(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, KEPT, ANY)).tell(buy(0, 50), buy(35 * 24, 60)).until(START + 36 * DAY)
    assert segment_time(there.states["c-1"], "tier", "kept_until") == START + 75 * DAY
    assert fired(there.until(START + 100 * DAY)) == [("any", 0), ("any", 75 * 24)]


def test_a_level_whose_condition_holds_at_its_end_is_kept_again(tmp_path: Path) -> None:
    there = Customers(shop(tmp_path, KEPT, ANY)).tell(buy(0, 50), buy(20 * 24, 50)).until(START + 41 * DAY)
    assert segment_time(there.states["c-1"], "tier", "kept_until") == START + 80 * DAY


def year(folder: Path, keep: str) -> Customers:
    return Customers(shop(folder, TIER + f"    keep: {keep}\n", ANY))


@pytest.mark.parametrize(("keep", "end"), [("end of year", "2027-01-01"), ("end of next year", "2028-01-01")])
def test_a_year_ends_where_the_customer_is(tmp_path: Path, keep: str, end: str) -> None:
    there = year(tmp_path, keep).tell(event("person", START, zone="America/New_York"), buy(48, 50))
    state = there.states["c-1"]
    begins = segment_time(state, "tier", "kept_until")
    assert begins == {"2027-01-01": 1_798_779_600_000, "2028-01-01": 1_830_315_600_000}[end], "05:00 UTC"
    there.tell(event("person", START + 99 * HOUR, zone="Asia/Tokyo"))
    assert segment_time(there.states["c-1"], "tier", "kept_until") == begins - 14 * HOUR, "the year moves along"
    assert there.until(begins).outreach[-1].moment == begins - 14 * HOUR


def test_who_moves_into_a_zone_where_the_year_is_over_loses_the_level_with_the_move(tmp_path: Path) -> None:
    there = year(tmp_path, "end of year").tell(event("person", START, zone="Pacific/Honolulu"), buy(0, 50))
    new_year = 1_798_761_600_000
    there.tell(event("person", new_year + HOUR, zone="UTC"))
    assert there.outreach[-1].moment == new_year + HOUR
    there.tell(event("person", new_year + 2 * HOUR, zone="Pacific/Honolulu")).until(new_year + DAY)
    assert len(there.outreach) == 2, "and the year does not end a second time"


def test_a_segment_of_scores_changes_in_the_second_in_which_the_score_falls(tmp_path: Path) -> None:
    scores = """\
{ "version": 1, "made": "2026-01-01T00:00:00Z", "purchase": "buy", "zone": "UTC", "model": "pareto_nbd",
  "parameters": { "r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7 } }
"""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "scores.json").write_text(scores)
    rules = "  - { id: leaves, when: { score: alive, below: 0.6 }, send: note }\n"
    rules += "  - { id: moves, when: { segment: leaving, moves: any }, send: note }\n"
    segments = "  - { id: leaving, if: scores.alive < 0.6 or scores.alive > 5 }\n"
    there = Customers(shop(tmp_path, segments, rules)).tell(buy(0, 5), buy(24 * 9, 5)).until(START + 2000 * DAY)
    (falls, moves) = there.outreach
    assert falls.moment == moves.moment
    there.tell(buy(24 * 2100, 5))
    assert there.outreach[-1].reason == "left segment leaving"


def test_templates_read_segments(tmp_path: Path) -> None:
    note = """\
{% block subject %}{{ segments.tier | upper }} of {{ segments.tier.next }}{% endblock %}
{% block text %}{% if segments.active %}active{% else %}idle{% endif %} {{ segments.tier == "high" }}
{{ segments.tier.kept_until | date }} {{ segments.active.since is defined }}{% endblock %}
"""
    book = shop(tmp_path, ACTIVE + KEPT, UP, note=note)
    there = Customers(book).tell(buy(0, 50))
    (outreach,) = there.outreach
    JinjaRenderer(tmp_path / "templates", book).render(outreach, there.states["c-1"])
    assert outreach.subject == "HIGH of high"
    assert outreach.text.split("\n") == ["idle True", "February 10, 2026 False"]


@pytest.mark.parametrize(("segment", "bound"), [(TIER, 50), (KEPT, 60)], ids=["plain", "kept"])
def test_a_segment_takes_few_bytes_of_a_state(tmp_path: Path, segment: str, bound: int) -> None:
    state = Customers(shop(tmp_path, segment, UP)).tell(buy(0, 50)).states["c-1"]
    size = len(encode_state(state))
    state.segments = {}
    assert size - len(encode_state(state)) <= bound


def test_segments_that_a_customer_is_not_in_take_no_room(tmp_path: Path) -> None:
    state = Customers(shop(tmp_path, ACTIVE + TIER, UP)).tell(buy(0, 5)).states["c-1"]
    assert state.segments == {}


def test_explain_says_where_a_customer_stands(tmp_path: Path) -> None:
    book = shop(tmp_path, ACTIVE + TIER, OUT + UP)
    there = Customers(book).tell(visit(), buy(1, 20))
    (active, tier) = segments(book, there.states["c-1"])
    assert (active.level, active.since, active.looks) == ("in", START, START + 7 * DAY)
    assert (tier.level, tier.condition.partition(";")[0]) == ("low", "low: events.buy.sum('amount', '30d') >= 10")
    waits = [view.waits for view in explain(book, there.states["c-1"], "c-1", START + DAY)]
    assert waits == [
        "is in segment active since 2026-01-01T00:00:00Z; waits for a move out",
        "segment tier is low since 2026-01-01T01:00:00Z; waits for a move up",
    ]
