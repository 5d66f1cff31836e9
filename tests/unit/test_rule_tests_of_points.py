"""Rule tests may say how a customer's points stand at some moments."""

from pathlib import Path

from engine.lang.project import load
from engine.lang.rule_tests import TestFile, load_tests
from engine.render import JinjaRenderer
from engine.testing import TestResult, run_test_file
from engine.testing.update import updated_text
from tests.support import rule_tests
from tests.support.points_shop import STARS, TOLD, shop

STORY = """\
version: 1
tests:
  - name: a refund takes back what its order has earned
    given:
      - 0d: { buy: { amount: 60, order_id: o-1 } }
      - 20d: { refund: { amount: 20, order_id: o-1 } }
      - 21d: { buy: { amount: 60, order_id: o-2 } }
    until: 30d
    points:
"""


def told(folder: Path, *expected: str) -> tuple[TestFile, TestResult]:
    shop(folder, STARS, TOLD)
    return rule_tests.told(folder, STORY, expected)


def test_points_are_looked_at_on_the_way(tmp_path: Path) -> None:
    _, result = told(
        tmp_path,
        "0d: { stars: { balance: 0, pending: 60 } }",
        "14d: { stars: 60 }",
        "13d: { stars: { balance: 0, expires_at: 0 } }",
        "20d: { stars: { balance: 40, earned: 40, expires_at: 2027-02-01T00:00:00Z, expiring: 40 } }",
        "{ at: 25d, points: { stars: { pending: 60 } } }",
    )
    assert result.passed, result.problems


def test_a_failure_shows_what_is_wanted_and_what_there_is(tmp_path: Path) -> None:
    _, result = told(tmp_path, "14d: { stars: 60 }", "20d: { stars: { balance: 60, expires_at: 400d } }")
    assert result.problems[:2] == [
        "  want       20d  points stars  balance: 60  expires_at: 400d",
        "  got        20d  points stars  balance: 40  expires_at: 396d",
    ]


def test_the_update_writes_how_they_stand(tmp_path: Path) -> None:
    file, result = told(tmp_path, "14d: { stars: 50 }", "20d: { stars: { balance: 60, expires_at: 400d } }")
    text = updated_text(file, [result])
    assert "- 14d: { stars: { balance: 60 } }" in text
    assert "- 20d: { stars: { balance: 40, expires_at: 396d } }" in text
    file.path.write_text(text, encoding="utf-8")
    again, _ = load_tests(file.path, load(file.path.parent, None))
    assert again
    assert run_test_file(again, JinjaRenderer(tmp_path / "templates", again.book))[0].passed


def test_unknown_points_are_told_where_they_stand(tmp_path: Path) -> None:
    shop(tmp_path, STARS, TOLD)
    path = tmp_path / "rules" / "story.test.yaml"
    path.write_text(STORY + "      - 14d: { star: 60 }\n", encoding="utf-8")
    _, findings = load_tests(path, load(tmp_path / "rules", None))
    assert [(one.code, one.line, one.column) for one in findings] == [("unknown-points", 10, 16)]
