"""The sources that docs/sources.md shows read the records that it shows, into what a rule's author expects."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from engine.core.catalog import Catalog
from engine.core.zones import iso
from engine.errors import BadRecord
from engine.lang.project import load
from engine.model import Event
from engine.operate.sampled_records import SampledRecords
from engine.ports import Record
from engine.wire.decode import Decoder
from tests.support.project_files import write_files

NOW = 1_790_500_000_000
PAGE = (Path(__file__).parents[2] / "docs/sources.md").read_text("utf-8")
SECTIONS = {part.partition("\n")[0]: part for part in PAGE.split("\n## ")[1:]}
BLOCK = {kind: re.compile(rf"^```{kind}\n(.*?)^```$", re.MULTILINE | re.DOTALL) for kind in ("yaml", "json")}
RECIPES = {name: text for name, text in SECTIONS.items() if BLOCK["yaml"].search(text)}

EXPECTED: dict[str, list[tuple[str, str, str, str, dict[str, Any]]]] = {
    "Stripe": [("evt_1", "subscribed", "cus_1", "2026-09-21T14:13:20Z", {
        "plan": "pro", "trial_end": 1_791_209_600_000, "ends": 1_791_209_600_000
    })],
    "Shopify": [
        ("5001", "order", "42", "2026-09-20T16:05:24Z", {"total": 59.9, "cart_id": "tok-1", "first_sku": "MUG-1"}),
        ("2026-09-20T12:00:00-04:00", "cart_updated", "42", "2026-09-20T16:00:00Z", {"cart_id": "tok-1"}),
        ("2026-09-20T12:06:00-04:00", "customer_updated", "42", "2026-09-20T16:06:00Z", {"consent": "subscribed"}),
    ],
    "WooCommerce": [("727", "order", "26", "2026-09-20T16:05:24Z", {"total": 29.35, "email": "ada@shop.example"})],
    "Segment, RudderStack": [
        ("m-1", "order", "u-1", "2026-09-20T16:05:24.123Z", {"total": 59.9, "first_sku": "MUG-1"}),
        ("m-2", "identify", "u-1", "2026-09-20T16:05:24.123Z", {"email": "ada@shop.example"}),
    ],
    "Snowplow": [("6a1f", "order", "u-1", "2026-09-20T16:05:24.123Z", {"total": 59.9, "plan": "pro"})],
    "GA4": [("1.2.1790000000123456.page_view", "site_visit", "u-1", "2026-09-21T14:13:20.123Z", {
        "url": "https://shop.example/mugs"
    })],
    "Debezium": [
        ("1001", "order", "42", "2026-09-21T14:13:20.123Z", {"total": 59.9, "due": "2026-09-21"}),
        ("24023200", "customer_updated", "42", "2026-09-21T14:13:20.500Z", {
            "birthday": "1990-01-01", "contract_ends": 1_800_000_000_000
        }),
    ],
    "Kafka Connect": [("1001", "order", "42", "2026-09-21T14:13:20.123Z", {"total": 59.9, "due": "2026-09-21"})],
    "CloudEvents": [("1", "order", "u-1", "2026-09-20T16:05:24Z", {"total": 59.9})],
}  # fmt: skip


def catalog_of(folder: Path, text: str) -> Catalog:
    loaded = load(write_files(folder, {"events.yaml": text}), None)
    assert [one.code for one in loaded.diagnostics] == ["no-rules"]
    assert loaded.book
    return loaded.book.catalog


def read(catalog: Catalog, number: int, value: Any) -> Event | None:
    source = catalog.sources[number]
    encoded = None if value is None else json.dumps(value).encode()
    return Decoder(source, catalog).decode(Record(source.topic, 0, 1, encoded, timestamp=NOW), NOW)


def test_every_recipe_is_tried() -> None:
    assert RECIPES.keys() == EXPECTED.keys()


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_reads_its_records(tmp_path: Path, name: str) -> None:
    (text,) = BLOCK["yaml"].findall(RECIPES[name])
    catalog = catalog_of(tmp_path, text)
    samples = [json.loads(one) for one in BLOCK["json"].findall(RECIPES[name])]
    assert len(samples) == len(EXPECTED[name])
    for number, (value, expected) in enumerate(zip(samples, EXPECTED[name], strict=True)):
        place = number if len(catalog.sources) > 1 else 0
        event = read(catalog, place, value)
        assert event
        *parts, properties = expected
        assert [event.id, event.type, event.customer, iso(event.time)] == parts
        assert {key: event.properties.get(key) for key in properties} == properties
        sampled = SampledRecords(Decoder(catalog.sources[place], catalog), NOW)
        sampled.add(Record(catalog.sources[place].topic, 0, 1, json.dumps(value).encode(), timestamp=NOW))
        assert sampled.remarks() == []


def debezium(tmp_path: Path, **changes: str) -> tuple[Catalog, dict[str, Any]]:
    (text,) = BLOCK["yaml"].findall(RECIPES["Debezium"])
    for old, new in changes.items():
        text = text.replace(f"{old}.", f"{new}.").replace(f"properties: {old}\n", f"properties: {new}\n")
    return catalog_of(tmp_path, text), json.loads(BLOCK["json"].findall(RECIPES["Debezium"])[0])


def test_a_deleted_or_changed_row_of_a_table_is_no_order(tmp_path: Path) -> None:
    catalog, created = debezium(tmp_path)
    row = created["after"]
    assert read(catalog, 0, created | {"op": "u", "before": row}) is None
    assert read(catalog, 0, created | {"op": "d", "before": row, "after": None}) is None
    assert read(catalog, 0, None) is None
    assert read(catalog, 0, created | {"op": "r"})


def test_with_a_schema_everything_sits_one_deeper(tmp_path: Path) -> None:
    catalog, created = debezium(tmp_path, after="payload.after")
    text = (tmp_path / "events.yaml").read_text().replace("type: op", "type: payload.op")
    catalog = catalog_of(tmp_path, text)
    event = read(catalog, 0, {"schema": {"type": "struct"}, "payload": created})
    assert event
    assert (event.customer, event.properties["total"]) == ("42", 59.9)


def test_an_unwrapped_row_says_what_happened_to_it(tmp_path: Path) -> None:
    text = """\
version: 1
sources:
  - topic: shop.public.orders
    type: __op
    types: { c: order, r: order }
    customer: customer_id
    time: { field: created_at, unit: us }
    properties: "."
events: { order: { properties: { total: { type: number, from: text } } } }
"""
    catalog = catalog_of(tmp_path, text)
    row = {"id": 7, "customer_id": 42, "total": "59.90", "created_at": 1_790_000_000_123_456, "__op": "c"}
    event = read(catalog, 0, row)
    assert event
    assert (event.id, event.customer, event.properties) == ("7", "42", {"total": 59.9})
    assert read(catalog, 0, row | {"__op": "d", "__deleted": "true"}) is None


@pytest.mark.parametrize("total", ["F2Y=", {"scale": 2, "value": "F2Y="}])
def test_a_decimal_in_bytes_is_refused_and_no_number(tmp_path: Path, total: Any) -> None:
    catalog, created = debezium(tmp_path)
    with pytest.raises(BadRecord, match="property total must be a number"):
        read(catalog, 0, created | {"after": created["after"] | {"total": total}})


def test_a_guest_of_a_shop_is_not_one_customer_with_all_others(tmp_path: Path) -> None:
    (text,) = BLOCK["yaml"].findall(RECIPES["WooCommerce"])
    sample = json.loads(BLOCK["json"].findall(RECIPES["WooCommerce"])[0])
    assert read(catalog_of(tmp_path, text), 0, sample | {"customer_id": 0}) is None
    told = catalog_of(tmp_path, text.replace("  strangers: ignore\n", ""))
    with pytest.raises(BadRecord, match="bad-customer"):
        read(told, 0, sample | {"customer_id": 0})


@pytest.mark.parametrize("name", ["Kafka Connect", "Segment, RudderStack"])
def test_json_with_the_head_of_a_schema_registry_is_read_and_avro_is_said_to_be_none(tmp_path: Path, name: str) -> None:
    catalog = catalog_of(tmp_path, BLOCK["yaml"].findall(RECIPES[name])[0])
    value = BLOCK["json"].findall(RECIPES[name])[0].encode()
    decoder = Decoder(catalog.sources[0], catalog)
    plain, framed = (decoder.decode(Record("t", 0, 1, head + value), NOW) for head in (b"", b"\0\0\0\0\7"))
    assert plain == framed
    for avro in (b"\0\0\0\0\7\x0a1001", b"\0\0\0\0\7{1001", b"\0"):
        with pytest.raises(BadRecord, match="Avro or Protobuf of a schema registry"):
            decoder.decode(Record("t", 0, 1, avro), NOW)
