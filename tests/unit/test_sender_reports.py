"""Reports that the brokers refuse for good end a sender, and the next one tells them."""

from dataclasses import dataclass
from functools import partial
from typing import cast

import pytest

from engine.adapters.memory.source import MemorySource, MemoryTopics
from engine.errors import SinkUnavailable
from engine.sender.loop import Sender
from engine.wire.records import encode_outreach
from tests.support.desk import Desk, Written
from tests.support.outreach import outreach

TOPIC = "topic"


@dataclass
class Denied(Written):
    """Loses what is written, and says so once, as the writers to Kafka do."""

    lost: int = 0

    def write(self, key: str, identity: str, value: bytes) -> None:
        self.lost += 1

    def flush(self) -> None:
        lost, self.lost = self.lost, 0
        if lost:
            raise SinkUnavailable("outcomes", "Topic authorization failed")


def test_a_sender_whose_reports_are_refused_does_not_say_that_it_is_done_with_what_they_are_about() -> None:
    topics, desk = MemoryTopics(), Desk()
    desk.outcomes = Denied()
    topics.append(TOPIC, 0, encode_outreach(outreach()).value)
    sender = Sender(partial(MemorySource, topics, [TOPIC], 1), lambda _: {}, desk.context)
    with pytest.raises(SinkUnavailable):
        sender.run()
    source = cast("MemorySource", sender.source)
    assert len(desk.channel.taken) == 1
    assert not source.committed, "the next sender would pass over it, and nobody would hear what became of it"
