"""A guest who becomes known is not reminded of what they did as a guest: through ingest, internal topic and workers."""

import json
from collections.abc import Sequence
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.memory import MemoryStore, MemoryTransfer
from engine.core.book import RuleBook
from engine.core.catalog import Accept, Catalog, EventType, Source
from engine.core.decide import decide
from engine.core.effects import Decision
from engine.core.policy import Policy, QuietHours
from engine.core.state.model import State
from engine.core.triggers.abandoned import Abandoned
from engine.core.triggers.base import Trigger
from engine.core.triggers.date import Date
from engine.core.triggers.inactivity import Inactivity
from engine.core.triggers.schedule import Schedule
from engine.core.triggers.trial_expiring import TrialExpiring
from engine.core.zones import iso
from engine.errors import BadRecord
from engine.model import Event, Identified
from engine.ports import Hooks, Record
from engine.wire.decode import Decoder
from engine.wire.origin import IDENTIFIED, IngestedDecoder
from engine.wire.partitioner import murmur2_partition
from engine.worker.ingest import Ingest
from engine.worker.partition import Partition
from engine.worker.reported_guests import MAX_REMEMBERED, REPORT_AGAIN_AFTER, ReportedGuests
from engine.worker.result import Arrival
from tests.support.books import DAY, HOUR, OPEN, START, Plain, book, event, rule
from tests.support.drive import Customers
from tests.support.journeys import loaded
from tests.support.points_shop import PLAIN, buy, shop
from tests.support.stores import state

PARTITIONS = 5
WEB = Source("web", "web", format="segment", keyed=False, types={"Product Added": "cart", "Order Completed": "buy"})
PERSON = EventType("identify", profile={"email": "email"})
CATALOG = Catalog((WEB,), {"cart": EventType("cart"), "buy": EventType("buy"), "identify": PERSON})
CART = rule(Abandoned("cart", after="cart", without=frozenset({"buy"}), within=HOUR, match="cart_id"))
WALL = START + 30 * DAY


def call(minute: int, type: str, **more: Any) -> dict[str, Any]:
    said = {"type": "track", "event": type} if type[0].isupper() else {"type": type}
    return {**said, "messageId": f"m-{minute}", "timestamp": iso(START + minute * 60_000), **more}


IDENTIFY = call(0, "identify", anonymousId="anon-1", traits={"email": "ann@example.org"})
ADDED = call(1, "Product Added", anonymousId="anon-1", properties={"cart_id": "k1"})
KNOWN = call(5, "identify", anonymousId="anon-1", userId="u-1", traits={"email": "ann@example.org"})
ALIAS = call(6, "alias", previousId="anon-1", userId="u-1")
BOUGHT = call(9, "Order Completed", anonymousId="anon-1", userId="u-1", properties={"cart_id": "k1"})
ADDED_AGAIN = call(20, "Product Added", anonymousId="anon-1", properties={"cart_id": "k2"})


class Shop:
    """An un-keyed topic, the ingest, and a worker on each partition of the internal topic. The clock is live."""

    def __init__(self, *calls: dict[str, Any], catalog: Catalog = CATALOG, batch: int = 4_000, undone: int = 0) -> None:
        rules = RuleBook((CART,), catalog, OPEN, "1" * 12)
        self.decoders = {WEB.topic: Decoder(WEB, catalog)}
        records = [
            Record(WEB.topic, 0, place + 1, json.dumps(one).encode(), None, START + place)
            for place, one in enumerate(calls)
        ]
        self.transfer = MemoryTransfer(records, undone=undone)
        self.ingest = Ingest(self.transfer, self.decoders, Hooks(), batch=batch)
        self.store = MemoryStore()
        self.partitions = [
            Partition(number, rules, self.store, Plain(), partitions=PARTITIONS, live=True)
            for number in range(PARTITIONS)
        ]
        for _ in range(len(calls) + undone + 1):
            self.ingest.step()
        self._work()

    def _work(self) -> None:
        decoder = IngestedDecoder(self.decoders)
        for place, moved in enumerate(self.transfer.events):
            key = moved.customer.encode()
            try:
                said = decoder.decode(Record("internal", 0, place + 1, moved.value, key, START, moved.headers), WALL)
            except BadRecord:
                continue
            parts = (None, said) if isinstance(said, Identified) else (said, None)
            partition = self.partitions[murmur2_partition(key, PARTITIONS)]
            list(partition.process([Arrival(Record("internal", 0, place + 1, None), START, *parts)], START))

    def later(self) -> "Shop":
        for partition in self.partitions:
            list(partition.advance(START + DAY, START + DAY))
        return self

    def written_to(self) -> list[str]:
        """Customers, in the order of the partitions."""
        entries = [self.store.outbox(number) for number in range(PARTITIONS)]
        return [json.loads(entry.value)["customer"] for outbox in entries for one in outbox.values() for entry in one]

    def told(self) -> list[str]:
        """Guests whom the internal topic says to be known."""
        return [one.customer for one in self.transfer.events if (IDENTIFIED, b"") in one.headers]

    def state(self, customer: str) -> State | None:
        return state(self.store, customer, murmur2_partition(customer.encode(), PARTITIONS))


def test_a_guest_who_registers_and_buys_gets_no_mail_about_the_guests_cart() -> None:
    assert Shop(IDENTIFY, ADDED).later().written_to() == ["anon-1"]
    assert Shop(IDENTIFY, ADDED, KNOWN, ALIAS, BOUGHT).later().written_to() == []


@pytest.mark.parametrize("known", [KNOWN, ALIAS, BOUGHT])
def test_any_call_that_names_both_will_do(known: dict[str, Any]) -> None:
    shop = Shop(IDENTIFY, ADDED, known).later()
    assert shop.written_to() == []
    state = shop.state("anon-1")
    assert state
    assert (state.became, state.events["cart"].count, state.last) == ("u-1", 1, START + 60_000)


def test_it_is_told_even_where_events_yaml_declares_no_such_call() -> None:
    catalog = Catalog((WEB,), {"cart": EventType("cart"), "buy": EventType("buy")})
    assert Shop(ADDED, ALIAS, catalog=catalog).later().written_to() == []


def test_a_cart_of_the_known_customer_is_theirs_and_reminds_them() -> None:
    cart = call(2, "Product Added", anonymousId="anon-1", userId="u-1", properties={"cart_id": "k3"})
    assert Shop(ADDED, cart).later().written_to() == ["u-1"]


def test_what_the_guest_did_before_may_arrive_after_it() -> None:
    for calls in ([KNOWN, ADDED], [BOUGHT, ADDED], [KNOWN, IDENTIFY, ADDED], [IDENTIFY, ALIAS, ADDED]):
        assert Shop(*calls).later().written_to() == []


def test_a_guest_who_comes_back_is_somebody_new() -> None:
    assert Shop(ADDED, KNOWN, ADDED_AGAIN).later().written_to() == ["anon-1"]
    again = call(25, "page", anonymousId="anon-1", userId="u-1")
    assert Shop(ADDED, KNOWN, ADDED_AGAIN, again).later().written_to() == []


@pytest.mark.parametrize("batch", [1, 2, 4_000])
def test_a_transaction_that_is_undone_has_told_nobody(batch: int) -> None:
    assert Shop(ADDED, BOUGHT, undone=3, batch=batch).later().written_to() == []


def test_a_customer_who_clicks_about_does_not_double_the_topic() -> None:
    pages = [call(10 + n, "page", anonymousId="anon-1", userId="u-1") for n in range(50)]
    assert Shop(KNOWN, *pages, ALIAS, BOUGHT).told() == ["anon-1"]
    assert Shop(KNOWN, BOUGHT | {"userId": "u-2"}, BOUGHT).told() == ["anon-1"] * 3


def test_a_guest_is_told_again_after_a_while_as_others_may_have_read_of_the_guest() -> None:
    reported_guests = ReportedGuests()
    known = Identified("anon-1", "u-1", START)
    moments = (0, REPORT_AGAIN_AFTER - 1, REPORT_AGAIN_AFTER, REPORT_AGAIN_AFTER + 1)
    assert [reported_guests.must_report(known, START + at) for at in moments] == [True, False] * 2
    assert reported_guests.must_report(known, START)  # of an input that is further behind


def test_the_ingest_does_not_remember_guests_without_end() -> None:
    reported_guests = ReportedGuests()
    for number in range(MAX_REMEMBERED + 1):
        reported_guests.must_report(Identified(str(number), "u-1", START), START)
    assert reported_guests.must_report(Identified("0", "u-1", START), START)
    assert not reported_guests.must_report(Identified(str(MAX_REMEMBERED), "u-1", START), START)


@pytest.mark.parametrize(
    "more",
    [
        {"userId": "u-1", "anonymousId": "undefined"},
        {"userId": "u-1", "anonymousId": "u-1"},
        {"userId": "u-1", "anonymousId": ["anon-1"]},
        {"userId": "undefined", "anonymousId": "anon-1"},
        {"userId": None, "anonymousId": "anon-1"},
        {"userId": "u-1"},
        {"userId": "u-1", "anonymousId": "anon-1", "timestamp": "yesterday"},
    ],
)
def test_nobody_is_told_where_a_call_does_not_name_two(more: dict[str, Any]) -> None:
    assert Shop(call(5, "identify") | more).told() == []


def test_a_time_that_lies_ahead_disarms_nothing() -> None:
    future = KNOWN | {"timestamp": iso(WALL + 40 * DAY)}
    assert Shop(ADDED, future).later().written_to() == ["anon-1"]


# what `decide` makes of it


def identified(days: float) -> Identified:
    return Identified("c-1", "u-1", START + int(days * DAY))


class Guests(Customers):
    def know(self, input: Identified) -> Decision:
        self.clock = max(self.clock, input.time)
        decision = decide(self.book, self.states.pop("c-1", None), input, self.clock, self.clock)
        self.outcomes += decision.outcomes
        self.outreach += decision.outreach
        if decision.state:
            self.states["c-1"] = decision.state
        return decision


def kinds() -> list[Trigger]:
    return [
        Inactivity("r", of=frozenset({"visit"}), after=5 * DAY),
        Abandoned("r", after="cart", without=frozenset({"buy"}), within=5 * DAY),
        TrialExpiring("r", before=DAY),
        Date("r", field="birthday", yearly=True),
        Schedule("r", at=time(9), day=20, types=frozenset({"visit"})),
    ]


def everything() -> Sequence[Event]:
    return (
        event("visit", START),
        event("cart", START),
        event("trial", START, ends=START + 20 * DAY),
        event("person", START, birthday="1990-01-20"),
    )


@pytest.mark.parametrize("trigger", kinds(), ids=lambda trigger: trigger.kind)
def test_no_timer_of_any_kind_survives_it_nor_a_new_rule_book(trigger: Trigger) -> None:
    assert Guests(book(rule(trigger))).tell(*everything()).until(START + 30 * DAY).fired
    guests = Guests(book(rule(trigger))).tell(*everything())
    guests.know(identified(1))
    guests.meet(book(rule(trigger), revision="2" * 12))
    assert guests.until(START + 900 * DAY).fired == []
    late = Guests(book(rule(trigger)))
    late.know(identified(1))
    assert late.tell(*everything()).until(START + 900 * DAY).fired == []


@pytest.mark.parametrize("trigger", kinds()[:2], ids=lambda trigger: trigger.kind)
def test_what_came_true_before_is_still_told(trigger: Trigger) -> None:
    guests = Guests(book(rule(trigger))).tell(*everything())
    guests.know(identified(6))
    assert len(guests.fired) == 1


@pytest.mark.parametrize("ends", ["points.stars.expires_at", "segments.tier.kept_until"])
def test_nobody_hears_of_the_end_of_what_they_had_as_a_guest(tmp_path: Path, ends: str) -> None:
    """Lateness holds what had come due before: a message would say that nothing ends."""
    rule = f"  - {{ id: r, when: {{ expiring: {{ ends: {ends}, in: 30d }} }}, send: note }}\n"
    tier = "  - { id: tier, keep: 365d, levels: { low: events.buy.count() >= 1 } }\n"
    guests = Guests(shop(tmp_path, PLAIN, rule, segments=tier, policy="allowed_lateness: 3d\n"))
    assert guests.tell(buy(0, 50)).until(START + 336 * DAY).states["c-1"].wake == START + 335 * DAY
    guests.know(identified(336))
    assert guests.until(START + 600 * DAY).outcomes == []


def test_an_hour_of_the_calendar_comes_round_again_for_the_next_person_at_the_guests_device() -> None:
    guests = Guests(book(rule(Schedule("r", at=time(9), types=frozenset({"visit"}))))).tell(event("visit", START))
    guests.know(identified(2.5))
    guests.until(START + 10 * DAY).tell(event("visit", START + 10 * DAY)).until(START + 12 * DAY)
    assert [one.occurrence[-2:] for one in guests.outcomes] == ["01", "02", "03", "11", "12"]


@pytest.mark.parametrize(
    ("does", "decided"),
    [
        ("when: { schedule: { every: week, on: saturday, among: true } }, send: hello", ["2026-01-03"]),
        (
            "when: { inactivity: { of: visit, for: 2d } }, steps: [{ send: hello }, { wait: 1d }, { send: more }]",
            [str(START)],
        ),
    ],
)
def test_what_lateness_holds_while_a_guest_becomes_known_begins_nothing_new(does: str, decided: list[str]) -> None:
    guests = Guests(loaded(f"rules: [{{ id: r, {does} }}]", "allowed_lateness: 5d\nfresh_for: off"))
    guests.tell(event("visit", START))
    guests.know(identified(2.5))
    guests.until(START + 30 * DAY)
    assert [one.occurrence for one in guests.outcomes] == decided


@pytest.mark.parametrize(
    ("does", "policy"),
    [
        ("when: { event: visit }, emit: { event: buy, after: 2d }", ""),
        ("when: { event: visit }, send: hello", 'quiet_hours: { from: "00:00", to: "23:00" }'),
        ("when: { inactivity: { of: visit, for: 1h } }, send: hello", ""),
    ],
)
def test_what_a_guest_did_before_begins_nothing_that_waits_though_it_arrives_later(does: str, policy: str) -> None:
    guests = Guests(loaded(f"rules: [{{ id: r, {does} }}]", f"fresh_for: off\n{policy}"))
    guests.tell(event("refund", START))
    guests.know(identified(0.5))
    guests.tell(event("visit", START + HOUR)).until(START + 5 * DAY)
    assert guests.fired == []
    assert {one.reason for one in guests.outcomes} <= {"became u-1"}


def test_what_a_guest_does_afterwards_comes_true_though_its_moment_is_before_that() -> None:
    trial = "rules: [{ id: r, when: { expiring: { ends: profile.ends, in: 3d } }, send: hello }]"
    events = "version: 1\nevents: { trial: { properties: { ends: time }, profile: { ends: ends } }, visit: {} }"
    night = 'quiet_hours: { from: "11:00", to: "23:00" }'
    guests = Guests(loaded(trial, night, events)).tell(event("visit", START))
    guests.know(identified(0.25))
    guests.tell(event("trial", START + DAY // 2, ends=START + 2 * DAY)).until(START + 2 * DAY)
    assert [outcome for _, outcome, _ in guests.told()] == ["deferred", "fired"]


@pytest.mark.parametrize("window", ["5d", "4d"])
def test_a_guest_who_left_all_segments_comes_into_none_by_an_edit_of_the_rules(window: str) -> None:
    rules = """
    segments: [{{ id: active, if: 'events.visit.count("{}") >= 1' }}]
    rules: [{{ id: gone, when: {{ segment: active, moves: out }}, send: {} }}]
    """
    guests = Guests(loaded(rules.format("5d", "hello"))).tell(event("visit", START))
    guests.know(identified(1))
    guests.tell(event("refund", START + 2 * DAY)).meet(loaded(rules.format(window, "bye"), "allowed_lateness: 1s"))
    assert guests.until(START + 30 * DAY).fired == []
    guests.tell(event("visit", START + 30 * DAY)).until(START + 60 * DAY)
    assert [told for _, told, _ in guests.told()] == ["fired"]


def test_who_comes_after_a_guest_hears_of_points_that_end_though_the_rules_are_edited() -> None:
    rules = """
    points: [{{ id: stars, earn: [{{ event: buy, points: 1 }}], expire: {{ after: {} }} }}]
    rules: [{{ id: r, when: {{ expiring: {{ ends: points.stars.expires_at, in: 1d }} }}, send: hello }}]
    """
    guests = Guests(loaded(rules.format("10d"))).tell(event("visit", START))
    guests.know(identified(1))
    guests.tell(event("buy", START + 2 * DAY)).meet(loaded(rules.format("20d"))).until(START + 30 * DAY)
    assert [told for _, told, _ in guests.told()] == ["fired"]


def test_who_comes_after_a_guest_is_told_of_a_move_into_a_segment_that_was_edited() -> None:
    rules = """
    segments: [{{ id: active, if: 'events.visit.count("{}") >= 1' }}]
    rules: [{{ id: hello, when: {{ segment: active }}, send: hello }}]
    """
    guests = Guests(loaded(rules.format("5d"))).tell(event("visit", START))
    guests.know(identified(1))
    guests.meet(loaded(rules.format("4d"))).tell(event("visit", START + 2 * DAY))
    assert [told for _, told, _ in guests.told()] == ["fired", "fired"]


def test_what_lateness_held_is_not_sent_after_a_night_to_a_guest_who_is_known_by_then() -> None:
    rules = "rules: [{ id: r, when: { inactivity: { of: visit, for: 1d } }, send: hello }]"
    guests = Guests(loaded(rules, 'allowed_lateness: 12h\nquiet_hours: { from: "11:00", to: "23:00" }'))
    guests.tell(event("visit", START))
    guests.know(identified(1.25))
    guests.until(START + 5 * DAY)
    assert [(outcome, reason) for _, outcome, reason in guests.told()] == [("suppressed", "became u-1")]


def test_what_quiet_hours_hold_is_taken_back() -> None:
    night = Policy(fresh_for=None, quiet_hours=(QuietHours(0, 480),))
    guests = Guests(book(rule(Abandoned("cart", after="cart", without=frozenset({"buy"}), within=HOUR)), policy=night))
    guests.tell(event("cart", START), event("visit", START + 2 * HOUR))
    guests.know(identified(0.1))
    guests.until(START + DAY)
    assert guests.told() == [
        ("cart", "deferred", "quiet hours until 2026-01-01T08:00:00Z"),
        ("cart", "suppressed", "became u-1"),
    ]


def test_it_is_no_activity_and_of_a_guest_never_heard_of_little_is_kept_and_not_for_long() -> None:
    guests = Guests(book(rule(Inactivity("r", of=frozenset({"visit"}), after=DAY))))
    state = guests.know(identified(1)).state
    assert state
    assert (state.last, state.events, state.wake) == (0, {}, START + DAY + HOUR)
    guests.wakes = [(state.wake, "c-1")]
    guests.until(START + DAY + HOUR)
    assert guests.states == {}


def test_older_news_changes_nothing() -> None:
    guests = Guests(book(*[rule(kinds()[0])])).tell(event("visit", START))
    guests.know(identified(2))
    guests.know(Identified("c-1", "u-0", START + DAY))
    assert (guests.states["c-1"].became, guests.states["c-1"].identified) == ("u-1", START + 2 * DAY)


def test_records_of_the_ingest_are_believed_only_if_they_can_be_read() -> None:
    shop = Shop(KNOWN)
    (told,) = [one for one in shop.transfer.events if (IDENTIFIED, b"") in one.headers]
    decoder = IngestedDecoder({WEB.topic: Decoder(WEB, Catalog((WEB,), {}, accept=Accept()))})
    record = Record("internal", 0, 1, told.value, b"anon-1", START, told.headers)
    assert decoder.decode(record, WALL) == Identified("anon-1", "u-1", START + 300_000)
