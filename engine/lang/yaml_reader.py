"""YAML text to a located document.

Built from the parser's event stream with an own stack, so that neither deep nesting nor a bomb of aliases can
hurt: an alias shares the node it names, and a node knows how large it would be when written out.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engine.core.expr.grouped import looks_grouped, told
from engine.lang.diagnostics import Diagnostic
from engine.lang.located import Document, Node, Place
from engine.lang.yaml_errors import explained

MAX_BYTES = 1_000_000
MAX_NODES = 100_000
MAX_DEPTH = 40

_TOO_DEEP = f"more than {MAX_DEPTH} levels of nesting"
_DEEPER_THAN_LIBYAML = "exceeded maximum nesting depth"
"""PyYAML 6.0.4 says so of a thousand levels, before it hands over the first."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONSTANTS = {"~": None, "": None} | {
    spelt: value
    for word, value in (("true", True), ("false", False), ("null", None))
    for spelt in (word, word.title(), word.upper())
}
_INT = re.compile(r"[-+]?(0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_UNPRINTABLE = yaml.reader.Reader.NON_PRINTABLE
"""PyYAML's: to compile a set of so many characters takes 6 ms."""


class _Stop(Exception):
    """Raised where the rest of the file cannot be parsed."""

    def __init__(self, place: Place | None, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.finding = (place, code, message, help)


def read(path: Path) -> tuple[Document | None, list[Diagnostic]]:
    """The document (None if the text is not YAML that we accept) and its problems as YAML."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        return None, [Document(path, "").report(None, "missing-file", f"cannot be read: {error.strerror}")]
    if len(raw) > MAX_BYTES:
        reason = f"the file is larger than {MAX_BYTES:,} bytes"
        return None, [Document(path, "").report(None, "too-large", reason, "split it into several")]
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        document = Document(path, raw.decode("utf-8", "replace"))
        place = _place_at(raw[: error.start].decode("utf-8"))
        reason = f"the byte 0x{raw[error.start]:02x} is not UTF-8"
        return None, [document.report(place, "not-utf8", reason, "save the file as UTF-8 text")]
    return parse(path, text.replace("\r\n", "\n").replace("\r", "\n"))


def parse(path: Path, text: str, loader: Any = _LOADER) -> tuple[Document | None, list[Diagnostic]]:
    """As `read`, for text with plain line feeds; `path` is only for messages, `loader` one of PyYAML's."""
    document = Document(path, text)
    builder = _Builder(document, loader)
    try:
        _refuse_control_characters(text)
        document.root = builder.build()
    except _Stop as stop:
        return None, [*builder.findings, document.report(*stop.finding)]
    except yaml.MarkedYAMLError as error:
        return None, [*builder.findings, _syntax_error(document, error)]
    return document, builder.findings


def _refuse_control_characters(text: str) -> None:
    found = _UNPRINTABLE.search(text)
    if found:
        message = f"control character U+{ord(found[0]):04X}"
        raise _Stop(_place_at(text[: found.start()]), "yaml-syntax", message, "is this a text file?")


def _place_at(before: str) -> Place:
    """The place of the character after `before`."""
    at = len(before)
    return Place(before.count("\n") + 1, at - before.rfind("\n"), 1, at, at + 1)


def _syntax_error(document: Document, error: yaml.MarkedYAMLError) -> Diagnostic:
    mark, message, help = explained(document.text, error)
    if message == _DEEPER_THAN_LIBYAML:
        return document.report(_place(mark, mark), "too-deep", _TOO_DEEP)
    return document.report(_place(mark, mark), "yaml-syntax", message, help)


def _place(start: Any, end: Any) -> Place:
    width = (end.index - start.index if start.line == end.line else 0) or 1
    return Place(start.line + 1, start.column + 1, width, start.index, end.index)


@dataclass(slots=True)
class _Open:
    """A collection that has begun; `key` waits for its value."""

    node: Node
    start: Any
    anchor: str | None
    key: tuple[str, Place] | None = None


class _Builder:
    def __init__(self, document: Document, loader: Any) -> None:
        self.document = document
        self.loader = loader
        self.findings: list[Diagnostic] = []
        self.open: list[_Open] = []
        self.anchors: dict[str, Node] = {}
        self.root: Node | None = None
        self.documents = 0

    def build(self) -> Node:
        for event in yaml.parse(self.document.text, Loader=self.loader):
            self._take(event)
        if self.root is None or self.root.data is None:
            raise _Stop(None, "empty-file", "the file has no content", "it must at least say version: 1")
        return self.root

    def _take(self, event: Any) -> None:
        if isinstance(event, yaml.AliasEvent):
            self._alias(event)
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._begin(event)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end(event)
        elif isinstance(event, yaml.DocumentStartEvent):
            self._document(event)

    def _document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            place = _place(event.start_mark, event.end_mark)
            raise _Stop(place, "several-documents", "a second YAML document begins", "put it into a file of its own")

    def _alias(self, event: Any) -> None:
        place = _place(event.start_mark, event.end_mark)
        if event.anchor not in self.anchors:
            raise _Stop(
                place, "yaml-syntax", f"'*{event.anchor}' repeats nothing", f"no '&{event.anchor}' ends above it"
            )
        self._add(self.anchors[event.anchor], place)

    def _scalar(self, event: Any) -> None:
        place = _place(event.start_mark, event.end_mark)
        self._refuse_tag(event, place)
        written, plain = self.document.text[place.start : place.end], event.implicit[0]
        exact = event.value == (written if plain else written[1:-1])
        node = Node(_value(event.value) if plain else event.value, place, event.value, exact=exact)
        if plain and looks_grouped(event.value):
            self.findings.append(self.document.report(place, *told(event.value)))
        if event.anchor:
            self.anchors[event.anchor] = node
        self._add(node, place)

    def _refuse_tag(self, event: Any, place: Place) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise _Stop(place, "unsupported-tag", f"the tag {tag}", "write the value without a tag")

    def _begin(self, event: Any) -> None:
        place = _place(event.start_mark, event.end_mark)
        self._refuse_tag(event, place)
        if len(self.open) >= MAX_DEPTH:
            raise _Stop(place, "too-deep", _TOO_DEEP)
        data: Any = {} if isinstance(event, yaml.MappingStartEvent) else []
        node = Node(data, place, flow=bool(event.flow_style))
        self.open.append(_Open(node, event.start_mark, event.anchor))

    def _end(self, event: Any) -> None:
        done = self.open.pop()
        node = done.node
        place = _place(done.start, event.end_mark)
        first_key = next(iter(node.keys.values()), None)
        if not node.flow and first_key:
            place = place._replace(length=first_key.length)
        node.place = place
        if done.anchor:
            self.anchors[done.anchor] = node
        self._add(node, place)

    def _add(self, node: Node, place: Place) -> None:
        if not self.open:
            self.root = node
            return
        top = self.open[-1]
        if isinstance(top.node.data, list):
            top.node.children[len(top.node.data)] = node
            top.node.data.append(node.data)
        elif top.key is None:
            if node.text is None:
                raise _Stop(place, "yaml-syntax", "a key must be text, not a list or a mapping")
            top.key = node.text, place
        else:
            self._entry(top.node, *top.key, node)
            top.key = None
        self._grow(top.node, node, place)

    def _entry(self, mapping: Node, key: str, place: Place, value: Node) -> None:
        if key in mapping.keys:
            first = mapping.keys[key].line
            finding = self.document.report(place, "duplicate-key", f"'{key}' is given twice", f"first on line {first}")
            self.findings.append(finding)
            return
        mapping.keys[key] = place
        mapping.children[key] = value
        mapping.data[key] = value.data

    def _grow(self, top: Node, node: Node, place: Place) -> None:
        top.size += node.size
        if node.depth >= top.depth:
            top.depth = node.depth + 1
        if top.size > MAX_NODES:
            raise _Stop(place, "too-large", f"more than {MAX_NODES:,} values, with aliases written out")
        if len(self.open) + node.depth > MAX_DEPTH + 1:
            raise _Stop(place, "too-deep", f"{_TOO_DEEP}, with aliases written out")


def _value(text: str) -> Any:
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return text if math.isinf(number) else number
    return text
