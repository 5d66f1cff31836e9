"""The brokers go away for long, under senders and under workers that have nothing to do."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic

import httpx
import pytest

from engine.model import Outreach
from tests.services import AnyRedis, Broker
from tests.services.mail import MailServer, mail_server
from tests.services.processes import PATIENCE, free_ports, wait_until
from tests.support.faults import Stage
from tests.support.job import PARTITIONS
from tests.support.kafka_clients import CLIENTS
from tests.support.live import LIVE, QUIET, live_project
from tests.support.post_office import PostOffice, letter

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.kills_brokers]

LONG = 50
"""Seconds: longer than a session of the group (45), and than a flush of reports was waited for."""


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


@dataclass
class Firm:
    """A worker with nothing to do and a sender on one client, each with its pages."""

    stage: Stage
    office: PostOffice
    client: str
    server: MailServer
    ports: list[int] = field(default_factory=lambda: free_ports(2))

    def begin(self, letters: Sequence[Outreach]) -> None:
        self.stage.use(live_project([self.stage.topics.events], QUIET.format(seconds=3600)))
        self.stage.start("a", kafka_client=self.client, http_port=self.ports[0], **LIVE)
        self.stage.until_members(1)
        self.begin_sending(letters)

    def begin_sending(self, letters: Sequence[Outreach]) -> None:
        """Returns when it is in the middle of it."""
        self.office.settings |= {"kafka_client": self.client, "http_port": self.ports[1]}
        self.office.post(letters)
        self.office.mailing_to(self.server).start()
        wait_until(lambda: self.server.has(len(letters) // 10), "the sender is in the middle of it")

    def check_sent(self, letters: Sequence[Outreach]) -> None:
        """Each was sent once, and everybody is told so."""
        outcomes = self.office.wait_for_all((one.id for one in letters), PATIENCE)
        assert set(map(tuple, outcomes.values())) == {("sent",)}
        assert self.server.copies() == {one.to: 1 for one in letters}

    def check_end(self) -> None:
        """Asked to stop, the sender does, within a minute."""
        sender = self.office.senders[-1]
        sender.stop()
        assert sender.code == 0, sender.log.read_text()[-2_000:]


@pytest.fixture
def firms(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[list[Firm]]:
    """One on each client."""
    with ExitStack() as stack:
        firms = []
        for client in CLIENTS:
            name, folder = f"{topic_prefix}{client}-", tmp_path / client
            folder.mkdir()
            stage = Stage(broker.address, redis_server.url, folder, name)
            office = PostOffice(broker.address, redis_server.url, folder, f"{name}mail", PARTITIONS)
            stack.callback(stage.close)
            stack.callback(office.close)
            firms.append(Firm(stage, office, client, stack.enter_context(mail_server())))
        yield firms


def test_a_sender_and_an_idle_worker_wait_for_brokers_that_are_away_and_every_mail_arrives_once(
    broker: Broker, firms: list[Firm]
) -> None:
    letters = [letter(number, f"{number}@shop.example") for number in range(400)]
    for firm in firms:
        del firm.office.settings["kafka_session_timeout"]  # nobody is killed: as in production
        firm.begin(letters)
    broker.kill9()
    ends = monotonic() + LONG
    ports = [port for firm in firms for port in firm.ports]
    for port in ports:
        wait_until(partial(says_brokers_are_away, port), "it is not ready")
        assert page(port, "/healthz")[0] == 200
    wait_until(lambda: monotonic() > ends, "time passes")
    broker.start()
    for firm in firms:
        firm.check_sent(letters)
    for port in ports:
        wait_until(partial(is_ready, port), "it is ready")
    for firm in firms:
        assert firm.stage.workers["a"].running
        firm.check_end()


def test_a_sender_whose_brokers_are_away_ends_when_it_is_asked_to_and_the_next_one_tells_what_it_has_sent(
    broker: Broker, firms: list[Firm]
) -> None:
    letters = [letter(number, f"{number}@shop.example") for number in range(200)]
    for firm in firms:
        firm.begin_sending(letters)
    broker.kill9()
    for firm in firms:
        wait_until(partial(says_brokers_are_away, firm.ports[1]), "it has noticed")
    for firm in firms:
        firm.check_end()
    broker.start()
    for firm in firms:
        firm.office.start()
        firm.check_sent(letters)
