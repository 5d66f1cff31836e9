"""The worker's hooks as Prometheus metrics."""

from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

from engine.errors import EngineError
from engine.model import Outcome
from engine.ports import Hooks, Measures, Rollout, Work
from engine.telemetry import codes
from engine.telemetry.metrics import Metrics

DECIDED = tuple(set(Outcome) - {Outcome.SENT, Outcome.BOUNCED, Outcome.IN_DOUBT})
"""What a decision can be; the others are how sending ends."""
_RULE_AND_OUTCOME = attrgetter("rule", "outcome")


class PrometheusHooks(Metrics, Hooks):
    """One worker's metrics, in a registry of their own. No label ever names a customer.

    What is known of labels beforehand is there with 0: see engine/telemetry/codes.py.
    """

    def __init__(self) -> None:
        super().__init__()
        self._count_work()
        self._count_trouble()
        self._gauge_partitions()
        self._watch_ingest()

    def _count_work(self) -> None:
        self._events = self._counter("events", "Events decided, duplicates among them")
        self._duplicates = self._counter("duplicates", "Events that had been seen before")
        self._wake_ups = self._counter("wake_ups", "Customers looked at because a timer was due")
        self._outcomes = self._counter("outcomes", "Decisions, by what became of them", "rule", "outcome")
        self._commits = self._histogram("commit_seconds", "From a batch's first record to its commit")
        self._recovered = self._counter("recovered_outreach", "Outreach that an earlier owner had left to publish")
        self._step_outcomes = self._counter(
            "step_outcomes", "Outcomes of journeys, by the step at which the customer stood", "rule", "step", "outcome"
        )
        self._swept = self._counter("swept_partitions", "Partitions whose customers have all met a new rule book")
        self._zones = self._gauge("time_zones_info", "The release of the time zone data", "release")
        self._rollout = self._gauge("rollout_partitions", "Partitions that follow a roll-out, by its phase", "phase")
        self._phases: dict[int, str] = {}
        self._rules = self._gauge("rules_info", "The rule book at work", "revision")

    def _count_trouble(self) -> None:
        self._dead_letters = self._counter("dead_letters", "Records that could not be used", "code")
        for code in codes.RECORD:
            self._dead_letters.labels(code)
        self._misplaced = self._counter("misplaced_keys", "Sampled keys that belong in another partition", "topic")
        self._erased = self._counter("erased_events", "Events passed over because their customer was erased")
        self._fenced = self._counter("fenced_commits", "Commits that the store refused")
        self._away = self._gauge("store_away", "1 while the store does not answer")
        self._away_seconds = self._counter("store_away_seconds", "How long the store did not answer, in all")
        self._brokers_away = self._gauge("brokers_away", "1 while the brokers do not answer or take nothing")
        self._brokers_away_seconds = self._counter("brokers_away_seconds", "How long they did not, in all")
        self._clock_doubted = self._gauge("clock_doubted", "1 while wall time is not believed: no timer fires")
        self._clocks_set_back = self._counter("clocks_set_back", "Partitions whose stored clock was ahead")
        self._made_again = self._counter("topics_made_again", "Partitions read anew, as their topic was", "topic")
        self._brakes = self._counter("rollout_brakes", "Partitions from which a brake has taken new rules back")
        self._reload_failures = self._counter("reload_failures", "Reloads that found errors in the rules")

    def _gauge_partitions(self) -> None:
        self._lag = self._gauge("lag_records", "Records not read yet", "partition")
        self._lag_seconds = self._gauge("lag_seconds", "How far the clock is behind for lag", "partition")
        self._overdue = self._gauge("overdue_timers", "Customers whose timers are due and not handled yet", "partition")
        self._overdue_seconds = self._gauge("overdue_seconds", "How late the soonest of them is", "partition")
        self._largest = self._gauge("largest_value_bytes", "The largest value of a customer in the store", "partition")
        self._mine: set[int] = set()
        self._owned = self._gauge("owned_partitions", "Partitions that this worker has")
        self._hits = self._counter("cache_hits", "Customers found in the cache")
        self._misses = self._counter("cache_misses", "Customers that had to be read from the store")

    def _watch_ingest(self) -> None:
        self._ingested = self._counter("ingested_records", "Records of un-keyed topics that were re-keyed")
        self._ingest_seconds = self._histogram("ingest_commit_seconds", "Transactions of the ingest")
        self._ingest_undone = self._counter("ingest_undone", "Transactions of the ingest that had to be repeated")
        self._ingest_lag = self._gauge("ingest_lag_records", "Un-keyed records not read yet", "topic", "partition")

    def expect(self, topics: Iterable[str]) -> None:
        """Start the series of these topics at 0: the worker reads them."""
        for topic in topics:
            self._misplaced.labels(topic)
            self._made_again.labels(topic)

    # --- what the worker tells

    def assigned(self, partition: int, recovered: int) -> None:
        self._mine.add(partition)  # once more after a refused commit, or after the store was away
        self._owned.set(len(self._mine))
        self._recovered.inc(recovered)

    def released(self, partition: int) -> None:
        self._mine.discard(partition)
        self._phases.pop(partition, None)
        self._tell_phases()
        self._owned.set(len(self._mine))
        for gauge in (self._lag, self._lag_seconds, self._overdue, self._overdue_seconds, self._largest):
            gauge.remove_by_labels({"partition": str(partition)})

    def committed(self, partition: int, work: Work, seconds: float) -> None:
        self._events.inc(work.events)
        self._duplicates.inc(work.duplicates)
        self._wake_ups.inc(work.wakes)
        self._commits.observe(seconds)
        for labels, number in Tally(map(_RULE_AND_OUTCOME, work.outcomes)).items():
            self._outcomes.labels(*labels).inc(number)
        steps = Tally((one.rule, one.step, one.outcome.value) for one in work.outcomes if one.step)
        for of_step, number in steps.items():
            self._step_outcomes.labels(*of_step).inc(number)

    def fenced(self, partition: int, reason: str) -> None:
        self._fenced.inc()

    def dead_letter(self, partition: int, code: str) -> None:
        self._dead_letters.labels(code).inc()

    def misplaced(self, partition: int, topic: str) -> None:
        self._misplaced.labels(topic).inc()

    def erased(self, partition: int) -> None:
        self._erased.inc()

    def store_away(self, error: EngineError, attempt: int) -> None:
        self._away.set(1)

    def store_back(self, seconds: float) -> None:
        self._away.set(0)
        self._away_seconds.inc(seconds)

    def brokers_away(self, error: EngineError, attempt: int) -> None:
        self._brokers_away.set(1)

    def brokers_back(self, seconds: float) -> None:
        self._brokers_away.set(0)
        self._brokers_away_seconds.inc(seconds)

    def clock_doubted(self, reason: str) -> None:
        self._clock_doubted.set(1)

    def clock_believed(self) -> None:
        self._clock_doubted.set(0)

    def clock_set_back(self, partition: int, seconds: float) -> None:
        self._clocks_set_back.inc()

    def topic_made_again(self, partition: int, topic: str) -> None:
        self._made_again.labels(topic).inc()

    def swept(self, partition: int) -> None:
        self._swept.inc()

    def measured(self, partition: int, measures: Measures) -> None:
        name = str(partition)
        self._lag.labels(name).set(measures.lag)
        self._lag_seconds.labels(name).set(measures.lag_seconds)
        self._overdue.labels(name).set(measures.overdue)
        self._overdue_seconds.labels(name).set(measures.overdue_seconds)
        self._largest.labels(name).set(measures.largest)
        self._hits.inc(measures.cache_hits)
        self._misses.inc(measures.cache_misses)

    def zones_in_use(self, release: str) -> None:
        self._zones.labels(release).set(1)

    def adopted(self, revision: str, rules: Sequence[str] = (), steps: Sequence[tuple[str, str]] = ()) -> None:
        for rule, step in steps:
            for outcome in DECIDED:
                self._step_outcomes.labels(rule, step, outcome.value)
        for rule in rules:
            for outcome in DECIDED:
                self._outcomes.labels(rule, outcome.value)
        self._rules.clear()
        self._rules.labels(revision).set(1)

    def rollout(self, partition: int, rollout: Rollout | None, ours: str) -> None:
        self._phases.pop(partition, None)
        if rollout is not None:
            self._phases[partition] = rollout.phase
        self._tell_phases()

    def _tell_phases(self) -> None:
        self._rollout.clear()
        for phase, number in Tally(self._phases.values()).items():
            self._rollout.labels(phase).set(number)

    def went_back(self, partition: int, reason: str) -> None:
        self._brakes.inc()

    def reload_failed(self, reason: str) -> None:
        self._reload_failures.inc()

    def ingested(self, events: int, dead_letters: Sequence[str], seconds: float) -> None:
        self._ingested.inc(events)
        self._ingest_seconds.observe(seconds)
        for code, number in Tally(dead_letters).items():
            self._dead_letters.labels(code).inc(number)

    def ingest_undone(self) -> None:
        self._ingest_undone.inc()

    def ingest_lag(self, lag: Mapping[tuple[str, int], int]) -> None:
        self._ingest_lag.clear()
        for (topic, partition), records in lag.items():
            self._ingest_lag.labels(topic, str(partition)).set(records)
