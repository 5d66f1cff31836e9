"""Rule tests may expect moves of segments, beside what is sent."""

from pathlib import Path

from engine.lang.project import load
from engine.lang.rule_tests import TestFile, load_tests
from engine.render import JinjaRenderer, inspect_templates
from engine.testing import TestResult, run_test_file
from engine.testing.update import updated_text
from tests.support import rule_tests
from tests.support.segment_shop import ACTIVE, IN, TIER, shop

STORY = """\
version: 1
tests:
  - name: who stays away for a week is not active any more
    given:
      - 0d: visit
      - 1d: { buy: { amount: 60 } }
    until: 20d
    expect:
"""


def told(folder: Path, *expected: str) -> tuple[TestFile, TestResult]:
    shop(folder, ACTIVE + TIER, IN)
    return rule_tests.told(folder, STORY, expected)


def test_the_moves_of_a_segment_are_complete_once_it_is_named(tmp_path: Path) -> None:
    sent = "0d: { rule: hello, subject: Hello }"
    assert told(tmp_path, sent)[1].passed, "none is named, so none is compared"
    assert told(tmp_path, sent, "0d: { segment: active, moves: in }", "7d: { segment: active, moves: out }")[1].passed
    assert not told(tmp_path, sent, "7d: { segment: active, moves: out }")[1].passed
    assert not told(tmp_path, sent, "0d: { segment: active }", "7d1ms: { segment: active }")[1].passed


def test_levels_are_told_by_their_names_or_by_the_way_they_go(tmp_path: Path) -> None:
    sent = "0d: hello"
    for move in ("moves: up", "moves: in", "new: high", "old: none, new: high"):
        assert told(tmp_path, sent, f"1d: {{ segment: tier, {move} }}")[1].passed, move
    for move in ("moves: down", "moves: out", "new: low"):
        assert not told(tmp_path, sent, f"1d: {{ segment: tier, {move} }}")[1].passed, move


def test_a_failure_shows_each_move_beside_what_was_sent_and_marks_what_one_side_has_alone(tmp_path: Path) -> None:
    _, result = told(tmp_path, "0d: { segment: active, moves: in }", "0d: hello", "1d: { segment: tier, new: low }")
    assert result.problems[:7] == [
        "  want        0d  segment active  moves: in",
        "  want        0d  hello",
        "- want        1d  segment tier  new: low",
        "  got         0d  segment active  moves: in",
        "  got         0d  hello  subject: Hello",
        "+ got         1d  segment tier  moves: up  old: none  new: high",
        "+ got         7d  segment active  moves: out",
    ]


def test_an_update_writes_moves_too(tmp_path: Path) -> None:
    file, result = told(tmp_path, "1d: { segment: tier, new: low }")
    assert updated_text(file, [result]) == STORY + (
        '      - 0d: { rule: hello, subject: "Hello" }\n'
        "      - 1d: { segment: tier, moves: up, old: none, new: high }\n"
    )


def test_k_finds_a_test_by_the_segments_rules_and_templates_that_it_names(tmp_path: Path) -> None:
    file, _ = told(tmp_path, "0d: { rule: hello, subject: Hello }", "0d: { segment: active, moves: in }")
    assert file.words_of(file.tests[0]) == {"hello", "note", "active"}


def test_a_story_that_moves_the_clock_on_comes_out_as_one_with_days(tmp_path: Path) -> None:
    book = shop(tmp_path, ACTIVE + TIER, IN)
    lines = "      - now: visit\n      - advance: 1d\n      - now: { buy: { amount: 60 } }\n"
    story = STORY.replace("      - 0d: visit\n      - 1d: { buy: { amount: 60 } }\n", lines)
    path = tmp_path / "rules" / "story.test.yaml"
    path.write_text(story + "      - 0d: hello\n      - 1d: { segment: tier, new: high }\n", encoding="utf-8")
    file, findings = load_tests(path, load(tmp_path / "rules", inspect_templates(tmp_path / "templates")))
    assert file, findings
    assert run_test_file(file, JinjaRenderer(tmp_path / "templates", book))[0].passed
