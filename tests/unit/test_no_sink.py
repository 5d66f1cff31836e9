"""Messages that nobody asked for: a replay of millions of events without --out keeps none of them."""

from engine.adapters.memory import NoSink
from engine.ports import Entry


def test_what_was_told_as_delivered_is_gone() -> None:
    sink = NoSink()
    for batch in (["a", "b"], ["c"]):
        sink.publish(0, [Entry(one, b"Dear Ann") for one in batch])
        assert sink.delivered(0) == batch
        assert sink.entries == {}
    assert sink.delivered(0) == []
