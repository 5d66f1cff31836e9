"""`engine test` in a project that `engine init` has just made: what it says, writes and leaves alone."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.support.command import REPOSITORY, engine

FAILING = """\
version: 1
rules: lifecycle.yaml  # only these

tests:
  # who signs up
  - name: in brackets
    start: 2026-03-02T10:00:00Z
    given:
      - 0d: { signup: { email: ada@example.com, email_opt_in: true } }
    expect: [{ 1d: welcome }, { 3d: win-back-news }]  # on one line
    until: 20d

  - name: in a block, with a quote
    start: 2026-03-02T10:00:00Z
    given:
      - 0d: { signup: { email: ada@example.com, email_opt_in: true } }
    expect:
    # the list
    - at: 0d
      rule: welcome
      subject: Good day
      text: "Hi there,"
    until: 20d

  - name: silence that is broken, with outcomes
    start: 2026-03-02T22:30:00Z
    given:
      - 0d: { signup: { email: ada@example.com, email_opt_in: true } }
    until: 20d
    expect: []
    outcomes:
      - 0d: { rule: welcome, outcome: deferred, until: 1d }
  - { name: all on one line, given: [{ 0d: site_visit }], until: 9d, expect: [{ 1d: welcome }] }  # the end
"""
UPDATED = """\
version: 1
rules: lifecycle.yaml  # only these

tests:
  # who signs up
  - name: in brackets
    start: 2026-03-02T10:00:00Z
    given:
      - 0d: { signup: { email: ada@example.com, email_opt_in: true } }
    expect:
      - 0d: { rule: welcome, subject: "Hello from Northfold" }  # on one line
    until: 20d

  - name: in a block, with a quote
    start: 2026-03-02T10:00:00Z
    given:
      - 0d: { signup: { email: ada@example.com, email_opt_in: true } }
    expect:
    # the list
    - 0d: { rule: welcome, subject: "Hello from Northfold", text: "Hi there," }
    until: 20d

  - name: silence that is broken, with outcomes
    start: 2026-03-02T22:30:00Z
    given:
      - 0d: { signup: { email: ada@example.com, email_opt_in: true } }
    until: 20d
    expect:
      - 8h30m: { rule: welcome, subject: "Hello from Northfold" }
    outcomes:
      - 0d: { rule: welcome, outcome: deferred, until: 8h30m }
      - 8h30m: { rule: welcome, outcome: fired }
  - { name: all on one line, given: [{ 0d: site_visit }], until: 9d, expect: [] }  # the end
"""


class TestTest:
    """`engine test`: what a failure says, and what it can write."""

    @pytest.fixture
    def failing(self, shop: Path) -> Path:
        path = shop / "rules/failing.test.yaml"
        path.write_text(FAILING)
        return path

    def test_a_failure_says_what_was_wanted_what_came_and_why(self, shop: Path, failing: Path) -> None:
        ran = engine("test", failing, folder=shop)
        assert ran.code == 1
        assert "FAIL rules/failing.test.yaml:6 in brackets" in ran.said.replace(str(shop) + "/", "")
        assert "- want 1d welcome - want 3d win-back-news + got 0d welcome" in ran.said
        assert "why 0d welcome fired: signup happened" in ran.said
        assert "why win-back-news: no purchase or site_visit is known of this customer" in ran.said
        assert "- want 0d welcome outcome: deferred until: 1d" in ran.said
        assert "+ got 0d welcome outcome: deferred until: 8h30m" in ran.said
        assert "0 passed, 4 failed" in ran.said

    def test_tests_are_chosen_by_name(self, shop: Path, failing: Path) -> None:
        assert "0 passed, 1 failed" in engine("test", "-k", "with a quote", folder=shop).said
        assert re.search(r"[1-9] passed, 0 failed", engine("test", "-k", "trial-ending", folder=shop).said), "a rule"
        ran = engine("test", "-k", "nobody wrote this", folder=shop)
        assert (ran.code, ran.err) == (
            2,
            "no test's name, rule, segment or template contains 'nobody wrote this'\n",
        )

    def test_programs_get_json_and_junit(self, shop: Path, failing: Path) -> None:
        failing.write_text(FAILING.replace("ada@example.com", '"\\u001b[31m"'))
        results = json.loads(engine("test", failing, "--json", "--junit", "out/junit.xml", folder=shop).out)
        assert [one["passed"] for one in results] == [False] * 4
        assert [one["line"] for one in results] == [6, 13, 25, 33]
        suite = ElementTree.parse(shop / "out/junit.xml").getroot()[0]
        assert (suite.get("tests"), suite.get("failures")) == ("4", "4")
        assert "want" in (suite[0][0].text or "")

    @pytest.mark.parametrize("form", ["{}", "\ufeff{}"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_update_writes_what_came_and_nothing_else(self, shop: Path, failing: Path, form: str, end: str) -> None:
        failing.write_bytes(form.format(FAILING).replace("\n", end).encode())
        ran = engine("test", "--update", folder=shop)
        assert (ran.code, ran.err) == (0, "updated rules/failing.test.yaml\n")
        assert failing.read_bytes().decode() == form.format(UPDATED).replace("\n", end)
        assert ", 0 failed" in engine("test", folder=shop).said
        assert engine("check", folder=shop).code == 0

    def test_update_gives_up_without_a_trace_on_what_it_cannot_write(self, shop: Path, failing: Path) -> None:
        text = FAILING.replace("expect: [{ 1d: welcome }, { 3d: win-back-news }]", "expect: &same [{ 1d: welcome }]")
        text = text.replace("expect: []", "expect: *same")
        failing.write_text(text)
        ran = engine("test", failing, "--update", folder=shop)
        assert ran.code == 1
        assert "cannot change; it is as it was" in ran.err
        assert failing.read_text() == text

    def test_pytest_collects_them_too(self, shop: Path, failing: Path) -> None:
        command = [sys.executable, "-m", "pytest", "--rule-tests", "-p", "engine.pytest_plugin", "-q", "rules"]
        environment = os.environ | {"PYTHONPATH": str(REPOSITORY), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        ran = subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 1
        assert "4 failed, 72 passed" in ran.stdout
        assert "Traceback" not in ran.stdout
        assert re.search(r"want +1d  welcome\n", ran.stdout)
        (shop / "rules/lifecycle.yaml").write_text("version: 1\nrules: 7\n")
        ran = subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 2
        assert "rules/lifecycle.yaml:2:8: error[wrong-type]" in ran.stdout
        assert "Traceback" not in ran.stdout
