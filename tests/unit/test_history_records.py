"""What a store keeps of an outcome is enough to show it as it was published."""

import msgspec
import pytest

from engine.core.effects import effect_id
from engine.model import Outcome, OutcomeRecord
from engine.wire.records import decode_past, encode_past, outcome_fields


def told(outcome: Outcome, occurrence: str = "1750000000000", revision: str = "d88518e23d4b") -> OutcomeRecord:
    fired = outcome is Outcome.FIRED
    return OutcomeRecord(
        at=1_764_000_000_123,
        customer="c-1",
        rule="win-back",
        occurrence=occurrence,
        outcome=outcome,
        reason="no purchase for 14d",
        revision=revision,
        outreach=effect_id("win-back", "c-1", occurrence) if fired else "",
        until=1_764_000_900_000 if outcome is Outcome.DEFERRED else 0,
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_comes_back_as_it_was(outcome: Outcome) -> None:
    record = told(outcome)
    assert decode_past("c-1", encode_past(record)) == outcome_fields(record)


@pytest.mark.parametrize("occurrence", ["", "3", "007", "-5", "1_000", "٣", "²", "9" * 18, "9" * 30, "cart-7", "1.5"])
def test_an_occurrence_is_the_same_text_again(occurrence: str) -> None:
    record = told(Outcome.FIRED, occurrence)
    assert decode_past("c-1", encode_past(record)) == outcome_fields(record)


@pytest.mark.parametrize("revision", ["", "00", "AB12", "ab 12", "v1", "abc", "d88518e23d4b"])
def test_a_revision_is_the_same_text_again(revision: str) -> None:
    record = told(Outcome.CAPPED, revision=revision)
    assert decode_past("c-1", encode_past(record)) == outcome_fields(record)


def test_an_outcome_that_fired_takes_few_bytes_and_old_ones_stay_readable() -> None:
    data = encode_past(told(Outcome.FIRED))
    assert len(data) - len("win-back") - len("no purchase for 14d") <= 33
    stored = bytes.fromhex(
        "97cf0000019ab697e87ba877696e2d6261636bcf000001977420dc0000b36e6f20707572636861736520666f7220313464cf0000d88518e23d4b00"
    )
    assert decode_past("c-1", stored)["rule"] == "win-back"
    assert decode_past("c-1", stored)["outcome"] == "fired"


def test_an_outcome_that_only_a_newer_engine_knows_is_told() -> None:
    data = bytearray(encode_past(told(Outcome.FIRED, "3", "v1")))
    data[data.index(b"\x03\x00") + 1] = len(Outcome)
    with pytest.raises(msgspec.DecodeError):
        decode_past("c-1", bytes(data))
