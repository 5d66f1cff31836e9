"""docker-compose.yml and the Dockerfile, taken apart."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]


@cache
def dockerfile() -> list[list[tuple[str, list[str]]]]:
    """Its stages, each a list of (instruction, arguments)."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    stages: list[list[tuple[str, list[str]]]] = []
    for instruction, rest in lines:
        if instruction == "FROM":
            stages.append([])
        stages[-1].append((instruction, rest.split() if rest[0] != "[" else yaml.safe_load(rest)))
    return stages


def arguments(stage: int, instruction: str) -> list[list[str]]:
    return [rest for name, rest in dockerfile()[stage] if name == instruction]


def health_command() -> list[str]:
    """Of the final image."""
    (words,) = arguments(-1, "HEALTHCHECK")
    command: list[str] = json.loads(" ".join(words).partition("CMD ")[2])
    return command
