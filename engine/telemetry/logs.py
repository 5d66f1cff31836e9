"""Logs: JSON or text lines on standard error, by structlog; what libraries log comes out the same way.

No personal data: lines have counts, partitions, topics, rules, codes and revisions, never a customer, a key or a value.
An exception's message may quote any of these, so of a traceback only the places come out.
"""

import logging
import re
import sys
from collections import Counter
from collections.abc import Mapping, MutableMapping, Sequence
from time import monotonic
from traceback import extract_tb
from typing import Any, Literal, TextIO

import structlog

from engine.ports import Hooks, Measures, Rollout, Work
from engine.telemetry.outages import OutageLog

SUMMARY_INTERVAL = 60.0
"""Seconds between summary lines; a line per commit would flood the log."""
REPEAT_AFTER = 60.0
"""Seconds in which a message of a Kafka client is not repeated."""
_DURATION = re.compile(r"\b\d+(\.\d+)? ?(ms|secs)\b")


def set_up_logs(format: Literal["json", "text"], level: str, stream: TextIO | None = None) -> None:
    """Configure logging of the whole process. Libraries log warnings and worse only: debug lines may quote records."""
    stream = stream or sys.stderr
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _places_only,
    ]
    finish = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[finish, _renderer(format, stream)],
        )
    )
    handler.addFilter(Once(("kafka.", "engine.kafka")))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("engine").setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


class Once(logging.Filter):
    """Lets each message of these loggers pass once a minute: librdkafka reports an unavailable broker twenty times a
    second, kafka-python four times."""

    def __init__(self, loggers: tuple[str, ...]) -> None:
        super().__init__()
        self._loggers = loggers
        self._silent: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith(self._loggers):
            return True
        now = monotonic()
        said = _DURATION.sub("", record.getMessage())
        if now < self._silent.get(said, 0.0):
            return False
        self._silent = {one: until for one, until in self._silent.items() if now < until} | {said: now + REPEAT_AFTER}
        return True


def use_host_logs() -> None:
    """Send lines to the logging of the host program, as text. An existing structlog configuration is kept."""
    if structlog.is_configured():
        return
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            _places_only,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )


def _renderer(format: str, stream: TextIO) -> structlog.typing.Processor:
    if format == "json":
        return structlog.processors.JSONRenderer()
    return structlog.dev.ConsoleRenderer(colors=stream.isatty())


def _places_only(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and the places of its traceback."""
    record = line.get("_record")
    info = line.pop("exc_info", None) or (record.exc_info if record else None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, tuple) and info[0]:
        places = [f"{place.filename}:{place.lineno}" for place in extract_tb(info[2])]
        line.update(error=info[0].__name__, places=places)
    if record:
        record.exc_info = record.exc_text = None
    return line


class LogHooks(OutageLog, Hooks):
    """One worker's log. Work is summed up once a minute; the first dead letter of each code is logged at once."""

    def __init__(self) -> None:
        self._log = structlog.stdlib.get_logger("engine.worker")
        self._done: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._dead_letters: Counter[str] = Counter()
        self._logged_codes: set[str] = set()
        self._misplaced: set[str] = set()
        self._summary_at = monotonic() + SUMMARY_INTERVAL

    def assigned(self, partition: int, recovered: int) -> None:
        self._log.info("partition assigned", partition=partition, recovered_outreach=recovered)

    def released(self, partition: int) -> None:
        self._log.info("partition released", partition=partition)

    def committed(self, partition: int, work: Work, seconds: float) -> None:
        self._done.update(commits=1, events=work.events, duplicates=work.duplicates, wake_ups=work.wakes)
        self._outcomes.update(outcome.outcome.value for outcome in work.outcomes)

    def fenced(self, partition: int, reason: str) -> None:
        self._log.warning("commit refused, the partition is reopened", partition=partition, reason=reason)

    def dead_letter(self, partition: int, code: str) -> None:
        self._count_dead_letter(code)

    def misplaced(self, partition: int, topic: str) -> None:
        if topic not in self._misplaced:
            self._misplaced.add(topic)
            advice = (
                "the topic has got more partitions, or a producer does not place keys by murmur2: `engine doctor` says"
                " which"
            )
            self._log.warning("keys in the wrong partition", partition=partition, topic=topic, advice=advice)

    def passed_over(self, partition: int, records: int) -> None:
        self._done["records_read_again"] += records

    def erased(self, partition: int) -> None:
        self._done["erased_events"] += 1

    def clock_doubted(self, reason: str) -> None:
        self._log.error("the time is in doubt, no timer fires", reason=reason)

    def clock_believed(self) -> None:
        self._log.warning("the time is trusted again, timers fire")

    def clock_set_back(self, partition: int, seconds: float) -> None:
        self._log.error("a stored clock was ahead and is set back", partition=partition, by_seconds=round(seconds))

    def topic_made_again(self, partition: int, topic: str) -> None:
        self._log.error("the topic was made again, it is read from its beginning", partition=partition, topic=topic)

    def swept(self, partition: int) -> None:
        self._log.info("every customer has met the rules", partition=partition)

    def measured(self, partition: int, measures: Measures) -> None:
        if monotonic() >= self._summary_at:
            self.sum_up()

    def zones_in_use(self, release: str) -> None:
        self._log.info("time zone data", release=release)

    def zones_differ(self, partition: int, theirs: str, ours: str) -> None:
        self._log.warning(
            "the partition's last owner used other time zone data: install the same tzdata on all workers",
            partition=partition,
            theirs=theirs,
            ours=ours,
        )

    def adopted(self, revision: str, rules: Sequence[str] = (), steps: Sequence[tuple[str, str]] = ()) -> None:
        self._log.info("rules in use", revision=revision)

    def rollout(self, partition: int, rollout: Rollout | None, ours: str) -> None:
        if rollout is None:
            return
        said = {"phase": rollout.phase, "base": rollout.base, "revision": rollout.revision, "reason": rollout.reason}
        self._log.info("a roll-out is followed", partition=partition, share=rollout.share / 10_000, **said)
        if not rollout.overrules(ours) and rollout.phase == "canary":
            self._log.warning("the rules of the folder wait until the roll-out has ended", revision=ours)

    def went_back(self, partition: int, reason: str) -> None:
        self._log.error("a brake has taken the new rules back", partition=partition, reason=reason)

    def reload_failed(self, reason: str) -> None:
        self._log.error("the rules were not reloaded, the last good ones stay", reason=reason)

    def ingested(self, events: int, dead_letters: Sequence[str], seconds: float) -> None:
        self._done.update(ingested=events)
        for code in dead_letters:
            self._count_dead_letter(code)

    def ingest_undone(self) -> None:
        self._log.warning("a transaction of the ingest was undone; its records come again")

    def ingest_lag(self, lag: Mapping[tuple[str, int], int]) -> None:
        """Only a metric."""

    def sum_up(self) -> None:
        """Log one line about the work since the last such line."""
        self._summary_at = monotonic() + SUMMARY_INTERVAL
        done, outcomes, letters = dict(self._done), dict(self._outcomes), dict(self._dead_letters)
        for counter in (self._done, self._outcomes, self._dead_letters):
            counter.clear()
        if done or letters:
            self._log.info("worked", **done, outcomes=outcomes, dead_letters=letters)

    def _count_dead_letter(self, code: str) -> None:
        self._dead_letters[code] += 1
        if code not in self._logged_codes:
            self._logged_codes.add(code)
            self._log.warning("a record could not be used; see `engine dead-letters list`", code=code)
