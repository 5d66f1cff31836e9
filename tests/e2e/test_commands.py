"""Every command of the embedded product as a newcomer uses it, in a project that `engine init` has just made."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from engine.demo.generate import generated_events
from engine.wire.outreach_schema import SCHEMA_FILE
from tests.support.command import REPOSITORY, engine, lines_of, start, write_project

ADA: dict[str, Any] = {"email": "ada@example.com", "first_name": "Ada", "email_opt_in": True}
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


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A new project, and the events of a few customers of the demo beside it."""
    folder = tmp_path / "shop"
    assert engine("init", folder, folder=tmp_path).code == 0
    return folder


def event(type: str, time: str, customer: str = "ada", **properties: object) -> bytes:
    fields = {"id": f"{customer}-{type}-{time}", "type": type, "customer": customer, "time": time}
    return json.dumps({**fields, "properties": properties}).encode() + b"\n"


STORY = b"".join(
    [
        event("signup", "2026-03-02T10:00:00Z", **ADA),
        event("signup", "2026-03-02T22:30:00Z", "bob", **ADA),
        event("purchase", "2026-03-03T10:00:00Z", amount=20, currency="EUR"),
    ]
)


class TestInit:
    """`engine init` makes a project that works as it is."""

    def test_a_new_project_passes_its_own_checks_and_tests(self, shop: Path) -> None:
        assert re.match(r"ok \d+ rules in \d+ files", engine("check", folder=shop).out)
        assert re.search(r"^\d\d passed, 0 failed", engine("test", folder=shop).out)

    def test_editors_find_the_schema_that_each_file_names(self, shop: Path) -> None:
        for path in shop.glob("rules/*.yaml"):
            line = path.read_text().splitlines()[0]
            named = line.removeprefix("# yaml-language-server: $schema=")
            assert json.loads((path.parent / named).read_text())["$schema"], line

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
        assert "want 1d welcome want 3d win-back-news got 0d welcome" in ran.said
        assert "why 0d welcome fired: signup happened" in ran.said
        assert "why win-back-news: no purchase or site_visit is known of this customer" in ran.said
        assert "want 0d welcome outcome: deferred until: 1d" in ran.said
        assert "got 0d welcome outcome: deferred until: 8h30m" in ran.said
        assert "0 passed, 4 failed" in ran.said

    def test_tests_are_chosen_by_name(self, shop: Path, failing: Path) -> None:
        assert "0 passed, 1 failed" in engine("test", "-k", "with a quote", folder=shop).said
        ran = engine("test", "-k", "nobody wrote this", folder=shop)
        assert (ran.code, ran.err) == (1, "no test's name contains 'nobody wrote this'\n")

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
        assert "4 failed, 67 passed" in ran.stdout
        assert "Traceback" not in ran.stdout
        assert re.search(r"want +1d  welcome\n", ran.stdout)
        (shop / "rules/lifecycle.yaml").write_text("version: 1\nrules: 7\n")
        ran = subprocess.run(command, cwd=shop, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 2
        assert "rules/lifecycle.yaml:2:8: error[wrong-type]" in ran.stdout
        assert "Traceback" not in ran.stdout


class TestReplay:
    """`engine replay`: what goes in, what comes out."""

    def test_from_standard_input_to_standard_output(self, shop: Path) -> None:
        for story in (STORY, gzip.compress(STORY)):
            args = ("replay", "-", "--source", "shop.events", "--out", "-", "--until", "2026-03-03")
            ran = engine(*args, folder=shop, stdin=story)
            assert ran.code == 0
            assert [json.loads(line)["rule"] for line in ran.out.splitlines()] == ["welcome"]
            assert "outreach" in ran.err

    def test_an_outreach_has_all_that_a_sender_needs(self, shop: Path) -> None:
        (shop / "events.jsonl").write_bytes(STORY)
        engine("replay", "events.jsonl", "--out", "out.jsonl", folder=shop)
        sent = {(line["customer"], line["rule"]): line for line in lines_of(shop / "out.jsonl")}
        first, receipt = sent["ada", "welcome"], sent["ada", "receipt"]
        assert {name: first[name] for name in ("rule", "customer", "at", "channel", "purpose", "template", "to")} == {
            "rule": "welcome",
            "customer": "ada",
            "at": "2026-03-02T10:00:00Z",
            "channel": "email",
            "purpose": "marketing",
            "template": "welcome",
            "to": "ada@example.com",
        }
        assert first.keys() >= {"id", "occurrence", "subject", "text", "html", "revision"}
        assert "€20.00" in receipt["text"]

    def test_files_merge_by_time_whatever_their_formats(self, shop: Path) -> None:
        foreign = [
            {"event_id": "p-1", "customer_id": "ada", "type": "purchase", "ts": "2026-03-02T11:00:00Z", "amount": 5}
        ]
        (shop / "shop.jsonl").write_bytes(STORY)
        (shop / "cdnow.jsonl").write_text("".join(json.dumps(line) + "\n" for line in foreign))
        ran = engine("replay", "cdnow.jsonl", "shop.jsonl", "--outcomes", "-", folder=shop)
        outcomes = [json.loads(line) for line in ran.out.splitlines()]
        assert outcomes == sorted(outcomes, key=lambda one: one["at"])
        assert [one["at"] for one in outcomes if one["rule"] == "receipt"] == [
            "2026-03-02T11:00:00Z",
            "2026-03-03T10:00:00Z",
        ]

    def test_a_run_in_memory_begins_its_files_anew(self, shop: Path) -> None:
        (shop / "events.jsonl").write_bytes(STORY)
        for _ in range(2):
            engine("replay", "events.jsonl", "--out", "out.jsonl", "--outcomes", "outcomes.jsonl", folder=shop)
        assert len({line["id"] for line in lines_of(shop / "out.jsonl")}) == len(lines_of(shop / "out.jsonl")) > 2
        assert len({line["id"] for line in lines_of(shop / "outcomes.jsonl")}) == len(lines_of(shop / "outcomes.jsonl"))

    def test_the_summary_is_for_people_or_for_programs(self, shop: Path) -> None:
        story = STORY + STORY.splitlines(True)[-1] + event("moved_house", "2026-03-04T10:00:00Z") + b"rubbish\n"
        (shop / "events.jsonl").write_bytes(story)
        args = ("replay", "events.jsonl", "--until", "2026-03-20", "--dead-letters", "dead.jsonl")
        said = engine(*args, folder=shop).said
        assert re.search(r"rule fired deferred capped suppressed expired failed welcome 2 1 · · · ·", said)
        assert "outreach 2026-03 █ 2026-03" in said
        assert "1 repeated event counted once" in said
        assert "passed over: moved_house (1)" in said
        assert "1 record rejected, not-decodable; the first: events.jsonl#" in said
        assert "what was rejected is in dead.jsonl" in said
        data = json.loads(engine(*args, "--json", folder=shop).out)
        assert data["rules"]["welcome"] == {"deferred": 1, "fired": 2}
        assert (data["duplicates"], data["dead_letters"], data["undeclared"]) == (
            1,
            {"not-decodable": 1},
            {"moved_house": 1},
        )

    def test_it_needs_no_terminal_and_no_unicode(self, shop: Path) -> None:
        (shop / "events.jsonl").write_bytes(STORY)
        environment = {"PYTHONIOENCODING": "ascii", "TERM": "dumb", "COLUMNS": "40"}
        run = start(
            "replay", "events.jsonl", folder=shop, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
        )
        said, _ = run.communicate()
        assert run.returncode == 0
        assert b"3 events" in said

    def test_a_reader_that_has_read_enough_is_no_error(self, shop: Path) -> None:
        lines = b"".join(event("signup", "2026-03-02T10:00:00Z", f"c-{n}", **ADA) for n in range(500))
        (shop / "events.jsonl").write_bytes(lines)
        run = start("replay", "events.jsonl", "--out", "-", folder=shop, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert run.stdout
        assert run.stderr
        assert json.loads(run.stdout.readline())["rule"] == "welcome"
        run.stdout.close()
        assert b"Traceback" not in run.stderr.read()
        run.stderr.close()
        run.wait(60)


class TestExplain:
    """`engine explain`: armed, deferred, or nothing at all."""

    @pytest.fixture
    def replayed(self, shop: Path) -> Path:
        (shop / "events.jsonl").write_bytes(STORY)
        engine("replay", "events.jsonl", "--store", "embedded", "--until", "2026-03-03T12:00:00Z", folder=shop)
        return shop

    def test_what_a_customer_has_got_and_what_waits_for_them(self, replayed: Path) -> None:
        said = engine("explain", "ada", folder=replayed).said
        assert "ada at 2026-03-03T12:00:00Z: 1 purchase, 1 signup" in said
        assert "email='ada@example.com'" in said
        assert "welcome fired signup happened" in said
        assert "2026-03-17T10:00:00Z" in said
        data = json.loads(engine("explain", "ada", "win-back-news", "--json", folder=replayed).out)
        assert [rule["armed"] for rule in data["rules"]] == [["2026-03-17T10:00:00Z"]]
        assert data["events"] == {"signup": 1, "purchase": 1}
        assert [one["rule"] for one in json.loads(engine("explain", "ada", "--json", folder=replayed).out)["history"]]

    def test_what_quiet_hours_hold_back(self, shop: Path) -> None:
        (shop / "events.jsonl").write_bytes(STORY)
        args = ("explain", "bob", "welcome", "--events", "events.jsonl", "--until", "2026-03-03T00:00Z")
        assert "hours until 2026-03-03T07:00:00Z" in engine(*args, folder=shop).said
        data = json.loads(engine(*args, "--json", folder=shop).out)
        assert data["rules"][0]["deferred"] == ["2026-03-03T07:00:00Z"]
        assert data["history"][0]["outcome"] == "deferred"

    def test_until_may_have_an_offset(self, shop: Path) -> None:
        (shop / "events.jsonl").write_bytes(STORY)
        args = ("explain", "bob", "--json", "--events", "events.jsonl", "--until", "2026-03-03T08:00:00+01:00")
        assert json.loads(engine(*args, folder=shop).out)["clock"] == "2026-03-03T07:00:00Z"

    def test_a_customer_who_is_not_known_is_not_made_up(self, replayed: Path) -> None:
        for customer, said in (("eve", "the store has no customer 'eve'"), ("\udcff", "argument 2 (?) is not UTF-8")):
            ran = engine("explain", customer, folder=replayed)
            assert (ran.code, said in ran.err) == (1, True)
        ran = engine("explain", "ada", "win-bak", folder=replayed)
        assert (ran.code, "there is no rule win-bak; there are welcome" in ran.said) == (1, True)
        assert "the store is empty" in engine("explain", "ada", "--data", "other", folder=replayed).err


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

    def test_html_goes_to_a_browser(self, shop: Path) -> None:
        (shop / "ada.json").write_text("{}")
        args = ("preview", "welcome", "--data", "ada.json", "--html")
        run = start(*args, folder=shop, env={"BROWSER": "echo opens %s", "TMPDIR": str(shop)}, stdout=subprocess.PIPE)
        said = run.communicate()[0].decode()
        opened = Path(re.findall(r"^opens file://(.*)$", said, re.MULTILINE)[0])
        assert opened.parent == shop
        assert "<html" in opened.read_text()

    @pytest.mark.parametrize(
        ("args", "said"),
        [
            (["welcome"], "say whom to render it for"),
            (["welcome", "--data", "nothing.json"], "nothing.json: No such file"),
            (
                ["welcome", "--data", "list.json"],
                "list.json: expected an object with nothing but profile, event, events",
            ),
            (["welcome", "--data", "misspelt.json"], "expected an object with nothing but profile, event, events"),
            (["welcome", "--data", "rules/events.yaml"], "rules/events.yaml is not JSON"),
            (["welcom", "--data", "ada.json"], "template welcom: there is no file 'welcom.email.j2'"),
            (["../rules/events", "--data", "ada.json"], "there is no file"),
        ],
    )
    def test_what_cannot_be_shown_is_said(self, shop: Path, args: list[str], said: str) -> None:
        for name, text in {"ada": "{}", "list": "[]", "misspelt": '{"profil": {}}'}.items():
            (shop / f"{name}.json").write_text(text)
        ran = engine("preview", *args, folder=shop)
        assert (ran.code, said in ran.err) == (1, True), ran


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
        assert (ran.code, ran.err) == (1, "there is no schema rule; there are rules, events, policy, tests, outreach\n")


class TestDemo:
    """`engine demo`: real purchases through the example rules."""

    def test_it_writes_the_messages_and_a_page_of_them(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out/mine.txt").write_text("mine")
        assert engine("demo", folder=tmp_path).code == 0
        assert (tmp_path / "out/mine.txt").exists()
        sent = lines_of(tmp_path / "out/outreach.jsonl")
        assert len({one["id"] for one in sent}) == len(sent) > 10_000
        assert {one["rule"] for one in sent} >= {"welcome", "win-back-news", "loyal", "trial-ending"}
        page = (tmp_path / "out/index.html").read_text()
        assert "<html" in page
        assert "http://" not in page.replace("http://www.w3.org", "")

    def test_generated_events_say_that_they_are(self) -> None:
        assert all(one["properties"]["generated"] for one in generated_events())


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
