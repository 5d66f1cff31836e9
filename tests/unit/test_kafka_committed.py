"""Notes beside committed offsets."""

from dataclasses import dataclass
from typing import cast

import pytest
from confluent_kafka import TopicPartition

from engine.adapters.kafka.committed import is_of, note_of
from engine.adapters.kafka.confluent.messages import note_beside

ID = "5hE6Xi_gTzWh-IAKLzs6Pg"
OTHER = "x8A0Dh_aQzGe-TTRLkf1Mw"


@dataclass
class Read:
    """An offset as confluent-kafka shows it: its note becomes a text when it is asked for."""

    note: bytes | None

    @property
    def metadata(self) -> str | None:
        return None if self.note is None else self.note.decode()


@pytest.mark.parametrize("behind", [b"", b"t0", b"\xff\x01", b"a\xc3"])
@pytest.mark.parametrize(("noted", "is_same"), [(ID, True), (OTHER, False)])
def test_what_is_read_behind_the_end_of_a_note_makes_no_other_topic(behind: bytes, noted: str, is_same: bool) -> None:
    note = note_beside(cast(TopicPartition, Read(note_of(noted).encode() + behind)))
    assert is_of(note, ID) is is_same


def test_an_offset_without_a_note_has_an_empty_one() -> None:
    assert note_beside(TopicPartition("shop", 0, 7)) == ""
