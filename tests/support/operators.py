"""The operators' commands in the environment of a stage."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.support import command
from tests.support.command import PROGRAM, REPOSITORY, Ran
from tests.support.faults import Stage


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
