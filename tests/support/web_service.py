"""`engine web` as a process, who asks it, and what it has told the broker."""

import json
import sys
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from engine.wire.digests import address_digest
from engine.wire.link_tokens import LinkToken, make_token
from tests.services.processes import PATIENCE, free_ports, listens, started, tended, wait_until
from tests.support.command import PROGRAM, REPOSITORY
from tests.support.post_office import NOW, PostOffice

ADDRESS = address_digest("email", "zoe@shop.example")


class Web:
    """One `engine web` on the settings of a post office, with the example's rules. `program`: as `PostOffice.start`."""

    def __init__(self, office: PostOffice, program: str = PROGRAM, /, **changes: object) -> None:
        self.office = office
        self.port, self.operators = free_ports(2)
        self._log = office.folder / f"web-{self.port}.log"
        ports = {"web_port": self.port, "http_port": self.operators, "rules": REPOSITORY / "rules"}
        settings = {**office.settings, **ports, **changes}
        command = [f"ENGINE_{name.upper()}={value}" for name, value in settings.items()]
        self._process = tended(started(["env", *command, sys.executable, "-c", program, "web"], self._log))
        self.browser = httpx.Client(base_url=f"http://127.0.0.1:{self.port}/mail", timeout=30)

    def ready(self) -> "Web":
        wait_until(lambda: listens(self.port) or self._process.poll() is not None, "the pages are there")
        assert self._process.poll() is None, self.said
        return self

    @property
    def said(self) -> str:
        return self._log.read_text(encoding="utf-8")

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said.splitlines()]

    def operator(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.operators}{path}")

    def total(self, metric: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.operator("/metrics").text)
        samples = [one for family in families for one in family.samples if one.name == f"engine_web_{metric}"]
        return sum(one.value for one in samples if labels.items() <= one.labels.items())

    def events(self) -> list[dict[str, Any]]:
        """What is on the feedback topic."""
        return [read.json for read in self.office.topics.read(str(self.office.settings["feedback_topic"]))]

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def code(self) -> int:
        """Once it has ended."""
        return self._process.wait(PATIENCE)

    def close(self) -> None:
        self.browser.close()


def token(office: PostOffice, customer: str = "c-1042", at: int = NOW, address: str = ADDRESS) -> str:
    about = LinkToken(customer, "email", address, "marketing", f"o-{customer}", at, "win-back")
    return make_token([str(office.settings["token_secret"])], about)
