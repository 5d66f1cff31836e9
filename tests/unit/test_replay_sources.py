"""Which of several declared sources a file of a replay belongs to."""

import json
from pathlib import Path

from tests.support.command import engine
from tests.support.project_files import write_project

EVENTS = """\
version: 1
sources: [{ topic: shop.orders }, { topic: shop.tickets, name: tickets }]
events: { purchase: {}, ticket_opened: {} }
"""
RULES = "version: 1\nrules: [{ id: thanks, when: { event: purchase }, send: thanks }]\n"
TEMPLATE = "{% block subject %}Hi{% endblock %}{% block text %}Hi{% endblock %}\n"


def test_files_that_any_source_could_read_are_of_those_that_they_are_called_by(tmp_path: Path) -> None:
    write_project(tmp_path, {"events.yaml": EVENTS, "rules.yaml": RULES, "thanks.email.j2": TEMPLATE})
    for name, type_ in (("shop.orders.jsonl", "purchase"), ("tickets.jsonl", "ticket_opened")):
        event = {"id": "1001", "type": type_, "customer": "ann", "time": "2026-03-02T10:00:00Z", "properties": {}}
        (tmp_path / name).write_text(json.dumps(event) + "\n")
    ran = engine("replay", "shop.orders.jsonl", "tickets.jsonl", "--json", folder=tmp_path)
    told = json.loads(ran.out)
    assert (told["events"], told["duplicates"]) == (2, 0)
