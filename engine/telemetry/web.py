"""The Prometheus metrics and log lines of `engine web`. Neither may ever name a customer or a token."""

from collections.abc import Callable, Iterable
from time import monotonic

import structlog

from engine.errors import EngineError, SinkUnavailable
from engine.telemetry import codes
from engine.telemetry.metrics import Metrics
from engine.wire.feedback import FeedbackKind

LINKED = ("unsubscribe", "preferences", "survey", "share")
"""Pages that signed links lead to."""
PAGES = (*LINKED, "feedback", "other")
FEEDBACK_KINDS = tuple(FeedbackKind)


PATIENCE = 60.0
"""Seconds in which every write failed before this copy counts as not ready. A restarting broker is back earlier."""
REST = 30.0
"""Seconds without a request after which it counts as ready again: only a request can show whether it works."""


class WebWatch(Metrics):
    """One process's metrics, in a registry of their own, and its log. `page`: the first word of a path.

    Series whose labels are known beforehand start at 0: see engine/telemetry/codes.py.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._failing_since: float | None = None
        self._last_failure = 0.0
        self._log = structlog.get_logger("engine.web")
        self._answers = self._counter("web_answers", "Requests answered", "page", "status")
        self._seconds = self._histogram("web_seconds", "From request to answer", "page")
        self._feedback = self._counter("web_feedback", "Events that are durable on the feedback topic", "type")
        self._refused = self._counter("web_refused", "Requests refused, by why", "page", "code")
        self._passed_over = self._counter("web_passed_over", "Reports that are not for us", "provider", "code")
        self._failed = self._counter("web_failed", "Requests that Kafka or the store could not serve", "page")
        for page in PAGES:
            self._failed.labels(page)
            self._seconds.labels(page)
            for status in ("200", "503"):
                self._answers.labels(page, status)
        for kind in FEEDBACK_KINDS:
            self._feedback.labels(kind.value)
        for page in LINKED:
            for code in codes.TOKEN:
                self._refused.labels(page, code)

    def expect(self, provider: str) -> None:
        """Start this provider's series at 0: its webhook is configured."""
        for code in codes.REPORT:
            self._refused.labels("feedback", f"{provider}-{code}")
        for code in codes.PASSED_OVER:
            self._passed_over.labels(provider, code)

    def clock_doubted(self, reason: str) -> None:
        """At the start, this machine's clock is not believed."""
        self._log.warning("the time is in doubt, what is said has that of other clocks", reason=reason)

    @property
    def serves(self) -> bool:
        """Whether feedback is written: False when all writes failed for PATIENCE, until REST has passed without one."""
        failing, now = self._failing_since, self._clock()
        return failing is None or self._last_failure - failing < PATIENCE or now - self._last_failure > REST

    # --- called by the pages

    def answered(self, page: str, status: int, seconds: float) -> None:
        """A request was answered, with any status."""
        self._answers.labels(page, str(status)).inc()
        self._seconds.labels(page).observe(seconds)

    def published(self, kinds: Iterable[FeedbackKind]) -> None:
        """Events of these types are durable."""
        self._failing_since = None
        for kind in kinds:
            self._feedback.labels(kind.value).inc()

    def refused(self, page: str, code: str) -> None:
        """A request was refused. `code` is one of engine/telemetry/codes.py, never text from the request."""
        self._refused.labels(page, code).inc()
        self._log.info("refused", page=page, code=code)

    def passed_over(self, provider: str, code: str) -> None:
        """A report was ignored. These are many and normal: deliveries, opens by machines, mail of other systems."""
        self._passed_over.labels(provider, code).inc()

    def failed(self, page: str, error: EngineError) -> None:
        """A request could not be served; the client was asked to retry."""
        if isinstance(error, SinkUnavailable):  # without the store customers can still unsubscribe, here as elsewhere
            self._last_failure = self._clock()
            self._failing_since = self._last_failure if self._failing_since is None else self._failing_since
        self._failed.labels(page).inc()
        self._log.warning("unavailable", page=page, reason=str(error))
