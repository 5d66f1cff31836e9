"""The demo's events: real purchases as they are, and a generated stream beside them that says what it is."""

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.demo import demo_history, write_demo_events
from engine.demo.generate import SAMPLE, generated_events, read_lines

MOST_BYTES = 100_000
"""What the sample may weigh in the repository."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    write_demo_events(folder)
    return folder


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return generated_events()


def test_the_purchases_are_those_of_the_cdnow_sample(folder: Path) -> None:
    purchases = list(read_lines(folder / "purchases.jsonl.gz"))
    assert len(purchases) == 6_919
    assert len({purchase["customer_id"] for purchase in purchases}) == 2_357
    assert {purchase["type"] for purchase in purchases} == {"purchase"}


def test_every_generated_event_says_so(events: list[dict[str, Any]]) -> None:
    assert all(event["properties"]["generated"] is True and event["id"].startswith("gen-") for event in events)
    assert "purchase" not in {event["type"] for event in events}


def test_generated_events_belong_to_customers_who_bought_something(folder: Path, events: list[dict[str, Any]]) -> None:
    buyers = {purchase["customer_id"] for purchase in read_lines(folder / "purchases.jsonl.gz")}
    signups = Counter(event["customer"] for event in events if event["type"] == "signup")
    assert set(signups) == buyers


def test_the_same_stream_comes_out_every_time(folder: Path, tmp_path: Path) -> None:
    again = write_demo_events(tmp_path)
    assert [path.read_bytes() for path in again] == [(folder / path.name).read_bytes() for path in again]


def test_a_few_events_come_twice_and_all_are_in_order_of_time(events: list[dict[str, Any]]) -> None:
    ids = Counter(event["id"] for event in events)
    assert 15_000 <= len(ids) <= 20_000
    assert 0 < sum(count > 1 for count in ids.values()) < 200
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)


def test_everybody_has_signed_up_before_the_first_purchase(folder: Path) -> None:
    history = demo_history(folder, "0042")
    assert [event["type"] for event in history][:2] == ["signup", "purchase"]
    assert history[1]["properties"] == {"quantity": 1, "amount": 11.97, "currency": "USD"}


def test_the_sample_is_small_and_carries_its_notice() -> None:
    assert SAMPLE.stat().st_size < MOST_BYTES
    assert "Cameron Davidson-Pilon" in SAMPLE.with_name("LICENSE-cdnow.txt").read_text()


def test_what_is_written_is_json_lines(folder: Path) -> None:
    with gzip.open(folder / "generated.jsonl.gz", "rt", encoding="utf-8") as lines:
        first = json.loads(next(lines))
    assert set(first) == {"id", "type", "customer", "time", "properties"}
