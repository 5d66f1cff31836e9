"""A file's data with the place of every key and value, so that diagnostics can point at them."""

import re
from pathlib import Path
from typing import Any, NamedTuple

from engine.lang.diagnostics import Diagnostic, severity_of, shown_path

Route = tuple[str | int, ...]
"""The keys and indices that lead from the top of a file to a value."""

LINE_END = re.compile("[\n\x85\u2028\u2029]")


class Place(NamedTuple):
    """Line and column from 1, and how many characters of that line; `start` and `end` are indices into the text."""

    line: int
    column: int
    length: int
    start: int
    end: int


class Node:
    """A value and its place. `exact`: each character of a scalar is in the text one for one.

    `text` is None for a list or a mapping; `size` and `depth` are those of the value with aliases written out.
    """

    __slots__ = ("children", "data", "depth", "exact", "flow", "keys", "place", "size", "text")

    def __init__(
        self, data: Any, place: Place, text: str | None = None, *, exact: bool = False, flow: bool = False
    ) -> None:
        self.data = data
        self.place = place
        self.text = text
        self.exact = exact
        self.flow = flow
        self.size = self.depth = 1
        self.keys: dict[str, Place] = {} if text is None else _NO_KEYS
        self.children: dict[str | int, Node] = {} if text is None else _NO_CHILDREN


_NO_KEYS: dict[str, Place] = {}
_NO_CHILDREN: dict[str | int, Node] = {}


class Document:
    """One file's data, and the place of anything in it."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.file = shown_path(path)
        self.text = text
        self.lines = LINE_END.split(text)
        self.root: Node | None = None

    @property
    def data(self) -> Any:
        return self.root.data if self.root else None

    def node(self, route: Route) -> Node:
        """The value at `route`, or the closest enclosing one that exists."""
        return self._walk(route)[0]

    def place(self, route: Route, *, key: bool = False, offset: int = 0, length: int = 0) -> Place:
        """The place of the value at `route` (or of its key), or of the closest enclosing one that exists.

        With `length`, that many characters from `offset` within a scalar.
        """
        node, name = self._walk(route)
        if length and node.exact:
            line, column, _, start, end = node.place
            shift = offset + (0 if node.text == self.text[start:end] else 1)  # a quote comes first
            return Place(line, column + shift, length, start + shift, start + shift + length)
        block = bool(node.children) and not node.flow
        return name if name and (key or block) else node.place

    def _walk(self, route: Route) -> tuple[Node, Place | None]:
        assert self.root
        node, name = self.root, None
        for step in route:
            if isinstance(step, int) and not isinstance(node.data, list):
                continue  # one thing where a list of them may stand
            inner = _only_child(node)
            if step not in node.children and inner and step in inner.children:
                node = inner  # `- 26d: { rule: … }`, which is short for a mapping with `at`
            if step not in node.children:
                break
            name = node.keys.get(str(step))
            node = node.children[step]
        return node, name

    def report(self, place: Place | None, code: str, message: str, help: str = "") -> Diagnostic:
        """A diagnostic at that place of this file (None: the file as a whole)."""
        line, column, length = (place.line, place.column, place.length) if place else (1, 1, 1)
        source = self.lines[line - 1] if line <= len(self.lines) else ""
        return Diagnostic(self.file, line, column, length, severity_of(code), code, message, help, source)


def _only_child(node: Node) -> Node | None:
    return next(iter(node.children.values())) if len(node.children) == 1 else None
