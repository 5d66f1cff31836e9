"""Rule tests in a project, run as `engine test` runs them."""

from collections.abc import Iterable
from pathlib import Path

from engine.lang.rule_tests import TestFile, load_tests
from engine.testing import TestResult, load_project, run_test_file


def told(folder: Path, story: str, expected: Iterable[str]) -> tuple[TestFile, TestResult]:
    """The one test of a story that ends with a list, to which `expected` is added, in the project of this folder."""
    path = folder / "rules" / "story.test.yaml"
    path.write_text(story + "".join(f"      - {each}\n" for each in expected), encoding="utf-8")
    project = load_project(folder / "rules", folder / "templates")
    file, findings = load_tests(path, project.loaded)
    assert file, findings
    (result,) = run_test_file(file, project.renderer)
    return file, result
