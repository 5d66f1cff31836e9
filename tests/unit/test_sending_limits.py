"""How fast, how often, and how far: the sender's small machines on a clock of the test's."""

import sys
from types import FrameType
from typing import Any

import pytest

from engine.sender.breaker import Breaker
from engine.sender.committable_offsets import CommittableOffset
from engine.sender.rates import Bucket, Rates


def test_a_second_of_hand_overs_goes_at_once_and_then_each_waits_its_turn() -> None:
    bucket = Bucket(4.0)
    waits = [bucket.reserve(100.0) for _ in range(7)]
    assert waits == [0, 0, 0, 0, 0.25, 0.5, 0.75]
    assert bucket.reserve(102.0) == 0


def test_a_slow_rate_lets_one_through() -> None:
    bucket = Bucket(0.5)
    assert [bucket.reserve(0.0), bucket.reserve(0.0)] == [0, 2]


def test_what_is_given_back_goes_to_the_next_and_no_more_go_at_once() -> None:
    rates = Rates({"email": 1}, {"*": 10})
    waits = [rates.reserve("email", "a@slow.example", 0.0) for _ in range(5)]
    assert waits == [0, 1, 2, 3, 4]
    for at in (3.0, 1.0):
        rates.give_back("email", "a@slow.example", at)
    assert [rates.reserve("email", "a@slow.example", 0.5) for _ in range(3)] == [0.5, 2.5, 4.5]
    rates.give_back("email", "a@slow.example", 5.0)
    assert rates.reserve("email", "a@slow.example", 7.0) == 0, "its moment has passed"


def test_a_rate_is_of_its_channel_and_domain_alone() -> None:
    rates = Rates({"email": 1000}, {"slow.example": 1, "*": 100})
    assert rates.reserve("email", "a@slow.example", 0.0) == 0
    assert rates.reserve("email", "b@Slow.Example", 0.0) == 1
    assert rates.reserve("email", "a@fast.example", 0.0) == 0
    assert rates.reserve("sms", "+49 170", 0.0) == 0


@pytest.mark.parametrize(
    "spelling", ["b@slow.example ", "b@SLOW.example", "\ufeffb@slow.example\u200b", "b@slow。example"]
)
def test_no_spelling_of_an_address_goes_round_its_domain_s_rate(spelling: str) -> None:
    rates = Rates(domains={"slow.example": 1})
    assert rates.reserve("email", "a@slow.example", 0.0) == 0
    assert rates.reserve("email", spelling, 0.0) == 1


def test_domains_that_nobody_writes_to_any_more_are_forgotten() -> None:
    rates = Rates(domains={"*": 10})
    for number in range(25_000):
        rates.reserve("email", f"a@{number}.example", number)
    assert len(rates._buckets) <= 10_001


def test_a_provider_that_fails_again_and_again_is_left_alone_but_for_one_try_now_and_then() -> None:
    breaker = Breaker(patience=3, first=1.0, longest=4.0)
    assert [breaker.failed(0.0) for _ in range(3)] == [False, False, True]
    assert breaker.wait(0.0) == 1.0
    assert [breaker.wait(1.0), breaker.wait(1.0)] == [0.0, 1.0], "one asks, the others wait for how that goes"
    assert not breaker.failed(1.0)
    assert breaker.wait(1.0) == 2.0
    assert breaker.wait(3.0) == 0.0
    assert breaker.succeeded()
    assert [breaker.wait(3.0), breaker.wait(3.0)] == [0.0, 0.0]


def test_hand_overs_that_had_begun_before_do_not_make_the_pause_longer() -> None:
    breaker = Breaker(patience=2, first=1.0)
    for _ in range(50):
        breaker.failed(0.0)
    assert breaker.wait(0.0) == 1.0


def test_a_provider_that_answers_has_all_patience_again() -> None:
    breaker = Breaker(patience=3)
    breaker.failed(0.0)
    assert not breaker.succeeded()
    assert [breaker.failed(1.0) for _ in range(3)] == [False, False, True]


def test_a_pause_has_a_limit() -> None:
    breaker = Breaker(patience=1, first=1.0, longest=4.0)
    now = 0.0
    for _ in range(10):
        breaker.failed(now)
        now += breaker.wait(now)
        assert breaker.wait(now) == 0.0
    breaker.failed(now)
    assert breaker.wait(now) == 4.0


def test_who_was_let_through_and_did_not_ask_lets_the_next_one_ask() -> None:
    breaker = Breaker(patience=1)
    breaker.failed(0.0)
    assert breaker.wait(1.0) == 0.0
    breaker.gave_up()
    assert breaker.wait(1.0) == 0.0


@pytest.mark.parametrize(
    ("done", "offset"),
    [([], 10), ([11], 10), ([11, 12], 10), ([10], 11), ([10, 11], 12), ([12, 11, 10], 13), ([11, 10], 12)],
)
def test_how_far_all_have_ended_is_where_the_first_has_not(done: list[int], offset: int) -> None:
    prefix = CommittableOffset()
    for number in (10, 11, 12):
        prefix.begin(number + 1)
    for number in done:
        prefix.done(number + 1)
    assert prefix.offset == offset


def test_another_thread_may_ask_how_far_all_have_ended_at_any_moment() -> None:
    """A commit once met a record that ended between two of its instructions, and the sender stopped."""
    prefix, ended = CommittableOffset(), iter(range(1, 100))
    for next_offset in range(1, 100):
        prefix.begin(next_offset)

    def between(frame: FrameType, event: str, _: object) -> Any:
        """What happens between any two instructions of a call."""
        frame.f_trace_opcodes = True
        if event == "opcode":
            prefix.done(next(ended))
        return between

    before = sys.gettrace()
    sys.settrace(between)
    try:
        offset = prefix.offset
    finally:
        sys.settrace(before)
    assert offset <= prefix.offset


def test_a_failure_that_needs_no_patience_opens_at_once() -> None:
    breaker = Breaker(patience=5)
    assert breaker.trip(0.0)
    assert breaker.wait(0.0) == 1.0
