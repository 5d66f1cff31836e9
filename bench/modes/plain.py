"""The yardstick below: the job in a plain Faust app with Redis, which is what one would write without the engine."""

import os
import sys
from time import monotonic, sleep

from bench.job import Loaded, judge, seconds_between, sent_on
from bench.modes.context import Context
from bench.table import Goal, Section, Value
from bench.usage import Meter
from tests.services import RedisServer
from tests.services.processes import Process
from tests.support.command import REPOSITORY

HOW = (
    "bench/faust_plain.py: an agent that reads and writes a customer's state in Redis for each event, a sorted set of"
    " due moments and a timer that scans it. A small job; events/s as in the job. It guarantees nothing in a crash."
)
QUIET_SECONDS = 20
"""So long after its last outreach it counts as finished, whatever is missing."""
MOST_SECONDS = 180


def run(context: Context) -> Section:
    """One row."""
    job = context.load("plain-events", context.sizes.faust_events)
    outreach_topic = context.servers.bus.make("plain-outreach")
    redis = RedisServer(context.servers.folder / "plain")
    redis.start()
    app = Process(_command(context, job, redis, outreach_topic), context.servers.folder / "plain.log", lambda: True)
    try:
        app.start()
        meter = Meter({"app": [app.pid]})
        _await_quiet(context, app, outreach_topic, len(job.wanted))
        cpu = meter.cpu()["app"]
    finally:
        app.kill9()
        redis.remove()
    outreach = list(sent_on(context.servers.bus, outreach_topic))
    verdict = judge(outreach, job.wanted)
    rate = context.rates["faust"] = job.events / seconds_between(outreach)
    row: dict[str, Value] = {
        "app": "Faust + Redis",
        "events/s": round(rate),
        "CPU s/M": round(cpu / job.events * 1e6, 1),
        "outreach": verdict.records,
        "missing": len(verdict.missing),
        "extra": len(verdict.extra),
        "repeated": verdict.repeated,
    }
    return Section(
        "Plain Faust + Redis",
        HOW,
        [row],
        [Goal("times plain Faust + Redis, workers: 1", context.ratio("job 1", "faust"), 50)],
    )


def _command(context: Context, job: Loaded, redis: RedisServer, outreach: str) -> list[str]:
    settings = {
        "PYTHONPATH": str(REPOSITORY),
        "BENCH_EVENTS": job.topic,
        "BENCH_OUTREACH": outreach,
        "BENCH_REDIS": redis.url,
        "APP_ID_FORMAT": context.servers.bus.prefix + "{id}",
        "BROKER_URL": f"kafka://{context.servers.bus.address}",
        "APP_DATADIR": str(context.servers.folder / "faust"),
    }
    variables = [f"{name}={value}" for name, value in settings.items()]
    return ["env", *variables, sys.executable, "-m", "faust", "-A", "bench.faust_plain", "worker", "--without-web"]


def _await_quiet(context: Context, app: Process, outreach: str, wanted: int) -> None:
    began = changed = monotonic()
    sent = 0
    while sent < wanted and monotonic() - changed < QUIET_SECONDS + 40 * (not sent):
        if not app.running or monotonic() - began > MOST_SECONDS:
            message = f"the Faust app has {sent:,} of {wanted:,} outreach{os.linesep}{app.log.read_text()[-2000:]}"
            raise RuntimeError(message)
        sleep(0.5)
        now = sum(context.servers.bus.ends(outreach))
        changed = monotonic() if now != sent else changed
        sent = now
