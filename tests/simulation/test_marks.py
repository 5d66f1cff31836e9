"""Which edits of a rule book make customers meet it again: only those that their timers or their history depend on."""

from pathlib import Path

import pytest

from engine.adapters.memory import MemoryStore
from engine.core.book import RuleBook
from engine.ports import Record
from engine.worker.partition import Partition
from engine.worker.result import Arrival, Result
from tests.support.books import DAY, START, Plain, event
from tests.support.journeys import loaded
from tests.support.rule_files import PROJECT, RULES, compiled

SAID_ONLY = {
    "a word of a template": ("note.email.j2", "Dear", "Good morning,"),
    "the reason of a rule": ("rules.yaml", "Nobody is forgotten.", "Customers are dear to us."),
    "a comment": ("rules.yaml", "version: 1", "version: 1  # of our shop"),
    "a condition": ("rules.yaml", "profile.spent > 1", "profile.spent > 2"),
    "reentry": ("rules.yaml", "after 30d", "after 60d"),
    "a priority": ("rules.yaml", "send: note", "send: { template: note, priority: 3 }"),
    "freshness": ("policy.yaml", "fresh_for: 3d", "fresh_for: 2d"),
    "a cap": ("policy.yaml", "fresh_for: 3d", "fresh_for: 3d\ncaps: [{ limit: 1, per: 7d }]"),
    "another way to write a duration": ("rules.yaml", "for: 14d", "for: 2w"),
}
TIMERS_OR_HISTORY = {
    "a duration": ("rules.yaml", "for: 14d", "for: 15d"),
    "what a rule listens to": ("rules.yaml", "of: buy", "of: [buy, visit]"),
    "what cancels it": ("rules.yaml", "    if: profile.spent > 1", "    cancel_on: { event: visit }"),
    "a condition that needs the event": ("rules.yaml", "profile.spent > 1", "event.amount > 1"),
    "a condition that sums": ("rules.yaml", "profile.spent > 1", "events.buy.sum('amount', '30d') > 1"),
    "a template that sums": ("note.email.j2", "Dear", "{{ events.buy.sum('amount') }} Dear"),
    "the zone": ("policy.yaml", "Europe/Berlin", "Europe/Lisbon"),
    "a rule's new name": ("rules.yaml", "id: quiet", "id: silent, was: [quiet]".replace(", ", "\n    ")),
    "a removed rule": ("rules.yaml", RULES[RULES.index("  - id: thanks") :], ""),
    "how long a customer is remembered": ("policy.yaml", "fresh_for: 3d", "fresh_for: 3d\nforget_after: 400d"),
}


def edited(edit: tuple[str, str, str]) -> dict[str, str]:
    name, old, new = edit
    assert old in PROJECT[name]
    return {**PROJECT, name: PROJECT[name].replace(old, new)}


def visits(before: RuleBook, after: RuleBook, customers: int = 5) -> int:
    """How many customers meet the second book in a sweep."""
    store = MemoryStore()
    partition = Partition(0, before, store, Plain())
    told = [event("buy", START + n, customer=f"c-{n}", amount=5) for n in range(customers)]
    list(partition.process([Arrival(Record("events", 0, n + 1, None), one.time, one) for n, one in enumerate(told)]))
    partition.adopt(after, Plain())
    steps = [step for step in partition.sweep_page(START + DAY) if isinstance(step, Result)]
    assert partition.is_swept
    return sum(step.visits for step in steps)


@pytest.mark.parametrize("edit", SAID_ONLY.values(), ids=SAID_ONLY)
def test_an_edit_of_what_is_said_or_asked_makes_nobody_meet_the_rules_again(
    tmp_path: Path, edit: tuple[str, str, str]
) -> None:
    before, after = compiled(tmp_path / "a", PROJECT), compiled(tmp_path / "b", edited(edit))
    assert visits(before, after) == 0
    assert (before.mark, before.marks) == (after.mark, after.marks)


@pytest.mark.parametrize("edit", TIMERS_OR_HISTORY.values(), ids=TIMERS_OR_HISTORY)
def test_an_edit_that_timers_or_history_depend_on_is_met_by_everybody(
    tmp_path: Path, edit: tuple[str, str, str]
) -> None:
    before, after = compiled(tmp_path / "a", PROJECT), compiled(tmp_path / "b", edited(edit))
    assert visits(before, after) == 5


def test_an_edit_of_one_rule_changes_the_mark_of_that_rule_only(tmp_path: Path) -> None:
    before = compiled(tmp_path / "a", PROJECT)
    after = compiled(tmp_path / "b", edited(TIMERS_OR_HISTORY["a duration"]))
    assert {id_ for id_, mark in after.marks.items() if before.marks[id_] != mark} == {"quiet"}


def test_the_revision_names_every_word(tmp_path: Path) -> None:
    before = compiled(tmp_path / "a", PROJECT)
    after = compiled(tmp_path / "b", edited(SAID_ONLY["a word of a template"]))
    assert before.revision != after.revision


KINDS = """\
rules:
  - { id: silent, when: { inactivity: { of: [buy, visit], for: 14d } }, send: note }
  - { id: left, when: { abandoned: { after: visit, without: buy, within: 1h } }, send: note }
  - { id: third, when: { milestone: { count: buy, reaches: 3 } }, send: note }
  - { id: birthday, when: { date: { field: profile.born, every: year } }, send: note }
  - { id: ends, when: { expiring: { ends: profile.born, in: 3d, at: "09:00" } }, send: note }
  - { id: daily, when: { schedule: { every: day, among: true } }, send: note }
  - { id: weekly, when: { schedule: { every: week, on: tuesday, among: true } }, exit: { event: buy }, send: note }
  - { id: monthly, when: { schedule: { every: month, on: 15, zone: Europe/Berlin, among: true } }, send: note }
  - { id: journey, when: { event: visit }, steps: [{ wait: { days: 2, on: tuesday, until: "10:00" } }, { send: note }] }
"""
KNOWN = {
    "silent": 945481629, "left": 3075560079, "third": 4294700737, "birthday": 3671384142, "ends": 3363833363,
    "daily": 2140188826, "weekly": 3571347351, "monthly": 2005431388, "journey": 1777103231,
}  # fmt: skip


def test_a_customer_of_whom_an_older_engine_has_armed_these_rules_does_not_meet_them_again() -> None:
    """Their marks as they were on 2026-11-30. Where one changes, all customers are visited after an upgrade."""
    events = "version: 1\nevents: { buy: {}, visit: {} }\nprofile: { born: date }\n"
    assert loaded(KINDS, "", events).marks == KNOWN
