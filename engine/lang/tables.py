"""Reads reference tables, `<name>.table.json` beside the rules, for templates.

The project loader calls it. Tables may be large, and are not read as YAML: a finding has the place of its key.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from json import JSONDecoder
from pathlib import Path
from typing import Any, Final

import msgspec

from engine.core.tables import Row, Table
from engine.lang.diagnostics import Diagnostic, severity_of, shown_path
from engine.lang.fields import NAME

ENDING: Final = ".table.json"
VERSION: Final = 1
MAX_BYTES: Final = 64_000_000
"""Bytes of a file. The rows of a table of this size take some 300 MB in each worker."""
MAX_ROWS: Final = 100
"""Rows of a key. No message lists more."""

_Value = str | int | float | bool | None
_BYTE = re.compile(r" \(byte (\d+)\)")
_PATH = re.compile(r" - at `\$(.*)`")
_EXPECTED = re.compile("Expected `([^`]+)`, got `([^`]+)`")
_LACKING = re.compile("missing required field `([^`]+)`")
_KINDS: Final = {
    "array": "a list",
    "object": "a mapping",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "empty",
}
_SPACE = re.compile(r"[ \t\n\r]*")


class _File(msgspec.Struct):
    """What stands beside `rows` is for people."""

    version: int
    rows: dict[str, msgspec.Raw]


class _Refused(Exception):
    """`at`: the byte of the finding, or the key in the text."""

    def __init__(self, at: int | str, code: str, message: str, help: str = "") -> None:
        super().__init__(message)
        self.finding = (at, code, message, help)


class _Doubled(Exception):
    """A key that an object has twice."""


def paths_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{ENDING}") if path.is_file())


def name_of(path: Path) -> str:
    return path.name.removesuffix(ENDING)


def read_table(path: Path) -> tuple[Table, str, list[Diagnostic]]:
    """The table, the hash of its file, and what is wrong with it: then the table is one that is not known."""
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        return Table(), "", [_report(path, b"", 0, "missing-file", f"cannot be read: {error.strerror}")]
    try:
        if size > MAX_BYTES:
            raise _Refused(0, "too-large", f"the file is larger than {MAX_BYTES:,} bytes", "leave out columns, or keys")
        return _table(path, raw), sha256(raw).hexdigest()[:16], []
    except _Refused as refused:
        return Table(), "", [_report(path, raw, *refused.finding)]


def _table(path: Path, raw: bytes) -> Table:
    if not re.fullmatch(NAME, name_of(path)):
        message = f"'{name_of(path)}' is not a name that templates can read"
        raise _Refused(0, "bad-name", message, "a name is a letter, then letters, digits and _")
    text = _text(raw)
    file = _decoded(_file, raw, "")
    if file.version != VERSION:
        raise _Refused("version", "bad-value", f"the version of a table is {VERSION}")
    _refuse_doubles(text)
    known: dict[bytes, Row] = {}
    return Table.of({key: _rows(key, rows, known) for key, rows in file.rows.items()})


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        reason = f"the byte 0x{raw[error.start]:02x} is not UTF-8"
        raise _Refused(error.start, "not-utf8", reason, "save the file as UTF-8 text") from error


def _rows(key: str, written: msgspec.Raw, known: dict[bytes, Row]) -> tuple[Row, ...]:
    """`known`: rows by their text; the same row under many keys is kept once."""
    found = _decoded(_list, written, key)
    if len(found) > MAX_ROWS:
        message = f"'{key}' has {len(found):,} rows, a key has at most {MAX_ROWS}"
        raise _Refused(key, "too-large", message, "no message lists more")
    return tuple(_row(bytes(row), key, known) for row in found)


def _row(text: bytes, key: str, known: dict[bytes, Row]) -> Row:
    row = known.get(text)
    if row is None:
        told: Mapping[str, Any] = _decoded(_columns, text, key)
        for column in told:
            if not re.fullmatch(NAME, column):
                message = f"'{column}' is not a name that templates can read"
                raise _Refused(key, "bad-name", message, "a column is a letter, then letters, digits and _")
        row = known[text] = {column: value for column, value in told.items() if value is not None}
    return row


def _refuse_doubles(text: str) -> None:
    """Refuse keys that are given twice, of which JSON's readers take the last: fields, keys of rows, and columns."""
    once = JSONDecoder(object_pairs_hook=_once)
    try:
        once.decode(text)
    except _Doubled:  # somewhere; only now it is worth while to look where
        fields = list(_entries(text, _after_space(text, 0), JSONDecoder()))
        _refuse_double(text, fields)
        for key, _, value in fields:
            if key == "rows":
                _refuse_double(text, _entries(text, value, once))


def _refuse_double(text: str, entries: Iterable[tuple[str, int, int]]) -> None:
    first: dict[str, int] = {}
    for key, place, _ in entries:
        if key in first:
            help = f"first on line {text.count(chr(10), 0, first[key]) + 1}"
            raise _Refused(len(text[:place].encode()), "duplicate-key", f"'{key}' is given twice", help)
        first[key] = place


def _entries(text: str, start: int, decoder: JSONDecoder) -> Iterator[tuple[str, int, int]]:
    """Key, its place and that of its value, of each entry of the JSON object at a place. The text is known to be JSON.

    `decoder` reads the values, only to find their ends.
    """
    at = _after_space(text, start + 1)
    while text[at] != "}":
        key, end = decoder.raw_decode(text, at)
        value = _after_space(text, _after_space(text, end) + 1)
        yield key, at, value
        try:
            end = _after_space(text, decoder.raw_decode(text, value)[1])
        except _Doubled as error:
            message = f"'{error.args[0]}' is given twice in a row of '{key}'"
            raise _Refused(len(text[:at].encode()), "duplicate-key", message) from error
        at = _after_space(text, end + 1) if text[end] == "," else end


def _after_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Doubled(next(name for place, name in enumerate(names) if name in names[:place]))


_file = msgspec.json.Decoder(_File)
_list = msgspec.json.Decoder(list[msgspec.Raw])
_columns = msgspec.json.Decoder(dict[str, _Value])


def _decoded(decoder: msgspec.json.Decoder[Any], text: bytes | msgspec.Raw, key: str) -> Any:
    """`key`: whose rows the text is; "": it is the whole file."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        help = 'a table is {"version": 1, "rows": {"<key>": [{"<column>": "text or number"}]}}'
        raise _Refused(key or 0, "wrong-type", _in_words(str(error), key), help) from error
    except msgspec.DecodeError as error:
        found = _BYTE.search(str(error))
        said = _BYTE.sub("", str(error)).removeprefix("JSON is malformed: ")
        raise _Refused(int(found[1]) if found else 0, "json-syntax", said) from error
    except RecursionError as error:
        raise _Refused(key or 0, "json-syntax", "nested too deeply") from error


def _in_words(error: str, key: str) -> str:
    """What msgspec says of a value that is of another type."""
    place = _PATH.search(error)
    inside = place[1].strip(".") if place else ""
    what = f"'{inside}'" if inside and not key else "the table"
    if key:
        what = f"a value in a row of '{key}'" if inside else f"what '{key}' has"
    if lacking := _LACKING.search(error):
        return f"the table has no '{lacking[1]}'"
    found = _EXPECTED.match(error)
    if found is None:
        return f"{what}: {error.replace('`', chr(39)).partition(' - at ')[0]}"
    return f"{what} must be {_KINDS.get(found[1], 'text, a number, true or false')}, not {_KINDS[found[2]]}"


def _place_of(raw: bytes, key: str) -> int:
    """The byte at which the rows of a key begin, or the table's own field of that name."""
    text = raw.decode(errors="replace")
    try:
        fields = list(_entries(text, _after_space(text, 0), JSONDecoder()))
        rows = (value for name, _, value in fields if name == "rows")
        inner = [one for value in rows for one in _entries(text, value, JSONDecoder())] if key != "version" else []
    except (ValueError, IndexError, RecursionError):
        return max(0, raw.find(msgspec.json.encode(key)))
    place = next((place for name, place, _ in (*inner, *fields) if name == key), 0)
    return len(text[:place].encode())


def _report(path: Path, raw: bytes, where: int | str, code: str, message: str, help: str = "") -> Diagnostic:
    at = where if isinstance(where, int) else _place_of(raw, where)
    start = raw.rfind(b"\n", 0, at) + 1
    end = raw.find(b"\n", at)
    line = raw[start : end if end >= 0 else len(raw)].decode(errors="replace")
    column = len(raw[start:at].decode(errors="replace")) + 1
    number = raw.count(b"\n", 0, at) + 1
    return Diagnostic(shown_path(path), number, column, 1, severity_of(code), code, message, help, line)
