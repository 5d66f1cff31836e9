"""How long a loop waits between tries for a store or for brokers that are away."""

import pytest

from engine import loop
from engine.errors import StoreUnavailable
from engine.loop import MAX_RETRY_DELAY, Outage


class Told:
    """An outage on a clock of its own, and what it told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        self.attempts: list[int] = []
        self.seconds: list[float] = []
        monkeypatch.setattr(loop, "monotonic", lambda: self.now)
        self.outage = Outage(lambda _, attempt: self.attempts.append(attempt), self.seconds.append)

    def fails(self) -> float:
        """The seconds to wait, which have passed afterwards."""
        wait = self.outage.failed(StoreUnavailable("redis://store", "is full"))
        self.now += wait
        return wait


def test_tries_come_less_and_less_often_and_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch)
    waits = [told.fails() for _ in range(8)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, MAX_RETRY_DELAY, MAX_RETRY_DELAY]
    told.outage.over()
    assert told.attempts == list(range(1, 9))
    assert told.seconds == pytest.approx([sum(waits)])


def test_a_store_that_answers_and_refuses_to_write_is_tried_less_and_less_often(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Told(monkeypatch)
    waits = []
    for _ in range(8):
        waits.append(told.fails())
        told.outage.over()
        told.now += 0.1
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, MAX_RETRY_DELAY, MAX_RETRY_DELAY]
    assert told.attempts == [1] * 8


def test_after_work_went_well_for_a_while_the_next_outage_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(monkeypatch)
    for _ in range(6):
        told.fails()
    told.outage.over()
    told.now += MAX_RETRY_DELAY
    assert told.fails() == 0.1
