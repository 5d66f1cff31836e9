"""What README and docs point at is there: pages and their sections, files, functions, tests, settings, metrics,
options of commands, fields of records."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import typer

from engine.cli.main import app
from engine.config import Settings
from engine.insight.archive.layout import KINDS
from engine.telemetry.metrics import Metrics
from engine.telemetry.sender import SenderWatch
from engine.telemetry.web import WebWatch
from engine.telemetry.worker import PrometheusHooks
from engine.wire.outreach_schema import schema_text

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/*/*.md"), ROOT / "bench/README.md"]
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
PLACE = re.compile(r"`([a-z_/]+\.(?:py|lua))`((?: `\w+`(?:, (?=`\w+`))?)*)")
METRICS = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| ([\w, ]*)\|.*\|$", re.MULTILINE)
USED = re.compile(r"(?:^|[`$] ?)(engine [a-z].*?)(?=`|$)", re.MULTILINE)
COMMANDS: Any = typer.main.get_command(app)
BUILD_VARIABLES = {"ENGINE_COMPILE", "ENGINE_TEST_KAFKA"}
"""For `pip wheel` and for tests; no settings of the engine."""
TEST = re.compile(r"tests/([\w/]+\.py)(?:::(test_\w+))?")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text("utf-8")):
        path, _, section = unquote(link).partition("#")
        if "://" not in link:
            target = page.parent / path if path else page
            assert target.exists(), link
            assert not section or section in sections(target), link


def test_each_step_in_the_life_of_an_event_is_where_the_page_says() -> None:
    named = PLACE.findall((ROOT / "docs/life-of-an-event.md").read_text("utf-8"))
    assert len(named) > 40
    for path, names in named:
        text = (ROOT / "engine" / path).read_text("utf-8")
        for name in re.findall(r"\w+", names):
            assert re.search(rf"(?:def|class) {name}\b", text), (path, name)


def test_every_test_that_a_page_names_exists() -> None:
    files = [*(ROOT / "tests").rglob("test_*.py")]
    there = {path.stem for path in files}
    there.update(*(re.findall(r"def (test_\w+)", path.read_text("utf-8")) for path in files))
    for page in PAGES:
        assert {*re.findall(r"[`/:](test_\w+)", page.read_text("utf-8"))} <= there, page.name


def test_every_situation_from_a_public_report_has_a_test_that_exists() -> None:
    situations = (ROOT / "docs/reports.md").read_text("utf-8").split("\n* ")[1:]
    assert len(situations) > 20
    for situation in situations:
        named = TEST.findall(situation.partition("Shown by:")[2])
        assert named, situation
        for file, name in named:
            assert f"def {name}" in (ROOT / "tests" / file).read_text("utf-8"), (file, name)


def test_an_operator_can_search_the_page_for_what_a_process_says() -> None:
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "engine").rglob("*.py"))
    quoted = re.findall(r'"([a-z][^"\d]{8,})"', (ROOT / "docs/operations.md").read_text("utf-8"))
    assert len(quoted) > 8
    by_librdkafka = "fenced by other consumer"
    assert {one for one in quoted if " ".join(one.split()) not in sources} <= {by_librdkafka}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_a_page_names_exists(page: Path) -> None:
    settings = {f"ENGINE_{name.upper()}" for name in Settings.model_fields}
    named = set(re.findall(r"\bENGINE_[A-Z_]*[A-Z]\b", page.read_text("utf-8"))) - BUILD_VARIABLES
    assert {name for name in named if name not in settings and name.removesuffix("_FILE") not in settings} == set()


def test_every_metric_is_in_the_pages_with_its_labels_and_every_one_that_they_name_exists() -> None:
    there = {name: labels for one in (PrometheusHooks(), SenderWatch(), WebWatch()) for name, labels in series(one)}
    tables = "".join((ROOT / "docs" / page).read_text("utf-8") for page in ("watching.md", "web.md"))
    rows = [(re.findall(r"\w+", names), set(re.findall(r"\w+", labels))) for names, labels in METRICS.findall(tables)]
    documented = {f"engine_{name}": labels for names, labels in rows for name in names}
    assert {name: documented.get(name) for name in there} == there
    named = {name for page in PAGES for name in re.findall(r"`(engine_\w+?)(?:_count)?[`{]", page.read_text("utf-8"))}
    assert {name for name in named if "_link" not in name} <= there.keys()


def series(metrics: Metrics) -> Iterator[tuple[str, set[str]]]:
    """Names and labels."""
    collectors: dict[str, Any] = metrics.registry._names_to_collectors
    for family in metrics.registry.collect():
        yield family.name + ("_total" if family.type == "counter" else ""), {*collectors[family.name]._labelnames}


def test_a_program_that_reads_outreach_or_an_archive_finds_every_field_on_its_page() -> None:
    table = (ROOT / "docs/outreach.md").read_text("utf-8").split("\n## ")[0]
    fields = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"\w+", row)}
    assert fields == set(json.loads(schema_text())["$defs"]["OutreachForm"]["properties"])
    archive = (ROOT / "docs/insight.md").read_text("utf-8").partition("\n## The archive\n")[2].split("\n## ")[0]
    assert {column.name for columns in KINDS.values() for column in columns} <= {*re.findall(r"`(\w+)", archive)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_option_of_a_command_on_a_page_exists(page: Path) -> None:
    for line in USED.findall(page.read_text("utf-8")):
        command, words = command_of(line.split()[1:])
        options = {name for param in command.params for name in (*param.opts, *param.secondary_opts)} | {"--help"}
        assert {word.split("=")[0] for word in words if re.match("--?[a-z]", word)} <= options, line


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command that these words call, and what they give it, up to the end of the command."""
    command: Any = COMMANDS
    while words and hasattr(command, "commands") and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    ends = [
        index for index, word in enumerate(words) if word in ("|", "&&", ">>", ">", "#") or word.endswith((";", ":"))
    ]
    return command, words[: min(ends, default=None)]


@cache
def sections(page: Path) -> set[str]:
    """As GitHub makes anchors of headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
