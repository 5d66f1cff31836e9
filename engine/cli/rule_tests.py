"""`engine test`: runs the rule tests."""

import re
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Annotated
from xml.etree import ElementTree

import typer
from rich.console import Console
from rich.markup import escape

from engine.cli.console import complain
from engine.cli.opening import open_project
from engine.cli.options import AsJson, RulesDir, TemplatesDir, settings_of
from engine.cli.whole_files import console_beside, write_document
from engine.errors import CommandFailed, UsageError
from engine.lang.diagnostics import human
from engine.lang.rule_tests import TestCase, TestFile, load_tests
from engine.testing import Project, TestResult, run_test_file
from engine.testing.update import in_the_form_of, updated_text

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot carry."""
Results = list[tuple[TestFile, list[TestResult]]]


def run_tests(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Test files; all *.test.yaml of --rules by default.")
    ] = None,
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    keyword: Annotated[
        str, typer.Option("-k", help="Only tests whose name, rule, segment or template contains this.")
    ] = "",
    update: Annotated[
        bool, typer.Option("--update", help="Write what failed tests got into what they expect.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Also write the results as JUnit XML.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name passed tests too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run rule tests on a virtual clock; each also with every event twice and the state saved in between.

    Exits 0 when all pass, 1 when one fails or a file has errors.

    Example: engine test -k "quiet hours"
    """
    started, console = perf_counter(), console_beside(junit)
    settings = settings_of(rules=rules, templates=templates)
    project = open_project(settings)
    paths = files or sorted(settings.rules.glob("*.test.yaml"))
    results = _run(project, paths, keyword)
    if update:
        _update(project, results)
        results = _run(project, paths, keyword)
    if junit:
        _write_junit(results, junit)
    if as_json:
        console.print_json(data=[_as_data(file, one) for file, found in results for one in found])
    else:
        _show(results, console, verbose)
        _sum_up(results, console, perf_counter() - started)
    if any(not one.passed for _, found in results for one in found):
        raise typer.Exit(1)


def _run(project: Project, paths: list[Path], keyword: str) -> Results:
    loaded = _load(project, paths)
    results = [(file, run_test_file(file, project.renderer, _chosen(file, keyword))) for file in loaded]
    if keyword and not any(found for _, found in results):
        message = f"no test's name, rule, segment or template contains {keyword!r}"
        raise UsageError(message)
    return results


def _chosen(file: TestFile, keyword: str) -> Callable[[TestCase], bool]:
    return lambda case: any(keyword in word for word in (case.name, *file.words_of(case)))


def _load(project: Project, paths: list[Path]) -> list[TestFile]:
    loaded = [load_tests(path, project.loaded) for path in paths]
    for _, diagnostics in loaded:
        if diagnostics:
            complain(human(diagnostics))
    if any(file is None for file, _ in loaded):
        raise typer.Exit(1)
    return [file for file, _ in loaded if file is not None]


def _update(project: Project, results: Results) -> None:
    for file, found in results:
        if (text := updated_text(file, found)) == file.document.text:
            continue
        before = file.path.read_bytes()
        file.path.write_bytes(in_the_form_of(before, text))
        if load_tests(file.path, project.loaded)[0] is None:
            file.path.write_bytes(before)
            message = f"{file.document.file} is written in a way that --update cannot change; it is as it was"
            raise CommandFailed(message)
        complain(f"updated {file.document.file}")


def _show(results: Results, console: Console, verbose: bool) -> None:
    for file, found in results:
        for one in found:
            place = f"{file.document.file}:{one.case.place.line}"
            if not one.passed:
                console.print(f"[red]FAIL[/] {place} [bold]{escape(one.case.name)}[/]", highlight=False)
                console.print("\n".join(one.problems), markup=False, highlight=False, soft_wrap=True)
                continue
            if verbose:
                console.print(f"[green]ok[/]   {escape(one.case.name)}", highlight=False)
            for line in one.unexpected:
                console.print(f"note {place} {line}", markup=False, highlight=False, soft_wrap=True)


def _sum_up(results: Results, console: Console, seconds: float) -> None:
    flat = [one for _, found in results for one in found]
    failed = sum(not one.passed for one in flat)
    colour = "red" if failed else "green"
    console.print(f"[{colour}]{len(flat) - failed} passed, {failed} failed[/] in {seconds:.2f} s", highlight=False)


def _as_data(file: TestFile, one: TestResult) -> dict[str, object]:
    return {
        "file": file.document.file,
        "line": one.case.place.line,
        "name": one.case.name,
        "passed": one.passed,
        "problems": one.problems,
    }


def _write_junit(results: Results, path: Path) -> None:
    top = ElementTree.Element("testsuites")
    for file, found in results:
        failures = sum(not one.passed for one in found)
        suite = ElementTree.SubElement(
            top, "testsuite", name=file.document.file, tests=str(len(found)), failures=str(failures)
        )
        for one in found:
            case = ElementTree.SubElement(suite, "testcase", classname=file.document.file, name=one.case.name)
            if not one.passed:
                problems = NOT_XML.sub("\ufffd", "\n".join(one.problems))
                ElementTree.SubElement(case, "failure", message="not as expected").text = problems
    text = ElementTree.tostring(top, encoding="utf-8", xml_declaration=True).decode()
    write_document(path, text)
