"""Partitions take turns: while one waits for the store another computes, and none has two things under way."""

from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from engine.worker.scheduling import PartitionTasks, Task


class Story:
    """What happens, in order; `answers` are what the work of a partition waits for."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.answers: dict[int, Future[Any]] = {}
        self.turns = PartitionTasks(lambda partition, work: next(work, None))

    def work(self, partition: int) -> Iterator[Future[Any]]:
        self.told.append(f"{partition} asks")
        answer = self.answers[partition] = Future[Any]()
        yield answer
        answer.result()
        self.told.append(f"{partition} goes on")

    def begin(self, partition: int) -> None:
        self.turns.begin(partition, self.work(partition))

    def answer(self, partition: int) -> None:
        self.answers[partition].set_result(None)


@pytest.fixture
def two() -> Story:
    """Partitions 1 and 2 wait for their answers."""
    story = Story()
    story.begin(1)
    story.begin(2)
    return story


def test_others_compute_while_one_waits(two: Story) -> None:
    assert two.told == ["1 asks", "2 asks"]
    assert list(two.turns) == [1, 2]


def test_who_has_its_answer_goes_on_when_the_next_has_asked() -> None:
    story = Story()
    story.begin(1)
    story.answer(1)
    story.begin(2)
    assert story.told == ["1 asks", "2 asks", "1 goes on"]
    assert list(story.turns) == [2]


def test_finishing_one_leaves_the_others(two: Story) -> None:
    two.answer(2)
    two.turns.finish(2)
    two.turns.finish(3)
    assert list(two.turns) == [1]
    two.answer(1)
    two.turns.finish_all()
    assert two.told[-2:] == ["2 goes on", "1 goes on"]
    assert not two.turns


def test_the_work_that_was_begun_last_may_stay_under_way(two: Story) -> None:
    two.answer(1)
    two.turns.finish_all(but=1)
    assert two.told[-1] == "1 goes on"
    assert list(two.turns) == [2]


def test_what_goes_wrong_comes_out_and_leaves_the_others_under_way(two: Story) -> None:
    two.answers[1].set_exception(ConnectionError("gone"))
    with pytest.raises(ConnectionError):
        two.turns.finish(1)
    assert list(two.turns) == [2]


def test_abandoned_work_does_not_go_on_once_it_is_answered(two: Story) -> None:
    two.answer(1)
    two.turns.abandon(1)
    assert list(two.turns) == [2]
    assert "1 goes on" not in two.told


def test_work_without_a_wait_is_done_at_once() -> None:
    turns = PartitionTasks(lambda partition, work: next(work, None))
    nothing: Task = iter(())
    turns.begin(1, nothing)
    assert not turns
