"""The benchmark measures what it says, in small: figures mean nothing here, ids do."""

from pathlib import Path

import pytest

from bench.bus import Bus
from bench.modes import job, latency, storm
from bench.modes.context import Context
from bench.sizes import Sizes
from bench.table import figure
from bench.work import Servers
from tests.services import Broker

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SMALL = Sizes(events=4_000, customers=400, rate=500, seconds=1, timers=2_000)


@pytest.fixture
def context(broker: Broker, tmp_path: Path, topic_prefix: str) -> Context:
    return Context(Servers(tmp_path, broker, Bus(broker.address, topic_prefix)), SMALL)


def test_the_job_through_two_workers_gives_the_ids_that_the_histories_call_for(context: Context) -> None:
    (row,) = job.run(context, (2,)).rows
    assert figure(row, "outreach") > 400
    assert [row[name] for name in ("missing", "extra", "repeated")] == [0, 0, 0]
    assert figure(row, "worker CPU s/M") > 0


def test_latency_is_measured_of_every_outreach_that_an_event_caused_after_the_warm_up(context: Context) -> None:
    (row,) = latency.run(context).rows
    assert figure(row, "outreach") > 40
    assert figure(row, "p50 ms") <= figure(row, "p99 ms") <= figure(row, "max ms")


def test_a_storm_fires_every_timer_and_hears_the_events_that_come_meanwhile(context: Context) -> None:
    (row,) = storm.run(context, workers=(2,)).rows
    assert [row[name] for name in ("workers", "missing", "extra", "repeated")] == [2, 0, 0, 0]
    assert figure(row, "first after ms") >= 0
