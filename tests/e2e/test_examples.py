"""The example consumers of the outreach topic."""

import sys
from pathlib import Path

import pytest

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.confluent.writer import ConfluentWriter
from engine.adapters.kafka.outreach import KafkaSink
from engine.adapters.kafka.settings import KafkaSettings
from engine.model import Outreach
from engine.ports import NewTopic
from engine.wire.records import encode_outreach
from tests.services import Broker
from tests.services.processes import Process, wait_until
from tests.support.command import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

FAUST = ["-m", "faust", "-A", "examples.consume_faust", "worker", "--without-web", "-l", "info"]


@pytest.mark.parametrize(
    "words",
    [["examples/consume_confluent.py"], ["examples/consume_kafka_python.py"], FAUST],
    ids=["confluent-kafka", "kafka-python", "Faust"],
)
def test_a_customer_whose_outreach_is_repeated_gets_it_once(
    words: list[str], broker: Broker, topic_prefix: str, tmp_path: Path
) -> None:
    settings, topic = KafkaSettings(broker.address), topic_prefix + "outreach"
    with open_cluster(settings) as admin:
        admin.create_topics([NewTopic(topic, 1)])
    writer = ConfluentWriter(settings)
    sink = KafkaSink(writer, topic)
    sink.publish(0, [encode_outreach(_outreach(customer)) for customer in ("ada", "bob", "ada", "cy")])
    writer.close()

    variables = [
        f"ENGINE_KAFKA_BOOTSTRAP={broker.address}",
        f"ENGINE_OUTREACH_TOPIC={topic}",
        f"SENDER_GROUP={topic_prefix}",
        f"APP_DATADIR={tmp_path / 'faust'}",
    ]
    log = tmp_path / "consumer.log"
    command = ["env", f"--chdir={REPOSITORY}", *variables, sys.executable, *words]
    consumer = Process(command, log, lambda: True)
    consumer.start()
    try:
        wait_until(lambda: "cy@shop.example" in log.read_text(), "the last outreach is sent")
    finally:
        consumer.kill9()
    lines = [line[line.index("email to") :].strip() for line in log.read_text().splitlines() if "email to" in line]
    assert lines == [f"email to {customer}@shop.example: Dear {customer}" for customer in ("ada", "bob", "cy")]


def _outreach(customer: str) -> Outreach:
    return Outreach(
        id=f"id-of-{customer}",
        rule="welcome",
        occurrence="1",
        customer=customer,
        at=0,
        moment=0,
        expires_at=0,
        channel="email",
        purpose="marketing",
        template="welcome",
        revision="r1",
        reason="signup",
        to=f"{customer}@shop.example",
        subject=f"Dear {customer}",
    )
