"""Windows as versions up to 2.4 of the state wrote them, event by event: not every event had all sums."""

from typing import Any

import msgspec
import pytest

from engine.core.scope import MISSING, count_within, total
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import State
from engine.model import Number
from tests.support.books import DAY, START

TIMES = [START + day * DAY for day in (0, 1, 1, 2)]
NOW = TIMES[-1]
PLAIN: list[dict[str, Number]] = [{}, {}, {}, {}]
ALL: list[dict[str, Number]] = [{"amount": 3}, {"amount": 0.5}, {"amount": -2}, {"amount": 1e3}]
SINCE: list[dict[str, Number]] = [{}, {"amount": 5}, {"amount": 1, "tax": 2}, {"tax": 4, "amount": 2.25}]
UNTIL: list[dict[str, Number]] = [{"amount": 5, "tax": 1}, {"amount": 1}, {"amount": 2}, {}]


def stored(values: list[dict[str, Number]], minor: int = 4) -> bytes:
    """The bytes of that version."""
    window = [[time, own] for time, own in zip(TIMES, values, strict=True)]
    history: dict[str, Any] = {"s": {"amount": 7.5}, "w": window, "r": 30 * DAY}
    events = {"buy": [4, NOW, NOW - TIMES[0], history], "visit": [1, START, 0, None], "old": [1, START]}
    return msgspec.msgpack.encode([2, minor, 77, 0, events, {}, {}, {}, {}, [], []])


def of_last_days(state: State, name: str) -> list[Number | None]:
    """The sums of the last one, two and three days; None: not known."""
    sums = [total(state, "buy", name, NOW, days * DAY) for days in (1, 2, 3)]
    return [found if found is not MISSING else None for found in sums]  # type: ignore[misc]


@pytest.mark.parametrize("minor", [0, 3, 4])
@pytest.mark.parametrize(
    ("values", "amounts", "taxes"),
    [
        (PLAIN, [None, None, None], [None, None, None]),
        (ALL, [1000, 998.5, 1001.5], [None, None, None]),
        (SINCE, [2.25, 8.25, None], [4, None, None]),
        (UNTIL, [None, None, None], [None, None, None]),
    ],
    ids=["counts", "sums", "sums that began later", "sums that ended"],
)
def test_an_earlier_window_says_what_it_said(
    minor: int, values: list[dict[str, Number]], amounts: list[Number | None], taxes: list[Number | None]
) -> None:
    state = decode_state(stored(values, minor))
    assert [count_within(state, "buy", NOW, days * DAY) for days in (1, 2, 3)] == [1, 3, 4]
    assert (of_last_days(state, "amount"), of_last_days(state, "tax")) == (amounts, taxes)
    assert total(state, "buy", "amount", NOW) == 7.5
    assert decode_state(encode_state(state)) == state
