"""The operators' commands in the environment of a stage, and a shop for them to look at."""

import json
import os
import subprocess
import sys
import time
from typing import Any

from engine.wire.partitioner import murmur2_partition
from tests.support import command
from tests.support.command import PROGRAM, REPOSITORY, Ran
from tests.support.faults import Stage
from tests.support.job import PARTITIONS, Entry, project

LIVE_RULES = """\
version: 1
rules:
  - id: thanks
    when: { event: purchase }
    send: text
  - id: third
    when: { milestone: { count: purchase, reaches: [3] } }
    send: text
  - id: quiet
    when: { inactivity: { of: purchase, for: 30d } }
    send: text
"""


def start_live(stage: Stage) -> Stage:
    """The stage on wall-clock time, with a worker."""
    stage.settings["clock"] = "live"
    stage.use(project(stage.topics.events, rules=LIVE_RULES))
    stage.start("a")
    return stage


def engine(stage: Stage, *args: object, **settings: object) -> Ran:
    """Run a command in the stage's environment, in this process: a second less than as one of its own."""
    return command.engine(*args, folder=stage.folder, env=_environment(stage, settings))


def engine_process(stage: Stage, *args: object, **settings: object) -> Ran:
    """The same for a service that ends by itself: its logs and signals are a process's own."""
    words = [sys.executable, "-c", PROGRAM, *map(str, args)]
    environment = os.environ | _environment(stage, settings) | {"PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def data(stage: Stage, *args: object, **settings: object) -> Any:
    """What a command prints with --json."""
    ran = engine(stage, *args, "--json", **settings)
    assert ran.out, ran.err
    return json.loads(ran.out)


def _environment(stage: Stage, settings: dict[str, object]) -> dict[str, str]:
    given = {f"ENGINE_{key.upper()}": str(value) for key, value in (stage.settings | settings).items()}
    return given | {"COLUMNS": "200"}


def levels(findings: list[dict[str, str]]) -> dict[str, str]:
    return {one["what"].split()[0]: one["level"] for one in findings}


def record(customer: str, time: int, amount: object = 20, **other: object) -> Entry:
    key = customer.encode()
    body = {"type": "purchase", "customer": customer, "time": time, "properties": {"amount": amount}} | other
    return Entry(time, murmur2_partition(key, PARTITIONS), key, json.dumps(body).encode())


def now() -> int:
    return int(time.time() * 1000)


def rules_sent(stage: Stage, customer: str) -> list[str]:
    return sorted(one.json["rule"] for one in stage.outreach() if one.json["customer"] == customer)
