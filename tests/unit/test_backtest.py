"""A marketer sees what rules would have sent, and who gains and loses a message by a change, before it is made."""

import gzip
import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.backtest.history import Prepared
from engine.backtest.reader import Reader
from engine.demo.generate import generated_events
from engine.errors import UsageError
from engine.wiring.rule_folders import rules_in
from tests.support.backtests import Lines, backtested, disturbed, replayed, write_lines
from tests.support.cdnow import PROJECT
from tests.support.command import REPOSITORY, engine, shared_data
from tests.support.examples import is_chosen, so_many
from tests.support.job import make_job, project
from tests.support.project_files import write_project
from tests.support.referrals import FILES, HISTORY as REFERRALS
from tests.support.shop_history import FILE as CDNOW_SAMPLE

DETAILED = PROJECT | {
    "note.email.j2": "{% block subject %}{{ rule.id }} {{ events.purchase.count() }}{% endblock %}"
    "{% block text %}{{ outreach.customer }} {{ outreach.moment | date }}{% endblock %}\n"
}
"""With texts that show at what moment, and of how many events, a message was rendered."""


def cdnow(number: int = 3_000) -> list[Mapping[str, Any]]:
    with gzip.open(CDNOW_SAMPLE, "rt") as lines:
        return [json.loads(line) for line, _ in zip(lines, range(number), strict=False)]


def with_lateness(files: Mapping[str, str], hours: int) -> dict[str, str]:
    return {**files, "policy.yaml": f"{files['policy.yaml']}allowed_lateness: {hours}h\n"}


def same(folder: Path, events: Path, *options: object) -> Lines:
    wanted = replayed(folder, events, *options)
    assert backtested(folder, events, *options) == wanted
    assert wanted.outreach
    return wanted


def same_of_both(folder: Path, one: Path, other: Path, *options: object) -> Lines:
    wanted = replayed(folder, one, other, *options)
    assert backtested(folder, one, "--events", other, *options) == wanted
    assert wanted.outreach
    return wanted


@pytest.mark.parametrize("hours", [0, 6])
def test_a_year_of_real_purchases_a_tenth_late_and_a_tenth_twice_gives_what_a_replay_gives(
    tmp_path: Path, hours: int
) -> None:
    folder = write_project(tmp_path, with_lateness(DETAILED, hours))
    events = write_lines(folder / "events.jsonl", disturbed(cdnow(so_many(3_000)), "ts", days=20))
    wanted = same(folder, events, "--until", "1998-06-30")
    assert backtested(folder, events, "--until", "1998-06-30", processes=1) == wanted


def test_the_example_rules_with_their_journeys_give_what_a_replay_gives(tmp_path: Path) -> None:
    for name in ("rules", "templates"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    bought = write_lines(tmp_path / "purchases.jsonl", disturbed(cdnow(200), "ts", days=20))
    done = write_lines(tmp_path / "generated.jsonl", disturbed(generated_events()[:450], "time", days=20))
    wanted = same_of_both(tmp_path, bought, done, "--until", "1997-04-01")
    assert any(b"first-record" in line for line in wanted.outreach), "the journey takes part"
    lines = (tmp_path / "b.o").read_bytes().splitlines()
    assert sorted(lines) == wanted.outreach, "each message is there once"


def test_the_benchmark_job_gives_what_a_replay_gives_also_without_until(tmp_path: Path) -> None:
    folder = write_project(tmp_path, project("events"))
    same(folder, write_lines(folder / "events.jsonl", disturbed(make_job(3_000, 300).events, "time", days=3)))


def test_a_value_that_no_state_can_keep_fails_its_event_as_in_a_replay(tmp_path: Path) -> None:
    files = project("events")
    kept = files["events.yaml"].replace("order: string } }", "order: string }, profile: all }")
    folder = write_project(tmp_path, files | {"events.yaml": kept})
    bought = [one for one in make_job(3_000, 300).events if one["type"] == "purchase"]
    for place, amount in enumerate([10**30, 10**20, 2**64, 2**64 - 1, -(10**19), 10**13 - 1]):
        bought[50 * place] = {**bought[50 * place], "properties": {"points": amount}}
    same(folder, events := write_lines(folder / "events.jsonl", bought))
    assert summary(folder, "rules", "--events", events)["undecidable"] == 4
    (made,) = (folder / "events.jsonl.backtest").iterdir()
    reader, manifest = Reader(Prepared(made), None), Prepared(made).manifest()
    assert manifest is not None
    small = [each.small for piece in manifest.pieces for each in reader.customers(piece)]
    reader.close()
    assert len(small) - 5 <= sum(small) < len(small)


def test_an_until_within_the_history_ends_it_where_a_replay_ends_it(tmp_path: Path) -> None:
    folder = write_project(tmp_path, DETAILED)
    events = write_lines(folder / "events.jsonl", disturbed(cdnow(1_000), "ts", days=20))
    same(folder, events, "--until", "1997-01-05T12:00:00Z")


def test_several_files_are_merged_as_a_replay_merges_them(tmp_path: Path) -> None:
    folder, purchases = write_project(tmp_path, DETAILED), disturbed(cdnow(1_000), "ts", days=20)
    one, other = (write_lines(folder / f"{name}.jsonl", purchases[name::2]) for name in (0, 1))
    same_of_both(folder, one, other)


def test_an_archive_gives_what_its_events_give(tmp_path: Path) -> None:
    folder = write_project(tmp_path, DETAILED)
    events = write_lines(folder / "events.jsonl", disturbed(cdnow(1_000), "ts", days=20))
    assert engine("archive", events, "--to", "archive", folder=folder).code == 0
    wanted = replayed(folder, events, "--until", "1997-06-01")
    assert backtested(folder, folder / "archive", "--until", "1997-06-01") == wanted


@pytest.mark.parametrize("name", ["cdnow.jsonl.gz", "online_retail.jsonl.gz"])
def test_whole_shops_give_what_a_replay_gives(tmp_path: Path, name: str) -> None:
    folder = write_project(tmp_path, DETAILED)
    with gzip.open(shared_data(name), "rt") as lines:
        events = [event for event in map(json.loads, lines) if is_chosen(event["customer_id"])]
    same(folder, write_lines(folder / "events.jsonl", events))


def summary(folder: Path, *arguments: object) -> dict[str, Any]:
    ran = engine("backtest", *arguments, "--json", folder=folder)
    assert ran.code == 0, ran.said
    found: dict[str, Any] = json.loads(ran.out)
    return found


def shop(folder: Path, idle: str = "30d", more: Sequence[str] = (), **files: str) -> Path:
    """A project with one rule, and more lines of it."""
    rule = f"  - {{ id: come-back, when: {{ inactivity: {{ of: purchase, for: {idle} }} }}, send: note }}"
    rules = "\n".join(["version: 1", "rules:", rule, *more])
    return write_project(folder, {**PROJECT, "rules.yaml": rules} | files)


def bought(*days: tuple[str, str]) -> list[dict[str, Any]]:
    """Purchases (customer, day)."""
    return [
        {"event_id": f"e{place}", "customer_id": customer, "type": "purchase", "ts": f"{day}T10:00:00Z", "amount": 5}
        for place, (customer, day) in enumerate(days)
    ]


HISTORY = bought(("ann", "2026-01-01"), ("bob", "2026-01-01"), ("ann", "2026-02-15"), ("cid", "2026-03-20"))

WORDED = bought(("zoe", "2026-03-20"))[0] | {"event_id": "w", "amount": "five"}


def test_the_author_sees_who_gains_and_who_loses_a_message_and_why(tmp_path: Path) -> None:
    old, new = shop(tmp_path / "old"), shop(tmp_path / "new", idle="60d")
    events = write_lines(tmp_path / "events.jsonl", HISTORY)
    found = summary(tmp_path, new, "--events", events, "--against", old, "--until", "2026-03-20T23:00:00Z")
    assert (found["outreach"], found["against"]["outreach"]) == (1, 3)
    change = found["difference"]["rules"]["come-back"]
    assert change == {"kept": 0, "gained": 0, "lost": 2, "moved": 1, "rewritten": 0}
    assert found["difference"]["customers"] == {"lose": 1, "change only": 1}
    why = {(one["kind"], one["customer"]): one["why"] for one in found["difference"]["examples"]}
    assert why["moved", "bob"] == "was decided 2026-01-31T10:00:00Z"
    assert why["lost", "ann"] == "the rule does not come true in the new rules"


def test_a_message_that_a_cap_now_stops_names_the_cap(tmp_path: Path) -> None:
    capped = PROJECT["policy.yaml"] + "caps: [{ limit: 1, per: 90d }]\n"
    old, new = shop(tmp_path / "old"), shop(tmp_path / "new", **{"policy.yaml": capped})
    events = write_lines(tmp_path / "events.jsonl", HISTORY)
    found = summary(tmp_path, new, "--events", events, "--against", old, "--until", "2026-03-20T23:00:00Z")
    lost = [one for one in found["difference"]["examples"] if one["kind"] == "lost"]
    assert [(one["customer"], one["why"]) for one in lost] == [("ann", "capped: cap of 1 per 90d is reached")]
    assert found["rules"]["come-back"]["outcomes"] == {"capped": 1, "fired": 2}


def test_a_new_text_and_a_renamed_rule_change_nobody_s_messages_but_their_text(tmp_path: Path) -> None:
    text = "{% block subject %}Come back{% endblock %}{% block text %}Please{% endblock %}\n"
    old, new = shop(tmp_path / "old"), tmp_path / "new"
    rules = "version: 1\nrules:\n  - { id: win-back, was: [come-back], send: note,\n"
    rules += "      when: { inactivity: { of: purchase, for: 30d } } }\n"
    write_project(new, PROJECT | {"rules.yaml": rules, "note.email.j2": text})
    events = write_lines(tmp_path / "events.jsonl", HISTORY)
    found = summary(tmp_path, new, "--events", events, "--against", old, "--until", "2026-03-20T23:00:00Z")
    assert found["difference"]["rules"]["win-back"] == {"kept": 0, "gained": 0, "lost": 0, "moved": 0, "rewritten": 3}
    assert found["difference"]["examples"][0]["why"] == "was: come-back"


def test_a_rule_that_was_renamed_without_a_word_is_offered_its_was(tmp_path: Path) -> None:
    old, new = shop(tmp_path / "old"), shop(tmp_path / "new")
    rules = (new / "rules/rules.yaml").read_text()
    write_project(new, {"rules.yaml": rules.replace("id: come-back", "id: win-back")})
    events = write_lines(tmp_path / "events.jsonl", HISTORY)
    ran = engine("backtest", new, "--events", events, "--against", old, folder=tmp_path)
    assert "note: if win-back is come-back renamed, write was: [come-back]" in ran.said
    assert "renamed" not in engine("backtest", old, "--events", events, "--against", old, folder=tmp_path).said


def test_books_whose_events_differ_each_see_their_own(tmp_path: Path) -> None:
    strict = PROJECT["events.yaml"].replace("amount: number", "amount: { type: string, required: true }")
    old, new = shop(tmp_path / "old"), shop(tmp_path / "new", **{"events.yaml": strict})
    events = write_lines(tmp_path / "events.jsonl", [*HISTORY, WORDED])
    found = summary(tmp_path, new, "--events", events, "--against", old, "--until", "2026-03-20T23:00:00Z")
    assert (found["outreach"], found["against"]["outreach"]) == (0, 3)
    assert found["dead_letters"] == {"wrong-type": 4}


def test_a_history_is_sorted_once_and_again_when_it_has_changed(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    events = write_lines(folder / "events.jsonl", HISTORY)
    assert summary(folder, "rules", "--events", events)["events"] == 4
    (made,) = (folder / "events.jsonl.backtest").iterdir()
    before = made.stat().st_mtime_ns
    summary(folder, "rules", "--events", events)
    assert made.stat().st_mtime_ns == before
    write_lines(events, [*HISTORY, *bought(("dan", "2026-03-21"))])
    assert summary(folder, "rules", "--events", events)["customers"] == 4


def test_days_are_those_of_the_policy_s_zone(tmp_path: Path) -> None:
    policy = PROJECT["policy.yaml"] + "zone: Asia/Tokyo\n"
    folder = shop(tmp_path, **{"policy.yaml": policy})
    late = [one | {"ts": one["ts"].replace("T10", "T20")} for one in HISTORY]
    events = write_lines(folder / "events.jsonl", late)
    found = summary(folder, "rules", "--events", events, "--until", "2026-02-10")
    assert found["rules"]["come-back"]["days"] == {"2026-02-01": 2}


def test_the_page_is_one_file_that_loads_nothing(tmp_path: Path) -> None:
    old, new = shop(tmp_path / "old"), shop(tmp_path / "new", idle="60d")
    events = write_lines(tmp_path / "events.jsonl", HISTORY)
    ran = engine("backtest", new, "--events", events, "--against", old, "--html", "change.html", folder=tmp_path)
    assert ran.code == 0, ran.said
    page = (tmp_path / "change.html").read_text()
    assert "<svg" in page
    assert "come-back" in page
    assert not re.search(r"""(src|href)=|@import|url\(|<script""", page)


def test_a_terminal_shows_the_table_the_change_and_examples(tmp_path: Path) -> None:
    old, new = shop(tmp_path / "old"), shop(tmp_path / "new", idle="60d")
    events = write_lines(tmp_path / "events.jsonl", HISTORY)
    ran = engine("backtest", new, "--events", events, "--against", old, folder=tmp_path)
    assert "lost come-back, ann, 2026-01-31T10:00:00Z: the rule does not come true in the new rules" in ran.said
    assert "4 events" in ran.said


def test_a_terminal_of_80_columns_shows_each_reason_below_its_example(tmp_path: Path) -> None:
    capped = PROJECT["policy.yaml"] + "caps: [{ limit: 1, per: 90d }]\n"
    old, new = shop(tmp_path / "old", **{"policy.yaml": capped}), shop(tmp_path / "new")
    events = write_lines(tmp_path / "events.jsonl", HISTORY)
    ran = engine("backtest", new, "--events", events, "--against", old, folder=tmp_path, env={"COLUMNS": "80"})
    assert "  gained come-back, ann, " in ran.out
    assert "\n    with the old rules capped: cap of 1 per 90d is reached" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_records_that_cannot_be_used_are_told_and_a_history_of_nothing_else_is_an_error(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    events = write_lines(folder / "events.jsonl", [{"type": "purchase"}, *HISTORY])
    ran = engine("backtest", "rules", "--events", events, folder=folder)
    assert (ran.code, "1 record rejected, missing-time" in ran.said) == (0, True), ran.said
    ran = engine("backtest", "rules", "--events", write_lines(events, [{"type": "purchase"}]), folder=folder)
    assert ran.code == 1
    assert "no record could be used" in ran.said


def test_an_empty_history_sends_nothing(tmp_path: Path) -> None:
    folder = shop(tmp_path)
    assert summary(folder, "rules", "--events", write_lines(folder / "none.jsonl", []))["outreach"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("--events", "absent.jsonl"), 1, "there is no such file"),
        (("--events", "events.jsonl", "--events", "."), 2, "archives and files"),
        (("--events", "."), 1, "is no archive"),
    ],
)
def test_a_history_that_is_not_there_is_named(tmp_path: Path, arguments: Sequence[str], code: int, said: str) -> None:
    folder = shop(tmp_path)
    write_lines(folder / "events.jsonl", HISTORY)
    ran = engine("backtest", "rules", *arguments, folder=folder)
    assert ran.code == code
    assert said in ran.said


def test_who_is_thanked_for_a_friend_is_found_out_where_rules_make_events_for_others(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FILES)
    alone = FILES["rules.yaml"].replace("to: profile.referred_by, ", "")
    write_project(tmp_path / "without", FILES | {"rules.yaml": alone})
    events = write_lines(folder / "events.jsonl", [*REFERRALS, REFERRALS[2]])
    until = "--until", "2026-02-01"
    wanted = same(folder, events, *until)
    assert [json.loads(line)["customer"] for line in wanted.outreach] == ["ada"]
    found = summary(folder, "rules", "--events", events, "--against", "without/rules", *until)
    assert (found["outreach"], found["against"]["outreach"], found["duplicates"]) == (1, 1, 1)
    gained = {(one["kind"], one["customer"]) for one in found["difference"]["examples"]}
    assert gained == {("gained", "ada"), ("lost", "bob")}


def test_who_names_a_folder_that_there_is_not_is_told_which(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        rules_in(tmp_path / "rulse", None)
