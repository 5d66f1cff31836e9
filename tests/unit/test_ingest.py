"""Re-keying records of un-keyed topics by customer, with a transfer that keeps everything in memory."""

from collections.abc import Sequence

import msgspec
import pytest

from engine.adapters.memory import MemoryTransfer
from engine.core.catalog import Accept, Catalog, EventType, Source
from engine.errors import BadRecord
from engine.model import Event, Identified
from engine.ports import Hooks, Record
from engine.wire.dead_letters import decode_letter
from engine.wire.decode import Decoder
from engine.wire.origin import ORIGIN, IngestedDecoder, original
from engine.worker.ingest import Ingest

WALL = 1_800_000_000_000
TIME = b"2026-01-01T00:00:00Z"
SHOP = Source("shop", "shop.raw", keyed=False)
WEB = Source("web", "web.raw", format="segment", keyed=False, types={"Page Seen": "visit"})
CATALOG = Catalog((SHOP, WEB), {"visit": EventType("visit")})
OF_SHOP = b'{"id": "e1", "type": "visit", "customer": "ada", "time": "%s"}' % TIME
OF_WEB = b'{"type": "track", "event": "Page Seen", "userId": "ada", "timestamp": "%s"}' % TIME


class Told(Hooks):
    def __init__(self) -> None:
        self.said: list[object] = []

    def ingested(self, events: int, dead_letters: Sequence[str], seconds: float) -> None:
        self.said.append((events, *dead_letters))

    def ingest_undone(self) -> None:
        self.said.append("undone")


def record(value: bytes | None, source: str = "shop.raw", offset: int = 7, **more: object) -> Record:
    return Record(source, 3, offset + 1, value, b"some key", 1_790_000_000_000, **more)  # type: ignore[arg-type]


def decoders(catalog: Catalog = CATALOG) -> dict[str, Decoder]:
    return {source.topic: Decoder(source, catalog) for source in catalog.sources}


def ingest(transfer: MemoryTransfer, hooks: Hooks | None = None, catalog: Catalog = CATALOG) -> Ingest:
    return Ingest(transfer, decoders(catalog), hooks or Hooks())


def internal(transfer: MemoryTransfer) -> list[Record]:
    """The internal topic's records."""
    return [
        Record("engine.events", 0, offset + 1, event.value, event.customer.encode(), WALL, event.headers)
        for offset, event in enumerate(transfer.events)
    ]


def through(*records: Record, catalog: Catalog = CATALOG) -> list[Event | Identified | None]:
    """What a worker makes of these records after the ingest."""
    transfer = MemoryTransfer(records)
    ingest(transfer, catalog=catalog).step()
    assert not transfer.letters
    decoder = IngestedDecoder(decoders(catalog))
    return [decoder.decode(one, WALL) for one in internal(transfer)]


def test_a_customers_events_from_all_topics_get_the_customers_key() -> None:
    transfer = MemoryTransfer([record(OF_SHOP), record(OF_WEB, "web.raw")])
    ingest(transfer).step()
    assert [event.customer for event in transfer.events] == ["ada", "ada"]


def test_each_event_is_decoded_as_its_own_topic_declares() -> None:
    shop, web = through(record(OF_SHOP), record(OF_WEB, "web.raw"))
    assert isinstance(shop, Event)
    assert isinstance(web, Event)
    assert (shop.type, web.type) == ("visit", "visit")


def test_an_event_without_an_id_gets_one_from_where_and_when_it_first_stood() -> None:
    direct = Decoder(WEB, CATALOG).decode(record(OF_WEB, "web.raw"), WALL)
    assert direct
    assert direct.id == "web.raw:3:7"
    direct.id += f"@{record(OF_WEB).timestamp}"
    assert through(record(OF_WEB, "web.raw")) == [direct]


def test_events_at_one_place_of_a_topic_that_was_made_again_are_two() -> None:
    before = record(OF_WEB, "web.raw")
    after = msgspec.structs.replace(before, timestamp=before.timestamp + 1)
    first, second = through(before, after)
    assert isinstance(first, Event)
    assert isinstance(second, Event)
    assert first.id != second.id


def test_value_and_headers_stay_as_they_were_and_the_origin_is_found_again() -> None:
    before = record(OF_SHOP, headers=(("trace", b"\xff\x00"),))
    transfer = MemoryTransfer([before])
    ingest(transfer).step()
    (after,) = internal(transfer)
    assert after.headers[0] == ("trace", b"\xff\x00")
    restored = original(after)
    assert (restored.source, restored.partition, restored.next_offset) == ("shop.raw", 3, 8)
    assert (restored.value, restored.headers, restored.timestamp) == (before.value, before.headers, before.timestamp)


def test_a_record_that_went_through_an_ingest_before_has_the_origin_of_this_one() -> None:
    transfer = MemoryTransfer([record(OF_SHOP, headers=((ORIGIN, b"elsewhere:0:1:2"),))])
    ingest(transfer).step()
    assert original(internal(transfer)[0]).source == "shop.raw"
    assert len(transfer.events[0].headers) == 1


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "no-value"),
        (b"\xff{", "not-decodable"),
        (b"[1]", "not-decodable"),
        (b'{"type": "visit"}', "missing-customer"),
        (b'{"type": "visit", "customer": ["ada"]}', "bad-customer"),
        (b'{"customer": "ada"}', "missing-type"),
        (b"x" * 300_000, "too-large"),
    ],
)
def test_what_names_no_customer_is_dead_lettered_and_the_others_go_on(value: bytes | None, code: str) -> None:
    transfer, told = MemoryTransfer([record(value), record(OF_SHOP, offset=8)]), Told()
    ingest(transfer, told).step()
    letter = decode_letter(transfer.letters[0][1])
    assert (letter.code, letter.source, letter.partition, letter.offset) == (code, "shop.raw", 3, 7)
    assert [event.customer for event in transfer.events] == ["ada"]
    assert told.said == [(1, code)]


def test_bad_times_and_properties_are_left_to_the_worker() -> None:
    transfer = MemoryTransfer([record(b'{"type": "visit", "customer": "ada", "time": "yesterday"}')])
    ingest(transfer).step()
    with pytest.raises(BadRecord, match="bad-time"):
        IngestedDecoder(decoders()).decode(internal(transfer)[0], WALL)


def test_types_that_nobody_declares_are_passed_over_without_a_letter() -> None:
    transfer = MemoryTransfer([record(b'{"type": "heartbeat"}'), record(OF_SHOP)])
    ingest(transfer).step()
    assert (len(transfer.events), transfer.letters) == (1, [])


def test_undeclared_types_become_letters_where_events_yaml_wants_that() -> None:
    catalog = Catalog(CATALOG.sources, CATALOG.events, accept=Accept(undeclared="dead_letter"))
    transfer = MemoryTransfer([record(b'{"type": "heartbeat", "customer": "ada"}')])
    ingest(transfer, catalog=catalog).step()
    assert decode_letter(transfer.letters[0][1]).code == "undeclared-type"


def test_what_does_not_fit_into_the_internal_topic_is_dead_lettered() -> None:
    transfer = MemoryTransfer([record(OF_SHOP + b" " * 200), record(OF_WEB, "web.raw")], largest=200)
    one = ingest(transfer)
    one.step()
    one.step()
    assert decode_letter(transfer.letters[0][1]).code == "too-large"
    assert [event.origin.source for event in transfer.events] == ["web.raw"]


def test_an_undone_transaction_is_done_again_and_each_record_is_there_once() -> None:
    transfer, told = MemoryTransfer([record(OF_SHOP), record(OF_SHOP, offset=8)]), Told()
    transfer.undone = 2
    one = ingest(transfer, told)
    for _ in range(4):
        one.step()
    assert [event.origin.next_offset for event in transfer.events] == [8, 9]
    assert told.said == ["undone", "undone", (2,)]


def test_a_guest_whose_report_was_undone_is_reported_again() -> None:
    """Else the workers would never hear that the guest is a customer they know."""
    named = OF_WEB[:-1] + b', "anonymousId": "guest-1"}'
    transfer = MemoryTransfer([record(named, "web.raw")])
    transfer.undone = 1
    one = ingest(transfer)
    one.step()
    one.step()
    assert [event.customer for event in transfer.events] == ["ada", "guest-1"]


def test_a_declaration_added_by_a_reload_counts_from_the_next_batch() -> None:
    transfer = MemoryTransfer([record(b'{"type": "purchase", "customer": "ada"}')])
    one = ingest(transfer)
    one.adopt(decoders(Catalog(CATALOG.sources, {"purchase": EventType("purchase")})))
    one.step()
    assert len(transfer.events) == 1


def test_only_the_ingest_may_write_to_the_internal_topic() -> None:
    decoder = IngestedDecoder(decoders())
    for headers, code in [
        ((), "no-origin"),
        (((ORIGIN, b"shop.raw:x:1:2"),), "bad-origin"),
        (((ORIGIN, b"other:0:1:2"),), "unknown-origin"),
    ]:
        with pytest.raises(BadRecord, match=code):
            decoder.decode(record(OF_SHOP, "engine.events", headers=headers), WALL)


def test_an_ingest_that_is_told_to_stop_leaves_its_group() -> None:
    transfer = MemoryTransfer()
    one = ingest(transfer)
    one.stop()
    one.run()
    assert transfer.closed
