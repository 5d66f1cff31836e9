"""Rights are taken away in the middle of a run and given back: who must end says so, and nothing is lost by it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import confluent_kafka.admin
import pytest

from tests.services import Broker
from tests.services.kafka_config import PASSWORD, USER
from tests.services.mail import mail_server
from tests.services.processes import wait_until
from tests.support.faults import Stage
from tests.support.job import make_job
from tests.support.kafka_clients import CLIENTS
from tests.support.post_office import PostOffice, letter
from tests.support.web_service import Web, token

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

_THEIRS: Final[Any] = confluent_kafka.admin
"""It has more than it exports by its stubs."""


def as_user(broker: Broker) -> dict[str, object]:
    """Settings of a process to whose login rights apply."""
    login = {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_username": USER, "kafka_password": PASSWORD}
    return {"kafka_bootstrap": broker.sasl_address, **login}


@contextmanager
def denied(broker: Broker, operation: str, topic: str) -> Iterator[None]:
    """Meanwhile our user may not do this with the topic, and nothing else."""
    admin = _THEIRS.AdminClient({"bootstrap.servers": broker.address, "log_level": 0})
    place = _THEIRS.ResourceType.TOPIC, topic, _THEIRS.ResourcePatternType.LITERAL
    denial = *place, f"User:{USER}", "*", _THEIRS.AclOperation[operation], _THEIRS.AclPermissionType.DENY
    (done,) = admin.create_acls([_THEIRS.AclBinding(*denial)]).values()
    done.result(10)
    yield
    (done,) = admin.delete_acls([_THEIRS.AclBindingFilter(*denial)]).values()
    assert done.result(10)


@pytest.mark.parametrize("client", list(CLIENTS))
@pytest.mark.parametrize("right", ["READ events", "WRITE outreach", "WRITE outcomes"])
def test_a_worker_whose_rights_are_taken_away_ends_and_the_next_one_goes_on(
    stage: Stage, broker: Broker, client: str, right: str
) -> None:
    job = make_job(30_000, 3_000)
    stage.take(job)
    stage.settings |= as_user(broker) | {"kafka_client": client}
    worker = stage.start("a", batch=200)
    stage.until_processed(3_000)
    operation, topic = right.split()
    with denied(broker, operation, getattr(stage.topics, topic)):
        wait_until(lambda: worker.died, "it ends")
    assert "uthorization" in worker.said
    worker.kill9()
    stage.count_in_flight()
    stage.start("a", batch=200)
    assert stage.finish_exactly(job.wanted).repeated <= stage.in_flight


@pytest.mark.parametrize("client", list(CLIENTS))
@pytest.mark.parametrize("topic", ["outcomes", "dead_letters"])
def test_a_sender_whose_rights_are_taken_away_ends_and_the_next_one_tells_what_became_of_everybody(
    office: PostOffice, broker: Broker, client: str, topic: str
) -> None:
    office.settings |= as_user(broker) | {"kafka_client": client}
    good = [letter(number, f"{number}@shop.example") for number in range(400)]
    nobody = [letter(number, "") for number in range(400, 500)]
    with mail_server() as server:
        sender = office.mailing_to(server).start()
        office.post(good[:100])
        wait_until(lambda: server.has(100), "some are sent")
        with denied(broker, "WRITE", getattr(office.topics, topic)):
            office.post(good[100:] + nobody)
            wait_until(lambda: not sender.running, "it ends")
        sender.kill9()
        office.start()
        told = office.wait_for_all(one.id for one in good + nobody)
        copies = server.copies()
    assert max(copies.values()) == 1
    assert {one.id for one in good if told[one.id] != ["in_doubt"]} <= {one.id for one in good if one.to in copies}
    wait_until(lambda: len(office.dead_letters()) >= len(nobody), "the dead letters are there")
    assert {office.outreach_of(read) for read in office.dead_letters()} == {one.id for one in nobody}


@pytest.mark.parametrize("client", list(CLIENTS))
def test_pages_whose_right_is_taken_away_ask_to_try_again_and_go_on_when_they_have_it_back(
    office: PostOffice, broker: Broker, client: str
) -> None:
    web = Web(office, kafka_client=client, **as_user(broker)).ready()

    def unsubscribes(customer: str) -> int:
        return web.browser.post(f"/unsubscribe/{token(office, customer)}").status_code

    assert unsubscribes("ada") == 200
    with denied(broker, "WRITE", str(office.settings["feedback_topic"])):
        wait_until(lambda: unsubscribes("bob") == 503, "it is refused")
        assert [unsubscribes("cyn") for _ in range(3)] == [503] * 3
    wait_until(lambda: unsubscribes("dan") == 200, "it is allowed again")
    assert {"ada", "dan"} <= {event["customer"] for event in web.events()} <= {"ada", "bob", "dan"}
    web.close()
