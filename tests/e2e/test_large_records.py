"""Records that Kafka or our topics do not take, through real workers: that customer's message fails, nobody waits."""

import json
from typing import Any

import pytest
from confluent_kafka import Producer

from engine.adapters.kafka.python.codecs import missing_codecs
from tests.services.processes import wait_until
from tests.support.faults import Stage
from tests.support.job import Entry
from tests.support.kafka_clients import limit_topic
from tests.support.operators import engine, engine_process

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

NOW = 1_790_000_000_000
QUOTE = "{{ event.text }}"
FILES = {
    "rules.yaml": "version: 1\nrules:\n  - { id: thanks, when: { event: review }, send: thanks }\n",
    "thanks.email.j2": "{% block subject %}r{% endblock %}"
    f"{{% block text %}}{QUOTE * 3}{{% endblock %}}"
    f"{{% block html %}}{f'<p>{QUOTE}</p>' * 3}{{% endblock %}}",
}
LARGE = "字" * 80_000


def files(stage: Stage) -> dict[str, str]:
    events = f"version: 1\nsources: [{{ topic: {stage.topics.events} }}]\n"
    events += "events: { review: { properties: { text: string } } }\n"
    return {"events.yaml": events, **FILES}


def review(number: int, customer: str, text: str) -> Entry:
    """All in one partition, so that each waits for those before."""
    about: dict[str, Any] = {"id": f"e-{number}", "type": "review", "customer": customer, "time": NOW + number}
    value = json.dumps({**about, "properties": {"text": text}}, ensure_ascii=False).encode()
    return Entry(NOW, 0, customer.encode(), value)


def customers(stage: Stage) -> list[str]:
    return [one.json["customer"] for one in stage.outreach()]


def limit(stage: Stage, topic: str, size: int) -> None:
    limit_topic(str(stage.settings["kafka_bootstrap"]), topic, size)


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_a_message_larger_than_the_topic_takes_fails_for_that_customer_only(stage: Stage, client: str) -> None:
    stage.start_with(files(stage), kafka_client=client)
    stage.load([review(1, "ann", "good"), review(2, "bob", LARGE), review(3, "cid", "fine")])
    stage.finish()
    assert customers(stage) == ["ann", "cid"]
    assert stage.outcomes() == {("thanks", "fired"): 2, ("thanks", "failed"): 1}
    stage.workers["a"].stop()
    assert "Traceback" not in stage.workers["a"].said


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_a_topic_that_takes_less_from_now_on_stops_nobody(stage: Stage, client: str) -> None:
    """The worker has asked before: the broker refuses what it publishes, or what its outbox has at the next start."""
    limit(stage, stage.topics.outreach, 4_000_000)
    worker = stage.start_with(files(stage), kafka_client=client)
    stage.load([review(1, "ann", LARGE)])
    stage.finish()
    limit(stage, stage.topics.outreach, 1_000_000)
    stage.load([review(2, "bob", LARGE), review(3, "cid", "fine")])
    stage.finish()
    assert customers(stage) == ["ann", "cid"]
    wait_until(lambda: len(stage.dead_letters()) == 1, "what was too large is told")
    [letter] = stage.dead_letters().values()
    assert letter["code"] == "outreach-too-large"
    assert stage.outcomes()["thanks", "failed"] == 1
    worker.stop()


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_nobody_s_message_fails_for_a_topic_that_takes_less_than_we_send_together_from_now_on(
    stage: Stage, client: str
) -> None:
    """librdkafka sends a batch in one and says of each record of it that it is too large."""
    worker = stage.start_with(files(stage), kafka_client=client)
    stage.load([review(1, "ann", "good")])
    stage.finish()
    limit(stage, stage.topics.outreach, 10_000)
    many = [f"customer-{number}" for number in range(200)]
    stage.load(review(number, customer, "fine") for number, customer in enumerate(many, 2))
    told = ["ann", *many]
    wait_until(lambda: worker.died or customers(stage) == told, "it ends, or has sent what fits")
    if worker.died:
        assert "max.message.bytes of less than 139,264" in worker.said
        limit(stage, stage.topics.outreach, 1_000_000)
        worker.kill9()
        stage.start("a", kafka_client=client)
        stage.finish()
    assert customers(stage) == told
    assert stage.dead_letters() == {}


def test_a_topic_that_takes_less_than_a_batch_is_told_by_the_check_and_at_the_start(stage: Stage) -> None:
    stage.use(files(stage))
    limit(stage, stage.topics.outcomes, 100_000)
    checked = engine(stage, "run", "--check")
    assert checked.code == 1
    assert "max.message.bytes is 100,000" in checked.said
    started = engine_process(stage, "run")
    assert started.code == 1
    assert f"{stage.topics.outcomes}: max.message.bytes is 100,000" in started.said


@pytest.mark.parametrize("codec", ["snappy", "lz4", "zstd"])
def test_compressed_events_are_read_or_the_package_that_can_is_named(stage: Stage, codec: str) -> None:
    stage.use(files(stage))
    producer = Producer({"bootstrap.servers": str(stage.settings["kafka_bootstrap"]), "compression.type": codec})
    for number in range(20):
        one = review(number, "ann", "good" * 100)
        producer.produce(stage.topics.events, one.value, one.key, one.partition)
        stage.topics.loaded[0] += 1
    assert producer.flush(30) == 0
    stage.start_with(files(stage), kafka_client="confluent")
    stage.finish()
    assert len(stage.outreach()) == 20

    package = missing_codecs().get(codec)
    by_python = {"kafka_client": "kafka-python", "kafka_instance_id": "", "kafka_group": f"{stage.name}-2"}
    for asked, word in ((engine, "doctor"), (engine_process, "run")) if package else ():
        ran = asked(stage, word, **by_python, namespace=f"{stage.name}-2")
        assert ran.code == 1
        assert f"pip install {package}" in ran.said
