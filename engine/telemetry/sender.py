"""A sender's Prometheus metrics and log lines, written from its hooks. `engine send` serves the metrics.

Neither may ever name a customer or an address.
"""

from collections.abc import Iterable
from threading import Lock

import structlog
from prometheus_client import Gauge

from engine.errors import EngineError
from engine.model import Outcome
from engine.ports import SenderHooks
from engine.telemetry import codes
from engine.telemetry.metrics import Metrics
from engine.telemetry.outages import OutageLog
from engine.wire.feedback import FeedbackKind

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)

RESULTS = (
    Outcome.SENT, Outcome.BOUNCED, Outcome.SUPPRESSED, Outcome.EXPIRED, Outcome.FAILED, Outcome.IN_DOUBT,
)  # fmt: skip
APPLIED_FEEDBACK = (FeedbackKind.BOUNCED, FeedbackKind.COMPLAINED, FeedbackKind.UNSUBSCRIBED, FeedbackKind.PREFERENCES)


class SenderWatch(OutageLog, Metrics, SenderHooks):
    """One sender's metrics, in a registry of their own, and its log.

    Series whose labels are known beforehand start at 0: see engine/telemetry/codes.py. `channels`: those configured.
    """

    def __init__(self, channels: Iterable[str] = ()) -> None:
        super().__init__()
        self._log = structlog.get_logger("engine.sender")
        self._outcomes = self._counter("sender_outcomes", "Outreach that has ended, by how", "channel", "outcome")
        self._seconds = self._histogram("sender_seconds", "From read to ended", "channel", buckets=SECONDS)
        self._retries = self._counter("sender_retries", "Hand-overs that failed and are tried again", "channel")
        self._dead_letters = self._counter("sender_dead_letters", "Records that could not be sent", "code")
        self._unlinked = self._counter("sender_unlinked", "Messages with empty links to the pages", "channel")
        self._open = self._gauge("sender_breaker_open", "1 while the channel's provider is down", "channel")
        self._refused_alike = self._counter("sender_refused_alike", "Times a provider began to refuse all", "channel")
        self._owned = self._gauge("sender_owned_partitions", "Partitions of the outreach topic that this sender has")
        self._in_hand = self._gauge("sender_in_hand", "Outreach that was read and has not ended")
        self._parked = self._gauge("sender_parked", "How many of these only wait")
        self._applied = self._counter("sender_feedback", "Feedback that the suppression list follows", "type")
        self._unreadable = self._counter("sender_feedback_unreadable", "Feedback that could not be read", "code")
        self._logged: set[tuple[str, ...]] = set()
        self._lag = self._gauge("sender_feedback_lag_records", "Feedback that was not read yet")
        self._away = self._gauge("sender_store_away", "Loops and questions that the store does not answer; 0: it does")
        self._brokers_away = self._gauge("sender_brokers_away", "Loops that the brokers do not answer; 0: they do")
        self._lock = Lock()
        self._waiting = {"store": 0, "brokers": 0}
        for code in codes.OUTREACH:
            self._dead_letters.labels(code)
        for code in codes.FEEDBACK:
            self._unreadable.labels(code)
        for kind in APPLIED_FEEDBACK:
            self._applied.labels(kind.value)
        for channel in channels:
            self._expect(channel)

    def _expect(self, channel: str) -> None:
        for outcome in RESULTS:
            self._outcomes.labels(channel, outcome.value)
        for metric in (self._retries, self._unlinked, self._refused_alike, self._open, self._seconds):
            metric.labels(channel)

    # --- hooks

    def assigned(self, partition: int) -> None:
        self._owned.inc()
        self._log.info("partition assigned", partition=partition)

    def released(self, partition: int) -> None:
        self._owned.dec()
        self._log.info("partition released", partition=partition)

    def clock_doubted(self, reason: str) -> None:
        self._log.error("the time is in doubt, outreach expires by other clocks", reason=reason)

    def topic_made_again(self, topic: str) -> None:
        self._log.warning("the topic was made again, it is read from its beginning", topic=topic)

    def ended(self, channel: str, outcome: Outcome, seconds: float) -> None:
        self._outcomes.labels(channel, outcome.value).inc()
        self._seconds.labels(channel).observe(seconds)

    def retried(self, channel: str, reason: str, seconds: float) -> None:
        self._retries.labels(channel).inc()
        self._log.debug("retry", channel=channel, reason=reason, seconds=round(seconds, 1))

    def dead_letter(self, code: str) -> None:
        self._dead_letters.labels(code).inc()

    def unlinked(self, channel: str) -> None:
        self._unlinked.labels(channel).inc()
        self._warn_once("unsubscribe links are empty: ENGINE_PUBLIC_URL is not set", channel=channel)

    def breaker(self, channel: str, is_open: bool, reason: str = "") -> None:
        self._open.labels(channel).set(is_open)
        if is_open:
            self._log.warning("provider down", channel=channel, reason=reason)
        else:
            self._log.info("provider back", channel=channel)

    def all_refused(self, channel: str, words: str) -> None:
        self._refused_alike.labels(channel).inc()
        self._log.error(
            "provider refuses everybody: a setting is wrong; outreach is kept", channel=channel, words=words
        )

    def measured(self, in_hand: int, parked: int) -> None:
        self._in_hand.set(in_hand)
        self._parked.set(parked)

    def feedback_applied(self, kind: str) -> None:
        self._applied.labels(kind).inc()

    def unreadable(self, code: str) -> None:
        self._unreadable.labels(code).inc()
        self._warn_once("unreadable feedback", code=code)

    def _warn_once(self, event: str, **about: str) -> None:
        line = (event, *about.values())
        if line not in self._logged:
            self._logged.add(line)
            self._log.warning(event, **about)

    def feedback_lag(self, records: int) -> None:
        self._lag.set(records)

    @property
    def store_answers(self) -> bool:
        """Whether the store answers every loop and question of the sender."""
        return not self._waiting["store"]

    @property
    def brokers_answer(self) -> bool:
        """Whether the brokers answer the sender and the feedback consumer."""
        return not self._waiting["brokers"]

    def store_away(self, error: EngineError, attempt: int) -> None:
        self._count("store", self._away, attempt == 1)
        super().store_away(error, attempt)

    def store_back(self, seconds: float) -> None:
        self._count("store", self._away, -1)
        super().store_back(seconds)

    def brokers_away(self, error: EngineError, attempt: int) -> None:
        self._count("brokers", self._brokers_away, attempt == 1)
        super().brokers_away(error, attempt)

    def brokers_back(self, seconds: float) -> None:
        self._count("brokers", self._brokers_away, -1)
        super().brokers_back(seconds)

    def _count(self, who: str, gauge: Gauge, more: int) -> None:
        with self._lock:
            self._waiting[who] += more
            gauge.set(self._waiting[who])
