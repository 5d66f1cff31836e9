"""What every OutreachSink promises."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.adapters.file import JsonLinesSink
from engine.adapters.kafka.outreach import KafkaSink
from engine.adapters.kafka.settings import KafkaSettings
from engine.adapters.memory import MemorySink
from engine.ports import Entry, OutreachSink
from tests.services import Broker
from tests.support.kafka_clients import CLIENTS, make_topics

OpenSink = Callable[[], OutreachSink]

KAFKA = [pytest.param(name, marks=pytest.mark.kafka) for name in CLIENTS]


def entry(id_: str) -> Entry:
    return Entry(id_, f'{{"id":"{id_}","customer":"c-ключ","text":"Grüße 🙂"}}'.encode())


@pytest.fixture(params=["memory", "file", *KAFKA])
def open_sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenSink]:
    """Opens the same place again each time."""
    memory = MemorySink()
    with ExitStack() as stack:
        opens: dict[str, Callable[[], OutreachSink]] = {
            "memory": lambda: memory,
            "file": lambda: JsonLinesSink(tmp_path / "outreach.jsonl"),
        }
        open_sink = opens.get(request.param) or _kafka(request, stack)

        def open_one() -> OutreachSink:
            sink = open_sink()
            stack.callback(sink.close)
            return sink

        yield open_one


def _kafka(request: pytest.FixtureRequest, stack: ExitStack) -> OpenSink:
    broker: Broker = request.getfixturevalue("broker")
    topic = request.getfixturevalue("topic_prefix") + "outreach"
    make_topics(broker.address, [topic], 8, {})

    def open_one() -> OutreachSink:
        writer = CLIENTS[request.param].writer(KafkaSettings(broker.address))
        stack.callback(writer.close)
        return KafkaSink(writer, topic)

    return open_one


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
