"""Rules on a schedule: once per customer and occurrence, in the customer's zone, whatever happens to the clock."""

from pathlib import Path

import pytest

from engine.core.zones import iso
from engine.model import Outcome
from engine.testing.simulator import Simulator
from tests.support.books import DAY
from tests.support.referrals import book_of

EVENTS = """\
version: 1
events:
  person: { profile: all }
  visit: {}
profile: { reader: boolean, zone: string, work: string }
"""
POLICY = "version: 1\nzone: { default: Europe/Berlin, field: profile.zone }\n"
LETTER = """\
version: 1
segments:
  - { id: reader, if: profile.reader }
rules:
  - id: letter
    when: { schedule: { %s } }
    send: letter
"""
RENAMED = LETTER.replace("id: letter\n", "id: news\n    was: [letter]\n")
TUESDAYS = 'every: week, on: tuesday, at: "09:00", among: segments.reader'
"""The tests begin on Thursday, 2026-01-01T00:00:00Z."""


@pytest.fixture(params=[False, True], ids=["once", "twice-and-reloaded"])
def strict(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def shop(folder: Path, when: str, strict: bool, policy: str = POLICY) -> Simulator:
    return Simulator(book_of(folder, LETTER % when, policy, EVENTS), strict=strict)


def told(there: Simulator) -> list[str]:
    return [iso(one.at) for one in there.outreach]


def test_readers_get_a_letter_on_tuesdays_at_nine_where_they_live(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, TUESDAYS, strict)
    there.event("person", "0d", reader=True)
    there.event("person", "0d", customer="c-2", reader=True, zone="America/New_York")
    there.event("person", "0d", customer="c-3", reader=False)
    there.run("14d")
    assert [(one.customer, iso(one.at)) for one in there.outreach] == [
        ("c-1", "2026-01-06T08:00:00Z"),
        ("c-2", "2026-01-06T14:00:00Z"),
        ("c-1", "2026-01-13T08:00:00Z"),
        ("c-2", "2026-01-13T14:00:00Z"),
    ]
    assert {one.customer for one in there.outcomes} == {"c-1", "c-2"}, "there is no word of who is not a reader"


def test_who_joins_after_the_hour_gets_the_next_one_and_who_left_gets_none(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, TUESDAYS, strict)
    there.event("person", "5d9h", reader=True)
    there.event("person", "13d", reader=False)
    there.event("person", "20d", reader=True)
    there.run("30d")
    assert told(there) == ["2026-01-13T08:00:00Z", "2026-01-27T08:00:00Z"]


def test_the_hour_is_that_of_the_clock_on_the_wall_in_summer_too(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, 'every: month, on: 31, at: "02:30", among: true', strict)
    there.event("visit", "0d")
    there.run("95d")
    assert told(there) == ["2026-01-31T01:30:00Z", "2026-02-28T01:30:00Z", "2026-03-31T00:30:00Z"]


def test_every_second_week_counts_from_its_first_day(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, "every: 2w, on: tuesday, from: 2026-01-12, among: true", strict)
    there.event("visit", "0d")
    there.run("45d")
    assert told(there) == ["2026-01-13T08:00:00Z", "2026-01-27T08:00:00Z", "2026-02-10T08:00:00Z"]


def test_a_move_to_another_zone_repeats_no_day_and_skips_what_has_passed_there(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, 'every: day, at: "09:00", among: true', strict)
    there.event("visit", "0d")
    there.event("person", "1d10h", zone="America/New_York")  # 2 January, after nine in Berlin, before it in New York
    there.event("person", "3d4h", zone="Asia/Tokyo")  # 4 January: noon in Tokyo
    there.run("4d20h")
    days = ["2026-01-01T08", "2026-01-02T08", "2026-01-03T14", "2026-01-05T00"]
    assert told(there) == [f"{day}:00:00Z" for day in days]


def test_a_schedule_may_follow_the_clock_of_a_shop(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, 'every: week, on: tuesday, at: "09:00", zone: Asia/Tokyo, among: true', strict)
    there.event("visit", "0d")
    there.event("visit", "0d", customer="c-2")
    there.event("person", "1d", customer="c-2", zone="America/New_York")
    there.event("person", "8d", zone="Pacific/Auckland")
    there.run("14d")
    assert [(one.customer, iso(one.at)) for one in there.outreach] == [
        (customer, f"2026-01-{day}T00:00:00Z") for day in ("06", "13") for customer in ("c-1", "c-2")
    ]
    assert {one.reason for one in there.outreach} == {"it is every week on tuesday, 09:00 in Asia/Tokyo"}


def test_a_schedule_may_come_round_on_several_days_of_the_week(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, 'every: 2w, on: [friday, tuesday], from: 2026-01-01, at: "09:00", among: true', strict)
    there.event("visit", "0d")
    there.run("20d")
    assert told(there) == [f"2026-01-{day}T08:00:00Z" for day in ("02", "13", "16")]
    assert {one.reason for one in there.outreach} == {"it is every 2 weeks on tuesday and friday, 09:00"}


def test_a_schedule_may_follow_the_clock_of_a_place_in_the_profile(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, 'every: day, at: "09:00", zone: profile.work, among: true', strict)
    there.event("person", "0d", zone="America/New_York")
    there.event("person", "1d16h", work="Asia/Tokyo")
    there.run("4d")
    assert told(there) == [f"2026-01-0{at}:00:00Z" for at in ("1T14", "2T14", "3T00", "4T00", "5T00")]


def test_a_schedule_that_follows_another_clock_repeats_no_day(tmp_path: Path, strict: bool) -> None:
    daily = 'every: day, at: "09:00", among: true'
    there = shop(tmp_path / "before", daily, strict)
    there.event("visit", "0d")
    there.run("1d10h")
    there.adopt(book_of(tmp_path / "after", LETTER % f"{daily}, zone: America/New_York", POLICY, EVENTS))
    there.run("3d15h")
    assert told(there) == [f"2026-01-0{day}:00:00Z" for day in ("1T08", "2T08", "3T14", "4T14")]


def test_a_move_after_the_hour_does_not_put_off_what_lateness_still_holds(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, TUESDAYS, strict, POLICY + "allowed_lateness: 2h\n")
    there.event("person", "0d", reader=True)
    there.event("person", "5d9h", zone="America/New_York")
    there.run("7d")
    assert [iso(one.moment) for one in there.outreach] == ["2026-01-06T08:00:00Z"]


def test_a_day_does_not_come_round_again_at_another_hour_of_an_edit(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path / "a", TUESDAYS, strict)
    there.event("person", "0d", reader=True)
    there.run("5d9h")
    there.adopt(book_of(tmp_path / "b", LETTER % TUESDAYS.replace("09:00", "18:00"), POLICY, EVENTS))
    there.run("13d")
    assert told(there) == ["2026-01-06T08:00:00Z", "2026-01-13T17:00:00Z"]


def test_after_an_outage_only_the_latest_one_missed_is_sent(tmp_path: Path) -> None:
    there = shop(tmp_path, 'every: day, at: "09:00", among: true', False)
    there.event("visit", "0d")
    there.now = there.moment("9d12h")  # the clock stood still, and jumps
    there.event("visit", "9d12h")
    assert [(one.outcome, one.occurrence) for one in there.outcomes][-2:] == [
        (Outcome.EXPIRED, "2026-01-09"),
        (Outcome.FIRED, "2026-01-10"),
    ]
    assert len(there.outreach) == 1


def test_a_spread_gives_each_customer_a_moment_of_their_own(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, 'every: week, on: tuesday, at: "09:00", spread: 2h, among: true', strict)
    for number in range(40):
        there.event("visit", 1000 * number + there.start, customer=f"c-{number}")
    there.run("20d")
    first, second = there.outreach[:40], there.outreach[40:80]
    moments = {one.customer: one.at - there.moment("5d8h") for one in first}
    assert all(0 <= moment < 7_200_000 for moment in moments.values())
    assert len(set(moments.values())) == 40
    assert {one.customer: one.at - there.moment("12d8h") for one in second} == moments


@pytest.mark.parametrize("renamed", [False, True])
def test_a_share_of_the_spread_stays_whatever_comes_late_and_whatever_the_rule_is_called(
    tmp_path: Path, strict: bool, renamed: bool
) -> None:
    """Each tells of an earlier visit, or of the same zone, at an hour at which some are still to be written to."""
    when = 'every: day, at: "09:00", spread: 2h, among: true'
    there = shop(tmp_path / "a", when, strict)
    for number in range(40):
        there.event("visit", f"1d{number}m", customer=f"c-{number}")
    there.run("3d")
    before = {one.customer: one.at % DAY for one in there.outreach[:40]}
    for number in range(40):
        there.event("visit", f"{number}m", customer=f"c-{number}", arrives="3d9h")
    if renamed:
        there.book = book_of(tmp_path / "b", RENAMED % when, POLICY, EVENTS)
    for number in range(40):
        there.event("person", "3d9h", customer=f"c-{number}", zone="Europe/Berlin")
    there.outreach.clear()
    there.run("4d")
    assert {one.customer: one.at % DAY for one in there.outreach} == {
        customer: at for customer, at in before.items() if at > 9 * DAY // 24
    }


def test_a_share_of_a_spread_that_an_edit_has_brought_stays_too(tmp_path: Path, strict: bool) -> None:
    def letters(name: str, *, late: bool) -> list[tuple[str, int]]:
        there = shop(tmp_path / name, 'every: day, at: "09:00", among: true', strict)
        customers = [f"c-{number}" for number in range(40)]
        for number, customer in enumerate(customers):
            there.event("visit", f"1d{number}m", customer=customer)
        there.run("3d")
        there.book = book_of(
            tmp_path / name, LETTER % 'every: day, at: "09:00", spread: 2h, among: true', POLICY, EVENTS
        )
        for customer in customers:
            there.event("person", "3d1h", customer=customer, zone="Europe/Berlin")
        for number, customer in enumerate(customers if late else ()):
            there.event("visit", f"{number}m", customer=customer, arrives="3d9h")
        for customer in customers:
            there.event("person", "3d9h", customer=customer, zone="Europe/Berlin")
        there.run("4d")
        return sorted((one.customer, one.at) for one in there.outreach)

    assert letters("a", late=True) == letters("b", late=False)


def test_a_group_that_time_alone_changes_is_asked_at_the_hour(tmp_path: Path, strict: bool) -> None:
    there = shop(tmp_path, 'every: day, at: "09:00", among: events.visit.count("2d") == 0', strict)
    there.event("visit", "0d")
    there.run("4d")
    assert told(there) == ["2026-01-03T08:00:00Z", "2026-01-04T08:00:00Z"]


BIRTHDAYS = """\
version: 1
segments:
  - { id: reader, if: profile.reader }
  - { id: birthday, if: profile.birthday == today }
rules:
  - id: letter
    when: { schedule: { every: day, at: "%s", among: segments.birthday } }
    send: letter
"""


@pytest.mark.parametrize("hour", ["00:00", "09:00"])
def test_who_joins_by_time_alone_at_the_very_hour_is_among_them(tmp_path: Path, hour: str, strict: bool) -> None:
    """They come in at midnight, and are out again at the next one."""
    events = EVENTS.replace("reader: boolean", "reader: boolean, birthday: date")
    there = Simulator(book_of(tmp_path, BIRTHDAYS % hour, POLICY, events), strict=strict)
    there.event("person", "0d", birthday="01-05")
    there.run("10d")
    assert told(there) == ["2026-01-04T23:00:00Z" if hour == "00:00" else "2026-01-05T08:00:00Z"]


def test_who_has_joined_by_time_alone_in_an_outage_gets_what_came_round_in_it(tmp_path: Path) -> None:
    events = EVENTS.replace("reader: boolean", "reader: boolean, birthday: date")
    there = Simulator(book_of(tmp_path, BIRTHDAYS % "09:00", POLICY, events))
    there.event("person", "0d", birthday="01-05")
    there.now = there.moment("4d12h")
    there.event("visit", "4d12h")
    assert told(there) == ["2026-01-05T12:00:00Z"]


@pytest.mark.parametrize("among", ["events.lapsed.count() >= 1", "events.segment_left.count() >= 1"])
@pytest.mark.parametrize("outage", [False, True])
def test_who_joins_by_what_time_alone_makes_gets_it_with_an_outage_as_without(
    tmp_path: Path, among: str, outage: bool
) -> None:
    rules = f"""\
version: 1
segments: [{{ id: active, if: 'events.visit.count("1d") >= 1' }}]
rules:
  - {{ id: lapse, when: {{ inactivity: {{ of: visit, for: 1d }} }}, emit: {{ event: lapsed }} }}
  - {{ id: letter, when: {{ schedule: {{ every: day, at: "04:00", among: {among} }} }}, send: letter }}
"""
    events = EVENTS.replace("visit: {}", "visit: {}\n  lapsed: {}")
    there = Simulator(book_of(tmp_path, rules, "version: 1\n", events))
    there.event("visit", "0d")
    there.now = there.moment("1d12h") if outage else there.now
    there.run("1d12h")
    assert [(one.occurrence, iso(one.moment)) for one in there.outreach] == [("2026-01-02", "2026-01-02T04:00:00Z")]


def test_a_rule_that_goes_live_later_reaches_who_is_there_from_the_next_hour_on(tmp_path: Path) -> None:
    there = shop(tmp_path, TUESDAYS.replace("tuesday", "friday"), False)
    there.event("person", "0d", reader=True)
    there.run("3d")
    there.book = book_of(tmp_path, LETTER % TUESDAYS, POLICY, EVENTS)
    there.profile()
    there.run("8d")
    assert told(there) == ["2026-01-02T08:00:00Z", "2026-01-06T08:00:00Z"]


def test_a_message_that_the_night_holds_is_dropped_for_who_does_not_belong_in_the_morning(
    tmp_path: Path, strict: bool
) -> None:
    policy = POLICY + 'quiet_hours: { from: "21:00", to: "08:00" }\n'
    there = shop(tmp_path, 'every: day, at: "22:00", among: events.visit.count("1d") >= 1', strict, policy)
    there.event("visit", "22h")  # 23:00 in Berlin: in until then on the next day, and not until the morning after
    there.event("visit", "22h", customer="c-2")
    there.event("visit", "1d21h", customer="c-2")
    there.run("4d")
    assert [(one.customer, iso(one.at)) for one in there.outreach] == [("c-2", "2026-01-03T07:00:00Z")]
    assert ("c-1", "no longer true after it was deferred") in [(one.customer, one.reason) for one in there.outcomes]


@pytest.mark.parametrize(("visited", "ended"), [("1d", False), ("4d20h", False), ("4d22h", True), ("5d20h", True)])
def test_a_late_visit_from_before_yesterdays_letter_does_not_end_the_one_that_the_night_holds(
    tmp_path: Path, visited: str, ended: bool
) -> None:
    """What comes round on the sixth day at ten in the evening is the next one since that of the fifth day was due."""
    policy = POLICY + 'quiet_hours: { from: "21:00", to: "08:00" }\n'
    rules = LETTER % 'every: day, at: "22:00", among: true' + "    exit: { event: visit }\n"
    there = Simulator(book_of(tmp_path, rules, policy, EVENTS), strict=True)
    there.event("person", "0d", zone="UTC")
    there.event("visit", visited, arrives="5d23h")
    there.run("6d8h")
    found = [one.outcome for one in there.outcomes if one.occurrence == "2026-01-06"]
    assert found == [Outcome.DEFERRED, Outcome.SUPPRESSED if ended else Outcome.FIRED]
