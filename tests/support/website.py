"""The real web app in a test, with what it reads and writes in memory."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import msgspec
from prometheus_client.parser import text_string_to_metric_families
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from engine.adapters.memory import MemoryClaims, MemoryRecords, MemorySuppressions
from engine.adapters.web.app import web_app
from engine.adapters.web.choices import Choices
from engine.adapters.web.customers import CustomerPages
from engine.adapters.web.firsts import Firsts
from engine.adapters.web.publish import Publisher
from engine.adapters.web.shares import SharePages
from engine.adapters.web.surveys import SurveyPages
from engine.adapters.web.view import View
from engine.core.zones import DAY
from engine.errors import SinkUnavailable
from engine.ports import ClaimStore, RecordWriter, SuppressionList
from engine.telemetry.web import WebWatch
from engine.wire.link_tokens import LinkToken, SurveyToken, make_token

NOW = 1_790_000_000_000
SECRETS = ["the-secret-of-today", "the-secret-of-yesterday"]
ADDRESS = "0a" * 16
SHARE_KEY = "the-key-of-the-back-end"
QUESTION = "How likely is it that you recommend us to a friend?"
PREFERENCES = {"newsletter": "Our letter", "offers": "Offers", "marketing": "Tips"}


class Away:
    """A topic on a broker that is away: it takes records and never has them."""

    def write(self, key: str, identity: str, value: bytes) -> None:
        """Nothing comes of it."""

    def flush(self) -> None:
        raise SinkUnavailable("kafka:9092", "has not taken all records within 5 s (1 left); they are still tried")


def token(**changes: Any) -> str:
    fields: dict[str, Any] = {
        "customer": "c-1042", "channel": "email", "address": ADDRESS, "purpose": "marketing", "outreach": "o-1",
        "at": NOW - DAY, "rule": "win-back",
    }  # fmt: skip
    return make_token(SECRETS, LinkToken(**fields | changes))


def survey(at: int = NOW - DAY, name: str = "nps", low: int = 0, high: int = 10) -> str:
    return make_token(SECRETS, SurveyToken("c-1042", "email", "o-1", at, "nps", name, low, high))


class Browser:
    """Asks the app itself, over no network."""

    def __init__(self, app: ASGIApp) -> None:
        self._loop = asyncio.Runner()
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="https://shop.example")

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._loop.run(self._client.request(method, path, **options))

    def get(self, path: str) -> httpx.Response:
        return self.request("GET", path)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.request("POST", path, **options)

    def at_once(self, asked: Sequence[tuple[str, str]]) -> list[httpx.Response]:
        """The answers to these requests (method, path), none of which waits for another."""

        async def ask() -> list[httpx.Response]:
            return await asyncio.gather(*(self._client.request(*one) for one in asked))

        return self._loop.run(ask())

    def close(self) -> None:
        self._loop.run(self._client.aclose())
        self._loop.close()


@cache
def _our_pages() -> View:
    """One for all websites: a view never changes, and compiling its pages is most of what opening a website takes."""
    return View()


@dataclass
class Website:
    """`path`: of the public URL."""

    writer: RecordWriter = field(default_factory=MemoryRecords)
    suppressions: SuppressionList = field(default_factory=MemorySuppressions)
    claims: ClaimStore = field(default_factory=MemoryClaims)
    questions: Mapping[str, str] = field(default_factory=lambda: {"nps": QUESTION})
    preferences: Mapping[str, str] = field(default_factory=PREFERENCES.copy)
    pages: Path | None = None
    path: str = ""
    feedback: Sequence[BaseRoute] = ()
    watch: WebWatch = field(default_factory=WebWatch)
    now: int = NOW
    choices: Choices = field(init=False)

    def __post_init__(self) -> None:
        self.choices = Choices(self.suppressions)

    @contextmanager
    def open(self) -> Iterator[Browser]:
        """A browser before it."""
        customers = CustomerPages(
            secrets=SECRETS,
            preferences=self.preferences,
            suppressions=self.suppressions,
            choices=self.choices,
            publish=Publisher(self.writer, self.watch).publish,
            wall=lambda: self.now,
            view=View(self.pages) if self.pages else _our_pages(),
            path=self.path,
            links_kept=400 * DAY,
        )
        surveys = SurveyPages(
            secrets=SECRETS,
            questions=self.questions,
            firsts=Firsts(self.claims, customers.publish),
            wall=customers.wall,
            view=customers.view,
            watch=self.watch,
            links_kept=30 * DAY,
        )
        shares = SharePages(
            secrets=SECRETS,
            shop="https://shop.example/welcome?from=friend",
            key=SHARE_KEY,
            nobody={"undefined"},
            firsts=surveys.firsts,
            wall=customers.wall,
            view=customers.view,
        )
        app = web_app(customers, self.watch, [*surveys.routes(), *shares.routes(), *self.feedback])
        browser = Browser(app)
        yield browser
        browser.close()

    def published(self) -> list[dict[str, Any]]:
        """The events, in order."""
        assert isinstance(self.writer, MemoryRecords)
        return [msgspec.json.decode(value) for _, _, value in self.writer.records]

    def counted(self, metric: str, **labels: str) -> float:
        families = text_string_to_metric_families(self.watch.page().decode())
        samples = [one for family in families for one in family.samples if one.name == f"engine_web_{metric}"]
        return sum(one.value for one in samples if labels.items() <= one.labels.items())
