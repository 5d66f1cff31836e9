"""Watching and steering a running worker: metrics, health, logs, signals, and errors that say what to do."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.wire.partitioner import murmur2_partition
from tests.services import RedisServer
from tests.services.processes import free_ports
from tests.support.command import PROGRAM, REPOSITORY
from tests.support.faults import Stage
from tests.support.job import START, Entry, make_job, project
from tests.support.workers import Worker

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.real_starts]

FAILING = """\
{% block subject %}Hello{% endblock %}
{% block text %}{{ 1 // (events.purchase.count() - 3) }}{% endblock %}
"""
BROKEN = """\
version: 1
rules:
  - id: milestone
    when: { milestone: { count: purchace, reaches: [3] } }
    send: text
"""


class Watched:
    """A worker with its pages."""

    def __init__(self, stage: Stage, *args: object, **settings: object) -> None:
        """`args` are options after the command."""
        (self.port,) = free_ports(1)
        given = stage.settings | {"http_port": self.port} | settings
        environment = {f"ENGINE_{name.upper()}": str(value) for name, value in given.items()}
        self.worker = Worker("a", environment | {"PYTHONPATH": str(REPOSITORY)}, stage.folder / "a.log")
        self.worker.command = [*self.worker.command, *map(str, args)]
        self.worker.start()
        stage.workers["a"] = self.worker

    def page(self, path: str) -> tuple[int, str]:
        """Status and text; 0 where nobody answers."""
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5)
        except httpx.HTTPError:
            return 0, ""
        return answer.status_code, answer.text

    def is_ready(self) -> bool:
        return self.page("/readyz")[0] == 200

    def total(self, metric: str, **labels: str) -> float:
        """The sum over all other labels."""
        families = text_string_to_metric_families(self.page("/metrics")[1])
        samples = [one for family in families for one in family.samples if one.name == f"engine_{metric}"]
        return sum(one.value for one in samples if labels.items() <= one.labels.items())

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.worker.said.splitlines()]


def start_alone(stage: Stage, *args: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """`engine run` that is expected to end by itself."""
    given = {f"ENGINE_{name.upper()}": str(value) for name, value in (stage.settings | settings).items()}
    command = [sys.executable, "-c", PROGRAM, "run", *args]
    environment = os.environ | given | {"PYTHONPATH": str(REPOSITORY)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def event(customer: str, time: int, **properties: object) -> bytes:
    fields = {"type": "purchase", "customer": customer, "time": time, "properties": properties}
    return json.dumps(fields).encode()


def entry(stage: Stage, customer: str, value: bytes) -> Entry:
    return Entry(0, murmur2_partition(customer.encode(), stage.partitions), customer.encode(), value)


def test_an_operator_sees_what_a_worker_does(stage: Stage) -> None:
    job = make_job(5_000, 500)
    stage.take(job)
    watched = Watched(stage)
    stage.until(watched.is_ready, "the worker is ready")
    stage.finish()
    assert watched.page("/healthz")[0] == 200
    assert watched.total("events_total") == len(job.entries)
    assert watched.total("outcomes_total", outcome="fired") == len(job.wanted)
    assert watched.total("commit_seconds_count") > 0
    assert watched.total("owned_partitions") == stage.partitions
    stage.until(lambda: watched.total("cache_misses_total") > 0, "the partitions were measured")
    stage.until(lambda: watched.total("lag_records") == 0, "they were measured again, with nothing left to do")
    assert watched.total("rules_info") == 1


def test_a_worker_without_its_store_is_alive_and_not_ready(frail: Stage, redis: RedisServer) -> None:
    frail.use(project(frail.topics.events))
    frail.load(make_job(500, 50).entries)
    watched = Watched(frail)
    frail.until(watched.is_ready, "the worker is ready")
    redis.kill9()
    frail.until(lambda: watched.page("/readyz")[0] == 503, "the worker is not ready")
    assert watched.page("/healthz")[0] == 200
    assert watched.total("store_away") == 1
    redis.start()
    frail.until(watched.is_ready, "the worker is ready again")
    assert watched.total("store_away") == 0
    assert watched.total("store_away_seconds_total") > 0


def test_neither_logs_nor_metrics_name_a_customer(frail: Stage, redis: RedisServer) -> None:
    frail.use(project(frail.topics.events) | {"text.email.j2": FAILING})
    lovelaces = [f"lovelace-{number}" for number in range(50)]
    good = [event(who, START + day, currency="lovelace") for day in range(4) for who in lovelaces]
    bad = [event("lovelace-0", 0), b"lovelace", event("lovelace" * 100, START), event("lovelace-1", START, amount="x")]
    frail.load(entry(frail, json.loads(value)["customer"], value) for value in good)
    frail.load(entry(frail, "lovelace-0", value) for value in bad)
    watched = Watched(frail, log_level="debug")
    frail.finish()
    redis.kill9()
    frail.until(lambda: "does not answer" in watched.worker.said, "the worker misses its store")
    redis.start()
    frail.until(watched.is_ready, "the worker is ready again")
    metrics = watched.page("/metrics")[1]
    assert watched.total("dead_letters_total") == len(bad)
    assert watched.total("outcomes_total", outcome="failed") == len(lovelaces)
    watched.worker.stop()
    assert watched.worker.code == 0
    assert "lovelace" not in watched.worker.said + metrics
    assert all(line["event"] and line["level"] for line in watched.lines())
    assert any(line["event"] == "partition assigned" for line in watched.lines())


def test_rules_with_errors_are_not_reloaded_and_the_last_good_ones_stay(stage: Stage, tmp_path: Path) -> None:
    """From the folders of the command line; those of the environment are not there."""
    stage.use(project(stage.topics.events))
    rules, templates = ((tmp_path / name).rename(tmp_path / f"our-{name}") for name in ("rules", "templates"))
    watched = Watched(stage, "--rules", rules, "--templates", templates)
    stage.until(watched.is_ready, "the worker is ready")
    lifecycle = rules / "lifecycle.yaml"
    good = lifecycle.read_text()
    lifecycle.write_text(BROKEN)
    watched.worker.reload()
    stage.until(lambda: watched.total("reload_failures_total") == 1, "the errors are noticed")
    assert "lifecycle.yaml:4:33: error[unknown-event]" in watched.worker.said
    assert "did you mean 'purchase'?" in watched.worker.said
    lifecycle.write_text(good.replace("reaches: [3, 5, 10]", "reaches: [3, 5, 10, 1000]"))
    watched.worker.reload()
    stage.until(lambda: watched.worker.said.count("rules in use") == 2, "the rules are in use")
    (rules / "events.yaml").write_text((rules / "events.yaml").read_text().replace(stage.topics.events, "elsewhere"))
    watched.worker.reload()
    stage.until(lambda: watched.total("reload_failures_total") == 2, "another topic is refused")
    assert "start the worker anew" in watched.worker.said
    job = make_job(1_000, 100)
    stage.load(job.entries)
    stage.finish_exactly(job.wanted)


def test_a_worker_that_is_asked_to_leave_does_so_at_once_and_repeats_nothing(stage: Stage) -> None:
    job = make_job(20_000, 2_000)
    stage.take(job)
    for moment in (1, 8_000):
        worker = stage.start("a", batch=200)
        stage.until_processed(moment)
        worker.stop()
        assert worker.code == 0
        assert "Traceback" not in worker.said
    stage.start("a")
    assert stage.finish_exactly(job.wanted).repeated == 0


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("outreach_topic", "nowhere", "nowhere: does not exist"),
        ("store", "redis://127.0.0.1:{}/0", "cannot be reached"),
        ("kafka_bootstrap", "127.0.0.1:{}", "cannot connect"),
    ],
)
def test_what_keeps_a_worker_from_starting_is_one_message(stage: Stage, setting: str, value: str, says: str) -> None:
    stage.use(project(stage.topics.events))
    ran = start_alone(stage, **{setting: value.format(*free_ports(1))})
    assert ran.returncode == 1
    assert says in " ".join(ran.stderr.splitlines()[-2:])  # what is wrong, and where there is one a help
    assert "Traceback" not in ran.stderr


def test_a_port_that_is_taken_is_an_error_only_for_who_has_chosen_it(stage: Stage) -> None:
    stage.use(project(stage.topics.events))
    with socket.create_server(("", 0)) as taken:
        ran = start_alone(stage, http_port=taken.getsockname()[1])
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1].startswith("ENGINE_HTTP_PORT: ")


def test_kafka_python_says_that_it_cannot_ingest(stage: Stage) -> None:
    files = project(stage.topics.events)
    files["events.yaml"] = files["events.yaml"].replace("topic: ", "keyed: false\n    topic: ")
    stage.use(files)
    ran = start_alone(stage, kafka_client="kafka-python")
    assert ran.returncode == 1
    assert "ENGINE_KAFKA_CLIENT" in ran.stderr
    assert stage.topics.events in ran.stderr


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM])
def test_a_worker_that_waits_for_its_store_leaves_when_asked(
    frail: Stage, redis: RedisServer, ask: signal.Signals
) -> None:
    frail.use(project(frail.topics.events))
    watched = Watched(frail)
    frail.until(watched.is_ready, "the worker is ready")
    frail.load(make_job(100, 10).entries)
    redis.kill9()
    frail.until(lambda: "does not answer" in watched.worker.said, "the worker misses its store")
    watched.worker.end(ask)
    assert watched.worker.code == 0
    assert ask.name in next(line for line in watched.worker.said.splitlines() if "asked to stop" in line)


def test_a_worker_that_is_stopped_sums_up_and_had_named_what_is_no_setting(stage: Stage) -> None:
    stage.use(project(stage.topics.events))
    stage.load(make_job(100, 10).entries)
    worker = stage.start("a", batches=7)
    stage.finish()
    worker.stop()
    lines = [json.loads(line) for line in worker.said.splitlines() if line.startswith("{")]
    by_event = {line["event"]: line for line in lines}
    assert by_event["not a setting, ignored"]["nearest"] == "ENGINE_BATCH"
    assert sum(line["events"] for line in lines if line["event"] == "worked") >= 100
