"""Wall time is believed while the monotonic clock, and once somebody else's, agree with it."""

from itertools import pairwise

import pytest

from engine.errors import SourceUnavailable
from engine.worker.trusted_time import WITNESS_INTERVAL, TrustedTime
from tests.support.books import DAY, HOUR, START

MINUTE = 60_000


class Machine:
    """Its wall clock, what no setting moves, and the brokers' clock; times pass for all of them alike."""

    def __init__(self, wall: int = START) -> None:
        self.wall = wall
        self.elapsed = 7 * HOUR
        self.brokers: int | None = START
        self.away = False

    def pass_(self, millis: int) -> None:
        self.wall += millis
        self.elapsed += millis
        if self.brokers is not None:
            self.brokers += millis

    def witness(self) -> int | None:
        if self.away:
            raise SourceUnavailable("kafka:9092", "does not answer")
        return self.brokers

    def time(self) -> TrustedTime:
        return TrustedTime(lambda: self.wall, lambda: self.elapsed, self.witness)


def test_a_clock_that_agrees_with_the_brokers_is_believed_however_long_it_goes_on() -> None:
    machine = Machine()
    time = machine.time()
    for _ in range(1_000):
        machine.pass_(HOUR)
        machine.wall += 1_000  # as NTP slews it
        assert time.why_not() == ""
        assert time.now() == machine.wall


@pytest.mark.parametrize("by", [31 * DAY, -31 * DAY, 2 * MINUTE])
def test_a_clock_that_jumps_is_not_believed_until_it_is_right_again(by: int) -> None:
    machine = Machine()
    time = machine.time()
    machine.pass_(HOUR)
    assert time.now() == machine.wall
    machine.wall += by
    for _ in range(6):
        machine.pass_(1_000)
        assert time.why_not()
        assert time.now() == machine.wall - by, "what passes by the monotonic clock goes on to count"
        assert time.latest() == time.by_others() == time.now()
    machine.wall -= by
    assert time.why_not() == ""
    assert time.now() == machine.wall


def test_a_clock_in_doubt_is_asked_about_every_few_seconds() -> None:
    machine = Machine(START - DAY)
    asked: list[int] = []

    def witness() -> int | None:
        asked.append(machine.elapsed)
        return machine.witness()

    time = TrustedTime(lambda: machine.wall, lambda: machine.elapsed, witness)
    for _ in range(300):
        assert time.why_not()
        machine.pass_(100)
    apart = [later - earlier for earlier, later in pairwise(asked)]
    assert len(apart) >= 4
    assert all(WITNESS_INTERVAL < each <= WITNESS_INTERVAL + 200 for each in apart)


def test_a_clock_that_is_put_right_is_believed_as_soon_as_the_brokers_say_so() -> None:
    machine = Machine(START - DAY)
    time = machine.time()
    assert "behind the clock of the brokers" in time.why_not()
    assert time.now() == START - DAY, "the earlier of both, which fires nothing too early"
    assert time.latest() == time.by_others() == START
    machine.pass_(1_000)
    machine.wall += DAY
    machine.pass_(1_000)
    assert time.why_not() == ""


def test_a_machine_that_starts_with_a_clock_ahead_goes_by_the_brokers_and_is_not_believed() -> None:
    machine = Machine(START + 31 * DAY)
    time = machine.time()
    machine.pass_(HOUR)
    assert "ahead of the clock of the brokers" in time.why_not()
    assert time.now() == time.by_others() == START + HOUR
    assert time.latest() == machine.wall


def test_brokers_whose_clock_is_ahead_are_not_believed_either() -> None:
    machine = Machine()
    machine.brokers = START + 31 * DAY
    time = machine.time()
    assert time.why_not()
    assert time.now() == START


def test_a_machine_that_stood_still_unnoticed_is_believed_when_the_brokers_confirm_its_new_time() -> None:
    machine = Machine()
    time = machine.time()
    machine.wall += 3 * DAY
    assert machine.brokers is not None
    machine.brokers += 3 * DAY
    assert time.why_not() == ""
    assert time.now() == machine.wall


def test_while_nobody_answers_a_start_waits_and_then_goes_on() -> None:
    machine = Machine()
    machine.away = True
    time = machine.time()
    machine.pass_(HOUR)
    assert time.why_not()
    machine.away = False
    machine.pass_(MINUTE)
    assert time.why_not() == ""


def test_where_nobody_tells_the_time_a_start_is_believed_and_a_jump_is_not() -> None:
    machine = Machine()
    machine.brokers = None
    time = machine.time()
    assert time.why_not() == ""
    machine.pass_(HOUR)
    assert time.why_not() == ""
    machine.wall += 31 * DAY
    assert "restart" in time.why_not()
    machine.pass_(HOUR)
    assert time.why_not()
    machine.wall -= 31 * DAY
    assert time.why_not() == ""
