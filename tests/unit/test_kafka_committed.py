"""Notes beside committed offsets."""

from dataclasses import dataclass
from typing import cast

import pytest
from confluent_kafka import TopicPartition

from engine.adapters.kafka.committed import PresentTopics, note_of
from engine.adapters.kafka.confluent.messages import note_beside
from engine.adapters.kafka.settings import KafkaSettings

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
@pytest.mark.parametrize(("noted", "counts"), [(ID, True), (OTHER, False)])
def test_what_is_read_behind_the_end_of_a_note_makes_no_other_topic(
    monkeypatch: pytest.MonkeyPatch, behind: bytes, noted: str, counts: bool
) -> None:
    present = PresentTopics(KafkaSettings("nowhere:9092", topics=("shop",)))
    monkeypatch.setattr(present, "_present", lambda: {"shop": ID})
    note = note_beside(cast(TopicPartition, Read(note_of(noted).encode() + behind)))
    assert present.offsets({"shop": (7, note)}) == ({"shop": 7} if counts else {})


def test_an_offset_without_a_note_has_an_empty_one() -> None:
    assert note_beside(TopicPartition("shop", 0, 7)) == ""
