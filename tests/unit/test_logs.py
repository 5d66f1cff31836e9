"""What a worker's log says, and what it never does."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from engine.errors import StoreUnavailable
from engine.model import Outcome, OutcomeRecord
from engine.ports import Entry
from engine.telemetry.logs import LogHooks, set_up_logs
from engine.telemetry.outages import OutageLog
from engine.telemetry.sender import SenderWatch
from engine.worker.result import Result

ADA = "ada@example.org"


@pytest.fixture
def written() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    set_up_logs("json", "info", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


Written = Callable[[], list[dict[str, Any]]]


def test_work_is_summed_up_in_numbers(written: Written) -> None:
    hooks = LogHooks()
    outcome = OutcomeRecord(1, ADA, "win-back", "1", Outcome.FIRED, f"{ADA} was away", "abc", outreach="x")
    hooks.committed(0, Result(events=2, outcomes=[outcome], outbox=[Entry("x", ADA.encode())]), 0.1)
    hooks.committed(0, Result(events=3, wakes=1), 0.1)
    hooks.sum_up()
    (line,) = written()
    assert (line["commits"], line["events"], line["wake_ups"], line["outcomes"]) == (2, 5, 1, {"fired": 1})
    assert (line["level"], line["logger"]) == ("info", "engine.worker")
    assert ADA not in str(line)


def test_nothing_done_is_nothing_said(written: Written) -> None:
    LogHooks().sum_up()
    assert written() == []


def test_of_many_dead_letters_of_a_kind_one_is_told_at_once_and_all_are_counted(written: Written) -> None:
    hooks = LogHooks()
    for code in ("bad-time", "bad-time", "no-value"):
        hooks.dead_letter(3, code)
    hooks.sum_up()
    first, second, summary = written()
    assert (first["code"], second["code"]) == ("bad-time", "no-value")
    assert summary["dead_letters"] == {"bad-time": 2, "no-value": 1}


@pytest.mark.parametrize("process", [LogHooks, SenderWatch])
def test_the_end_of_an_outage_is_told_as_loudly_as_its_beginning(
    written: Written, process: Callable[[], OutageLog]
) -> None:
    told = process()
    told.store_away(StoreUnavailable("redis", "is away"), 1)
    told.store_back(2.5)
    begins, ends = written()
    assert (begins["level"], ends["level"], ends["after_seconds"]) == ("warning", "warning", 2.5)


def test_a_broker_that_stays_away_is_told_of_once_a_minute(written: Written) -> None:
    log = logging.getLogger("engine.kafka")
    for broker, tries in (("one:9092", 20), ("two:9092", 20)):
        for milliseconds in range(tries):
            log.error("FAIL %s: Connection refused (after %dms in state CONNECT)", broker, milliseconds)
    assert [line["event"].split()[1] for line in written()] == ["one:9092:", "two:9092:"]


def test_of_a_client_that_tries_again_and_again_each_kind_of_line_is_told_once(written: Written) -> None:
    log = logging.getLogger("kafka.net.manager")
    for seconds in (0.11, 0.38, 1.15):
        log.error("Connection failed: 111 ECONNREFUSED")
        log.warning("Bootstrap connection to bootstrap-0 failed (backoff %.2f secs)", seconds)
        logging.getLogger("engine.worker").warning("each of ours is told")
    assert len(written()) == 2 + 3


def test_lines_of_libraries_come_out_in_the_same_form(written: Written) -> None:
    logging.getLogger("engine.kafka").error("FAIL [%s] broker down", "rdkafka#1")
    logging.getLogger("kafka.conn").info("not worth saying")
    (line,) = written()
    assert line["event"] == "FAIL [rdkafka#1] broker down"
    assert (line["level"], line["logger"]) == ("error", "engine.kafka")


def test_an_exception_is_logged_by_its_places_and_never_by_its_message(written: Written) -> None:
    for log in (logging.getLogger("engine.x"), structlog.stdlib.get_logger("engine.y")):
        try:
            raise ValueError(ADA)
        except ValueError:
            log.exception("it failed")
    for line in written():
        assert line["error"] == "ValueError"
        assert "test_logs.py" in line["places"][0]
        assert ADA not in str(line)
    assert len(written()) == 2


def test_for_a_person_the_same_is_text() -> None:
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = root.handlers[:], root.level
    try:
        set_up_logs("text", "warning", stream)
        hooks = LogHooks()
        hooks.assigned(0, 0)
        hooks.fenced(4, "expected commit 3, the store has 5")
    finally:
        root.handlers[:], root.level = handlers, level
        structlog.reset_defaults()
    (line,) = stream.getvalue().splitlines()
    assert "partition=4" in line
    assert "commit refused" in line


def test_keys_in_the_wrong_partition_are_told_once_per_topic(written: Written) -> None:
    hooks = LogHooks()
    for partition in range(3):
        hooks.misplaced(partition, "shop.events")
    (line,) = written()
    assert (line["topic"], line["level"]) == ("shop.events", "warning")
    assert "engine doctor" in line["advice"]
    assert "more partitions" in line["advice"]  # keys that were placed before or meanwhile: no producer is to blame
