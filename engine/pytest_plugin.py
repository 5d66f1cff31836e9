"""Collects rule tests (`*.test.yaml`) in pytest: `pytest --rule-tests`, or `rule_tests = true` in the configuration.

`-k win_back` selects the tests that expect something of a rule, or a template, with that in its name.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.lang.diagnostics import human
from engine.lang.rule_tests import TestFile, load_tests
from engine.testing import Project, RulesBroken, TestResult, load_project, run_test_file

_PROJECTS = pytest.StashKey[dict[tuple[Path, Path], Project]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("trigger engine")
    group.addoption("--rule-tests", action="store_true", help="collect the trigger engine's rule tests (*.test.yaml)")
    parser.addini("rule_tests", "collect the trigger engine's rule tests (*.test.yaml)", type="bool", default=False)
    parser.addini("rule_templates", "templates folder of the rule tests, beside their folder", default="templates")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    wanted = parent.config.getoption("--rule-tests") or parent.config.getini("rule_tests")
    if not wanted or not file_path.name.endswith(".test.yaml"):
        return None
    return RuleTestFile.from_parent(parent, path=file_path)


class RuleTestFile(pytest.File):
    """One file of rule tests; a file or project with errors fails at collection, with its diagnostics."""

    def collect(self) -> Iterator[pytest.Item]:
        templates = self.path.parent.parent / self.config.getini("rule_templates")
        try:
            project = self._project(self.path.parent, templates)
        except RulesBroken as error:
            raise self.CollectError(str(error)) from error
        file, diagnostics = load_tests(self.path, project.loaded)
        if file is None:
            raise self.CollectError(human(diagnostics))
        for index, case in enumerate(file.tests):
            yield RuleTest.from_parent(self, name=case.name, file=file, index=index, renderer=project.renderer)

    def _project(self, rules: Path, templates: Path) -> Project:
        """Loaded once for all files beside one another: it takes longer than all the rest."""
        projects = self.session.stash.setdefault(_PROJECTS, {})
        if (rules, templates) not in projects:
            projects[rules, templates] = load_project(rules, templates)
        return projects[rules, templates]


class RuleTest(pytest.Item):
    """One rule test."""

    def __init__(self, *, file: TestFile, index: int, renderer: Any, **rest: Any) -> None:
        super().__init__(**rest)
        self.file = file
        self.index = index
        self.renderer = renderer
        self.extra_keyword_matches.update(file.words_of(file.tests[index]))

    def runtest(self) -> None:
        results = run_test_file(self.file, self.renderer, lambda case: case.name == self.name)
        for result in results:
            if result.index == self.index and not result.passed:
                raise NotAsExpected(result)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotAsExpected):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, self.file.tests[self.index].place.line - 1, self.name


class NotAsExpected(AssertionError):
    """A failed rule test; the message is got, want and why."""

    def __init__(self, result: TestResult) -> None:
        super().__init__("\n".join([result.case.name, *result.problems]))
