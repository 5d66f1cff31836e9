"""What a store keeps of an outcome is enough to show it as it was published."""

import msgspec
import pytest
from hypothesis import given, strategies as st

from engine.core.effects import effect_id
from engine.core.zones import DAY
from engine.model import Outcome, OutcomeRecord
from engine.ports import HISTORY_LENGTH
from engine.wire.histories import MAX_NAMES, Names, cut, decode_history, encode_past
from engine.wire.records import outcome_fields

AT = 1_764_000_000_123


MOMENTS = [
    *("2026-01-08T08:00:00Z", "1969-12-31T23:59:59.999Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.001Z"),
    *("2026-02-30T00:00:00Z", "2026-01-08T24:00:00Z", "2026-01-08T08:00:00.000Z", "2026-01-08T08:00:00"),
    *(" since ", ", 3 of 14d", "7", "Z", "."),
]


def told(
    outcome: Outcome = Outcome.FIRED,
    occurrence: str = "1763000000000",
    revision: str = "d88518e23d4b",
    reason: str = "no purchase for 14d",
    at: int = AT,
) -> OutcomeRecord:
    return OutcomeRecord(
        at=at,
        customer="c-1",
        rule="win-back",
        occurrence=occurrence,
        outcome=outcome,
        reason=reason,
        revision=revision,
        outreach=effect_id("win-back", "c-1", occurrence) if outcome is Outcome.FIRED else "",
        until=at + 900_000 if outcome is Outcome.DEFERRED else 0,
    )


def again(record: OutcomeRecord, names: Names | None = None) -> object:
    names = names or Names()
    (found,) = decode_history("c-1", encode_past(record, names), names.all)
    return found


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_comes_back_as_it_was(outcome: Outcome) -> None:
    assert again(told(outcome)) == outcome_fields(told(outcome))


@pytest.mark.parametrize(
    "occurrence",
    [
        "",
        "0",
        "3",
        "007",
        "-5",
        "1_000",
        "٣",
        "²",
        "9" * 18,
        "9" * 30,
        "cart-7",
        "1.5",
        str(AT),
        str(AT + 1),
        str(AT - 1),
        str(AT - 400 * DAY),
    ],
)
def test_an_occurrence_is_the_same_text_again(occurrence: str) -> None:
    record = told(occurrence=occurrence)
    assert again(record) == outcome_fields(record)


@given(
    reason=st.text(
        st.sampled_from("0123456789.- ad\N{REPLACEMENT CHARACTER}\N{OBJECT REPLACEMENT CHARACTER}٣"), max_size=30
    )
    | st.lists(st.sampled_from(MOMENTS), max_size=4).map("".join)
    | st.text(max_size=2_000),
    revision=st.text(max_size=20),
    until=st.integers(0, 2**45),
)
def test_any_reason_and_any_revision_is_the_same_text_again(reason: str, revision: str, until: int) -> None:
    record = told(Outcome.CAPPED, reason=reason, revision=revision)
    record.until = until
    assert again(record) == outcome_fields(record)


@pytest.mark.parametrize("until", [0, AT + 5])
def test_the_step_of_a_journey_is_told(until: int) -> None:
    record = told(Outcome.FIRED)
    record.step, record.until = "second-mail", until
    record.outreach = effect_id(record.rule, record.customer, record.occurrence, record.step)
    assert again(record) == outcome_fields(record)


def test_an_outcome_takes_few_bytes_and_its_names_are_kept_once() -> None:
    names = Names()
    assert len(encode_past(told(), names)) <= 25
    assert len(encode_past(told(reason="no purchase for 30d"), names)) <= 25
    assert len(names.all) == 3
    assert len(encode_past(told(occurrence=str(AT - 45 * DAY), reason="no purchase for 45d"), names)) <= 20


def test_moments_in_reasons_are_no_names() -> None:
    names = Names()
    for day in range(28):
        reason = f"reentry: after 90d, and it came true at 2026-02-{day + 1:02}T0{day % 10}:00:00.0{day + 10}Z"
        assert len(encode_past(told(Outcome.SUPPRESSED, reason=reason), names)) <= 36
    assert len(names.all) == 3


def test_names_beyond_the_room_are_written_out() -> None:
    names = Names(str(number) for number in range(MAX_NAMES))
    assert again(told(), names) == outcome_fields(told())
    assert len(names.all) == MAX_NAMES


def test_a_history_is_cut_to_the_newest_and_to_those_that_are_young_enough() -> None:
    names = Names()
    history = b"".join(encode_past(told(at=AT - number, reason="x" * 300), names) for number in range(30))
    assert len(decode_history("c-1", history, names.all)) == 30
    assert len(decode_history("c-1", cut(history, 0), names.all)) == HISTORY_LENGTH
    assert len(decode_history("c-1", cut(history, AT - 4), names.all)) == 5
    assert cut(history, AT + 1) == b""
    assert cut(b"", 0) == b""


def test_an_outcome_that_only_a_newer_engine_knows_is_told() -> None:
    names = Names()
    data = bytearray(encode_past(told(occurrence="3"), names))
    data[data.index(b"\xfc", 7) + 1] = len(Outcome)  # behind the occurrence, which is written as -4
    with pytest.raises(msgspec.DecodeError):
        decode_history("c-1", bytes(data), names.all)


def test_what_was_not_written_by_the_engine_is_told() -> None:
    for history in (b"\x05abcde", b"\x09abcdefghi", b"\xff\x00\x00", b"\xfe"):
        with pytest.raises(msgspec.DecodeError):
            decode_history("c-1", history, [])
