"""An event's id is unique within its source: two producers may say the same one, and each counts once."""

import json
import random
from collections.abc import Mapping

from engine.core.catalog import Catalog, EventType, Source
from engine.core.seen import MOMENT_BITS, is_duplicate, source_number
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.model import Event
from engine.ports import Record
from engine.wire.decode import Decoder
from tests.support.books import DAY, HOUR, START, book, rule
from tests.support.drive import Customers

ORDERS, TICKETS = Source("orders", "orders"), Source("tickets", "tickets")
CLOUD, CLOUD_COPY = Source("ce", "ce", format="cloudevents"), Source("ce2", "ce2", format="cloudevents")
WEB, WEB_COPY = Source("web", "web", format="segment"), Source("web2", "web2", format="segment")
EVERYTHING = (ORDERS, TICKETS, CLOUD, CLOUD_COPY, WEB, WEB_COPY)
RECEIPTS = book(rule(OnEvent("receipt", event="buy")))


def own(source: Source, id: str = "1001", time: int = START, sources: tuple[Source, ...] = EVERYTHING) -> Event:
    body = {"id": id, "type": "buy", "customer": "ann", "time": time, "properties": {}}
    return read(source, body, sources)


def cloud(source: Source, said: str, id: str = "7", time: str = "2026-01-01T00:00:00Z") -> Event:
    body = {"specversion": "1.0", "id": id, "type": "buy", "source": said, "subject": "ann", "time": time}
    return read(source, body)


def segment(source: Source, id: str = "m-1") -> Event:
    return read(source, {"type": "buy", "messageId": id, "userId": "ann", "timestamp": "2026-01-01T00:00:00Z"})


def read(source: Source, body: Mapping[str, object], sources: tuple[Source, ...] = EVERYTHING) -> Event:
    catalog = Catalog(sources, {"buy": EventType("buy")})
    event = Decoder(source, catalog).decode(Record(source.topic, 0, 1, json.dumps(body).encode()), START + 900 * DAY)
    assert event
    return event


def occurrences(*events: Event) -> list[str]:
    """Of the receipts that these events make."""
    return [one.occurrence for one in Customers(RECEIPTS).tell(*events).outreach]


def test_two_topics_that_count_from_one_are_both_heard_and_each_repeat_counts_once() -> None:
    order, ticket = own(ORDERS), own(TICKETS)
    assert occurrences(order, ticket, order, ticket, order) == ["1001", "tickets 1001"]


def test_the_same_id_of_two_sources_never_makes_the_same_outreach() -> None:
    days = [own(ORDERS), own(TICKETS, time=START + 2 * DAY), own(TICKETS, time=START + 4 * DAY)]
    ids = [one.id for one in Customers(RECEIPTS).tell(*days).outreach]
    assert len(ids) == 3
    assert ids[0] != ids[1] == ids[2]  # the last is a repeat after the dedupe window: readers know its id


def test_cloudevents_count_by_source_and_id_whatever_topic_brings_them() -> None:
    german, french, again = cloud(CLOUD, "/shop/de"), cloud(CLOUD, "/shop/fr"), cloud(CLOUD_COPY, "/shop/de")
    assert occurrences(german, french, again) == ["cloudevents:/shop/de 7", "cloudevents:/shop/fr 7"]


def test_a_segment_message_counts_once_whatever_topic_brings_it() -> None:
    assert len(occurrences(segment(WEB), segment(WEB_COPY), segment(WEB, "m-2"))) == 2


def test_a_second_source_added_later_changes_nothing_for_the_first() -> None:
    alone, beside, below = (
        own(ORDERS, sources=sources) for sources in [(ORDERS,), (ORDERS, TICKETS), (TICKETS, ORDERS)]
    )
    assert [one.occurrence for one in (alone, beside)] == ["1001", "1001"]
    assert occurrences(alone, beside, below) == ["1001"]


def test_what_was_seen_before_sources_counted_is_a_repeat_of_any() -> None:
    state = State(seen={"1001": START})
    assert is_duplicate(state, own(TICKETS), START + HOUR, DAY)
    assert not is_duplicate(state, own(TICKETS), START + DAY, DAY)
    assert not is_duplicate(state, own(ORDERS), START + DAY, DAY)


def test_an_id_and_its_source_take_no_more_room_than_a_moment() -> None:
    state = State()
    is_duplicate(state, own(TICKETS), START, DAY)
    assert state.seen == {"1001": START + (source_number("tickets") << MOMENT_BITS)}
    assert max(state.seen.values()) < 2**63


def test_whatever_order_sources_repeat_themselves_in_each_event_counts_once_a_window() -> None:
    for seed in range(300):
        chance, state, counted = random.Random(seed), State(), dict[tuple[int, str], int]()
        now = -START if seed % 3 == 0 else START
        for _ in range(150):
            now += chance.randrange(HOUR)
            event = Event(str(chance.randrange(4)), "buy", "ann", now, source=chance.randrange(1, 5))
            key = (event.source, event.id)
            expected = counted.get(key, now - DAY) > now - DAY
            counted = counted if expected else counted | {key: now}
            assert is_duplicate(state, event, now, DAY) is expected, (seed, key)
        assert len(state.seen) <= 16
