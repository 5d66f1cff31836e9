"""Who may not, is told so at once and by name; who may, can: with every mechanism, by both clients."""

import base64
import json
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import confluent_kafka.admin
import pytest
from confluent_kafka import KafkaException

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.library import library
from engine.adapters.kafka.outreach import KafkaSink
from engine.adapters.kafka.settings import KafkaSettings, Security, TokenSettings
from engine.errors import SinkUnavailable, SourceUnavailable
from engine.ports import Entry
from tests.services import Broker
from tests.services.kafka_config import PASSWORD, USER
from tests.services.processes import wait_until
from tests.support.kafka_clients import CLIENTS, Client, Owner, Reader, make_topics, poll_until

pytestmark = pytest.mark.kafka

their: Any = confluent_kafka.admin

PLAIN = Security("SASL_PLAINTEXT", "PLAIN", USER, PASSWORD)


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    return CLIENTS[request.param]


@pytest.fixture
def topic(broker: Broker, topic_prefix: str) -> str:
    make_topics(broker.address, [topic_prefix + "events"], 1, {})
    return topic_prefix + "events"


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    """An unsecured token, as the test broker takes it."""
    now = int(time.time())
    parts = {"alg": "none"}, {"sub": "bob", "iat": now, "exp": now + 3600}
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    (tmp_path / "token").write_text(".".join(encoded) + ".\n")
    return tmp_path / "token"


def goes_round(client: Client, settings: KafkaSettings) -> bool:
    """Whether what is written is read, by every connection that there is."""
    topic = settings.topics[0]
    writer = client.writer(settings)
    writer.write(topic, 0, b"c-1", b"hello", [("id", b"1")])
    writer.flush()
    tail = [list(headers) for headers in writer.tail(topic, 0, 10)]
    writer.close()
    source = client.source(settings, owner := Owner())
    reader = Reader(source, settings.topics, owner)
    poll_until(lambda: bool(reader.records) and reader.caught_up(0), reader)
    source.close()
    with closing(library(client.settings(settings)).reader(client.settings(settings))) as looking:
        assert [record.value for record in looking.read(looking.bounds([(topic, 0)]))] == [b"hello"]
    return reader.values() == [b"hello"] and tail == [[("id", b"1")]]


def test_a_user_with_a_password(client: Client, broker: Broker, topic: str) -> None:
    assert goes_round(client, KafkaSettings(broker.sasl_address, group=topic, topics=(topic,), security=PLAIN))


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_user_with_a_salted_password(client: Client, broker: Broker, topic: str, mechanism: str) -> None:
    kind = their.ScramMechanism[mechanism.replace("-", "_")]
    admin = their.AdminClient({"bootstrap.servers": broker.address})
    upsertion = their.UserScramCredentialUpsertion("carol", their.ScramCredentialInfo(kind, 4096), b"carol's secret")
    admin.alter_user_scram_credentials([upsertion])["carol"].result(10)
    wait_until(lambda: lets_carol_in(broker, mechanism), "the broker has heard of carol")
    security = Security("SASL_PLAINTEXT", mechanism, "carol", "carol's secret")  # type: ignore[arg-type]
    assert goes_round(client, KafkaSettings(broker.sasl_address, group=topic, topics=(topic,), security=security))


def lets_carol_in(broker: Broker, mechanism: str) -> bool:
    """A broker hears of a user a moment after its controller, which has answered."""
    who = {"sasl.mechanism": mechanism, "sasl.username": "carol", "sasl.password": "carol's secret"}
    at = {"bootstrap.servers": broker.sasl_address, "security.protocol": "SASL_PLAINTEXT", "log_level": 0}
    try:
        return bool(their.AdminClient(at | who).list_topics(timeout=2).brokers)
    except KafkaException:
        return False


def test_a_token_from_a_file(client: Client, broker: Broker, topic: str, token_file: Path) -> None:
    security = Security("SASL_PLAINTEXT", "OAUTHBEARER", token=TokenSettings(file=token_file))
    assert goes_round(client, KafkaSettings(broker.sasl_address, group=topic, topics=(topic,), security=security))


def test_a_connection_that_nobody_can_listen_to(client: Client, broker: Broker, topic: str) -> None:
    security = replace(PLAIN, protocol="SASL_SSL", ca_file=broker.certificate)
    assert goes_round(client, KafkaSettings(broker.tls_address, group=topic, topics=(topic,), security=security))


def test_brokers_that_show_a_certificate_nobody_vouches_for_are_not_talked_to(
    client: Client, broker: Broker, topic: str
) -> None:
    security = replace(PLAIN, protocol="SASL_SSL")
    settings = client.settings(KafkaSettings(broker.tls_address, topics=(topic,), security=security, connect_timeout=1))
    with pytest.raises(SourceUnavailable, match=r"(?i)certificate"), open_cluster(settings) as admin:
        admin.partition_counts([topic])


def test_a_wrong_password_is_named_and_not_shown(client: Client, broker: Broker, topic: str) -> None:
    security = replace(PLAIN, password="hunter2")
    settings = KafkaSettings(broker.sasl_address, topics=(topic,), security=security, connect_timeout=1)
    with pytest.raises(SourceUnavailable, match=r"cannot connect: .*password\?") as caught:
        client.source(settings, Owner())
    assert "hunter2" not in str(caught.value)


def test_a_topic_one_may_not_read_is_named(client: Client, broker: Broker, topic: str) -> None:
    deny(broker, topic, their.AclOperation.READ)
    source = client.source(KafkaSettings(broker.sasl_address, group=topic, topics=(topic,), security=PLAIN), Owner())
    with pytest.raises(SourceUnavailable, match=r"(?i)authoriz"):
        poll_until(lambda: False, Reader(source, [topic], Owner()))
    source.close()


def test_a_topic_one_may_not_write_is_named(client: Client, broker: Broker, topic: str) -> None:
    deny(broker, topic, their.AclOperation.WRITE)
    writer = client.writer(KafkaSettings(broker.sasl_address, security=PLAIN))
    writer.write(topic, 0, b"c-1", b"hello")
    with pytest.raises(SinkUnavailable, match=rf"(?i){topic}: .*authoriz"):
        writer.flush()
    writer.close()


def test_outreach_the_brokers_have_refused_is_never_called_durable(client: Client, broker: Broker, topic: str) -> None:
    deny(broker, topic, their.AclOperation.WRITE)
    with closing(client.writer(KafkaSettings(broker.sasl_address, security=PLAIN))) as writer:
        sink = KafkaSink(writer, topic)
        sink.publish(0, [Entry(name, f'{{"id":"{name}","customer":"c-1"}}'.encode()) for name in ("o-1", "o-2")])
        with pytest.raises(SinkUnavailable, match=rf"(?i){topic}: .*authoriz"):
            sink.flush()
        assert sink.published(0) == set()  # as an owner that opens the partition again
        assert (sink.delivered(0), sink.refused(0)) == ([], [])


def deny(broker: Broker, topic: str, operation: object) -> None:
    admin = their.AdminClient({"bootstrap.servers": broker.address})
    on_topic = their.ResourceType.TOPIC, topic, their.ResourcePatternType.LITERAL
    lists = [
        their.AclBinding(*on_topic, f"User:{USER}", "*", their.AclOperation.ALL, their.AclPermissionType.ALLOW),
        their.AclBinding(*on_topic, f"User:{USER}", "*", operation, their.AclPermissionType.DENY),
    ]
    for future in admin.create_acls(lists).values():
        future.result(10)


def test_settings_do_not_show_their_secrets() -> None:
    token = TokenSettings(url="https://id.example/token", client_id="engine", client_secret="s3cret-1")
    security = Security("SASL_SSL", "PLAIN", USER, "s3cret-2", token=token, key_password="s3cret-3")
    assert "s3cret" not in repr(KafkaSettings("kafka:9092", security=security))
