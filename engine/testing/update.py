"""`engine test --update`: replaces a test's expectations by what the test got.

The command calls `updated_text` after a run. It must leave every other character of the file unchanged.
"""

import json
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from engine.lang.located import Document, Node, Route
from engine.lang.rule_test_grammar import OF_EVENTS, OF_MOVES
from engine.lang.rule_tests import Expected, ExpectedPoints, TestCase, TestFile
from engine.model import Outreach
from engine.testing.moves import Made, Move
from engine.testing.rule_tests import CONTAINED, MOMENTS, Got, TestResult, label, same
from engine.testing.standings import moment


class _Edit(NamedTuple):
    """The replacement of one piece of the text."""

    start: int
    end: int
    text: str


def updated_text(file: TestFile, results: Sequence[TestResult]) -> str:
    """The file's text, with each expected list that differs from what its test got replaced."""
    text = file.document.text
    for edit in sorted((edit for result in results for edit in _edits(file.document, result)), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _edits(document: Document, result: TestResult) -> Iterator[_Edit]:
    case, route = result.case, ("tests", result.index)
    if case.expect is not None and not same(case.expect, result.got):
        names = [name for name in _named(case.expect) if name not in CONTAINED] or ["subject"]
        names = [name for name in names if name not in OF_MOVES | OF_EVENTS | {"with"}] or ["subject"]
        entries = [_entry(case, one, names, _quotes(case.expect, one)) for one in result.got]
        yield _edit(document, (*route, "expect"), entries)
    if case.outcomes is not None and not same(case.outcomes, result.outcomes):
        names = list(dict.fromkeys(["outcome", *_named(case.outcomes)]))
        yield _edit(document, (*route, "outcomes"), [_entry(case, one, names, {}) for one in result.outcomes])
    if result.standings != list(case.points):
        yield _edit(document, (*route, "points"), [_standing(case, one) for one in result.standings])


def _edit(document: Document, route: Route, entries: Sequence[str]) -> _Edit:
    """The new list in the style of the old one; a bracketed list inside a block becomes a block."""
    key, node = document.place(route, key=True), document.node(route)
    start, end = node.place.start, _end(document, node)
    if document.node(route[:-1]).flow:
        return _Edit(start, end, f"[{', '.join(f'{{ {entry} }}' for entry in entries)}]")
    if not entries:
        return _Edit(key.end, end, ": []")
    if not node.flow:
        return _Edit(start, end, f"\n{' ' * (node.place.column - 1)}".join(f"- {entry}" for entry in entries))
    return _Edit(key.end, end, ":" + "".join(f"\n{' ' * (key.column + 1)}- {entry}" for entry in entries))


def _end(document: Document, node: Node) -> int:
    """The end of a value's last word. The end of a block node itself is the start of the next key."""
    while node.children and not node.flow:
        node = list(node.children.values())[-1]
    return len(document.text[: node.place.end].rstrip())


def _named(wanted: Sequence[Expected]) -> list[str]:
    return list(dict.fromkeys(name for one in wanted for name in one.fields))


def _quotes(wanted: Sequence[Expected], one: Got) -> dict[str, str]:
    """The quotes in the rule's expectations that occur in the outreach."""
    if not isinstance(one, Outreach):
        return {}
    quoted = [item for want in wanted if want.rule == one.rule for item in want.fields.items() if item[0] in CONTAINED]
    return {name: text for name, text in quoted if text in getattr(one, name)}


def _entry(case: TestCase, one: Got, names: Sequence[str], quotes: Mapping[str, str]) -> str:
    if isinstance(one, Move):
        of_levels = f", old: {one.old}, new: {one.new}" if one.moves in ("up", "down") else ""
        return f"{moment(case, one.at)}: {{ segment: {one.segment}, moves: {one.moves}{of_levels} }}"
    if isinstance(one, Made):
        properties = json.dumps(one.properties, ensure_ascii=False)
        return f"{moment(case, one.at)}: {{ event: {one.event}, with: {properties} }}"
    fields = [f"rule: {label(one.rule, one.step)}"]
    fields += [f"{name}: {_written(case, one, name)}" for name in names if name != "step" and getattr(one, name)]
    fields += [f"{name}: {json.dumps(text, ensure_ascii=False)}" for name, text in quotes.items()]
    return f"{moment(case, one.at)}: {{ {', '.join(fields)} }}"


def _standing(case: TestCase, one: ExpectedPoints) -> str:
    parts = {name: moment(case, part) if name == "expires_at" else part for name, part in one.parts.items()}
    return f"{moment(case, one.at)}: {{ {one.points}: {{ {', '.join(f'{n}: {p}' for n, p in parts.items())} }} }}"


def _written(case: TestCase, one: Got, name: str) -> str:
    value = getattr(one, name)
    if name in MOMENTS:
        return moment(case, value)
    return str(value) if name == "outcome" else json.dumps(value, ensure_ascii=False)


def in_the_form_of(before: bytes, text: str) -> bytes:
    """The new text with the byte order mark and the line ends of the old file."""
    mark = BOM_UTF8 if before.startswith(BOM_UTF8) else b""
    return mark + text.replace("\n", "\r\n" if b"\r\n" in before else "\n").encode()
