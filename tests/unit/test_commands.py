"""Every command can be found: in the documentation and with an example in its help."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from engine.cli.main import app

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")


def commands(group: Any, path: str = "engine") -> Iterator[tuple[str, str]]:
    """Full name and help of every command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command.help or ""


COMMANDS = dict(commands(typer.main.get_command(app)))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_in_its_help_and_a_place_in_the_documentation(name: str) -> None:
    assert f"Example: {name}" in COMMANDS[name].replace("ENGINE_KAFKA_BOOTSTRAP=kafka:9092 ", "")
    assert f"\n### {name}\n" in DOCUMENTED
    assert f"\n{name}" in DOCUMENTED.split(f"\n### {name}\n")[1].split("\n### ")[0].replace(
        "ENGINE_KAFKA_BOOTSTRAP=kafka:9092 ", ""
    )


def test_help_does_not_show_the_password_of_the_store() -> None:
    environment = os.environ | {"ENGINE_STORE": "redis://engine:hunter2@redis:6379/0"}
    command = [sys.executable, "-c", "from engine.cli.main import run; run()", "run", "--help"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "--store" in ran.stdout
    assert "hunter2" not in ran.stdout + ran.stderr


def test_no_command_is_documented_that_does_not_exist() -> None:
    headings = {line.removeprefix("### ") for line in DOCUMENTED.splitlines() if line.startswith("### ")}
    assert headings == set(COMMANDS)
