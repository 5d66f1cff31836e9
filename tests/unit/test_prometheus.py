"""What an operator's Prometheus reads from a worker."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.errors import StoreUnavailable
from engine.model import Outcome, OutcomeRecord
from engine.ports import Measures, Rollout
from engine.telemetry.http import serving
from engine.telemetry.worker import PrometheusHooks
from engine.wiring.health import Health
from engine.worker.result import Result

Sample = tuple[str, frozenset[tuple[str, str]]]


def samples(hooks: PrometheusHooks) -> dict[Sample, float]:
    families = text_string_to_metric_families(hooks.page().decode())
    return {(sample.name, frozenset(sample.labels.items())): sample.value for one in families for sample in one.samples}


def value(hooks: PrometheusHooks, name: str, **labels: str) -> float | None:
    return samples(hooks).get((f"engine_{name}", frozenset(labels.items())))


def outcome(rule: str, outcome: Outcome) -> OutcomeRecord:
    return OutcomeRecord(1, "ada@example.org", rule, "1", outcome, "because", "abc")


@pytest.fixture
def hooks() -> PrometheusHooks:
    return PrometheusHooks()


def test_outcomes_are_counted_by_rule_and_what_became_of_them(hooks: PrometheusHooks) -> None:
    outcomes = [
        outcome("win-back", Outcome.FIRED),
        outcome("win-back", Outcome.CAPPED),
        outcome("welcome", Outcome.FIRED),
    ]
    hooks.committed(0, Result(events=5, duplicates=1, wakes=2, outcomes=outcomes), 0.3)
    hooks.committed(1, Result(events=1, outcomes=outcomes[:1]), 0.002)
    assert value(hooks, "outcomes_total", rule="win-back", outcome="fired") == 2
    assert value(hooks, "outcomes_total", rule="win-back", outcome="capped") == 1
    assert value(hooks, "events_total") == 6
    assert value(hooks, "duplicates_total") == 1
    assert value(hooks, "wake_ups_total") == 2
    assert value(hooks, "commit_seconds_bucket", le="0.005") == 1
    assert value(hooks, "commit_seconds_count") == 2


def test_no_label_names_a_customer(hooks: PrometheusHooks) -> None:
    hooks.committed(0, Result(events=1, outcomes=[outcome("win-back", Outcome.FIRED)]), 0.3)
    assert b"ada" not in hooks.page()


def test_partitions_that_follow_a_roll_out_are_counted_until_it_is_forgotten(hooks: PrometheusHooks) -> None:
    hooks.rollout(0, Rollout("a", "b", 500), "a")
    hooks.rollout(1, Rollout("a", "b", 500), "a")
    assert value(hooks, "rollout_partitions", phase="canary") == 2
    hooks.rollout(1, None, "a")
    hooks.rollout(0, Rollout("a", "b", 500, phase="back"), "a")
    assert value(hooks, "rollout_partitions", phase="back") == 1
    assert value(hooks, "rollout_partitions", phase="canary") is None


def test_a_partition_that_has_gone_shows_no_lag_any_more(hooks: PrometheusHooks) -> None:
    for partition in (0, 1):
        hooks.assigned(partition, recovered=3)
        hooks.measured(partition, Measures(7, 1.5, 2, 60.0, 10, 4, 2_000))
    hooks.released(0)
    assert value(hooks, "lag_records", partition="0") is None
    assert value(hooks, "largest_value_bytes", partition="0") is None
    assert value(hooks, "largest_value_bytes", partition="1") == 2_000
    assert value(hooks, "lag_records", partition="1") == 7
    assert value(hooks, "lag_seconds", partition="1") == 1.5
    assert value(hooks, "overdue_timers", partition="1") == 2
    assert value(hooks, "overdue_seconds", partition="1") == 60
    assert value(hooks, "owned_partitions") == 1
    assert value(hooks, "recovered_outreach_total") == 6
    assert value(hooks, "cache_hits_total") == 20
    assert value(hooks, "cache_misses_total") == 8


def test_a_partition_that_is_opened_anew_counts_once(hooks: PrometheusHooks) -> None:
    for _ in range(3):
        hooks.assigned(0, recovered=0)
    assert value(hooks, "owned_partitions") == 1


def test_a_partition_that_goes_while_it_is_not_open_is_not_missing_later(hooks: PrometheusHooks) -> None:
    hooks.released(0)
    hooks.assigned(1, recovered=0)
    assert value(hooks, "owned_partitions") == 1


def test_a_partition_that_goes_before_it_was_measured_is_no_trouble(hooks: PrometheusHooks) -> None:
    hooks.assigned(0, recovered=0)
    hooks.released(0)
    assert value(hooks, "owned_partitions") == 0


def test_trouble_is_counted(hooks: PrometheusHooks) -> None:
    hooks.fenced(0, "somebody else")
    hooks.dead_letter(0, "bad-time")
    hooks.erased(0)
    hooks.reload_failed("1 finding")
    hooks.store_away(StoreUnavailable("redis", "it is away"), 1)
    assert value(hooks, "store_away") == 1
    hooks.store_back(12.5)
    assert value(hooks, "store_away") == 0
    assert value(hooks, "store_away_seconds_total") == 12.5
    assert value(hooks, "fenced_commits_total") == 1
    assert value(hooks, "dead_letters_total", code="bad-time") == 1
    assert value(hooks, "erased_events_total") == 1
    assert value(hooks, "reload_failures_total") == 1


def test_the_rule_book_at_work_is_the_last_adopted(hooks: PrometheusHooks) -> None:
    hooks.adopted("aaa")
    hooks.adopted("bbb")
    hooks.swept(0)
    assert value(hooks, "rules_info", revision="aaa") is None
    assert value(hooks, "rules_info", revision="bbb") == 1
    assert value(hooks, "swept_partitions_total") == 1


def test_the_ingest_is_seen_beside_the_worker(hooks: PrometheusHooks) -> None:
    hooks.ingested(10, ["bad-customer", "bad-customer"], 0.1)
    hooks.ingest_undone()
    hooks.ingest_lag({("raw", 0): 5})
    hooks.ingest_lag({("raw", 1): 6})
    assert value(hooks, "ingested_records_total") == 10
    assert value(hooks, "dead_letters_total", code="bad-customer") == 2
    assert value(hooks, "ingest_undone_total") == 1
    assert value(hooks, "ingest_lag_records", topic="raw", partition="0") is None
    assert value(hooks, "ingest_lag_records", topic="raw", partition="1") == 6


def test_a_worker_that_has_not_joined_yet_is_alive_and_not_ready(hooks: PrometheusHooks) -> None:
    with serving(0, Health(hooks).pages) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        pages = ("/healthz", "/readyz", "/etc/passwd")
        assert [client.get(page).status_code for page in pages] == [200, 503, 404]
        assert "engine_events_total" in client.get("/metrics?x=1").text
