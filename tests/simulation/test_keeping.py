"""What `engine run --check` says of history that new rules ask for, beside what a namespace has kept so far."""

from pathlib import Path

import pytest

from engine.adapters.memory import MemoryStore
from engine.core.book import RuleBook
from engine.core.state.fold import GRACE
from engine.operate.checks import check_history
from engine.ports import KeptHistory, Record
from engine.testing import Simulator
from engine.worker.kept_history import update_kept
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import DAY, START, Plain, event
from tests.support.journeys import loaded
from tests.support.rule_files import NO_PURCHASE, PROJECT, compiled, new_rule


def told(store: MemoryStore, book: RuleBook, day: int) -> Partition:
    """One more event, and the sweep."""
    partition = Partition(0, book, store, Plain())
    one = event("buy", START + day * DAY, amount=5)
    list(partition.process([Arrival(Record("events", 0, partition.meta.seq + 1, None), one.time, one)]))
    list(partition.sweep_page())
    assert partition.is_swept
    return partition


def said(store: MemoryStore, book: RuleBook) -> list[str]:
    return [finding.says.partition(":")[0] for finding in check_history(store, book)]


def test_a_rule_that_asks_for_more_than_is_kept_is_told_before_it_goes_live(tmp_path: Path) -> None:
    before, after = new_rule(tmp_path)
    store = MemoryStore()
    assert said(store, after) == []
    told(store, before, 0)
    asked = 'rule never-bought asks for events.buy.count("90d"), which is'
    assert said(store, after) == [f"{asked} not kept yet"]
    told(store, after, 1)
    assert said(store, after) == [f"{asked} kept since 2026-01-02T00"]
    told(store, after, 91)
    assert said(store, after) == []


def test_what_events_yaml_keeps_is_known_when_a_rule_asks(tmp_path: Path) -> None:
    events = PROJECT["events.yaml"].replace("buy: {", "buy: { keep: 100d,")
    ahead = compiled(tmp_path / "a", {**PROJECT, "events.yaml": events})
    store = MemoryStore()
    told(store, ahead, 0)
    assert said(store, compiled(tmp_path / "b", {**PROJECT, "events.yaml": events, "rules.yaml": NO_PURCHASE})) == []


def test_a_rule_that_comes_back_within_the_grace_period_knows_what_it_knew(tmp_path: Path) -> None:
    before, after = new_rule(tmp_path)
    store = MemoryStore()
    told(store, after, 0)
    told(store, before, 1)
    assert said(store, after) == []
    told(store, before, 40)
    assert said(store, after) == ['rule never-bought asks for events.buy.count("90d"), which is not kept yet']


def test_what_nobody_asks_for_any_more_leaves_the_list(tmp_path: Path) -> None:
    before, after = new_rule(tmp_path)
    first = update_kept([], after.keeps, 0)
    assert first == [KeptHistory("buy", "count", 90 * DAY)]
    away = update_kept(first, before.keeps, START)
    assert away == [KeptHistory("buy", "count", 90 * DAY, until=START + GRACE)]
    assert update_kept(away, before.keeps, START + GRACE + 1) == []


@pytest.mark.parametrize(
    ("rule", "sent"),
    [
        ("when: { event: visit, where: OFTEN }, send: note", 1),
        ("when: { inactivity: { of: signup, for: 20d } }, exit: { event: visit, where: OFTEN }, send: note", 0),
    ],
)
def test_the_history_is_kept_that_only_a_where_asks_for(rule: str, sent: int) -> None:
    often = "\"events.buy.count('7d') == 2\""
    there = Simulator(loaded(f"rules: [{{ id: r, {rule.replace('OFTEN', often)} }}]"), strict=True)
    for kind, at in (("signup", "0d"), ("buy", "1d"), ("buy", "9d"), ("buy", "10d"), ("visit", "11d")):
        there.event(kind, at)
    there.run("30d")
    assert len(there.outreach) == sent
