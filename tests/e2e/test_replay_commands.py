"""`engine replay` and `engine explain` as a newcomer uses them, in a project that `engine init` has just made."""

import gzip
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.backtests import write_lines
from tests.support.command import engine, lines_of, start
from tests.support.newcomer import ADA, STORY, event
from tests.support.project_files import write_project
from tests.support.referrals import FILES, HISTORY


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

    def test_events_that_rules_make_for_the_customer_because_of_others(self, tmp_path: Path) -> None:
        folder = write_project(tmp_path, FILES)
        write_lines(folder / "events.jsonl", HISTORY)
        ran = engine("explain", "ada", "--events", "events.jsonl", "--until", "2026-01-30T00:00Z", folder=folder)
        assert "1 referral_succeeded, 1 signup" in ran.said
        assert "thanks fired referral_succeeded happened" in ran.said

    def test_until_may_have_an_offset(self, shop: Path) -> None:
        (shop / "events.jsonl").write_bytes(STORY)
        args = ("explain", "bob", "--json", "--events", "events.jsonl", "--until", "2026-03-03T08:00:00+01:00")
        assert json.loads(engine(*args, folder=shop).out)["clock"] == "2026-03-03T07:00:00Z"

    def test_a_customer_who_is_not_known_is_not_made_up(self, replayed: Path) -> None:
        for customer, code, said in (
            ("eve", 1, "the store has no customer 'eve'"),
            ("\udcff", 2, "argument 2 (?) is not UTF-8"),
        ):
            ran = engine("explain", customer, folder=replayed)
            assert (ran.code, said in ran.err) == (code, True)
        ran = engine("explain", "ada", "win-bak", folder=replayed)
        assert (ran.code, "there is no rule win-bak; there are welcome" in ran.said) == (2, True)
        assert "the store is empty" in engine("explain", "ada", "--data", "other", folder=replayed).err
