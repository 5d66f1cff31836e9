"""What operators see of coupons: the secret that is missing, the codes of a replay, and whose a code is."""

from pathlib import Path

import duckdb
import msgspec
import pytest

from engine.config import BadSetting, load_settings
from engine.core.coupons import TEST_SECRET
from engine.core.effects import effect_id
from engine.core.zones import iso
from engine.insight.archive import Archive, Outcome, Place, compact, decode_outcome, erase
from engine.insight.coupons import find_code
from engine.operate.checks import check_coupons
from engine.operate.findings import Level
from engine.plan.classify import OF_COUPONS, Kind, coupon_changes
from engine.testing import Project
from engine.wiring.coupons import live_secret
from engine.wiring.worker import rules_of
from tests.support.backtests import write_lines
from tests.support.command import engine, lines_of
from tests.support.coupons import RULES, shop

SECRET = "a secret of the shop, long enough"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return shop(tmp_path)


def test_a_worker_without_the_secret_does_not_start_where_messages_show_coupons(project: Project) -> None:
    with pytest.raises(BadSetting, match=r"ENGINE_COUPON_SECRET: must be set, as messages show coupons \(gift\)"):
        rules_of(load_settings(), project)


def test_a_worker_without_coupons_needs_no_secret(tmp_path: Path) -> None:
    plain = shop(tmp_path, texts={"gift": "Hello", "ends": "Hello"})
    assert rules_of(load_settings(), plain).book is plain.book


def test_a_secret_that_could_be_guessed_is_refused() -> None:
    with pytest.raises(BadSetting, match="ENGINE_COUPON_SECRET: needs at least 16 characters"):
        load_settings(coupon_secret="fifteen letters")


def test_no_worker_makes_codes_with_the_public_secret(project: Project) -> None:
    with pytest.raises(BadSetting, match="everybody knows"):
        live_secret(load_settings(coupon_secret=TEST_SECRET), project.book)


def test_the_check_before_a_start_says_what_is_missing(project: Project) -> None:
    (missing,) = check_coupons(load_settings(), project.book)
    (there,) = check_coupons(load_settings(coupon_secret=SECRET), project.book)
    assert (missing.level, there.level, there.says) == (Level.FAIL, Level.OK, "gift")
    assert "ENGINE_COUPON_SECRET must be set" in missing.says


def test_the_check_of_rules_notes_it_and_passes(project: Project, tmp_path: Path) -> None:
    ran = engine("check", folder=tmp_path)
    assert ran.code == 0, ran.said
    assert "note: where workers run, ENGINE_COUPON_SECRET must be set" in ran.said
    assert "note" not in engine("check", folder=tmp_path, env={"ENGINE_COUPON_SECRET": SECRET}).said
    assert engine("check", "--format", "json", folder=tmp_path).said == "[]"


def test_a_rule_test_passes_whose_customer_gets_a_code_with_the_last_message_only(tmp_path: Path) -> None:
    shop(tmp_path, texts={"gift": "Hello", "ends": "{{ coupons.gift }}"})
    story = "{ name: at the end, given: [{ 0d: came }], until: 30d, expect: [{ 0d: welcome }, { 11d: welcome }] }"
    (tmp_path / "rules/codes.test.yaml").write_text(f"version: 1\ntests: [{story}]\n", encoding="utf-8")
    ran = engine("test", folder=tmp_path)
    assert "1 passed" in ran.said, ran.said


EVENTS = [
    {"id": f"e-{n}", "type": "came", "customer": f"c-{n}", "time": f"2026-01-0{n}T00:00:00Z"} for n in range(1, 6)
]


@pytest.fixture
def replayed(project: Project, tmp_path: Path) -> Path:
    """An archive of what a replay with the secret decided, beside what it would have sent."""
    write_lines(tmp_path / "events.jsonl", EVENTS)
    files = "--out", "out.jsonl", "--outcomes", "outcomes.jsonl", "--until", "2026-02-01"
    ran = engine("replay", "events.jsonl", *files, folder=tmp_path, env={"ENGINE_COUPON_SECRET": SECRET})
    assert ran.code == 0, ran.said
    assert "ENGINE_COUPON_SECRET" not in ran.said
    assert engine("archive", "outcomes.jsonl", "--kind", "outcomes", folder=tmp_path).code == 0
    return tmp_path


def first_code(folder: Path) -> str:
    text: str = lines_of(folder / "out.jsonl")[0]["text"]
    return text.partition(" ")[0]


def test_a_replay_makes_the_codes_that_customers_have_and_says_when_it_cannot(replayed: Path, project: Project) -> None:
    coupon = project.book.catalog.coupons["gift"]
    outreach = lines_of(replayed / "out.jsonl")[0]
    assert first_code(replayed) != coupon.code(TEST_SECRET, outreach["id"])
    ran = engine("replay", "events.jsonl", "--out", "other.jsonl", "--until", "2026-02-01", folder=replayed)
    assert "the codes of coupons are made with a public secret and worth nothing" in ran.said
    assert first_code(replayed) not in (replayed / "other.jsonl").read_text()
    secret = {"ENGINE_COUPON_SECRET": SECRET}
    options = "--events", "events.jsonl", "--until", "2026-02-01"
    again = engine("backtest", "rules", *options, "--out", "b.jsonl", folder=replayed, env=secret)
    assert again.code == 0, again.said
    texts = [sorted(one["text"] for one in lines_of(replayed / name)) for name in ("b.jsonl", "out.jsonl")]
    assert texts[0] == texts[1]


def test_somebody_in_the_shop_learns_whose_a_code_is_however_it_was_typed(replayed: Path) -> None:
    code = first_code(replayed)
    typed = code.replace("-", " ").lower().replace("o", "0").replace("i", "1").replace("b", "8")
    ran = engine("coupons", "verify", typed, "archive", folder=replayed)
    assert ran.code == 0, ran.said
    assert ran.said.startswith(f"{code} (gift): expired at 2026-01-15T00:00:00Z; issued to c-1 at 2026-01-01T00:00:00Z")
    assert ran.said.endswith("by rule welcome/gift")
    (told,) = msgspec.json.decode(engine("coupons", "verify", code, "archive", "--json", folder=replayed).out)
    assert (told["customer"], told["step"], told["valid"]) == ("c-1", "gift", False)


def test_a_code_that_nobody_got_is_not_known(replayed: Path) -> None:
    ran = engine("coupons", "verify", "GIFT-AAAAAAAAAA", "archive", folder=replayed)
    assert ran.code == 1
    assert "no message has issued GIFT-AAAAAAAAAA" in ran.said
    assert "2026-01-1" in ran.said


def test_a_decision_that_a_crash_repeats_is_told_once_as_it_was_made_last(tmp_path: Path) -> None:
    with Archive.opened(tmp_path) as archive:
        for place, second in enumerate((5, 9, 7)):
            outcome = issued(second)
            archive.add_outcome(Place("engine.outcomes", 0, place), outcome.time, outcome)
        archive.commit()
    (found,) = find_code([tmp_path], "g-abc").issued
    assert iso(found.valid_until) == "2026-01-15T00:00:09Z"


def issued(second: int) -> Outcome:
    """The outcome of a message, decided in that second."""
    coupons = {"gift": {"code": "G-ABC", "valid_until": f"2026-01-15T00:00:0{second}Z"}}
    fields = {"id": f"o-{second}", "at": f"2026-01-01T00:00:0{second}Z", "customer": "ann", "rule": "welcome"}
    rest = {"occurrence": "1", "outcome": "fired", "outreach": "m-1", "coupons": coupons}
    return decode_outcome(msgspec.json.encode(fields | rest))


def test_archives_from_before_coupons_are_compacted_with_later_ones_and_lose_nothing(tmp_path: Path) -> None:
    with Archive.opened(tmp_path) as archive:
        archive.add_outcome(Place("engine.outcomes", 0, 0), 0, issued(5))
        archive.commit()
    (old,) = tmp_path.glob("kind=outcomes/day=*/*.parquet")
    with duckdb.connect() as connection:
        rows = f"read_parquet('{old}', hive_partitioning = false)"
        connection.execute(f"CREATE TABLE t AS SELECT * EXCLUDE (coupons) FROM {rows}")
        connection.execute(f"COPY t TO '{old}' (FORMAT parquet)")
    assert find_code([tmp_path], "G-ABC").issued == []
    with Archive.opened(tmp_path) as archive:
        archive.add_outcome(Place("engine.outcomes", 0, 1), 0, issued(9))
        archive.commit()
    assert compact(tmp_path) == 1
    assert len(find_code([tmp_path], "G-ABC").issued) == 1
    assert erase(tmp_path, ["ann"]) == 2
    assert find_code([tmp_path], "G-ABC").issued == []


def test_the_codes_of_a_customer_s_open_runs_are_shown_and_exported(project: Project, tmp_path: Path) -> None:
    write_lines(tmp_path / "events.jsonl", EVENTS)
    store = "--store", "embedded", "--data", tmp_path / "data"
    assert engine("replay", "events.jsonl", *store, "--out", "out.jsonl", folder=tmp_path).code == 0
    code = first_code(tmp_path)
    shown = engine("customer", "show", "c-1", *store, folder=tmp_path)
    assert f"{code} by welcome, valid until 2026-01-15T00:00:00Z" in shown.said
    assert "2026-01-01T00:00:00Z welcome/gift fired" in shown.said
    assert "runs welcome/gift.wait since 2026-01-01T00:00:00Z, goes on at 2026-01-12T00:00:00Z" in shown.said
    exported = msgspec.json.decode(engine("customer", "export", "c-1", *store, folder=tmp_path).out)
    assert [one["code"] for one in exported["coupons"]] == [code]


def test_a_preview_shows_a_code_that_nobody_could_use(project: Project, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text("{}")
    ran = engine("preview", "gift", "--data", "data.json", folder=tmp_path, env={"ENGINE_COUPON_SECRET": SECRET})
    coupon = project.book.catalog.coupons["gift"]
    run = effect_id("welcome", "preview", "preview")
    assert coupon.code(TEST_SECRET, run) in ran.said
    assert coupon.code(SECRET, run) not in ran.said


def test_subject_text_and_html_show_the_same_code_with_what_filters_make_of_it(tmp_path: Path) -> None:
    mail = (
        "{% set mine = coupons.gift %}{% block subject %}{{ mine }}{% endblock %}"
        "{% block text %}{{ coupons.gift.code | lower }} "
        "{{ mine.valid_until | date }}{{ ' for ' ~ mine }}{% endblock %}"
        "{% block html %}<b>{{ mine | upper }}</b>{% if mine.startswith('GIFT') %}!{% endif %}{% endblock %}"
    )
    project = shop(tmp_path, texts={"ends": "Hello"}, mails={"gift": mail})
    sim = project.simulator()
    sim.event("came", "0d")
    (one,) = sim.outreach
    code = one.subject
    assert one.text == f"{code.lower()} January 15, 2026 for {code}"
    assert one.html == f"<b>{code}</b>!"


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        ("", RULES, [("gift", Kind.NEW)]),
        (RULES, "", [("gift", Kind.REMOVED)]),
        (RULES, RULES, []),
        (RULES, RULES.replace("valid: 14d", "valid: 3d"), [("gift", Kind.TEXT)]),
        (RULES, RULES.replace("GIFT-", "G-"), [("gift", Kind.TEXT)]),
        (RULES, RULES.replace("id: gift", "id: present, was: [gift]"), []),
        (RULES, RULES.replace("id: gift", "id: present"), [("present", Kind.NEW), ("gift", Kind.REMOVED)]),
    ],
)
def test_a_plan_says_what_becomes_of_coupons(tmp_path: Path, old: str, new: str, kinds: list[tuple[str, Kind]]) -> None:
    none = RULES[: RULES.index("coupons")] + RULES[RULES.index("rules") :]
    plain = {"gift": "Hello", "ends": "Hello"}
    books = [shop(tmp_path / name, rules=rules or none, texts=plain).book for name, rules in (("a", old), ("b", new))]
    found = coupon_changes(*books)
    assert [(one.rule, one.kind) for one in found] == kinds
    assert all(OF_COUPONS[one.kind] for one in found)
