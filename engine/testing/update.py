"""`engine test --update`: writes what a test got into its `expect`, leaving everything else in the file as it is."""

import json
from collections.abc import Sequence

from engine.lang.rule_tests import TestFile
from engine.model import Outreach
from engine.testing.rule_tests import CONTAINED, TestResult, moment


def updated_text(file: TestFile, results: Sequence[TestResult]) -> str:
    """The file's text with the `expect` of each failed test replaced."""
    lines = file.document.text.split("\n")
    for result in sorted(results, key=lambda result: result.index, reverse=True):
        if not result.passed and result.case.expect is not None:
            _replace(lines, file, result)
    return "\n".join(lines)


def _replace(lines: list[str], file: TestFile, result: TestResult) -> None:
    key = file.document.place(("tests", result.index, "expect"), key=True)
    first, indent = key.line - 1, key.column - 1
    last = first + 1
    while last < len(lines) and _continues(lines[last], indent):
        last += 1
    while not lines[last - 1].strip():
        last -= 1
    names = _names(result)
    entries = [f"{' ' * (indent + 2)}- {_entry(result, one, names)}" for one in result.got]
    head = " " * indent + "expect:"
    lines[first:last] = [head, *entries] if entries else [f"{head} []"]


def _continues(line: str, indent: int) -> bool:
    """Whether the line belongs to the block of a key that stands at this indent."""
    text = line.lstrip(" ")
    depth = len(line) - len(text)
    return not text.strip() or depth > indent or (depth == indent and text.startswith("- "))


def _names(result: TestResult) -> list[str]:
    """The fields that the expectations named, without the texts they quote from."""
    named = dict.fromkeys(name for one in result.case.expect or () for name in one.fields)
    return [name for name in named if name not in CONTAINED] or ["subject"]


def _entry(result: TestResult, one: Outreach, names: Sequence[str]) -> str:
    fields = [f"rule: {one.rule}"]
    fields += [f"{name}: {json.dumps(getattr(one, name), ensure_ascii=False)}" for name in names]
    return f"{moment(result.case, one.at)}: {{ {', '.join(fields)} }}"
