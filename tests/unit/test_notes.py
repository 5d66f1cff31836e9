"""What commands say beside their results: that a test passes by a failure alone, and that the rules have warnings."""

from pathlib import Path

import pytest

from tests.support.command import engine
from tests.support.project_files import write_project

TEST = """\
version: 1
tests:
  - name: who was here hears nothing
    profile: { name: Ada }
    given: [{ 0d: visit }]
    until: 1d
    expect: []
"""
FILES = {
    "events.yaml": "version: 1\nevents: { visit: { properties: { name: string }, profile: { name: name } } }\n",
    "rules.yaml": "version: 1\nrules: [{ id: hello, when: { event: visit }, send: hello }]\n",
    "hello.push.j2": "{% block text %}Hello {{ profile.name }}{% endblock %}",
    "hello.email.j2": "{% block subject %}Hi{% endblock %}{% block text %}Hello {{ profile.name }}{% endblock %}",
    "a.test.yaml": TEST.replace("    profile: { name: Ada }\n", ""),
    "b.test.yaml": TEST.replace("    profile: { name: Ada }\n", ""),
}
FAILED = "rules/a.test.yaml:3 hello failed: template hello: line 1: profile has no 'name'"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return write_project(tmp_path, FILES)


def test_a_customer_who_hears_nothing_as_the_message_failed_is_noted(shop: Path) -> None:
    ran = engine("test", folder=shop)
    assert ran.code == 0, ran.said
    assert f"note {FAILED}" in ran.out
    expected = FILES["a.test.yaml"] + "    outcomes: [{ 0d: { rule: hello, outcome: failed } }]\n"
    write_project(shop, {"a.test.yaml": expected})
    assert FAILED not in engine("test", "rules/a.test.yaml", folder=shop).said


def test_warnings_that_check_prints_take_one_line_of_every_other_command(shop: Path) -> None:
    assert "warning[unused-template]" in engine("check", folder=shop).out
    note = "note: `engine check` has 1 warning about rules: unused-template\n"
    assert engine("test", folder=shop).err == note
    assert engine("preview", "hello", folder=shop).err.startswith(note)
