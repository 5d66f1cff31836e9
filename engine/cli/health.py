"""The pages of a worker: /metrics, /healthz (it is alive) and /readyz (it works)."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from http import HTTPStatus
from time import monotonic

import msgspec
import structlog

from engine.adapters.http import Page, serving
from engine.adapters.prometheus import PrometheusHooks
from engine.cli.running import Running
from engine.config import BadSetting, Settings

STUCK = 60.0
"""Seconds without a turn of a loop after which it counts as stuck."""


class Health:
    """Knows how the process is, from before it has anything to run."""

    def __init__(self, metrics: PrometheusHooks) -> None:
        self.running: Running | None = None
        self._metrics = metrics

    @property
    def pages(self) -> Mapping[str, Callable[[], Page]]:
        return {"/metrics": self._metrics_page, "/healthz": self._alive, "/readyz": self._ready}

    def _metrics_page(self) -> Page:
        return Page(HTTPStatus.OK, self._metrics.content_type, self._metrics.page())

    def _alive(self) -> Page:
        loops = {"worker": self.running and self.running.worker, "ingest": self.running and self.running.ingest}
        idle = {name: round(monotonic() - loop.stepped, 1) for name, loop in loops.items() if loop}
        return _report(all(seconds < STUCK for seconds in idle.values()), {"seconds_since_last_step": idle})

    def _ready(self) -> Page:
        worker = self.running.worker if self.running else None
        facts = {
            "rules": worker is not None,
            "joined": worker is not None and worker.joined,
            "store": worker is not None and worker.store_answers,
            "staying": worker is not None and not worker.stopping,
        }
        return _report(all(facts.values()), facts)


def serve(stack: ExitStack, settings: Settings, health: Health) -> None:
    """Answer until the stack unwinds.

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
        structlog.stdlib.get_logger("engine.worker").warning("no metrics", reason=reason)


def _report(well: bool, facts: Mapping[str, object]) -> Page:
    status = HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE
    return Page(status, "application/json", msgspec.json.encode(facts) + b"\n")
