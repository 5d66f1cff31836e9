"""The shipped rules over a part of the demo's customers: everything a newcomer is promised does happen."""

import json
from collections import Counter
from pathlib import Path

import pytest

from engine.adapters.memory import MemoryStore
from engine.core.book import RuleBook
from engine.demo import write_demo_events
from engine.demo.generate import read_lines
from engine.examples import rules_folder, templates_folder
from engine.lang.project import load
from engine.model import Event, OutcomeRecord
from engine.ports import Record
from engine.render import JinjaRenderer, inspect_templates
from engine.wire.decode import Decoder
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival

LAST = "0250"
"""The customers up to this one are enough."""
WALL = 2_000_000_000_000
SOURCES = {"purchases.jsonl.gz": "cdnow", "generated.jsonl.gz": "shop.events"}


@pytest.fixture(scope="module")
def book() -> RuleBook:
    loaded = load(rules_folder(), inspect_templates(templates_folder()))
    assert loaded.book, loaded.diagnostics
    return loaded.book


@pytest.fixture(scope="module")
def outcomes(book: RuleBook, tmp_path_factory: pytest.TempPathFactory) -> list[OutcomeRecord]:
    events = _events(book, write_demo_events(tmp_path_factory.mktemp("demo")))
    partition = Partition(0, book, MemoryStore(), JinjaRenderer(templates_folder(), book))
    arrivals = [Arrival(Record("demo", 0, number, None), event.time, event) for number, event in enumerate(events, 1)]
    return [outcome for result in results(partition.process(arrivals)) for outcome in result.outcomes]


def _events(book: RuleBook, paths: list[Path]) -> list[Event]:
    """Both files decoded as events.yaml declares them, without conversion."""
    sources = {source.name: source for source in book.catalog.sources}
    events = []
    for path in paths:
        decoder = Decoder(sources[SOURCES[path.name]], book.catalog)
        lines = (line for line in read_lines(path) if (line.get("customer") or line["customer_id"]) <= LAST)
        events += [decoder.decode(Record(path.name, 0, 0, json.dumps(line).encode()), WALL) for line in lines]
    return sorted((event for event in events if event), key=lambda event: event.time)


def test_every_rule_reaches_somebody(book: RuleBook, outcomes: list[OutcomeRecord]) -> None:
    fired = Counter(outcome.rule for outcome in outcomes if outcome.outcome == "fired")
    assert set(fired) == {rule.id for rule in book.rules}


def test_some_messages_are_deferred_capped_expired_and_suppressed(outcomes: list[OutcomeRecord]) -> None:
    seen = Counter(outcome.outcome.value for outcome in outcomes)
    assert seen.keys() >= {"fired", "deferred", "capped", "expired", "suppressed"}
    assert max(seen["capped"], seen["expired"]) < seen["deferred"] < seen["fired"]
