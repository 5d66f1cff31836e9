"""What customers say reaches the sender: nothing that was decided before is sent against their will."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from engine.adapters.kafka.confluent.writer import ConfluentWriter
from engine.adapters.kafka.records import TopicRecords
from engine.adapters.kafka.settings import KafkaSettings
from engine.ports import SuppressionQuery
from engine.wire.digests import address_digest
from engine.wire.feedback import Feedback, FeedbackKind
from engine.wire.link_tokens import LinkToken
from tests.services import Broker, RedisServer
from tests.services.mail import mail_server
from tests.services.processes import free_ports, wait_until
from tests.support.faults import Stage
from tests.support.job import PARTITIONS, Entry, entry_of
from tests.support.live import now
from tests.support.operators import data
from tests.support.post_office import NOW, PostOffice, letter

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SHOP = {
    "events.yaml": """\
version: 1
sources: [{{ topic: {topic} }}]
events: {{ signup: {{ properties: {{ email: string }}, profile: {{ email: email }} }} }}
""",
    "lifecycle.yaml": """\
version: 1
rules:
  - id: receipt
    when: { event: signup }
    purpose: transactional
    send: text
""",
    "policy.yaml": """\
version: 1
addresses: { email: profile.email }
""",
    "text.email.j2": "{% block subject %}Welcome{% endblock %}{% block text %}Hello{% endblock %}",
}


class Customers:
    """Those who say something of their mail."""

    def __init__(self, office: PostOffice) -> None:
        self._writer = ConfluentWriter(KafkaSettings(str(office.settings["kafka_bootstrap"])))
        self._topic = TopicRecords(self._writer, str(office.settings["feedback_topic"]))

    def say(self, kind: FeedbackKind, to: str, **wants: bool) -> None:
        """As `engine web` tells it."""
        customer = f"customer-{to}"
        about = LinkToken(customer, "email", address_digest("email", to), "marketing", f"o-{to}", NOW)
        event = Feedback(kind, about, NOW, wants=wants).event()
        self._topic.write(customer, event["id"], msgspec.json.encode(event))
        self._topic.flush()

    def close(self) -> None:
        self._writer.close()


@pytest.fixture
def customers(office: PostOffice) -> Iterator[Customers]:
    customers = Customers(office)
    yield customers
    customers.close()


def by_number(outcomes: dict[str, list[str]]) -> dict[str, list[str]]:
    return {identity[-1]: told for identity, told in outcomes.items()}


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_what_was_said_while_no_sender_ran_comes_before_what_it_sends(
    office: PostOffice, customers: Customers, client: str
) -> None:
    office.settings["kafka_client"] = client
    to = [f"{name}@shop.example" for name in ("ada", "bob", "cy", "dee")]
    office.post(letter(number, each) for number, each in enumerate(to))
    office.post([letter(5, to[0], "transactional"), letter(6, to[1], "transactional")])
    customers.say(FeedbackKind.UNSUBSCRIBED, to[0], marketing=False)
    customers.say(FeedbackKind.COMPLAINED, to[1])
    customers.say(FeedbackKind.UNSUBSCRIBED, to[2], marketing=False)
    customers.say(FeedbackKind.PREFERENCES, to[2], marketing=True)
    with mail_server() as server:
        office.mailing_to(server).start()
        outcomes = office.wait_for_all(f"o-00000{number}" for number in (0, 1, 2, 3, 5, 6))
        office.senders[0].stop()
    suppressed, sent = ["suppressed"], ["sent"]
    assert by_number(outcomes) == {"0": suppressed, "1": suppressed, "2": sent, "3": sent, "5": sent, "6": suppressed}
    assert server.copies() == {to[0]: 1, to[2]: 1, to[3]: 1}


def test_what_was_said_while_the_store_was_away_is_obeyed_when_it_is_back(
    broker: Broker, redis: RedisServer, tmp_path: Path, topic_prefix: str
) -> None:
    office = PostOffice(broker.address, redis.url, tmp_path, topic_prefix)
    customers = Customers(office)
    (office.settings["http_port"],) = free_ports(1)
    with mail_server() as server:
        sender = office.mailing_to(server).start()
        wait_until(lambda: ready(office) == 200, "the sender is ready")
        redis.kill9()
        customers.say(FeedbackKind.UNSUBSCRIBED, "ada@shop.example", marketing=False)
        wait_until(lambda: ready(office) == 503, "the sender has seen that the store is away")
        assert "the store does not answer" in sender.log.read_text()
        redis.start()
        asked = SuppressionQuery("marketing", NOW, [address_digest("email", "ada@shop.example")])
        wait_until(lambda: office.suppressions.reasons([asked]) == ["unsubscribed"], "it is obeyed")
        wait_until(lambda: ready(office) == 200, "the sender is ready again")
        office.post([letter(1, "ada@shop.example")])
        assert by_number(office.wait_for_all(["o-000001"])) == {"1": ["suppressed"]}
        metrics = httpx.get(f"http://localhost:{office.settings['http_port']}/metrics").text
        sender.stop()
    assert 'engine_sender_feedback_total{type="outreach_unsubscribed"} 1.0' in metrics
    assert "ada@shop.example" not in sender.log.read_text() + metrics
    customers.close()
    office.close()


def ready(office: PostOffice) -> int:
    try:
        return httpx.get(f"http://localhost:{office.settings['http_port']}/readyz").status_code
    except httpx.TransportError:
        return 0


def test_a_sender_without_its_feedback_topic_says_what_to_do(office: PostOffice) -> None:
    office.settings["feedback_topic"] = "nowhere"
    with mail_server() as server:
        sender = office.mailing_to(server).start()
        wait_until(lambda: not sender.running, "it ends")
    assert "nowhere: does not exist" in sender.log.read_text()
    assert "engine topics create" in sender.log.read_text()


def signup(customer: str) -> Entry:
    at, email = now(), f"{customer}@shop.example"
    return entry_of(
        {"id": f"{customer}-{at}", "type": "signup", "customer": customer, "time": at, "properties": {"email": email}}
    )


def test_an_erased_customer_gets_nothing_that_waits_at_the_sender_and_is_new_when_they_come_back(
    stage: Stage, tmp_path: Path
) -> None:
    kafka, redis = (str(stage.settings[name]) for name in ("kafka_bootstrap", "store"))
    office = PostOffice(kafka, redis, tmp_path, stage.name, PARTITIONS)
    stage.settings["clock"] = "live"
    stage.use(SHOP | {"events.yaml": SHOP["events.yaml"].format(topic=stage.topics.events)})
    stage.start("a")
    stage.load(signup(who) for who in ("ada", "bob"))
    stage.until(lambda: len(stage.outreach()) == 2, "both are decided")
    assert data(stage, "customer", "erase", "ada", "--yes")["known"]

    with mail_server() as server:
        office.mailing_to(server).start()
        outcomes = office.wait_for_all(one.identity for one in stage.outreach())
        told = {one.json["customer"]: outcomes[one.identity][-1] for one in stage.outreach()}
        assert told == {"ada": "suppressed", "bob": "sent"}
        stage.load([signup("ada")])
        wait_until(lambda: server.has(2), "who comes back is written to")
        office.senders[0].stop()
    assert server.copies() == {"ada@shop.example": 1, "bob@shop.example": 1}
    office.close()
