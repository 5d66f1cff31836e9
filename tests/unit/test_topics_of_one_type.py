"""Topics whose records do not say their type, and records without a value: rows of tables, and rows that are gone."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.memory import MemoryTransfer
from engine.core.catalog import Accept, Catalog, EventType, Property, Source
from engine.errors import BadRecord
from engine.model import Event
from engine.ports import Hooks, Record
from engine.wire.compose import compose
from engine.wire.decode import Decoder
from engine.worker.ingest import Ingest
from tests.support.command import engine
from tests.support.project_files import write_project

NOW = 1_790_000_000_000
ROW = {"id": 7, "customer_id": 3, "type": "gift", "amount": 5, "time": NOW}
SOURCE = Source("orders", "orders", event="order", type=(), customer=("customer_id",), properties=())
TYPES = {"order": EventType("order", {"type": Property("type", "string")}), "refund": EventType("refund")}


def read(value: dict[str, Any] | None, source: Source = SOURCE, accept: Accept | None = None, **more: Any) -> Any:
    decoder = Decoder(source, Catalog((source,), TYPES, accept=accept or Accept()))
    encoded = None if value is None else json.dumps(value).encode()
    return decoder.decode(Record(source.topic, 0, 1, encoded, **more), NOW)


def test_every_record_of_such_a_topic_is_of_its_type_and_a_field_called_type_is_a_property() -> None:
    event = read(ROW)
    assert (event.type, event.customer, event.id) == ("order", "3", "7")
    assert event.properties == {"type": "gift", "amount": 5}


def test_a_record_that_is_made_by_hand_is_read_as_it_was_meant() -> None:
    made = Event("7", "order", "3", NOW, {"amount": 5})
    for source in (SOURCE, Source("orders", "orders", event="order", type=(), unit="ns")):
        value, headers = compose(source, made)
        event = read(json.loads(value), source, headers=headers)
        assert (event.id, event.type, event.customer, event.time, event.properties["amount"]) == (
            "7", "order", "3", NOW, 5
        )  # fmt: skip


@pytest.mark.parametrize("source", [SOURCE, Source("own", "own"), Source("web", "web", format="segment")])
def test_a_tombstone_is_a_dead_letter_that_says_how_to_pass_it_over(source: Source) -> None:
    with pytest.raises(BadRecord, match="tombstones: ignore") as refused:
        read(None, source)
    assert refused.value.code == "no-value"
    assert read(None, source, Accept(tombstones="ignore", undeclared="dead_letter")) is None


def test_a_cloudevent_without_data_is_no_tombstone() -> None:
    source = Source("ce", "ce", format="cloudevents")
    names = {"id": "1", "specversion": "1.0", "type": "order", "source": "/shop", "subject": "c"}
    headers = tuple((f"ce_{name}", text.encode()) for name, text in names.items())
    ignoring = Accept(tombstones="ignore")
    assert read(None, source, ignoring, headers=headers, timestamp=NOW).customer == "c"
    assert read(None, source, ignoring) is None


@pytest.mark.parametrize(("tombstones", "letters"), [("ignore", []), ("dead_letter", ["no-value"])])
def test_the_ingest_moves_no_tombstone(tombstones: Any, letters: list[str]) -> None:
    source = Source("orders", "orders", keyed=False, event="order", type=(), customer=("customer_id",), properties=())
    decoder = Decoder(source, Catalog((source,), TYPES, accept=Accept(tombstones=tombstones)))
    value = json.dumps(ROW).encode()
    transfer = MemoryTransfer([Record("orders", 0, 1, None, b"3", NOW), Record("orders", 0, 2, value, b"3", NOW)])
    Ingest(transfer, {"orders": decoder}, Hooks()).step()
    assert [one.customer for one in transfer.events] == ["3"]
    assert [json.loads(one)["code"] for _, one in transfer.letters] == letters


EVENTS = """\
version: 1
sources:
  - { topic: refunds, event: refund, customer: customer_id, properties: "." }
  - { topic: orders, event: order, customer: customer_id, properties: "." }
events: { order: {}, refund: {}, visit: {} }
"""
RULES = "version: 1\nrules: [{ id: thanks, when: { event: order }, send: thanks }]\n"
TEMPLATE = "{% block subject %}Hi{% endblock %}{% block text %}Hi{% endblock %}\n"


def test_a_file_is_of_the_source_that_it_is_called_by_although_all_of_them_could_read_it(tmp_path: Path) -> None:
    write_project(tmp_path, {"events.yaml": EVENTS, "rules.yaml": RULES, "thanks.email.j2": TEMPLATE})
    for name in ("orders", "refunds"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(ROW | {"time": "2026-03-02T10:00:00Z"}) + "\n")
    ran = engine("replay", "orders.jsonl", "refunds.jsonl", "--json", folder=tmp_path)
    told = json.loads(ran.out)
    assert (told["events"], told["outreach"]) == (2, 1)
    (tmp_path / "orders.jsonl").rename(tmp_path / "export.jsonl")
    ran = engine("replay", "export.jsonl", folder=tmp_path)
    assert ran.code == 2
    assert "export.jsonl could be of several sources (refunds, orders): say with --source which one" in ran.said
    told = json.loads(engine("replay", "export.jsonl", "--source", "orders", "--json", folder=tmp_path).out)
    assert told["outreach"] == 1


def test_an_event_by_hand_goes_to_the_topic_of_its_type(tmp_path: Path) -> None:
    write_project(tmp_path, {"events.yaml": EVENTS, "rules.yaml": RULES, "thanks.email.j2": TEMPLATE})
    for type_, topic, said in (
        ("visit", "", "no record of any source is of the type visit"),
        ("order", "refunds", "no record of refunds is of the type order"),
    ):
        ran = engine("send-event", type_, "--customer", "c", "--topic", topic, folder=tmp_path)
        assert ran.code == 2
        assert said in ran.said


STRANGERS = [{}, {"customer_id": None}, {"customer_id": ""}, {"customer_id": " "}, {"customer_id": "undefined"}]


@pytest.mark.parametrize("customer", [*STRANGERS, {"customer_id": 0}])
def test_an_event_of_nobody_is_a_dead_letter_or_passed_over(customer: dict[str, Any]) -> None:
    row = {name: value for name, value in ROW.items() if name != "customer_id"} | customer
    nobody = frozenset({"0", "undefined"})
    with pytest.raises(BadRecord, match="-customer"):
        read(row, accept=Accept(nobody=nobody))
    accept = Accept(nobody=nobody, strangers="ignore")
    assert read(row | {"time": "never"}, accept=accept) is None
    decoder = Decoder(SOURCE, Catalog((SOURCE,), TYPES, accept=accept))
    assert decoder.whose(Record("orders", 0, 1, json.dumps(row).encode())) == (None, None)


@pytest.mark.parametrize("customer", [True, 1.5, [], {"id": 1}, "c" * 300])
def test_what_is_no_customer_but_something_is_a_dead_letter_all_the_same(customer: Any) -> None:
    with pytest.raises(BadRecord, match="bad-customer"):
        read(ROW | {"customer_id": customer}, accept=Accept(strangers="ignore"))
    assert read(ROW | {"customer_id": "ann"}, accept=Accept(strangers="ignore")).customer == "ann"
