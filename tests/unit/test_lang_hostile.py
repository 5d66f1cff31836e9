"""Whatever an author writes, the answer is a diagnostic and never a traceback."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, strategies as st

from engine.lang.project import load
from engine.lang.rule_tests import load_tests
from tests.support.examples import examples
from tests.support.language import EVENTS, POLICY, RULES, TESTS, loaded, write

FILES = {"lifecycle.yaml": RULES, "events.yaml": EVENTS, "policy.yaml": POLICY}
WORDS = (
    """{ } [ ] ' " - : , | > # ? &a *a !!int << null true -1 0 1e9 .inf 14d 99999999999 é profile. events. version:"""
)
SCRAPS = st.sampled_from([*WORDS.split(), "", " ", "\n", "  ", "- ", ": ", "\t", "version: 1\n", "<<: *a"])


@st.composite
def damaged(draw: st.DrawFn, text: str) -> str:
    """The text with a few pieces replaced by scraps of YAML or by anything."""
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 20)))
        text = text[:start] + draw(SCRAPS | st.text(max_size=8)) + text[end:]
    return text


def survives(check: Callable[[Path], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        check(Path(folder))


@examples(400)
@given(st.data())
def test_a_damaged_project_is_answered_by_diagnostics(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    text = data.draw(damaged(FILES[name]))

    def check(folder: Path) -> None:
        write(folder)
        (folder / name).write_text(text, encoding="utf-8", errors="replace")
        found = load(folder, None)
        assert found.book or any(each.severity == "error" for each in found.diagnostics)
        assert all(each.line >= 1 and each.column >= 1 and each.human() for each in found.diagnostics)

    survives(check)


@examples(200)
@given(damaged(TESTS))
def test_a_damaged_test_file_is_answered_by_diagnostics(text: str) -> None:
    def check(folder: Path) -> None:
        project = loaded(folder)
        path = folder / "lifecycle.test.yaml"
        path.write_text(text, encoding="utf-8", errors="replace")
        found, findings = load_tests(path, project)
        assert found or findings

    survives(check)


@examples(100)
@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_answered_by_diagnostics(raw: bytes) -> None:
    def check(folder: Path) -> None:
        assert loaded(folder, rules=raw).diagnostics

    survives(check)
