"""A reviewer reads what a change of the rules will do to the customers who are there, and demands what must hold."""

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import redis

from engine.adapters.redis.embedded import EmbeddedServer
from engine.errors import UsageError
from engine.plan.classify import Kind, PlannedChange, classify, experiment_changes, policy_changes
from engine.plan.estimate import Size, Sums
from engine.plan.expectations import parse
from tests.support.backtests import write_lines
from tests.support.cdnow import PROJECT
from tests.support.command import Ran, engine
from tests.support.plans import JOURNEY, STORE, files, one_rule, purchases, side_in
from tests.support.project_files import write_project
from tests.support.referrals import FILES, HISTORY

ALL = Size(3, 3)


def kinds(tmp_path: Path, old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, Kind]:
    return {one.rule: one.kind for one in changes(tmp_path, old, new)}


def changes(tmp_path: Path, old: Mapping[str, str], new: Mapping[str, str]) -> list[PlannedChange]:
    sides = []
    for name, project in (("old", old), ("new", new)):
        folder = write_project(tmp_path / name, project)
        sides.append(side_in(folder))
    before, after = sides
    return classify(before.book, after.book, before.texts, after.texts)


OTHER_TEXT = "{% block subject %}Hello{% endblock %}{% block text %}Hello{% endblock %}\n"


@pytest.mark.parametrize(
    ("new", "kind"),
    [
        (files(f"# a comment\n{one_rule(more='why: because, ')}"), Kind.SAME),
        (files(one_rule(), **{"note.email.j2": OTHER_TEXT}), Kind.TEXT),
        (files(one_rule(more="if: events.purchase.count() >= 2, ")), Kind.GUARD),
        (files(one_rule(more="reentry: once, ")), Kind.GUARD),
        (files(one_rule(send="send: { template: note, expires: 2d }")), Kind.GUARD),
        (files(one_rule(when="inactivity: { of: purchase, for: 31d }")), Kind.REARMS),
        (files(one_rule(when="event: purchase")), Kind.KIND),
        (files(f"{JOURNEY} {{ id: again, send: note }}] }}\n"), Kind.STRUCTURE),
        (files(one_rule(id="other")), Kind.REMOVED),
        (files(one_rule(id="other", more="was: [come-back], ")), None),
    ],
)
def test_a_change_is_what_it_does_not_how_it_is_written(
    tmp_path: Path, new: Mapping[str, str], kind: Kind | None
) -> None:
    found = kinds(tmp_path, files(one_rule()), new)
    assert found.get("come-back") == kind
    assert found.get("other", Kind.SAME) is (Kind.NEW if kind is Kind.REMOVED else Kind.SAME)


@pytest.mark.parametrize(
    ("new", "like"),
    [(one_rule(id="other"), "come-back"), (one_rule(id="other", when="inactivity: { of: purchase, for: 31d }"), "")],
)
def test_a_new_rule_that_is_as_one_that_goes_is_offered_its_was(tmp_path: Path, new: str, like: str) -> None:
    other, _ = changes(tmp_path, files(one_rule()), files(new))
    assert other.like == like
    assert ("was: [come-back]" in other.meaning) is bool(like)


def test_another_wait_of_a_journey_is_another_structure_and_the_same_one_is_the_same(tmp_path: Path) -> None:
    journey = files(f"{JOURNEY} {{ id: again, send: note }}] }}\n")
    longer = {**journey, "rules.yaml": journey["rules.yaml"].replace("wait: 2d", "wait: 3d")}
    asked = {**journey, "rules.yaml": journey["rules.yaml"].replace("{ id: again,", "{ id: again, if: 1 < 2,")}
    assert kinds(tmp_path / "1", journey, journey) == {"come-back": Kind.SAME}
    assert kinds(tmp_path / "2", journey, longer) == {"come-back": Kind.STRUCTURE}
    assert kinds(tmp_path / "3", journey, asked) == {"come-back": Kind.GUARD}


def test_a_change_of_the_policy_is_named_by_its_field(tmp_path: Path) -> None:
    capped = files(one_rule(), **{"policy.yaml": PROJECT["policy.yaml"] + "caps: [{ limit: 1, per: 7d }]\n"})
    old, new = (write_project(tmp_path / name, one) for name, one in (("o", files(one_rule())), ("n", capped)))
    books = [side_in(one).book for one in (old, new)]
    assert policy_changes(books[0], books[1]) == ["caps"]
    assert policy_changes(books[0], books[0]) == []


TRIED = "experiments: [{ id: words, variants: { a: 50, b: 40, none: 10 }, goal: { event: purchase } }]\n"


@pytest.mark.parametrize(
    ("written", "replacement", "kinds"),
    [
        ("b: 40, none: 10", "b: 50", [("words", "guard")]),
        ("goal:", "among: profile.vip, goal:", [("words", "guard")]),
        ("goal:", "hypothesis: b reads better, goal:", []),
        (TRIED, "", [("words", "removed")]),
        ("id: words", "id: other", [("other", "new"), ("words", "removed")]),
    ],
)
def test_a_change_of_an_experiment_is_told_though_no_rule_reads_otherwise(
    tmp_path: Path, written: str, replacement: str, kinds: list[tuple[str, str]]
) -> None:
    profile = PROJECT["events.yaml"] + "profile: { vip: boolean }\n"
    books = []
    for name, tried in (("old", TRIED), ("new", TRIED.replace(written, replacement))):
        project = files(one_rule() + tried, **{"events.yaml": profile})
        folder = write_project(tmp_path / name, project)
        books.append(side_in(folder).book)
    assert [(one.rule, one.kind) for one in experiment_changes(*books)] == kinds
    assert experiment_changes(books[0], books[0]) == []


def sums(*pairs: tuple[int, int]) -> dict[str, Sums]:
    found = Sums()
    for old, new in pairs:
        found.add(old, new)
    return {"outreach": found}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("outreach < 2x", True),
        ("outreach < 1.5x", False),
        ("outreach <= 150%", True),
        ("outreach <= 149%", False),
        ("outreach <= 3", True),
        ("outreach<3", False),
        ("outreach >= 1x", True),
        ("outreach.absent < 2x", True),
        ("outreach.absent > 1", False),
        ("failed <= 0", True),
    ],
)
def test_an_expectation_compares_with_the_live_rules_or_with_a_number(text: str, holds: bool) -> None:
    assert parse(text).holds(sums((1, 1), (1, 1), (0, 1)), ALL) is holds


@pytest.mark.parametrize("text", ["outreach", "outreach < x", "mails < 2x", "outreach < 2y", "outreach == 2"])
def test_an_expectation_that_cannot_be_read_names_what_can(text: str) -> None:
    with pytest.raises(UsageError, match=r"outreach < 2x.*at_once"):
        parse(text)


@pytest.mark.parametrize("text", ["armed < 2x", "moved.come-back > 50%"])
def test_a_factor_of_what_the_live_rules_do_not_have_is_refused(text: str) -> None:
    """The first would fail with the first timer, and the second hold."""
    with pytest.raises(UsageError, match="a number, not a factor"):
        parse(text)


def test_a_small_sample_is_no_proof() -> None:
    """Three of 3,000 customers are looked at: none of them gets a message, and still many may."""
    assert not parse("outreach < 100").holds(sums((0, 0), (0, 0), (0, 0)), Size(3, 3_000))
    assert parse("outreach < 100").holds(sums((0, 0), (0, 0), (0, 0)), ALL)


def test_what_both_books_do_alike_makes_their_difference_no_less_sure() -> None:
    found = sums(*[(place % 7, place % 7 + (place % 50 == 0)) for place in range(1_000)])["outreach"]
    size = Size(1_000, 100_000)
    difference, total = found.difference(size), found.total_new(size)
    assert difference.value == 2_000
    assert difference.high - difference.low < (total.high - total.low) / 10
    assert total.low < total.value < total.high


@pytest.mark.parametrize("factor", [None, 1.0, 2.0], ids=["total", "difference", "difference to the double"])
def test_nineteen_of_twenty_intervals_contain_what_there_is(factor: float | None) -> None:
    chance, size = random.Random(3), Size(200, 2_000)
    people = [(chance.randrange(3), chance.randrange(3) if chance.random() < 0.3 else 0) for _ in range(2_000)]
    wanted = sum(new - (factor or 0) * old for old, new in people)
    drawn = [sums(*chance.sample(people, 200))["outreach"] for _ in range(400)]
    found = [one.total_new(size) if factor is None else one.difference(size, factor) for one in drawn]
    assert 0.92 < sum(one.low <= wanted <= one.high for one in found) / 400 < 0.98


def test_of_those_who_were_not_looked_at_some_may_get_less_though_nobody_does_who_was() -> None:
    same = sums((1, 1), (0, 0), (2, 2))["outreach"].difference(Size(3, 3_000))
    assert (same.low, same.value, same.high) == (-3_000, 0, 3_000)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with 280 customers, one purchase each in January, at the end of that month; ten are due every day."""
    folder = tmp_path_factory.mktemp("shop")
    write_project(folder, files(one_rule()))
    write_project(folder / "new", files(one_rule(when="inactivity: { of: purchase, for: 20d }")))
    events = sorted(purchases(280), key=lambda one: str(one["ts"]))
    write_lines(folder / "events.jsonl", events)
    ran = engine("replay", "events.jsonl", "--until", "2026-01-31", *STORE, folder=folder)
    assert ran.code == 0, ran.said
    return folder


def plan(folder: Path, *arguments: object) -> Ran:
    return engine("plan", "new", "--against", "rules", *STORE, *arguments, folder=folder)


def digest(folder: Path) -> dict[bytes, object]:
    """Every key of the store with its content."""
    with EmbeddedServer(folder / "data") as server, redis.Redis.from_url(server.url) as client:
        read: dict[bytes, Callable[[bytes], object]] = {
            b"hash": client.hgetall,
            b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"string": client.get,
        }
        return {key: read[client.type(key)](key) for key in client.keys("*")}


def test_a_plan_tells_what_is_due_and_writes_nothing(shop: Path) -> None:
    before = digest(shop)
    ran = plan(shop, "--days", 40, "--out", "plan.json")
    assert ran.code == 0, ran.said
    assert digest(shop) == before
    found = json.loads((shop / "plan.json").read_text())
    totals = {name: (one["old"], one["new"]) for name, one in found["sums"].items()}
    assert totals["outreach"] == (280, 280)
    assert totals["at_once"] == (0, 100), "those who bought until the 10th"
    assert totals["in_24h"] == (10, 110)
    assert totals["moved"] == (0, 180)
    assert found["size"] == {"looked_at": 280, "customers": 280}
    assert found["base"]["clock"] == "2026-01-31T00:00:00Z"
    assert "come-back re-arms timers are armed anew" in ran.said


def test_an_expectation_that_does_not_hold_is_an_exit_code_for_ci(shop: Path) -> None:
    assert plan(shop, "--expect", "outreach < 2x").code == 0
    ran = plan(shop, "--expect", "outreach < 2x", "--expect", "at_once <= 50")
    assert ran.code == 4
    assert "at_once <= 50 does not hold" in ran.said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("outreach.come-bak < 2x", "unknown rule 'come-bak'; did you mean 'come-back'?"),
        ("segment_moves.tier <= 5", "unknown segment 'tier'"),
        ("reached.come-back <= 5", "'reached' is counted for all rules together"),
    ],
)
def test_an_expectation_of_something_that_is_not_counted_is_refused(shop: Path, text: str, why: str) -> None:
    """It would hold for ever: nothing is less than twice nothing."""
    ran = plan(shop, "--expect", text)
    assert ran.code == 2
    assert f"--expect '{text}': {why}" in ran.err


def test_a_rule_with_another_name_is_compared_with_what_it_was(shop: Path) -> None:
    write_project(shop / "named", files(one_rule(id="other", more="was: [come-back], ")))
    named = "plan", "named", "--against", "rules", *STORE
    ran = engine(*named, "--expect", "outreach.other <= 1x", "--out", "named.json", folder=shop)
    assert ran.code == 0, ran.said
    found = json.loads((shop / "named.json").read_text())["sums"]
    assert {name: (one["old"], one["new"]) for name, one in found.items() if name.startswith("outreach")} == {
        "outreach": (280, 280),
        "outreach.other": (280, 280),
    }
    assert engine(*named, "--expect", "outreach.come-back <= 1x", folder=shop).code == 2, "it is called other now"


def test_a_sample_says_how_sure_it_is(shop: Path) -> None:
    ran = plan(shop, "--sample", 100, "--format", "json", "--days", 40)
    found = json.loads(ran.out)
    assert found["size"] == {"looked_at": 100, "customers": 280}
    told = Sums(**found["sums"]["at_once"]).total_new(Size(100, 280))
    assert told.low < told.value < told.high
    assert "a sample of 100, with 95 % intervals" in plan(shop, "--sample", 100).said


def test_a_pull_request_gets_markdown_and_a_page_that_loads_nothing(shop: Path) -> None:
    ran = plan(shop, "--format", "github", "--html", "plan.html", "--events", "events.jsonl")
    rows = (
        "| come-back | re-arms |",
        "| messages within 7 days | 70 | 170 | 100 |",
        "| customers who get any | 280 | 280 | 0 |",
        "| timers moved |  | 180 |  |",
        "| come-back | 0 | 180 | 0 | 100 |",
        "| come-back | 280 | 280 |",
    )
    assert [row for row in rows if row not in ran.out] == []
    assert "**The past.**" in ran.out
    page = (shop / "plan.html").read_text()
    assert "<svg" in page
    assert "<script" not in page


def test_messages_that_could_not_be_rendered_are_foreseen(shop: Path) -> None:
    """Each purchase is of 5."""
    text = "{% block subject %}{{ 1 / (event.amount - 5) }}{% endblock %}{% block text %}Hello{% endblock %}\n"
    write_project(shop / "broken", files(one_rule(), **{"note.email.j2": text}))
    ran = engine("plan", "broken", "--against", "rules", *STORE, "--format", "json", folder=shop)
    found = json.loads(ran.out)["sums"]
    assert (found["failed"]["old"], found["failed"]["new"], found["outreach"]["new"]) == (0, 280, 0)


def test_live_rules_that_are_not_those_of_the_store_are_noticed(shop: Path) -> None:
    ran = engine("plan", "rules", "--against", "new", *STORE, folder=shop)
    assert "are decided by other rules than --against names" in ran.said


def test_a_plan_without_customers_says_so(tmp_path: Path) -> None:
    folder = write_project(tmp_path, files(one_rule()))
    ran = engine("plan", "rules", "--against", "rules", "--store", "memory", folder=folder)
    assert ran.code == 0
    assert "the store has no customer" in ran.said


def test_a_plan_says_that_it_does_not_follow_events_for_other_customers(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FILES)
    ran = engine("plan", "rules", "--against", "rules", "--store", "memory", folder=folder)
    assert "the forecast leaves out what comes of events for other customers (referral)" in ran.said


def test_a_plan_follows_events_for_other_customers_through_the_past(tmp_path: Path) -> None:
    folder = write_project(tmp_path, FILES)
    without = FILES["rules.yaml"].replace("events.purchase.count() == 1", "events.purchase.count() == 2")
    write_project(tmp_path / "live", FILES | {"rules.yaml": without})
    events = write_lines(folder / "events.jsonl", [*HISTORY, HISTORY[0] | {"id": "4", "time": "2026-02-01T00:00:00Z"}])
    asked = "plan", "rules", "--against", "live/rules", *STORE
    assert engine("archive", events, "--to", "archive", folder=folder).code == 0
    for history in (events, "archive"):
        ran = engine(*asked, "--events", history, "--out", "plan.json", folder=folder)
        assert ran.code == 0, ran.said
        rules = json.loads((folder / "plan.json").read_text())["past"]["difference"]["rules"]
        assert rules["thanks"]["gained"] == 1


def test_a_plan_tells_what_to_mind_and_which_history_is_not_kept(shop: Path) -> None:
    asking = 'segments: [{ id: idle, if: events.purchase.count("60d") == 0 }]\n'
    more = 'if: events.purchase.count("90d") >= 2, '
    write_project(shop / "asks", files(one_rule(more=more) + asking))
    asks = "plan", "asks", "--against", "rules", *STORE, "--format"
    ran = engine(*asks, "github", folder=shop)
    assert ran.code == 0, ran.said
    unkept = "which is not kept yet: missing for customers with older events until its time has passed; `keep` in"
    assert f'| come-back | asks for events.purchase.count("90d"), {unkept} events.yaml keeps it ahead |' in ran.out
    assert f'| segment idle | asks for events.purchase.count("60d"), {unkept} events.yaml keeps it ahead |' in ran.out
    assert json.loads(engine(*asks, "json", folder=shop).out)["unkept"][0][0] == "rule come-back"
    assert "What to mind" not in plan(shop).said, "another length asks for nothing new"
