"""The other commands of the embedded product as a newcomer uses them, in a project that `engine init` has just made."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from engine.examples import EXAMPLES
from engine.wire.outreach_schema import SCHEMA_FILE
from tests.support.command import engine, start
from tests.support.newcomer import STORY
from tests.support.project_files import write_project


class TestInit:
    """`engine init` makes a project that works as it is."""

    @pytest.mark.parametrize("example", EXAMPLES)
    def test_a_new_project_passes_its_own_checks_and_tests(self, tmp_path: Path, example: str) -> None:
        assert engine("init", "new", "--example", example, folder=tmp_path).code == 0
        folder = tmp_path / "new"
        assert re.match(r"ok \d+ rules in \d+ files", engine("check", folder=folder).out)
        assert re.search(r"^\d\d passed, 0 failed", engine("test", folder=folder).out)
        self._editors_find_the_schema_that_each_file_names(folder)

    def _editors_find_the_schema_that_each_file_names(self, folder: Path) -> None:
        for path in folder.glob("rules/*.yaml"):
            line = path.read_text().splitlines()[0]
            named = line.removeprefix("# yaml-language-server: $schema=")
            assert json.loads((path.parent / named).read_text())["$schema"], line

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            (".", "Made a project in this folder. Next: engine check engine test"),
            ("../new", "Made a project in this folder. Next: engine check engine test"),
            ("shop", "Made a project in shop. Next: cd shop engine check engine test"),
            ("my [red] shop", "Made a project in my [red] shop. Next: cd 'my [red] shop' engine check engine test"),
        ],
    )
    def test_what_to_do_next_can_be_typed_as_it_is_said(self, tmp_path: Path, given: str, said: str) -> None:
        (tmp_path / "new").mkdir()
        assert engine("init", given, folder=tmp_path / "new").said == said

    def test_an_example_that_does_not_exist_is_named_and_nothing_is_made(self, tmp_path: Path) -> None:
        ran = engine("init", "new", "--example", "casino", folder=tmp_path)
        assert (ran.code, ran.err) == (2, "there is no example 'casino'; there are shop and loyalty\n")
        assert os.listdir(tmp_path) == []

    def test_no_customer_gets_into_git(self, shop: Path) -> None:
        engine("replay", "-", "--store", "embedded", "--out", "out/outreach.jsonl", folder=shop, stdin=STORY)
        assert (shop / ".engine-data").is_dir()
        subprocess.run(["git", "init", "--quiet"], cwd=shop, check=True)
        command = ["git", "ls-files", "--others", "--exclude-standard", "--directory"]
        seen = subprocess.run(command, cwd=shop, check=True, capture_output=True, text=True).stdout.split()
        assert sorted(seen) == [".gitignore", "rules/", "schemas/", "templates/"]

    def test_a_folder_with_something_in_it_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "mine.txt").write_text("mine")
        ran = engine("init", tmp_path, folder=tmp_path)
        assert (ran.code, os.listdir(tmp_path)) == (1, ["mine.txt"])
        assert "has mine.txt already" in ran.err

    def test_a_new_repository_takes_a_project_and_keeps_what_it_has(self, tmp_path: Path) -> None:
        subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
        (tmp_path / ".gitignore").write_text("*.pyc")
        for name in ("README.md", "LICENSE"):
            (tmp_path / name).write_text("mine")
        assert engine("init", ".", folder=tmp_path).code == 0
        assert (tmp_path / ".gitignore").read_text().splitlines()[::3] == ["*.pyc", "/out/"]
        assert (tmp_path / "README.md").read_text() == "mine"
        assert engine("check", folder=tmp_path).code == 0

    def test_a_template_that_does_not_exist_is_the_first_thing_a_preview_speaks_of(self, shop: Path) -> None:
        ran = engine("preview", "nosuch", folder=shop)
        assert (ran.code, ran.err) == (1, "template nosuch: there is no file 'nosuch.email.j2'\n")

    def test_a_replay_of_nothing_but_rejected_records_fails_and_says_why(self, shop: Path) -> None:
        wrong = b'{"id": "1", "type": "purchase", "customer": "c-1", "time": "2026-03-01"}\n'
        ran = engine("replay", "-", "--source", "shop.events", folder=shop, stdin=wrong)
        assert ran.code == 1
        assert "the reason of most is missing-property" in ran.err
        right = b'{"id": "2", "type": "site_visit", "customer": "c-1", "time": "2026-03-01T09:00:00Z"}\n'
        assert engine("replay", "-", "--source", "shop.events", folder=shop, stdin=wrong + right).code == 0


class TestCheck:
    """`engine check` in its formats, with its exit codes."""

    def test_warnings_alone_have_an_exit_code_of_their_own(self, shop: Path) -> None:
        (shop / "templates/unused.email.j2").write_text(
            "{% block subject %}x{% endblock %}{% block text %}y{% endblock %}"
        )
        ran = engine("check", folder=shop)
        assert ran.code == 3
        assert "templates/unused.email.j2:1:1: warning[unused-template]" in ran.said
        assert "1 warning" in ran.said
        assert engine("test", folder=shop).code == 0

    def test_all_errors_come_at_once_with_place_and_advice(self, shop: Path) -> None:
        rules = shop / "rules/lifecycle.yaml"
        rules.write_text(rules.read_text().replace(" for:", " fro:").replace("template: welcome", "template: welcom"))
        ran = engine("check", folder=shop)
        assert ran.code == 1
        assert ran.out.count("'fro' is not a field of inactivity") > 1
        assert "did you mean 'welcome'?" in ran.out
        assert re.search(r"^rules/lifecycle\.yaml:\d+:\d+: error\[unknown-field\]", ran.out, re.MULTILINE)
        found = json.loads(engine("check", "--format", "json", folder=shop).out)
        github = engine("check", "--format", "github", folder=shop).out.splitlines()
        assert len(found) == len(github) == ran.out.count(": error[")
        assert {one["file"] for one in found} >= {"rules/lifecycle.yaml"}
        assert all(re.match(r"::error file=rules/lifecycle.yaml,line=\d+,col=\d+", line) for line in github)

    def test_a_good_project_says_nothing_to_programs(self, shop: Path) -> None:
        assert json.loads(engine("check", "--format", "json", folder=shop).out) == []
        assert engine("check", "--format", "github", folder=shop).out == ""


class TestPreview:
    """`engine preview`: a template as a customer would see it."""

    def test_from_sample_data(self, shop: Path) -> None:
        (shop / "ada.json").write_text(json.dumps({"profile": {"first_name": "Ada [bold]"}}))
        ran = engine("preview", "welcome", "--data", "ada.json", folder=shop)
        assert ran.out.startswith("Subject: Hello from Northfold\n\nHi Ada [bold],")
        data = json.loads(engine("preview", "welcome", "--data", "ada.json", "--json", folder=shop).out)
        assert "<html" in data["html"]

    def test_for_a_customer_of_the_store(self, shop: Path) -> None:
        (shop / "events.jsonl").write_bytes(STORY)
        engine("replay", "events.jsonl", "--store", "embedded", folder=shop)
        assert "Hi Ada," in engine("preview", "welcome", "--customer", "ada", folder=shop).out

    def test_from_the_steps_that_were_sent_before(self, shop: Path) -> None:
        (shop / "templates" / "saturday_record.email.j2").write_text(
            "{% block subject %}Hello{% endblock %}"
            "{% block text %}{{ 'again' if steps.three_records.sent else 'first' }}{% endblock %}"
        )
        for steps, said in ((["three_records"], "again"), ([], "first")):
            (shop / "sent.json").write_text(json.dumps({"steps": steps}))
            assert said in engine("preview", "saturday_record", "--data", "sent.json", folder=shop).out

    def test_html_goes_to_a_browser(self, shop: Path) -> None:
        (shop / "ada.json").write_text("{}")
        args = ("preview", "welcome", "--data", "ada.json", "--html")
        run = start(*args, folder=shop, env={"BROWSER": "echo opens %s", "TMPDIR": str(shop)}, stdout=subprocess.PIPE)
        said = run.communicate()[0].decode()
        opened = Path(re.findall(r"^opens file://(.*)$", said, re.MULTILINE)[0])
        assert opened.parent == shop
        assert "<html" in opened.read_text()

    def test_a_template_of_one_channel_needs_no_channel(self, shop: Path) -> None:
        (shop / "alone.json").write_text("{}")
        (shop / "templates/desk.webhook.j2").write_text("{% block text %}Help wanted{% endblock %}")
        ran = engine("preview", "desk", "--data", "alone.json", folder=shop)
        assert (ran.code, ran.out) == (0, "Help wanted\n")

    @pytest.mark.parametrize(
        ("args", "code", "said"),
        [
            (["welcome"], 2, "say whom to render it for"),
            (["welcome", "--data", "nothing.json"], 1, "nothing.json: No such file"),
            (
                ["welcome", "--data", "list.json"],
                1,
                "list.json: expected an object with nothing but profile, event, events",
            ),
            (["welcome", "--data", "misspelt.json"], 1, "it has 'profil'; did you mean 'profile'?"),
            (["welcome", "--data", "rules/events.yaml"], 1, "rules/events.yaml is not JSON"),
            (
                ["welcom", "--data", "ada.json"],
                1,
                "template welcom: there is no file 'welcom.email.j2'; did you mean 'welcome'?",
            ),
            (["welcome.push", "--data", "ada.json"], 1, "there is no file 'welcome.push.j2'; there is welcome.email\n"),
            (["../rules/events", "--data", "ada.json"], 1, "there is no file"),
        ],
    )
    def test_what_cannot_be_shown_is_said(self, shop: Path, args: list[str], code: int, said: str) -> None:
        for name, text in {"ada": "{}", "list": "[]", "misspelt": '{"profil": {}}'}.items():
            (shop / f"{name}.json").write_text(text)
        ran = engine("preview", *args, folder=shop)
        assert (ran.code, said in ran.err) == (code, True), ran


class TestSchema:
    """`engine schema` prints what init and the wheel carry."""

    @pytest.mark.parametrize("name", ["rules", "events", "policy", "tests"])
    def test_each_kind_of_file_has_one(self, shop: Path, name: str) -> None:
        printed = engine("schema", name, folder=shop).out
        assert printed == (shop / f"schemas/{name}.schema.json").read_text()

    def test_whoever_reads_the_outreach_topic_can_have_its_schema(self, shop: Path) -> None:
        assert engine("schema", "outreach", folder=shop).out == SCHEMA_FILE.read_text()

    def test_an_unknown_kind_is_refused(self, shop: Path) -> None:
        ran = engine("schema", "rule", folder=shop)
        assert (ran.code, ran.err) == (2, "there is no schema rule; there are rules, events, policy, tests, outreach\n")


def test_what_is_no_command_is_a_usage_error(tmp_path: Path) -> None:
    for args in (["bogus"], ["replay"], ["check", "--nothing"], ["check", "--format", "xml"]):
        assert engine(*args, folder=tmp_path).code == 2


def test_without_a_project_the_first_step_is_named(tmp_path: Path) -> None:
    ran = engine("check", folder=tmp_path)
    assert ran.code == 1
    assert "there is no such rules folder" in ran.said


def test_help_shows_an_example_for_every_command(tmp_path: Path) -> None:
    commands = ("check", "test", "replay", "explain", "preview", "schema", "init", "demo")
    for name in commands:
        ran = engine(name, "--help", folder=tmp_path)
        assert (ran.code, f"Example: engine {name}" in ran.said) == (0, True), name


def test_a_project_may_live_anywhere(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "a b é", {})
    assert folder.parent == tmp_path
    engine("init", folder, folder=tmp_path)
    assert engine("check", "--rules", folder / "rules", "--templates", folder / "templates", folder=tmp_path).code == 0
