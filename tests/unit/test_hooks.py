"""Those who watch a worker cannot stop it."""

import logging

import pytest

from engine.errors import StoreUnavailable
from engine.ports import Hooks
from engine.telemetry.all_hooks import AllHooks
from engine.worker.result import Result


class Counting(Hooks):
    def __init__(self) -> None:
        self.events = 0

    def committed(self, partition: int, work: Result, seconds: float) -> None:  # type: ignore[override]
        self.events += work.events


class Broken(Hooks):
    def committed(self, partition: int, work: object, seconds: float) -> None:
        message = "ada@example.org is not a number"
        raise ValueError(message)


def test_everybody_is_told_though_one_of_them_is_broken(caplog: pytest.LogCaptureFixture) -> None:
    before, after = Counting(), Counting()
    hooks = AllHooks(before, Broken(), after)
    hooks.committed(0, Result(events=3), 0.1)
    assert (before.events, after.events) == (3, 3)
    (line,) = caplog.records
    assert line.levelno == logging.ERROR
    assert "ValueError" in line.getMessage()
    assert "test_hooks.py" in line.getMessage()
    assert "ada" not in line.getMessage()


def test_what_is_not_overridden_does_nothing() -> None:
    hooks = AllHooks(Hooks(), Counting())
    hooks.assigned(0, 0)
    hooks.store_away(StoreUnavailable("redis", "away"), 1)
    hooks.ingest_lag({})
