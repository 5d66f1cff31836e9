import os
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.lang.yaml_reader import parse, read
from tests.support.language import RULES, codes, loaded

HERE = Path("rules.yaml")


def data_of(text: str) -> Any:
    document, findings = parse(HERE, text)
    assert document
    assert findings == []
    return document.data


@pytest.mark.parametrize(
    "text",
    ["on", "no", "yes", "off", "010", "21:00", "0x1f", "1_000", "2026-01-01", ".inf", ".nan", "1e999", "=", "<<"],
)
def test_what_looks_like_text_to_people_is_text(text: str) -> None:
    assert data_of(f"a: {text}") == {"a": text}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("-3", -3),
        ("1.5", 1.5),
        ("2e3", 2000.0),
    ],
)
def test_what_looks_like_a_number_or_a_truth_is_one(text: str, value: Any) -> None:
    assert data_of(f"a: {text}") == {"a": value}
    assert data_of(f"a: '{text}'") == {"a": text}


def test_keys_are_always_text() -> None:
    assert data_of("{1: a, true: b, null: c}") == {"1": "a", "true": "b", "null": "c"}


def test_an_alias_repeats_its_anchor_and_a_merge_key_means_nothing() -> None:
    assert data_of("a: &x { b: 1 }\nc: *x\n<<: *x") == {"a": {"b": 1}, "c": {"b": 1}, "<<": {"b": 1}}


def test_a_value_is_found_at_its_line_and_column() -> None:
    document, _ = parse(HERE, "a:\n  - 'ö': [1, \"two\"]\n")
    assert document
    place = document.place(("a", 0, "ö", 1))
    assert (place.line, place.column, place.length) == (2, 14, 5)
    assert document.text[place.start : place.end] == '"two"'
    assert document.place(("a", 0, "ö"), key=True).column == 5


def test_part_of_a_scalar_is_found_where_it_stands_one_for_one() -> None:
    document, _ = parse(HERE, "a: one two\nb: 'one two'\nc: \"one\\ttwo\"\nd: >\n  one two\n")
    assert document
    columns = [document.place((key,), offset=4, length=3).column for key in "abcd"]
    assert columns == [8, 9, 4, 4]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path, line_end: str, mark: bytes) -> None:
    found = loaded(tmp_path, rules=mark + RULES.replace("\n", line_end).encode())
    assert found.diagnostics == []
    broken = loaded(tmp_path, rules=mark + RULES.replace("for: 14d", "for: 14").replace("\n", line_end).encode())
    assert [(each.line, each.column) for each in broken.diagnostics] == [(7, 55)]


HOSTILE = {
    "ten megabytes": (b"a: [" + b"x, " * 3_500_000 + b"]", "too-large"),
    "a bomb of aliases": (
        b"a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        + b"".join(b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 30)),
        "too-large",
    ),
    "a chain of aliases": (
        b"a0: &a0 [x]\n" + b"".join(b"a%d: &a%d [*a%d]\n" % (n, n, n - 1) for n in range(1, 200)),
        "too-deep",
    ),
    "brackets without end": (b"[" * 900_000, "too-deep"),
    "dashes without end": (b"- " * 450_000, "too-deep"),
    "a million values": (b"[" + b"0," * 499_000 + b"]", "too-large"),
    "an anchor inside itself": (b"a: &a [*a]", "yaml-syntax"),
    "noise": (bytes(range(256)) * 1000, "not-utf8"),
    "zeros": (bytes(100_000), "yaml-syntax"),
    "UTF-16": ("version: 1".encode("utf-16"), "not-utf8"),
    "a Python object": (b"a: !!python/object/apply:os.system ['true']", "unsupported-tag"),
    "tabs": (b"version: 1\nrules:\n\t- id: a\n", "yaml-syntax"),
    "nothing": (b"", "empty-file"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_gets_a_clear_answer_soon(tmp_path: Path, name: str) -> None:
    raw, code = HOSTILE[name]
    path = tmp_path / "rules.yaml"
    path.write_bytes(raw)
    start = time.process_time()
    document, findings = read(path)
    shown = findings[0].human()
    assert time.process_time() - start < 10  # a second on a quiet machine; what this is about would take hours
    assert document is None
    assert codes(findings) == [code]
    assert len(shown) < 1000


def test_a_file_that_cannot_be_read_is_said_so(tmp_path: Path) -> None:
    assert codes(read(tmp_path / "gone.yaml")[1]) == ["missing-file"]


def test_without_libyaml_the_same_is_read() -> None:
    before = parse(HERE, RULES)[0]
    after = parse(HERE, RULES, yaml.SafeLoader)[0]
    assert before
    assert after
    assert before.data == after.data
    for route in [("rules", 0, "when", "inactivity", "of", 1), ("rules", 6), ("defaults",)]:
        assert before.place(route) == after.place(route)


def test_a_file_below_the_current_directory_is_named_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse(tmp_path / "rules" / "a.yaml", "")[1][0].file == "rules/a.yaml"
    assert parse(Path(os.sep, "elsewhere", "a.yaml"), "")[1][0].file.endswith("elsewhere/a.yaml")
