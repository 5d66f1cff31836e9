"""The example shop, live: `engine run`, `engine send` and `engine web` as processes, and who takes its mail."""

import email
import email.policy
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from engine.examples import rules_folder, templates_folder
from tests.services.mail import MailServer, mail_server
from tests.services.processes import Process, free_ports, wait_until
from tests.support.command import PROGRAM, REPOSITORY
from tests.support.topics import Topics

PARTITIONS = 4
_BY_THE_SENDER = ("outreach_sent", "outreach_suppressed")
SERVICES = {"run": "decides", "send": "sends", "web": "answers customers"}
"""Each is a command of `engine`, and what it does."""
_OURS = ("PATH", "HOME", "LANG", "TERM", "COLUMNS")
"""What is passed on of our environment: no settings that somebody has for their own engine."""
_NIGHT_AND_LIMITS = re.compile(r"^(?:quiet_hours|caps):.*\n(?:  .*\n)*", re.MULTILINE)

_SOON = {'wait: { days: 1, until: "10:00" }': "wait: 1s", "after: 14d, with": "after: 1s, with"}


@dataclass
class LiveShop:
    """`addresses` are of the services' /metrics, /healthz and /readyz."""

    mail: MailServer
    topics: Topics
    settings: Mapping[str, str]
    addresses: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where customers reach it."""
        return self.settings["ENGINE_PUBLIC_URL"]

    def engine(self, *words: str) -> str:
        """What a command says. Raises RuntimeError where it fails."""
        return _engine(self.settings, *words)

    def command(self, *words: str) -> list[str]:
        """What runs it, with the shop's settings and none of ours."""
        return _command(self.settings, *words)

    def happens(self, type: str, customer: str, **properties: object) -> None:
        """An event, by hand."""
        self.engine(*event_words(type, customer, **properties))

    def explain(self, customer: str) -> dict[str, Any]:
        explained: dict[str, Any] = json.loads(self.engine("explain", customer, "--json"))
        return explained

    def outcome(self, customer: str, rule: str) -> tuple[str, str]:
        """What became of the rule's newest firing, and why; empty where it has not fired."""
        told = [(one["outcome"], one["reason"]) for one in self.explain(customer)["history"] if one["rule"] == rule]
        return told[0] if told else ("", "")

    def suppression_query(self, customer: str) -> list[tuple[str, str]]:
        """What became, and why, of outreach that the sender had in hand."""
        read = [read.json for read in self.topics.read(self.topics.outcomes)]
        told = [(one["outcome"], one["reason"]) for one in read if one["customer"] == customer]
        return [each for each in told if each[0] not in ("fired", "entered")]

    def feedback(self, customer: str) -> list[str]:
        """The types of the events on the feedback topic, but for what the sender itself tells."""
        read = [read.json for read in self.topics.read(self.settings["ENGINE_FEEDBACK_TOPIC"])]
        return [one["type"] for one in read if one["customer"] == customer and one["type"] not in _BY_THE_SENDER]

    def obeyed(self, type: str) -> float:
        """How often the sender has obeyed this feedback."""
        metrics = httpx.get(f"{self.addresses['send']}/metrics").text
        found = re.search(rf'^engine_sender_feedback_total{{type="{type}"}} (\S+)$', metrics, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def mails(self, to: str) -> list[EmailMessage]:
        """What has arrived, in order."""
        return [read_mail(mail.content) for mail in list(self.mail.received) if mail.to == to]

    def wait_for_mail(self, to: str, number: int) -> EmailMessage:
        """Of all that arrive there; the first has the number 1."""
        wait_until(lambda: len(self.mails(to)) >= number, f"{to} gets mail number {number}")
        return self.mails(to)[number - 1]


def event_words(type: str, customer: str, **properties: object) -> list[str]:
    """The words of `engine send-event`."""
    given = [f"--set={name}={value}" for name, value in properties.items()]
    return ["send-event", type, "--customer", customer, *given]


def read_mail(content: bytes) -> EmailMessage:
    """As mail programs read it."""
    return email.message_from_bytes(content, policy=email.policy.default)


def body_of(mail: EmailMessage, kind: str) -> str:
    """Of its plain or html part, as it reads."""
    body = mail.get_body((kind,))
    assert body
    return str(body.get_content())


def unsubscribe_link(mail: EmailMessage) -> str:
    """That of a mail program's own button; empty where there is none."""
    return str(mail["List-Unsubscribe"] or "").strip("<>")


@contextmanager
def live_shop(
    bootstrap: str, redis_url: str, folder: Path, name: str, example: str = "shop", **settings: str
) -> Iterator[LiveShop]:
    """All of it runs. `name` begins its topics and is its namespace; the settings are of every service.

    Its rules are those of an example, but there is no night and no limit to what a customer gets, and the loyalty club
    waits for no morning and no return period: a day is a minute here.
    """
    _copy_project(folder, name, example)
    ports = free_ports(len(SERVICES) + 1)
    addresses = {service: f"http://127.0.0.1:{port}" for service, port in zip(SERVICES, ports, strict=False)}
    with ExitStack() as stack:
        mail = stack.enter_context(mail_server())
        everywhere = _settings(bootstrap, redis_url, folder, name) | _mail_settings(mail.port, ports[-1]) | settings
        _engine(everywhere, "topics", "create", "--partitions", str(PARTITIONS))
        topics = Topics(bootstrap, name, PARTITIONS)
        stack.callback(topics.close)
        processes = [_process(service, everywhere, url, folder) for service, url in addresses.items()]
        for process in processes:
            stack.callback(process.stop)
        with ThreadPoolExecutor() as pool:
            list(pool.map(Process.start, processes))
        yield LiveShop(mail, topics, everywhere, addresses)


def _copy_project(folder: Path, prefix: str, example: str) -> None:
    for name, source in (("rules", rules_folder(example)), ("templates", templates_folder(example))):
        shutil.copytree(source, folder / name)
    for path in (folder / "rules").glob("*.yaml"):
        for waiting, soon in _SOON.items():
            path.write_text(path.read_text().replace(waiting, soon))
    events, policy = folder / "rules" / "events.yaml", folder / "rules" / "policy.yaml"
    events.write_text(events.read_text().replace("- topic: ", f"- topic: {prefix}"))
    policy.write_text(_NIGHT_AND_LIMITS.sub("", policy.read_text()))


def _settings(bootstrap: str, redis_url: str, folder: Path, name: str) -> dict[str, str]:
    return {
        "ENGINE_RULES": str(folder / "rules"),
        "ENGINE_TEMPLATES": str(folder / "templates"),
        "ENGINE_STORE": redis_url,
        "ENGINE_NAMESPACE": name,
        "ENGINE_KAFKA_BOOTSTRAP": bootstrap,
        "ENGINE_KAFKA_GROUP": name,
        "ENGINE_SEND_GROUP": f"{name}send",
        "ENGINE_EVENTS_TOPIC": f"{name}events",
        "ENGINE_OUTREACH_TOPIC": f"{name}outreach",
        "ENGINE_OUTCOMES_TOPIC": f"{name}outcomes",
        "ENGINE_DEAD_LETTERS_TOPIC": f"{name}dead-letters",
        "ENGINE_FEEDBACK_TOPIC": f"{name}engine.feedback",
        "ENGINE_DERIVED_TOPIC": f"{name}derived",
    }


def _mail_settings(smtp: int, web: int) -> dict[str, str]:
    """Ports of the mail server and of the pages."""
    return {
        "ENGINE_EMAIL_URL": f"smtp://localhost:{smtp}",
        "ENGINE_MAIL_FROM": "Mara of Northfold Records <mara@northfold.example>",
        "ENGINE_WEB_PORT": str(web),
        "ENGINE_PUBLIC_URL": f"http://localhost:{web}",
        "ENGINE_TOKEN_SECRET": "for-this-minute-only",
    }


def _process(service: str, settings: Mapping[str, str], url: str, folder: Path) -> Process:
    here = {**settings, "ENGINE_HTTP_PORT": url.rpartition(":")[2]}
    return Process(_command(here, service), folder / f"{service}.log", partial(_ready, url))


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _engine(settings: Mapping[str, str], *words: str) -> str:
    ran = subprocess.run(_command(settings, *words), capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"engine {' '.join(words)}: {ran.stderr or ran.stdout}")
    return ran.stdout


def _command(settings: Mapping[str, str], *words: str) -> list[str]:
    ours = {name: os.environ[name] for name in _OURS if name in os.environ}
    environment = {**ours, "PYTHONPATH": str(REPOSITORY), **settings}
    variables = [f"{name}={value}" for name, value in environment.items()]
    return ["env", "-i", *variables, sys.executable, "-c", PROGRAM, *words]
