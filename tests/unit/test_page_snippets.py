"""Every YAML snippet of the README and docs loads without an error where a reader puts it; whole rule tests pass."""

import re
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from engine.lang.figures import load_figures
from engine.lang.project import Loaded, load
from engine.lang.rule_tests import load_tests
from engine.render import inspect_templates
from engine.render.renderer import JinjaRenderer
from engine.testing import run_test_file
from tests.support.command import engine
from tests.support.page_stage import events_with, rules_of, stage
from tests.support.project_files import write_files

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
SNIPPET = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILES = {
    "events.yaml": {"sources", "events"},
    "policy.yaml": {"zone", "publish", "preferences", "surveys"},
    "goals.yaml": {"goals", "mrr"},
    "mine.test.yaml": {"tests", "scores", "given", "expect", "outcomes"},
}
MAIL = "{% block subject %}We miss you{% endblock %}{% block text %}.{% endblock %}"
ONE_TEST = "tests:\n  - name: a customer\n    until: 90d\n"

SNIPPETS = [
    pytest.param(text, id=f"{page.name}-{index}")
    for page in PAGES
    for index, text in enumerate(SNIPPET.findall(page.read_text("utf-8")), start=1)
]


@pytest.mark.parametrize("text", SNIPPETS)
def test_what_a_reader_copies_from_a_page_loads(tmp_path: Path, text: str) -> None:
    for number, files in enumerate(alternatives(text)):
        assert list(problems(tmp_path / str(number), files)) == []


def test_the_python_test_of_a_page_passes() -> None:
    (snippet,) = re.findall(
        r"^```python\n(.*?)^```$", (ROOT / "docs/testing-rules.md").read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    names: dict[str, Any] = {}
    with chdir(ROOT):
        exec(snippet, names)
    (test,) = (value for name, value in names.items() if name.startswith("test_"))
    test()


def test_the_readme_shows_what_its_reader_sees(tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = dict(re.findall(r"^\$ (engine .*)\n((?:(?!```).*\n)*)", readme, re.MULTILINE))
    for name in ("rules", "templates"):
        copytree(ROOT / name, tmp_path / name)
    (rule,) = SNIPPET.findall(readme)
    lifecycle = tmp_path / "rules/lifecycle.yaml"
    written = lifecycle.read_text("utf-8")
    assert rule in written
    ten = rule.replace("site_visit], for: 14d", "site_vist], for: 10d")
    lifecycle.write_text(written.replace(rule, ten))
    assert engine("check", folder=tmp_path).out == shown["engine check"]
    lifecycle.write_text(written.replace(rule, ten.replace("site_vist]", "site_visit]")))
    told, wanted = engine("test", "-k", "two orders", folder=tmp_path).out, shown['engine test -k "two orders"']
    assert told.rpartition(" in ")[0] == wanted.rpartition(" in ")[0]


def alternatives(text: str) -> list[dict[str, str]]:
    """The snippet as files of the folder of rules. Lines that are alternatives make a folder each."""
    keys = [key for key in re.findall(r"^(?:- )?(\w+):", text, re.MULTILINE) if key != "version"] or ["id"]
    if keys[0] in ("when", "if", "exit"):
        return [{"mine.yaml": rule_of(line)} for line in text.splitlines()]
    if {"events", "rules"} <= {*keys}:
        events, rules = re.split(r"^(?=# a rule file)", text, flags=re.MULTILINE)
        return [{"events.yaml": events, "mine.yaml": versioned(rules)}]
    if keys[0] == "points" and "  - 14d:" in text:
        keys[0] = "outcomes"
    file = next((name for name, marks in FILES.items() if marks & {keys[0], keys[-1]}), "mine.yaml")
    if keys[0] == "id":
        text = "rules:\n" + text
    if keys[0] in ("given", "expect", "outcomes"):
        text = ONE_TEST + "    expect: []\n" * ("expect:" not in text) + indented(text)
    return [{file: text if file == "events.yaml" else versioned(text)}]


def rule_of(line: str) -> str:
    line = line.split("  #")[0]
    key = line.split(":")[0]
    fields = {"when": line, "exit": f"when: {{ inactivity: {{ of: purchase, for: 1d }} }}\n    {line}"}
    fields["if"] = f"when: {{ event: purchase }}\n    {line}"
    fields["where"] = f"when:\n      event: purchase\n      {line}"
    return f"version: 1\nrules:\n  - id: one\n    send: hello\n    {fields[key]}\n"


def indented(text: str, by: str = "    ") -> str:
    return re.sub("^(?=.)", by, text, flags=re.MULTILINE)


def versioned(text: str) -> str:
    return text if re.search("^version:", text, re.MULTILINE) else "version: 1\n" + text


def problems(folder: Path, files: dict[str, str]) -> Iterator[str]:
    """What `engine check` and `engine test` say of these files, among others that declare what they speak of."""
    rules, templates = folder / "rules", folder / "templates"
    tests, goals = files.pop("mine.test.yaml", None), files.pop("goals.yaml", None)
    whole = "version" in files.get("events.yaml", "")
    files = ({} if whole else stage("".join(files.values()))) | files
    files["events.yaml"] = files["events.yaml"] if whole else events_with(files["events.yaml"])
    if tests:
        files["lifecycle.yaml"] = rules_of(tests) + journey()
    write_files(rules, files)
    write_files(templates, dict(mails("".join(files.values()))))
    loaded = load(rules, inspect_templates(templates))
    yield from (one.human() for one in loaded.diagnostics if one.severity == "error")
    if goals:
        write_files(folder, {"goals.yaml": goals})
        yield from (one.human() for one in load_figures(folder / "goals.yaml")[1])
    if tests:
        write_files(rules, {"mine.test.yaml": tests})
        yield from told_by_tests(rules / "mine.test.yaml", loaded, templates)


def told_by_tests(path: Path, loaded: Loaded, templates: Path) -> Iterator[str]:
    file, found = load_tests(path, loaded)
    yield from (one.human() for one in found)
    if file and "a customer\n" not in path.read_text("utf-8"):
        for result in run_test_file(file, JinjaRenderer(templates, file.book)):
            yield from result.problems


def mails(text: str) -> Iterator[tuple[str, str]]:
    for name, channel in re.findall(r"(?:send|template): (\w+)(?:, channel: (\w+))?", text):
        yield f"{name}.{channel or 'email'}.j2", MAIL


def journey() -> str:
    """The journey that docs/journeys.md begins with, and tests further below."""
    return indented(SNIPPET.findall((ROOT / "docs/journeys.md").read_text("utf-8"))[0], "  ")
