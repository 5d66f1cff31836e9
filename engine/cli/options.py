"""The options that many commands have, and the settings that a command runs with.

An option that is not given leaves its setting as the environment has it. So these options default to None: the
environment is read when a command runs, not when it is imported, and --help says the same on every machine.
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.errors import UsageError

if TYPE_CHECKING:
    from engine.config import Settings
    from engine.project_settings import ProjectSettings

RulesDir = Annotated[
    Path | None, typer.Option("--rules", help="Folder of the rule files.", show_default="ENGINE_RULES, else rules")
]
TemplatesDir = Annotated[
    Path | None,
    typer.Option("--templates", help="Folder of the templates.", show_default="ENGINE_TEMPLATES, else templates"),
]
STORE_HELP = "memory, embedded (a Valkey of its own, kept in a folder), or a Redis URL."
Store = Annotated[str | None, typer.Option(help=STORE_HELP, show_default="ENGINE_STORE, else embedded")]
DATA_HELP = "Folder of the embedded store."
DATA_DEFAULT = "ENGINE_DATA, else .engine-data"
Data = Annotated[Path | None, typer.Option(help=DATA_HELP, show_default=DATA_DEFAULT)]
Namespace = Annotated[
    str | None,
    typer.Option(
        help="What separates this engine's keys from another's in the store.",
        show_default="ENGINE_NAMESPACE, else engine",
    ),
]
ClockUntil = Annotated[str, typer.Option(help="Let the clock run to here, inclusive: ISO 8601; UTC unless it says.")]
FileSource = Annotated[str, typer.Option(help="Of files: the source of events.yaml; found by a look if missing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for a program to read.")]

EARLIEST = date(1970, 1, 1)
LATEST = date(2999, 12, 31)
"""Days beyond these are typing errors, and days around them would be no dates."""


def settings_of(**options: Any) -> "Settings":
    """The settings of the environment, overridden by the given options. Raises BadSetting."""
    from engine.config import load_settings  # 70 of them; `check` reads three

    return load_settings(**_given(options))


def project_settings_of(**options: Any) -> "ProjectSettings":
    """As `settings_of`, of the few settings that `engine check` needs."""
    from engine.project_settings import load_project_settings

    return load_project_settings(**_given(options))


def duration_of(text: str, option: str) -> int:
    """Milliseconds of an option; 0 if it was not given. Raises UsageError."""
    from engine.core.durations import milliseconds

    try:
        return milliseconds(text) if text else 0
    except ValueError as error:
        message = f"{option}: {error}"
        raise UsageError(message) from error


def day_of(text: str, option: str) -> date | None:
    """The day of an option; None if it was not given. Raises UsageError."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        message = f"{option} {text}: expected a day, such as 2026-01-31"
        raise UsageError(message) from error
    if not EARLIEST <= day <= LATEST:
        message = f"{option} {text}: expected a day from {EARLIEST} to {LATEST}"
        raise UsageError(message)
    return day


def refuse_ignored(wanted: str, options: Mapping[str, object]) -> None:
    """Raises UsageError for those that were given: they count only `wanted`, and nobody must think that they did."""
    if names := ", ".join(name for name, given in options.items() if given):
        message = f"{names}: say that {wanted}"
        raise UsageError(message)


def _given(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
