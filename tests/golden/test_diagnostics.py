"""Every diagnostic, word for word. GOLDEN_UPDATE=1 writes the expected texts anew: read the diff before committing."""

import ast
import os
import re
from pathlib import Path

import pytest

from engine.lang.diagnostics import Diagnostic, human
from engine.lang.figures import load_figures
from engine.lang.project import load
from engine.lang.rule_tests import load_tests
from engine.render import inspect_templates

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(path.parent for path in (Path(__file__).parent / "diagnostics").glob("*/rules"))
SPEAKERS = ("engine/lang/*.py", "engine/core/expr/*.py", "engine/render/*.py")
CODE = re.compile(r"(?!utf-)[a-z]{2,}(-[a-z0-9]+)+")


def findings() -> list[Diagnostic]:
    """All findings in the project in the current directory."""
    templates = Path("templates")
    loaded = load(Path("rules"), inspect_templates(templates) if templates.is_dir() else None)
    found = list(loaded.diagnostics)
    for path in sorted(Path("rules").glob("*.test.yaml")) if loaded.book else ():
        found += load_tests(path, loaded)[1]
    for path in Path().glob("goals.yaml"):
        found += load_figures(path, loaded.book.catalog if loaded.book else None)[1]
    return found


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_the_author_of_a_rule_is_told_what_is_wrong_and_where(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    found = findings()
    text = human(found) + "\n"
    expected = folder / "expected.txt"
    if os.environ.get("GOLDEN_UPDATE"):
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    assert folder.name.partition("--")[0] in {each.code for each in found}


def codes() -> set[str]:
    """Every text constant that looks like a code, in the modules that make diagnostics."""
    paths = [path for pattern in SPEAKERS for path in ROOT.glob(pattern)]
    constants = [
        node.value
        for path in paths
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return {text for text in constants if CODE.fullmatch(text)}


def test_every_diagnostic_has_an_example_here() -> None:
    shown = {folder.name.partition("--")[0] for folder in FOLDERS}
    assert codes() - shown == set()
    assert shown - codes() == set()
