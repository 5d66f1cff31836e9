"""The pages /metrics, /healthz (the loops turn) and /readyz (it works) of workers, senders and `engine web`."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from http import HTTPStatus
from time import monotonic
from typing import Protocol

import msgspec
import structlog

from engine.config import BadSetting, Settings
from engine.sender.feedback_consumer import FeedbackConsumer
from engine.sender.loop import Sender
from engine.telemetry.http import Page, serving
from engine.telemetry.metrics import Metrics
from engine.telemetry.sender import SenderWatch
from engine.telemetry.web import WebWatch
from engine.telemetry.worker import PrometheusHooks
from engine.wiring.worker import Running

STUCK = 60.0
"""Seconds without a turn of a loop after which it counts as stuck."""


class HasPages(Protocol):
    """The health of a process; answers before its loops are built."""

    @property
    def pages(self) -> Mapping[str, Callable[[], Page]]:
        """Path -> function that makes the page."""


class WebServer(Protocol):
    """The part of `engine web`'s server that is asked, without importing it. `stepped`: by the monotonic clock."""

    @property
    def stepped(self) -> float: ...
    @property
    def listens(self) -> bool: ...
    @property
    def stopping(self) -> bool: ...


class Health:
    """The health of `engine run`."""

    def __init__(self, metrics: PrometheusHooks) -> None:
        self.running: Running | None = None
        self._metrics = metrics

    @property
    def pages(self) -> Mapping[str, Callable[[], Page]]:
        return _pages(self._metrics, self._alive, self._ready)

    def _alive(self) -> Page:
        loops = {"worker": self.running and self.running.worker, "ingest": self.running and self.running.ingest}
        return _turning({name: loop.stepped for name, loop in loops.items() if loop})

    def _ready(self) -> Page:
        worker = self.running.worker if self.running else None
        facts = {
            "rules": worker is not None,
            "joined": worker is not None and worker.joined,
            "store": worker is not None and not worker.store_outage.ongoing,
            "clock": worker is not None and not worker.clock_doubt,
            "brokers": worker is not None and not worker.brokers_outage.ongoing,
            "staying": worker is not None and not worker.stopping,
        }
        return _report(all(facts.values()), facts)


class SenderHealth:
    """The health of `engine send`. It stays ready while a provider is down: no other sender could do better."""

    def __init__(self, watch: SenderWatch) -> None:
        self.sender: Sender | None = None
        self.feedback_consumer: FeedbackConsumer | None = None
        self._watch = watch

    @property
    def pages(self) -> Mapping[str, Callable[[], Page]]:
        return _pages(self._watch, self._alive, self._ready)

    def _alive(self) -> Page:
        loops = {"sender": self.sender, "feedback": self.feedback_consumer}
        return _turning({name: loop.stepped for name, loop in loops.items() if loop})

    def _ready(self) -> Page:
        sender = self.sender
        facts = {
            "joined": sender is not None and sender.joined,
            "feedback": self.feedback_consumer is None or self.feedback_consumer.joined,
            "store": self._watch.store_answers,
            "brokers": self._watch.brokers_answer,
            "staying": sender is not None and not sender.stopping,
        }
        return _report(all(facts.values()), facts)


class WebHealth:
    """The health of `engine web`. It is ready while Kafka restarts: pages work, and other requests are retried.

    Where nothing could be written for a minute, another copy may do better.
    """

    def __init__(self, server: WebServer, watch: WebWatch) -> None:
        self._server = server
        self._watch = watch

    @property
    def pages(self) -> Mapping[str, Callable[[], Page]]:
        return _pages(self._watch, self._alive, self._ready)

    def _alive(self) -> Page:
        return _turning({"web": self._server.stepped})

    def _ready(self) -> Page:
        facts = {
            "listens": self._server.listens,
            "staying": not self._server.stopping,
            "serves": self._watch.serves,
        }
        return _report(all(facts.values()), facts)


def serve(stack: ExitStack, settings: Settings, health: HasPages) -> None:
    """Serve the pages until the stack unwinds.

    A port that is taken is an error if somebody has chosen it, else a warning: several may run on a machine.
    """
    if not settings.http_port:
        return
    try:
        stack.enter_context(serving(settings.http_port, health.pages))
    except OSError as error:
        reason = f"cannot serve metrics on port {settings.http_port}: {error.strerror}"
        if "http_port" in settings.model_fields_set:
            raise BadSetting("ENGINE_HTTP_PORT", reason) from error
        structlog.stdlib.get_logger("engine.http").warning("no metrics", reason=reason)


def _pages(metrics: Metrics, alive: Callable[[], Page], ready: Callable[[], Page]) -> Mapping[str, Callable[[], Page]]:
    def shown() -> Page:
        return Page(HTTPStatus.OK, metrics.content_type, metrics.page())

    return {"/metrics": shown, "/healthz": alive, "/readyz": ready}


def _turning(stepped: Mapping[str, float]) -> Page:
    """Loop -> when it last turned."""
    idle = {name: round(monotonic() - at, 1) for name, at in stepped.items()}
    return _report(all(seconds < STUCK for seconds in idle.values()), {"seconds_since_last_step": idle})


def _report(well: bool, facts: Mapping[str, object]) -> Page:
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return Page(status, "application/json", msgspec.json.encode(facts) + b"\n")
