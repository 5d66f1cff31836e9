"""Workers that are killed, at any moment: exactly what the histories call for, and few repeats."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import REPOSITORY
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, moments
from tests.support.job import make_job

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


def test_a_clean_run_sends_exactly_what_the_histories_call_for_each_once(stage: Stage) -> None:
    job = make_job(100_000, 10_000)
    stage.take(job)
    stage.start("a")
    verdict = stage.finish_exactly(job.wanted)
    assert (verdict.records, verdict.repeated) == (12_649, 0)


def test_the_job_and_what_it_calls_for_are_those_of_the_published_benchmark(tmp_path: Path) -> None:
    bench = REPOSITORY.parent / "shared" / "bench"
    if not bench.is_dir():
        pytest.skip("the published benchmark is not there")
    job = make_job(20_000, 2_000)
    events, ids, ours = tmp_path / "events.tsv", tmp_path / "ids", tmp_path / "ours.tsv"
    subprocess.run([sys.executable, bench / "gen.py", "20000", "2000", events], check=True)
    subprocess.run([sys.executable, bench / "oracle.py", events, ids], check=True, capture_output=True)
    ours.write_text("".join(f"{e.partition}\t{e.key.decode()}\t{(e.value or b'').decode()}\n" for e in job.entries))
    assert ours.read_text() == events.read_text()
    assert {":".join(firing) for firing in job.wanted} == set(ids.read_text().split())


@tried_hard
def test_a_worker_killed_at_random_moments_loses_nothing_and_invents_nothing(stage: Stage, effort: Effort) -> None:
    job = make_job(effort.events, 3_000)
    chance = random.Random(effort.seed)
    stage.take(job)
    worker = stage.start("a", batch=400)
    for moment in moments(chance, effort.of(6, 30), 1, effort.events * 95 // 100):
        stage.until_processed(moment)
        stage.kill9(worker)
        worker = stage.start("a", batch=400)
    assert stage.finish_exactly(job.wanted).repeated <= stage.in_flight
