"""The brokers go away for long, under senders and under workers that have nothing to do."""

from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic

import httpx
import pytest

from tests.services import Broker
from tests.services.mail import mail_server
from tests.services.processes import free_ports, wait_until
from tests.support.faults import Stage
from tests.support.job import PARTITIONS
from tests.support.live import LIVE, QUIET, live_project
from tests.support.post_office import PostOffice, letter

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

LONG = 45
"""Seconds: longer than a session of the group, and than a flush of reports was waited for."""


def page(port: int, path: str) -> tuple[int, str]:
    """Status and text; 0 where nobody answers."""
    with suppress(httpx.TransportError):
        answer = httpx.get(f"http://localhost:{port}{path}", timeout=20)
        return answer.status_code, answer.text
    return 0, ""


def says_brokers_are_away(port: int) -> bool:
    status, text = page(port, "/readyz")
    return status == 503 and '"brokers":false' in text


def is_ready(port: int) -> bool:
    return page(port, "/readyz")[0] == 200


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_a_sender_and_an_idle_worker_wait_for_brokers_that_are_away_and_every_mail_arrives_once(
    stage: Stage, broker: Broker, tmp_path: Path, client: str
) -> None:
    ports = dict(zip(("worker", "sender"), free_ports(2), strict=True))
    name = f"{stage.name}mail"  # a group of its own: the worker is in the other
    office = PostOffice(broker.address, str(stage.settings["store"]), tmp_path, name, PARTITIONS)
    office.settings |= {"kafka_client": client, "http_port": ports["sender"], "kafka_session_timeout": 6}
    stage.use(live_project([stage.topics.events], QUIET.format(seconds=3600)))
    stage.start("a", kafka_client=client, http_port=ports["worker"], **LIVE)
    stage.until_members(1)
    letters = [letter(number, f"{number}@shop.example") for number in range(400)]
    office.post(letters)
    with mail_server() as server:
        sender = office.mailing_to(server).start()
        wait_until(lambda: server.has(50), "the sender is in the middle of it")
        broker.kill9()
        ends = monotonic() + LONG
        for port in ports.values():
            wait_until(partial(says_brokers_are_away, port), "it is not ready", LONG)
            assert page(port, "/healthz")[0] == 200
        wait_until(lambda: monotonic() > ends, "time passes", LONG + 10)
        broker.start()
        outcomes = office.wait_for_all((one.id for one in letters), 120)
        assert set(map(tuple, outcomes.values())) == {("sent",)}
        assert server.copies() == {one.to: 1 for one in letters}
        for port in ports.values():
            wait_until(partial(is_ready, port), "it is ready", 60)
        assert sender.running
        assert stage.workers["a"].running
        sender.stop()
        assert sender.code == 0, sender.log.read_text()[-2_000:]
    office.close()


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_a_sender_whose_brokers_are_away_ends_when_it_is_asked_to_and_the_next_one_tells_what_it_has_sent(
    office: PostOffice, broker: Broker, client: str
) -> None:
    (port,) = free_ports(1)
    office.settings |= {"kafka_client": client, "http_port": port}
    letters = [letter(number, f"{number}@shop.example") for number in range(200)]
    office.post(letters)
    with mail_server() as server:
        sender = office.mailing_to(server).start()
        wait_until(lambda: server.has(20), "the sender is in the middle of it")
        broker.kill9()
        wait_until(partial(says_brokers_are_away, port), "it has noticed", 60)
        sender.stop()  # within a minute, or it fails
        assert sender.code == 0, sender.log.read_text()[-2_000:]
        broker.start()
        office.start()
        outcomes = office.wait_for_all((one.id for one in letters), 120)
    assert set(map(tuple, outcomes.values())) == {("sent",)}
    assert server.copies() == {one.to: 1 for one in letters}
