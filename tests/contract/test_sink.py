"""What every OutreachSink promises."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.adapters.file import JsonLinesSink
from engine.adapters.memory import MemorySink
from engine.ports import OutreachSink

OpenSink = Callable[[], OutreachSink]


def entry(id_: str) -> tuple[str, bytes]:
    return id_, f'{{"id":"{id_}","text":"Grüße 🙂"}}'.encode()


@pytest.fixture(params=["memory", "file"])
def open_sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenSink]:
    """Opens the same place again each time."""
    memory = MemorySink()
    with ExitStack() as stack:

        def open_one() -> OutreachSink:
            sink = memory if request.param == "memory" else JsonLinesSink(tmp_path / "outreach.jsonl")
            stack.callback(sink.close)
            return sink

        yield open_one


def test_a_new_sink_has_published_nothing(open_sink: OpenSink) -> None:
    assert open_sink().published(0) == set()


def test_what_is_published_is_there_by_id(open_sink: OpenSink) -> None:
    sink = open_sink()
    sink.publish(0, [entry("o-1"), entry("o-2")])
    sink.publish(0, [])
    sink.publish(0, [entry("o-3")])
    sink.flush()
    assert sink.published(0) == {"o-1", "o-2", "o-3"}
    assert open_sink().published(0) == {"o-1", "o-2", "o-3"}


def test_what_one_run_published_the_next_one_knows_and_adds_to(open_sink: OpenSink) -> None:
    for id_ in ("o-1", "o-2"):
        sink = open_sink()
        sink.publish(3, [entry(id_)])
        sink.close()
    assert open_sink().published(3) == {"o-1", "o-2"}


def test_each_partition_knows_at_least_its_own_outreach(open_sink: OpenSink) -> None:
    sink = open_sink()
    sink.publish(0, [entry("o-1")])
    sink.publish(7, [entry("o-2")])
    sink.flush()
    assert "o-1" in sink.published(0)
    assert "o-2" in sink.published(7)


def test_it_says_once_of_each_outreach_that_it_is_durable(open_sink: OpenSink) -> None:
    sink = open_sink()
    assert sink.delivered(0) == []
    sink.publish(0, [entry("o-1"), entry("o-2")])
    sink.publish(1, [entry("o-3")])
    sink.publish(0, [entry("o-4")])
    sink.flush()
    assert sink.delivered(0) == ["o-1", "o-2", "o-4"]
    assert sink.delivered(0) == []
    assert sink.delivered(1) == ["o-3"]


def test_what_it_calls_durable_another_run_finds(open_sink: OpenSink) -> None:
    sink = open_sink()
    sink.publish(0, [entry(f"o-{number}") for number in range(100)])
    durable = sink.delivered(0)
    assert set(durable) <= open_sink().published(0)
