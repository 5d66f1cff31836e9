"""Rule tests may expect events that rules and the engine make, beside what is sent."""

from pathlib import Path

import pytest

from engine.errors import UsageError
from engine.lang.project import load
from engine.lang.rule_tests import TestFile, load_tests
from engine.render import JinjaRenderer
from engine.testing import TestResult, load_project, run_test_file
from engine.testing.update import updated_text

FILES = {
    "events.yaml": "version: 1\nevents:\n  buy: { properties: { amount: number } }\n"
    "  credited: { properties: { half: number, kind: string } }\n",
    "rules.yaml": "version: 1\nrules:\n  - id: credit\n    when: { event: buy }\n"
    "    emit: { event: credited, after: 1d, with: { half: event.amount / 2, kind: \"'bonus'\" } }\n",
}
STORY = """\
version: 1
tests:
  - name: who buys is credited a day later
    given:
      - 0d: { buy: { amount: 60 } }
      - 3d: { buy: { amount: 10 } }
    until: 20d
    expect:
"""


def told(folder: Path, *expected: str) -> tuple[TestFile | None, TestResult | None, list[str]]:
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    path = folder / "story.test.yaml"
    path.write_text(STORY + "".join(f"      - {each}\n" for each in expected), encoding="utf-8")
    loaded = load(folder, None)
    assert loaded.book, loaded.diagnostics
    file, findings = load_tests(path, loaded)
    if file is None:
        return None, None, [each.code for each in findings]
    (result,) = run_test_file(file, JinjaRenderer(folder, loaded.book))
    return file, result, []


def passes(folder: Path, *expected: str) -> bool:
    result = told(folder, *expected)[1]
    assert result
    return result.passed


def test_the_events_of_a_type_that_is_named_are_complete_and_compared_by_what_is_named(tmp_path: Path) -> None:
    second = "4d: { event: credited }"
    assert passes(tmp_path, "1d: { event: credited, with: { half: 30 } }", second)
    assert passes(tmp_path, "1d: { event: credited, with: { half: 30, kind: bonus } }", second)
    assert not passes(tmp_path, "1d: { event: credited, with: { half: 31 } }", second)
    assert not passes(tmp_path, "1d: { event: credited }")
    assert not passes(tmp_path, "1d: { event: credited }", "5d: { event: credited }")


def test_a_failure_shows_the_properties_and_update_writes_them(tmp_path: Path) -> None:
    file, result, _ = told(tmp_path, "1d: { event: credited, with: { half: 1 } }")
    assert file
    assert result
    assert any("event credited" in line and "'half': 30.0" in line for line in result.problems)
    (tmp_path / "story.test.yaml").write_text(updated_text(file, [result]), encoding="utf-8")
    file, findings = load_tests(tmp_path / "story.test.yaml", load(tmp_path, None))
    assert file, findings
    (again,) = run_test_file(file, JinjaRenderer(tmp_path, file.book))
    assert again.passed


def test_an_unknown_event_or_property_is_located(tmp_path: Path) -> None:
    assert told(tmp_path, "1d: { event: credit }")[2] == ["unknown-event"]
    assert told(tmp_path, "1d: { event: credited, with: { halv: 3 } }")[2] == ["unknown-property"]
    assert told(tmp_path, "1d: { event: credited, subject: Hello }")[2] == ["unknown-field"]
    assert told(tmp_path, "1d: { rule: credit, with: { half: 3 } }")[2] == ["unknown-field"]


def test_who_tells_an_event_of_a_mistyped_type_in_python_is_told_the_one_that_was_meant(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    simulator = load_project(tmp_path, tmp_path).simulator()
    with pytest.raises(UsageError, match="there is no event type 'buys'; did you mean 'buy'"):
        simulator.event("buys", "0d", amount=60)
