"""A question to a group's coordinator that is just being chosen is asked again, as librdkafka does."""

import pytest
from kafka.errors import CoordinatorNotAvailableError, GroupAuthorizationFailedError, KafkaError, NotCoordinatorError

from engine.adapters.kafka.python.config import patiently


def answer(*errors: KafkaError) -> int:
    left = list(errors)

    def ask() -> int:
        if left:
            raise left.pop(0)
        return 7

    return patiently(ask)


def test_who_asks_before_a_coordinator_is_chosen_gets_the_answer() -> None:
    assert answer(CoordinatorNotAvailableError(), NotCoordinatorError()) == 7


def test_who_is_refused_is_refused_at_once() -> None:
    with pytest.raises(GroupAuthorizationFailedError):
        answer(GroupAuthorizationFailedError())
