"""What a sample of records shows of events.yaml: names that are never there, times in another unit, dead letters."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.core.catalog import Catalog, EventType, Property, Source
from engine.operate.findings import Level
from engine.operate.sampled_records import SampledTopic
from engine.ports import Record
from engine.wire.origin import IDENTIFIED, headers_of
from tests.support.command import engine
from tests.support.project_files import write_project

NOW = 1_790_000_000_000
EVENTS = """\
version: 1
sources:
  - { topic: shop.orders, event: order, customer: customer.id, time: created_at, properties: "." }
events:
  order:
    properties:
      email: { type: string, field: customer.emial }
      sku: { type: string, field: items.0.sku }
      coupon: string
      trial_end: time
      paid_at: { type: time, unit: s }
      sent_at: { type: time, unit: us }
"""
RULES = "version: 1\nrules: [{ id: thanks, when: { event: order }, send: thanks }]\n"
TEMPLATE = "{% block subject %}Hi{% endblock %}{% block text %}Hi{% endblock %}\n"


def order(number: int, **more: Any) -> dict[str, Any]:
    customer = {"id": f"c-{number}", "email": "ada@shop.example"}
    times: dict[str, Any] = {"created_at": "2026-03-02T10:00:00Z", "trial_end": 1_790_000_000, "paid_at": 1_790_000_000}
    times |= {"sent_at": NOW}
    return {"id": number, "customer": customer, "items": [{"sku": "A"}]} | times | more


def check(folder: Path, records: list[Any], *options: str) -> Any:
    write_project(folder, {"events.yaml": EVENTS, "rules.yaml": RULES, "thanks.email.j2": TEMPLATE})
    (folder / "orders.jsonl").write_text("".join(json.dumps(one) + "\n" for one in records))
    return engine("check", "--sample", "orders.jsonl", *options, folder=folder)


def test_a_misspelt_property_without_which_every_record_is_a_dead_letter_is_told_with_the_name_that_was_meant(
    tmp_path: Path,
) -> None:
    needs = EVENTS.replace("field: customer.emial", "field: customer.emial, required: true")
    write_project(tmp_path, {"events.yaml": needs, "rules.yaml": RULES, "thanks.email.j2": TEMPLATE})
    (tmp_path / "orders.jsonl").write_text(json.dumps(order(1)) + "\n")
    (told,) = json.loads(engine("check", "--sample", "orders.jsonl", "--format", "json", folder=tmp_path).out)
    assert told["message"] == "1 of 1 record would be dead letters: order must have email at 'customer.emial'"
    assert told["help"] == "beside it: id, email; did you mean 'email'?"


def test_what_a_sample_never_has_is_told_with_the_name_that_was_probably_meant(tmp_path: Path) -> None:
    ran = check(tmp_path, [order(1), order(2), order(3) | {"customer": None}], "--format", "json")
    assert ran.code == 3
    found = {(one["code"], one["message"]): (one["line"], one["help"]) for one in json.loads(ran.out)}
    absent = "was absent in all 2 records"
    assert found == {
        ("absent-property", f"property email of order {absent}: nothing is at 'customer.emial'"): (
            1, "beside it: id, email; did you mean 'email'?"
        ),
        ("absent-property", f"property coupon of order {absent}"): (
            1, "beside it: customer, items, trial_end, paid_at, sent_at"
        ),
        ("odd-time", "property trial_end of order is in January 1970 wherever it is there"): (
            1, "are these seconds? Then say so in events.yaml: { type: time, unit: s }"
        ),
        ("odd-time", "property sent_at of order is in January 1970 wherever it is there"): (
            1, "`unit: us` is too small"
        ),
        ("missing-customer", "1 of 3 records would be dead letters: no customer at 'customer.id'"): (3, ""),
    }  # fmt: skip


def test_a_sample_without_a_usable_record_is_an_error(tmp_path: Path) -> None:
    ran = check(tmp_path, [{"id": 1, "created_at": "2026-03-02T10:00:00Z"}])
    assert ran.code == 1
    assert "orders.jsonl:1:1: error[missing-customer] 1 of 1 record would be dead letters" in ran.out
    assert "orders.jsonl: 1 record: no event" in ran.out


def test_a_sample_of_nobody_is_an_error_although_strangers_are_passed_over(tmp_path: Path) -> None:
    write_project(
        tmp_path, {"events.yaml": EVENTS.replace("customer.id", "custmer.id") + "accept: { strangers: ignore }\n"}
    )
    (tmp_path / "orders.jsonl").write_text(json.dumps(order(1)) + "\n" + json.dumps(order(2)) + "\n")
    ran = engine("check", "--sample", "orders.jsonl", folder=tmp_path)
    assert ran.code == 1
    assert "error[missing-customer] 2 records: no event; without a customer or a value: 2" in ran.out
    assert "is `customer` right?" in ran.out


def test_a_sample_that_has_everything_is_well(tmp_path: Path) -> None:
    fine = order(1, coupon="X", trial_end=NOW, sent_at=NOW * 1_000) | {
        "customer": {"id": 1, "emial": "ada@shop.example"}
    }
    ran = check(tmp_path, [fine, fine | {"id": 2, "coupon": None, "trial_end": None}])
    assert (ran.code, ran.out) == (0, "ok 1 rule in 2 files\norders.jsonl: 2 records: order (2)\n")


def test_a_check_without_a_sample_or_with_errors_reads_no_file(tmp_path: Path) -> None:
    write_project(tmp_path, {"events.yaml": EVENTS.replace("version: 1", "version: 2"), "rules.yaml": RULES})
    ran = engine("check", "--sample", "nowhere.jsonl", folder=tmp_path)
    assert ran.code == 1
    assert "nowhere" not in ran.said


ORDER = EventType("order", {"amount": Property("amount", "number"), "note": Property("note", "string")})


@pytest.mark.parametrize("keyed", [True, False])
def test_the_doctor_warns_of_what_seems_misspelt_and_not_of_what_is_rarely_there(keyed: bool) -> None:
    own, other = Source("shop", "shop", keyed=keyed), Source("web", "web", keyed=keyed)
    sampled = SampledTopic(Catalog((own, other), {"order": ORDER}), NOW)
    records = []
    for offset, properties in enumerate([{"amuont": 5}, {"amuont": 6}, {"note": 5}]):
        body = {"id": str(offset), "type": "order", "customer": "c", "time": NOW, "properties": properties}
        records.append(Record("shop", 0, offset + 1, json.dumps(body).encode(), b"c", NOW))
    if not keyed:
        records = [Record("engine.events", 0, 9, one.value, one.key, NOW, headers_of(one)) for one in records]
        records.append(Record("engine.events", 0, 9, b"{}", b"c", NOW, (*records[0].headers, (IDENTIFIED, b""))))
        records.append(Record("engine.events", 0, 9, b"{}", b"c", NOW))
    assert list(sampled.of(records)) == records
    found = [(one.level, one.what, one.says) for one in sampled.findings()]
    letters = "1 of 3 records would be dead letters: property note must be a string, not a number (wrong-type)"
    misspelt = "property amount of order was absent in all 2 records (absent-property)"
    assert found == [(Level.WARN, "records of shop", letters), (Level.WARN, "records of shop", misspelt)]


def test_the_doctor_says_what_it_read_where_all_is_well() -> None:
    source = Source("shop", "shop")
    sampled = SampledTopic(Catalog((source,), {"order": ORDER}), NOW)
    body = {"id": "1", "type": "order", "customer": "c", "time": NOW}
    values = [json.dumps(body | {"type": type_}).encode() for type_ in ("order", "order", "page")]
    list(sampled.of(Record("shop", 0, number, value) for number, value in enumerate(values, 1)))
    [fine] = sampled.findings()
    assert (fine.level, fine.says) == (Level.OK, "sampled: 3 records: order (2); passed over: page (1)")


def test_the_doctor_leaves_a_topic_alone_that_has_only_other_types() -> None:
    source = Source("feedback", "feedback")
    sampled = SampledTopic(Catalog((source,), {"order": ORDER}), NOW)
    body = {"id": "1", "type": "outreach_opened", "customer": "c", "time": NOW}
    list(sampled.of([Record("feedback", 0, 1, json.dumps(body).encode())]))
    [fine] = sampled.findings()
    assert (fine.level, fine.says) == (Level.OK, "sampled: 1 record: no event; passed over: outreach_opened (1)")


def test_types_that_nobody_declares_are_an_error_of_a_sample(tmp_path: Path) -> None:
    events = EVENTS.replace("event: order", "type: kind")
    write_project(tmp_path, {"events.yaml": events, "rules.yaml": RULES, "thanks.email.j2": TEMPLATE})
    (tmp_path / "orders.jsonl").write_text(json.dumps(order(1, kind="Order Completed")) + "\n")
    ran = engine("check", "--sample", "orders.jsonl", folder=tmp_path)
    assert ran.code == 1
    assert "error[undeclared-type] 1 record: no event; passed over: Order Completed (1)" in ran.out
