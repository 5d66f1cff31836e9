from pathlib import Path

import pytest

from engine.core.zones import iso
from engine.lang.diagnostics import Diagnostic
from engine.lang.rule_tests import Given, TestFile, load_tests
from tests.support.language import TESTS, codes, loaded

START = 1_772_445_600_000  # 2026-03-02T10:00:00Z
START_2026 = 1_767_225_600_000  # 2026-01-01T00:00:00Z
DAY = 86_400_000


def read_tests(folder: Path, text: str) -> tuple[TestFile | None, list[Diagnostic]]:
    path = folder / "lifecycle.test.yaml"
    path.write_text(text, encoding="utf-8")
    return load_tests(path, loaded(folder))


@pytest.fixture
def file(tmp_path: Path) -> TestFile:
    found, findings = read_tests(tmp_path, TESTS)
    assert findings == []
    assert found
    return found


def test_every_way_to_write_an_event_gives_an_event(file: TestFile) -> None:
    assert file.tests[0].given == (
        Given(START, START, "login", {}, "e-1"),
        Given(START + DAY, START + DAY, "purchase", {"amount": 20}, "e-2"),
        Given(START + 12 * DAY, START + 13 * DAY, "login", {}, "visit"),
        Given(START + 13 * DAY, START + 13 * DAY, "profile_updated", {"trial_ends_at": 1_775_001_600_000}, "e-4"),
        Given(START + 14 * DAY, START + 14 * DAY, "login", {}, "e-5"),
    )


def test_what_is_expected_names_only_what_matters(file: TestFile) -> None:
    test = file.tests[0]
    assert test.expect
    assert [(iso(each.at), each.rule) for each in test.expect] == [
        ("2026-03-28T10:00:00Z", "win-back"),
        ("2026-03-29T00:00:00Z", "win-back"),
        ("2026-03-29T10:00:00Z", "loyal"),
    ]
    assert test.expect[0].fields == {"subject": "We miss you", "moment": START + 25 * DAY, "occurrence": "10"}
    assert (test.expect[1].fields, test.outcomes) == ({}, ())


def test_times_in_the_profile_may_count_from_the_start(file: TestFile) -> None:
    test = file.tests[0]
    profile = {"email_opt_in": True, "trial_ends_at": START + 20 * DAY, "birthday": "1990-03-10"}
    assert (test.profile, test.customer, test.until) == (profile, "ada", START + 27 * DAY)


def test_a_test_knows_where_it_stands(file: TestFile) -> None:
    test = file.tests[0]
    assert test.expect
    assert (test.place.line, test.place.column, test.expect[2].place.line) == (4, 11, 18)
    place = file.document.place(("tests", 0, "outcomes"))
    assert file.document.text[place.start : place.end] == "[]"


def test_only_the_rules_of_the_named_file_are_under_test(tmp_path: Path) -> None:
    more = "version: 1\nrules:\n  - { id: hello, when: { event: login }, send: hello }\n"
    (tmp_path / "more.yaml").write_text(more, encoding="utf-8")
    some, _ = read_tests(tmp_path, TESTS)
    every, _ = read_tests(tmp_path, TESTS.replace("rules: lifecycle.yaml\n", ""))
    assert some
    assert every
    assert [len(file.book.rules) for file in (some, every)] == [7, 8]


def test_a_test_that_starts_nowhere_starts_with_the_year_2026(tmp_path: Path) -> None:
    found, _ = read_tests(tmp_path, "version: 1\ntests:\n  - { name: nothing happens, until: 1d, expect: [] }\n")
    assert found
    assert (iso(found.tests[0].start), found.tests[0].outcomes) == ("2026-01-01T00:00:00Z", None)


def test_a_file_with_errors_gives_no_tests(tmp_path: Path) -> None:
    found, findings = read_tests(
        tmp_path, TESTS.replace("rule: loyal", "rule: royal").replace("0d: login", "0d: logni")
    )
    assert found is None
    assert codes(findings) == ["unknown-event", "unknown-rule"]


STORY = """\
version: 1
tests:
  - name: a story that adds up no days
    given: [{}]
    until: 30d
    expect: []
"""


def story(folder: Path, *lines: str) -> TestFile:
    found, findings = read_tests(folder, STORY.format(", ".join(lines)))
    assert found, findings
    return found


def test_a_story_moves_the_clock_on_without_adding_up_its_days(tmp_path: Path) -> None:
    buy = "event: purchase, properties: { amount: 9 }"
    lines = ("now: login", "advance: 3d", "advance: 1d", f"{{ at: now, {buy} }}", "20d: login", f"{{ at: now, {buy} }}")
    assert [(given.at - START_2026, given.type) for given in story(tmp_path, *lines).tests[0].given] == [
        (0, "login"), (4 * DAY, "purchase"), (20 * DAY, "login"), (20 * DAY, "purchase")
    ]  # fmt: skip


def test_what_happened_before_the_clock_moved_on_arrives_late(tmp_path: Path) -> None:
    lines = (
        "1d: login",
        "advance: 4d",
        "2d: { purchase: { amount: 9 } }",
        "{ at: 3d, event: login, arrives: 6d }",
        "7d: login",
    )
    given = story(tmp_path, *lines).tests[0].given
    assert [(one.at - START_2026, one.arrives - START_2026) for one in given] == [
        (DAY, DAY), (2 * DAY, 5 * DAY), (3 * DAY, 6 * DAY), (7 * DAY, 7 * DAY)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("{ advance: 3d, event: login }", "unknown-field"),
        ("{ event: login, id: e-1 }", "missing-field"),
        ("{ at: 3d }", "missing-field"),
        ("advance: 0d", "bad-duration"),
        ("advance: now", "bad-duration"),
    ],
)
def test_a_line_is_an_event_or_time_that_passes(tmp_path: Path, line: str, code: str) -> None:
    found, findings = read_tests(tmp_path, STORY.format(line))
    assert (found, codes(findings)) == (None, [code])
