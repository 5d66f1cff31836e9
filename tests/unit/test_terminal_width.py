"""What commands print fits a terminal of 80 columns, and breaks where words end."""

import json
from pathlib import Path

import pytest

from tests.support.command import engine
from tests.support.project_files import write_project

NARROW = {"COLUMNS": "80"}
EVENTS = "version: 1\nevents: { purchase: {}, lapsed: {} }\n"
RULES = """\
version: 1
rules:
  - id: a-rule-with-a-rather-long-name
    when: { event: purchase }
    if: events.purchase.count("90d") >= 3 and events.purchase.count("365d") <= 100
    send: hi
  - { id: lapsed, when: { inactivity: { of: purchase, for: 1d } }, emit: { event: lapsed } }
"""
TEMPLATE = "{% block subject %}Hi{% endblock %}{% block text %}Hi{% endblock %}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path, {"events.yaml": EVENTS, "rules.yaml": RULES, "hi.email.j2": TEMPLATE})
    event = {"id": "1", "type": "purchase", "customer": "ann", "time": "2026-03-02T10:00:00.123Z", "properties": {}}
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + "\n")
    return tmp_path


@pytest.mark.parametrize("command", [["replay"], ["customer", "erase"]])
def test_the_paragraphs_of_a_help_fill_their_lines(tmp_path: Path, command: list[str]) -> None:
    lines = engine(*command, "--help", folder=tmp_path, env=NARROW).out.splitlines()
    paragraphs = "\n".join(line.strip() for line in lines[: next(i for i, one in enumerate(lines) if "╭" in one)])
    for paragraph in paragraphs.strip().split("\n\n")[1:]:
        line, *rest = paragraph.split("\n")
        for following in rest:
            assert len(line) + 1 + len(following.split()[0]) > 78, line
            line = following


def test_moments_in_an_explanation_are_not_broken(folder: Path) -> None:
    ran = engine("explain", "ann", "--events", "events.jsonl", folder=folder, env=NARROW)
    assert "\n2026-03-02T10:00:00.123Z " in ran.out


def test_an_id_is_never_cut_and_that_of_a_customer_stands_on_one_line(tmp_path: Path) -> None:
    rule, customer = "r" * 64, f"c-{'0123456789' * 9}"
    rules = f"version: 1\nrules: [{{ id: {rule}, when: {{ event: purchase }}, send: hi }}]\n"
    write_project(tmp_path, {"events.yaml": EVENTS, "rules.yaml": rules, "hi.email.j2": TEMPLATE})
    event = {"id": "1", "type": "purchase", "customer": customer, "time": "2026-03-02T10:00:00Z", "properties": {}}
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + "\n")
    store = "--store", "embedded", "--data", tmp_path / "data"
    for command in (["replay", *store, "--out", "out.jsonl"], ["backtest", ".", "--events"]):
        ran = engine(*command, "events.jsonl", folder=tmp_path, env=NARROW)
        assert "…" not in ran.out
        assert ran.out.count("r") >= len(rule)
    for command in (["explain"], ["customer", "show"], ["customer", "erase", "--yes"]):
        ran = engine(*command, customer, *store, folder=tmp_path, env=NARROW)
        assert customer in ran.out


def test_a_replay_counts_the_events_that_rules_made(folder: Path) -> None:
    ran = engine("replay", "events.jsonl", "--until", "2026-03-09", folder=folder, env=NARROW)
    lines = [line.split() for line in ran.out.splitlines()]
    assert lines[0][-1] == "emitted"
    assert next(line for line in lines if line[:1] == ["lapsed"])[-1] == "1"
