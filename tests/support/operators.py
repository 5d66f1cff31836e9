"""The operators' commands, as processes in the environment of a stage."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.support.command import PROGRAM, REPOSITORY, Ran
from tests.support.faults import Stage


def engine(stage: Stage, *args: object, **settings: object) -> Ran:
    """Run a command in the stage's environment."""
    given = {f"ENGINE_{key.upper()}": str(value) for key, value in (stage.settings | settings).items()}
    environment = os.environ | given | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "200"}
    command = [sys.executable, "-c", PROGRAM, *map(str, args)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return Ran(done.returncode, done.stdout, done.stderr)


def data(stage: Stage, *args: object, **settings: object) -> Any:
    """What a command prints with --json."""
    ran = engine(stage, *args, "--json", **settings)
    assert ran.out, ran.err
    return json.loads(ran.out)
