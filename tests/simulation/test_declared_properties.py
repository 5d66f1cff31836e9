"""A state keeps those properties of an event that events.yaml declares, and nothing else of it, whatever rule asks."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.core.explain import explain
from engine.core.state.codec import encode_state
from engine.model import Event
from engine.ports import Record
from engine.testing import load_project
from engine.testing.simulator import START, Simulator
from engine.wire.decode import Decoder
from tests.support.project_files import write_project

HOUR = 3_600_000
ADDRESS = {"name": "Ada L", "address1": "5 Secret Road", "zip": "10115", "phone": "+49 30 123456"}
ITEMS = [{"sku": f"MUG-{n}", "title": "Secret mug", "price": "9.90", "tax": [{"rate": 0.19}]} for n in range(25)]
SECRET, DECLARED = b"ecret", b"MUG-0"
FILES = {
    "events.yaml": """\
version: 1
sources:
  - { topic: orders, event: order, customer: customer.id, time: created_at, properties: "." }
events:
  order:
    properties:
      total: { type: number, from: text, field: total_price_set.shop_money.amount }
      first_sku: { type: string, field: line_items.0.sku }
  paid: {}
  person: { properties: { email: string }, profile: all }
""",
    "policy.yaml": "version: 1\nfresh_for: off\n",
    "show.push.j2": "{% block text %}{{ event.first_sku }} {{ event.total }}{% endblock %}",
    "whole.push.j2": "{% macro of(e) %}{{ e.first_sku }}{% endmacro %}{% block text %}{{ of(event) }}{% endblock %}",
    "last.push.j2": "{% block text %}{{ events.order.last.first_sku }}{% endblock %}",
    "list.push.j2": '{% block text %}{% for e in events.order.list("7d") %}{{ e.first_sku }}{% endfor %}{% endblock %}',
}
KEPT = {
    "a timer": "when: { inactivity: { of: order, for: 1d } }, send: show",
    "a timer for a template that hands on the event": "when: { inactivity: { of: order, for: 1d } }, send: whole",
    "a cart": "when: { abandoned: { after: order, without: paid, within: 1d } }, send: show",
    "the newest event": "when: { inactivity: { of: paid, for: 1d } }, send: last",
    "a list": "when: { inactivity: { of: paid, for: 1d } }, send: list",
    "a journey": "when: { event: order }, steps: [wait: 1d, send: show]",
    "a journey that hands on the event": "when: { event: order }, steps: [wait: 1d, send: whole]",
    "what quiet hours hold": "when: { event: order }, send: show",
}


def order(total: str = "59.90") -> dict[str, Any]:
    """An order as a shop's webhook tells it."""
    return {
        "id": 5001, "created_at": START, "customer": {"id": "c-1", "email": "secret@shop.example"}, "note": "secret",
        "total_price_set": {"shop_money": {"amount": total, "currency_code": "EUR"}},
        "billing_address": ADDRESS, "shipping_address": ADDRESS, "line_items": ITEMS,
    }  # fmt: skip


def shop(folder: Path, rule: str, events: str = FILES["events.yaml"], hours: str = "") -> Simulator:
    rules = f"version: 1\ndefaults: {{ channel: push }}\nrules:\n  - {{ id: it, {rule} }}\n"
    policy = FILES["policy.yaml"] + hours
    written = write_project(folder, {**FILES, "events.yaml": events, "rules.yaml": rules, "policy.yaml": policy})
    project = load_project(written / "rules", written / "templates")
    return Simulator(project.book, renderer=project.renderer, strict=True)


def heard(there: Simulator, body: dict[str, Any]) -> Event:
    """The event of a record, decoded and decided."""
    catalog = there.book.catalog
    event = Decoder(catalog.sources[0], catalog).decode(Record("orders", 0, 1, json.dumps(body).encode()), START)
    assert event is not None
    there.deliver(event, event.time)
    return event


@pytest.mark.parametrize("what", KEPT)
def test_of_a_customers_order_only_what_is_declared_is_kept_and_their_message_shows_it(
    tmp_path: Path, what: str
) -> None:
    hours = "quiet_hours: { from: '00:00', to: '06:00' }\n" if what == "what quiet hours hold" else ""
    there = shop(tmp_path, KEPT[what], hours=hours)
    there.event("paid", START - HOUR, secret="secret")
    event = heard(there, order())
    assert event.properties["note"] == "secret"  # the archive and dead letters have all of it
    state = encode_state(there.states["c-1"])
    assert SECRET not in state
    assert DECLARED in state
    assert len(state) < 400
    there.run("2d")
    assert [one.text.split()[0] for one in there.outreach] == ["MUG-0"]


def test_of_an_event_that_declares_nothing_nothing_is_kept(tmp_path: Path) -> None:
    there = shop(tmp_path, "when: { inactivity: { of: [paid, order], for: 1d } }, if: event.type == 'paid', send: list")
    there.event("paid", "0h", note="secret")
    assert SECRET not in encode_state(there.states["c-1"])
    assert there.states["c-1"].rules["it"].timers[0].event is not None


def test_a_profile_that_is_fed_by_all_properties_has_all_and_the_newest_event_the_declared_ones(tmp_path: Path) -> None:
    there = shop(tmp_path, "when: { inactivity: { of: person, for: 1d } }, if: event.email == 'a@b', send: last")
    there.event("person", "0h", email="a@b", note="secret")
    state = there.states["c-1"]
    assert state.profile == {"email": "a@b", "note": "secret"}
    kept = state.rules["it"].timers[0].event
    assert kept is not None
    assert kept.properties == {"email": "a@b"}


def test_a_property_that_is_declared_later_is_missing_until_the_customers_next_order(tmp_path: Path) -> None:
    rule = "when: { inactivity: { of: paid, for: 1h } }, if: events.order.last.total >= 0, send: last"
    before = shop(tmp_path / "a", rule)
    heard(before, order())
    events = FILES["events.yaml"].replace("  paid: {}", "      note_length: integer\n  paid: {}")
    after = shop(tmp_path / "b", rule.replace("total", "note_length"), events)
    before.adopt(after.book)
    before.event("paid", "1h")
    before.run("3h")
    assert [(one.outcome, one.reason) for one in before.outcomes] == [
        ("suppressed", "condition is not met: events.order.last.note_length >= 0")
    ]
    (view,) = explain(before.book, before.states["c-1"], "c-1", before.now)
    (stop,) = view.stops
    assert stop.endswith("events.order.last.note_length >= 0; not known: events.order.last.note_length")
    heard(before, {**order(), "id": 5002, "created_at": START + 3 * HOUR, "note_length": 0})
    before.event("paid", "4h")
    before.run("6h")
    assert before.outcomes[-1].outcome == "fired"
    assert explain(before.book, before.states["c-1"], "c-1", before.now)[0].stops == ()


def test_a_property_that_was_declared_before_any_rule_read_it_is_there_for_the_rule_that_does(tmp_path: Path) -> None:
    rule = "when: { inactivity: { of: order, for: 1d } }, if: event.type == 'order', send: "
    before, after = shop(tmp_path / "a", f"{rule}last"), shop(tmp_path / "b", f"{rule}show")
    heard(before, order())
    before.adopt(after.book)
    before.renderer = after.renderer
    before.run("2d")
    assert [one.text for one in before.outreach] == ["MUG-0 59.9"]
