"""Every command can be found: in the documentation and with an example in its help."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from engine.cli.main import app
from engine.cli.table import COMMANDS as TABLE
from engine.config import Settings
from engine.extras import EXTRA_OF
from tests.support.command import engine

SHOP = Path(__file__).parents[2]
DOCUMENTED = (SHOP / "docs" / "commands.md").read_text(encoding="utf-8")


def commands(group: Any, path: str = "engine") -> Iterator[tuple[str, str]]:
    """Full name and help of every command."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command.help or ""


ENGINE = "from engine.cli.start import run; run()"
TWO_HELPS = """
import sys
from engine.cli.main import run

for name in ("run", "web"):
    sys.argv = ["engine", name, "--help"]
    try:
        run()
    except SystemExit as ended:
        assert not ended.code
"""
COMMANDS = dict(commands(typer.main.get_command(app)))
DEFAULTS = {
    "engine check": ("rules", "rules"),
    "engine replay": ("data", "data"),
    "engine run": ("templates", "templates"),
    "engine preview": ("store_folder", "data"),
    "engine doctor": ("store", "store"),
    "engine reshard": ("namespace", "namespace"),
    "engine web": ("port", "web_port"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_in_its_help_and_a_place_in_the_documentation(name: str) -> None:
    assert f"Example: {name}" in COMMANDS[name].replace("ENGINE_KAFKA_BOOTSTRAP=kafka:9092 ", "")
    assert f"\n### {name}\n" in DOCUMENTED
    assert f"\n{name}" in DOCUMENTED.split(f"\n### {name}\n")[1].split("\n### ")[0].replace(
        "ENGINE_KAFKA_BOOTSTRAP=kafka:9092 ", ""
    )


def test_no_command_is_documented_that_does_not_exist() -> None:
    headings = {line.removeprefix("### ") for line in DOCUMENTED.splitlines() if line.startswith("### ")}
    assert headings == set(COMMANDS)


def test_every_command_is_in_the_table_at_the_top_of_the_page() -> None:
    table = DOCUMENTED.split("\n## ")[0]
    assert {name for name in COMMANDS if f"](#engine-{name.split()[1]}" not in table} == set()


@pytest.mark.parametrize("name", COMMANDS)
def test_an_operator_finds_every_option_of_a_command_in_its_section_or_on_the_pages_that_it_leads_to(name: str) -> None:
    common, section = DOCUMENTED.split("\n## ")[0], DOCUMENTED.split(f"\n### {name}\n")[1].split("\n### ")[0]
    pages = [(SHOP / "docs" / page).read_text("utf-8") for page in re.findall(r"\]\(([\w-]+\.md)", section)]
    named = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", " ".join([common, section, *pages])))
    options = [{*param.opts, *param.secondary_opts} for param in _command(name).params if param.opts[0][0] == "-"]
    assert [names for names in options if not names & named] == []


@pytest.mark.parametrize("name", TABLE)
def test_the_list_of_commands_says_what_each_command_says_of_itself(name: str) -> None:
    command: Any = typer.main.get_command(app)
    itself = command.commands[name]
    assert TABLE[name].help == " ".join((itself.help or "").split("\n\n")[0].split())
    assert command.get_command(None, name).help == TABLE[name].help


def test_help_and_the_check_of_rules_import_no_client_of_a_server_and_no_extra() -> None:
    program = "import sys; from engine.cli.main import run\ntry: run()\nfinally: print(*sys.modules, file=sys.stderr)"
    for arguments in (["--help"], ["check"]):
        ran = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True)
        imported = set(ran.stderr.split())
        assert "engine.cli.main" in imported
        assert not imported & {"redis", "valkey", "confluent_kafka", "prometheus_client", *EXTRA_OF}, arguments
        assert not imported & {"asyncio", "babel", "pydantic_settings", "engine.worker", "engine.adapters"}, arguments


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["archive", "{here}/events.jsonl", "--to", "{here}/events.jsonl"], "{here}/events.jsonl: file exists"),
        (["metrics", "{here}/events.jsonl", "--html", "{here}", "--no-predict"], "{here}: is a directory"),
    ],
)
def test_what_the_system_refuses_is_said_without_a_traceback(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    event = '{"id":"1","type":"purchase","customer":"c","time":"2026-01-01T00:00:00Z","properties":{"amount":1}}\n'
    (tmp_path / "events.jsonl").write_text(event)
    where = ["--rules", str(SHOP / "rules"), "--templates", str(SHOP / "templates")]
    given = [one.format(here=tmp_path) for one in arguments] + where
    ran = subprocess.run([sys.executable, "-c", ENGINE, *given], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == message.format(here=tmp_path) + "\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("explain c-1 --until 2026-01-01", "--until: say that with --events"),
        ("replay x.jsonl --book rules", "--book: say that with --as-decided"),
        ("replay archive --as-decided --until 2026-01-01 --out x", "--out, --until: say that without --as-decided"),
        ("archive --kind outcomes --source cdnow", "--kind, --source: say that with files"),
        ("archive x.jsonl --erase c-1", "files: say that without --erase"),
        ("preview welcome --customer c-1 --data x.json", "--customer: say that without --data"),
        ("schema rules --to x", "--to: say that with --write"),
    ],
)
def test_an_option_that_would_count_for_nothing_is_refused(tmp_path: Path, arguments: str, message: str) -> None:
    ran = engine(*arguments.split(), folder=tmp_path)
    assert (ran.code, ran.out, ran.err) == (2, "", message + "\n")


def test_the_help_says_the_same_in_every_environment_and_shows_no_password() -> None:
    def shown(environment: dict[str, str]) -> str:
        whole = os.environ | environment
        return subprocess.run([sys.executable, "-c", TWO_HELPS], env=whole, capture_output=True, text=True).stdout

    elsewhere = {"ENGINE_RULES": "other", "ENGINE_WEB_PORT": "81", "ENGINE_DATA": "there"}
    there = shown(elsewhere | {"ENGINE_STORE": "redis://engine:hunter2@redis:6379/0"})
    assert shown({}) == there
    assert there.count("Usage: engine") == 2
    assert "hunter2" not in there


def test_the_defaults_that_the_help_names_are_those_of_the_settings() -> None:
    for name, (option, setting) in DEFAULTS.items():
        assert str(Settings.model_fields[setting].default) == _named_default(name, option), (name, option)


def _named_default(command: str, option: str) -> str:
    params = {param.name: param for param in _command(command).params}
    setting, _, default = params[option].show_default.partition(", else ")
    assert setting == f"ENGINE_{DEFAULTS[command][1].upper()}"
    return str(default)


def _command(name: str) -> Any:
    command: Any = typer.main.get_command(app)
    for part in name.split()[1:]:
        command = command.commands[part]
    return command
