"""A plan says what becomes of events, and of what is kept, when events.yaml is edited."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.plan.event_types import event_changes
from tests.support.plans import one_rule, side_in
from tests.support.project_files import write_project

EVENTS = """\
version: 1
events:
  purchase: {}
  refund: { properties: { amount: number, order_id: string } }
  clicked: {}
"""
NOTE = "{% block subject %}Hello{% endblock %}{% block text %}Hello{% endblock %}\n"


def project(folder: Path, events: str) -> Path:
    rules = f"version: 1\nrules:\n{one_rule()}"
    return write_project(folder, {"events.yaml": events, "rules.yaml": rules, "note.email.j2": NOTE})


@pytest.mark.parametrize(
    ("written", "replacement", "told"),
    [
        ("version: 1", "version: 1  # a comment", []),
        ("  clicked: {}\n", "", [("clicked", "removed", "such events are ignored")]),
        ("  clicked: {}\n", "  clicked: {}\n  opened: {}\n", [("opened", "new", "such events count from now on")]),
        (
            "refund: { properties: { amount: number",
            "refund: { properties: { amount: integer",
            [("refund", "guard", "declared otherwise: amount; events that do not fit become dead letters")],
        ),
        (
            "clicked: {}",
            "clicked: { properties: { zone: string }, profile: { zone: zone }, activity: false }",
            [
                (
                    "clicked",
                    "guard",
                    "declared otherwise: zone; events that do not fit become dead letters; missing in what is kept of"
                    " earlier events: zone; feeds the profile otherwise: zone; what is there stays; is no activity: it"
                    " keeps nobody from being forgotten",
                )
            ],
        ),
        (
            "  clicked: {}\n",
            "  person: { properties: { vip: boolean }, profile: all }\nprofile: { city: string }\n",
            [
                ("person", "new", "such events count from now on"),
                ("clicked", "removed", "such events are ignored"),
            ],
        ),
        (
            "events:\n",
            "sources: [{ topic: shop }]\naccept: { ahead: 1h }\nevents:\n",
            [
                ("", "guard", "other sources: records are read from, or understood, otherwise"),
                ("", "guard", "other bounds in `accept`: other records become dead letters"),
            ],
        ),
    ],
)
def test_a_change_of_events_yaml_is_told(
    tmp_path: Path, written: str, replacement: str, told: Sequence[tuple[str, str, str]]
) -> None:
    books = []
    for name, events in (("old", EVENTS), ("new", EVENTS.replace(written, replacement))):
        folder = project(tmp_path / name, events)
        books.append(side_in(folder).book)
    assert [(one.event, one.kind, one.so) for one in event_changes(books[0].catalog, books[1].catalog)] == told


def test_a_field_of_the_profile_is_told_once_and_not_for_each_type_that_has_all_of_them(tmp_path: Path) -> None:
    events = EVENTS + "  person: { profile: all }\nprofile: { age: %s }\n"
    books = []
    for name, kind in (("old", "number"), ("new", "integer, city: string")):
        folder = project(tmp_path / name, events % kind)
        books.append(side_in(folder).book)
    [told] = event_changes(books[0].catalog, books[1].catalog)
    assert (told.event, told.so) == ("", "profile fields of another type: age; what they hold stays")
