"""Who is on an audience list: nobody who could get no message. And how addresses are written: as platforms want."""

import csv
import hashlib
import io
import stat
from pathlib import Path
from typing import Any

import pytest
import redis

from engine.adapters.redis.embedded import EmbeddedServer
from engine.operate.ad_platforms import FORMS, hashed, plain_mail
from engine.wire.addresses import e164
from tests.support.backtests import write_lines
from tests.support.cdnow import TEMPLATE
from tests.support.command import Ran, engine
from tests.support.project_files import write_project

EVENTS = """\
version: 1
events:
  told: { profile: all }
  purchase: { properties: { amount: number } }
profile: { email: string, phone: string, email_ok: boolean, sms_ok: boolean, blocked: boolean, ads_ok: boolean }
"""
RULES = """\
version: 1
segments:
  - { id: vip, if: events.purchase.count("30d") >= 1 }
  - id: tier
    levels:
      silver: events.purchase.sum("amount") >= 10
      gold: events.purchase.sum("amount") >= 100
rules:
  - { id: thanks, when: { event: purchase }, send: note }
  - { id: by-text, when: { event: purchase }, send: { template: note, channel: sms } }
  - { id: ads, when: { event: purchase }, purpose: ads, send: note }
"""
POLICY = """\
version: 1
fresh_for: off
addresses: { email: profile.email, sms: profile.phone }
suppress: { all: profile.blocked }
consent: { marketing: { email: profile.email_ok, sms: profile.sms_ok }, ads: profile.ads_ok }
"""
TEXT = "{% block text %}Dear customer{% endblock %}\n"
PROJECT = {
    "events.yaml": EVENTS, "rules.yaml": RULES, "policy.yaml": POLICY, "note.email.j2": TEMPLATE, "note.sms.j2": TEXT,
}  # fmt: skip
BOTH = {"email_ok": True, "sms_ok": True}
PEOPLE: dict[str, dict[str, Any]] = {
    "ann": {"email": " Ann@Shop.Example ", "phone": "+49 (0)170 123-45 67", **BOTH},
    "bob": {"email": "bob@shop.example", "phone": "0170 7654321", **BOTH},
    "cid": {"email": "cid@shop.example", "phone": "+491702222222", "email_ok": True, "sms_ok": False},
    "dan": {"email": "dan@shop.example", "phone": "+491703333333"},
    "eve": {"email": "eve@shop.example", **BOTH, "blocked": True},
    "fay": BOTH,
    "gus": {"email": "gus@shop.example", **BOTH},
    "hal": {"email": "hal@shop.example", **BOTH},
    "ivy": {"email": "GUS@shop.example", **BOTH},
}
"""Of these only hal has bought nothing for a month."""


class Desk:
    """A shop's store, and the commands that somebody runs on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_project(folder, PROJECT)
        self.store = "--store", "embedded", "--data", folder / "data"
        lines = [_line(n, "told", who, "2026-03-01", fields) for n, (who, fields) in enumerate(PEOPLE.items())]
        for n, who in enumerate(PEOPLE):
            day = "2026-01-02" if who == "hal" else "2026-03-02"
            lines.append(_line(100 + n, "purchase", who, day, {"amount": 150 if who == "ann" else 20}))
        events = write_lines(folder / "events.jsonl", sorted(lines, key=lambda line: str(line["time"])))
        assert self.run("replay", events, *self.store).code == 0

    def run(self, *args: object) -> Ran:
        return engine(*args, folder=self.folder)

    def export(self, *args: object) -> Ran:
        return self.run("audience", "export", *args, *self.store)

    def rows(self, *args: object) -> list[dict[str, str]]:
        ran = self.export(*args)
        assert ran.code == 0, ran.said
        return sorted(csv.DictReader(ran.out.splitlines()), key=lambda row: [*row.values()])


def _line(number: int, type: str, customer: str, day: str, properties: dict[str, Any]) -> dict[str, Any]:
    time = f"{day}T10:00:{number % 60:02}Z"
    return {"id": f"e-{number}", "type": type, "customer": customer, "time": time, "properties": properties}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_the_list_has_whom_a_message_could_reach_by_the_ways_that_it_could(desk: Desk) -> None:
    assert desk.rows("vip") == [
        {"customer": "ann", "email": "Ann@Shop.Example", "phone": "+49 (0)170 123-45 67"},
        {"customer": "bob", "email": "bob@shop.example", "phone": "0170 7654321"},
        {"customer": "cid", "email": "cid@shop.example", "phone": ""},
        {"customer": "gus", "email": "gus@shop.example", "phone": ""},
        {"customer": "ivy", "email": "GUS@shop.example", "phone": ""},
    ]
    said = desk.export("vip").said
    assert "8 customers in vip, 5 exported" in said
    assert "left out: 2 suppressed by policy.yaml, or without consent" in said
    assert "left out: 1 without an address" in said


def test_who_has_unsubscribed_or_bounced_is_on_no_list(desk: Desk) -> None:
    for address in ("bob@shop.example", "gus@shop.example"):
        ran = desk.run("suppression", "add", address, "--reason", "told us", *desk.store)
        assert ran.code == 0, ran.said
    rows = {row["customer"]: row["email"] for row in desk.rows("vip")}
    assert rows == {"ann": "Ann@Shop.Example", "bob": "", "cid": "cid@shop.example"}, "bob is known by his number only"
    assert "left out: 2 on the senders' suppression list" in desk.export("vip").said


def test_for_another_purpose_other_customers_have_consented(desk: Desk) -> None:
    assert desk.rows("vip", "--purpose", "ads") == []
    ran = desk.export("vip", "--purpose", "marketting")
    assert ran.code == 2
    assert "policy.yaml asks for no consent to marketting; --purpose may be ads, marketing" in ran.said
    assert "no transactional message" in desk.export("vip", "--purpose", "transactional").said


def test_an_ad_platform_gets_hashes_in_its_own_form_and_no_ids(desk: Desk) -> None:
    mails = {sha(f"{who}@shop.example") for who in ("ann", "bob", "cid", "gus")}
    google, meta, plain = (desk.rows("vip", *how) for how in (("--for", "google"), ("--for", "meta"), ("--hashed",)))
    assert {row["Email"] for row in google} == {row["email"] for row in meta} == mails
    assert {row["Phone"] for row in google} == {sha("+491701234567"), ""}
    assert {row["phone"] for row in meta} == {sha("491701234567"), ""}
    assert [list(row.values()) for row in plain] == [list(row.values()) for row in google]
    assert list(plain[0]) == ["email_sha256", "phone_sha256"]


def test_a_tier_is_exported_with_its_levels_or_one_of_them(desk: Desk) -> None:
    levels = {row["customer"]: row["level"] for row in desk.rows("tier")}
    assert (levels["ann"], levels["bob"], levels["hal"]) == ("gold", "silver", "silver")
    assert [row["customer"] for row in desk.rows("tier", "--level", "gold")] == ["ann"]
    assert "segment tier has no level brass" in desk.export("tier", "--level", "brass").said
    assert "segment vip has no level gold" in desk.export("vip", "--level", "gold").said


def test_a_segment_that_is_not_there_is_told_with_those_that_are(desk: Desk) -> None:
    ran = desk.export("vips")
    assert ran.code == 2
    assert "there is no segment 'vips'; there are: vip, tier" in ran.said


def test_who_is_in_a_segment_by_rules_that_no_worker_has_met_yet_is_on_its_list(desk: Desk) -> None:
    rules = RULES.replace('events.purchase.count("30d") >= 1', 'events.purchase.sum("amount") >= 100')
    write_project(desk.folder, {"rules.yaml": rules})
    assert [row["customer"] for row in desk.rows("vip")] == ["ann"]


def test_a_holdout_sees_no_advertisements_either(desk: Desk) -> None:
    write_project(desk.folder, {"policy.yaml": f"{POLICY}holdout: 50%\n"})
    rows, said = desk.rows("vip"), desk.export("vip").said
    assert len(rows) < 5
    assert "in the holdout" in said


@pytest.mark.parametrize("out", [(), ("--out", "vip.csv")], ids=["standard output", "a file"])
def test_an_id_comes_out_of_the_list_as_it_is_known(desk: Desk, out: tuple[str, ...]) -> None:
    people = [
        "a,b",
        'say "hi"',
        "two\nlines",
        "cr\rhere",
        "cr\r\nlf",
        "=1+1",
        "+49",
        "-x",
        "@x",
        " lead",
        "tab\t",
        "é;\u2028",
    ]
    lines = [
        _line(n, "told", who, "2026-03-03", {"email": "a@shop.example", **BOTH}) for n, who in enumerate(people, 200)
    ]
    lines += [_line(n, "purchase", who, "2026-03-03", {"amount": 20}) for n, who in enumerate(people, 300)]
    events = write_lines(desk.folder / "more.jsonl", sorted(lines, key=lambda line: str(line["time"])))
    assert desk.run("replay", events, *desk.store).code == 0
    ran = desk.export("vip", *out)
    text = (desk.folder / out[-1]).read_bytes().decode() if out else ran.out
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert {len(row) for row in rows} == {3}
    assert {row[0] for row in rows} == {"customer", "ann", "bob", "cid", "gus", "ivy", *people}


def test_a_file_is_for_its_owner_only_and_complete_or_not_there(desk: Desk) -> None:
    ran = desk.export("vip", "--out", desk.folder / "vip.csv")
    assert (ran.code, ran.out) == (0, "")
    file = desk.folder / "vip.csv"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text().splitlines()) == 6
    assert list(desk.folder.glob(".vip*")) == []


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("+49 170 1234567", "+491701234567"),
        ("0049 170 1234567", "+491701234567"),
        ("+49 (0) 170/123-45.67", "+491701234567"),
        ("\u202a+1 (212) 565\u20110000\u202c", "+12125650000"),
        ("+442070313000", "+442070313000"),
        ("0170 1234567", ""),
        ("12125650000", ""),
        ("+0170 1234567", ""),
        ("+49", ""),
        ("+1 212 565 0000 ext. 3", ""),
        ("+" + "1" * 16, ""),
        ("", ""),
    ],
)
def test_a_number_is_written_with_its_country_or_not_at_all(typed: str, wanted: str) -> None:
    assert e164(typed) == wanted


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (" Ann@Shop.Example\u200b", "ann@shop.example"),
        ("Ann.B+news@gmail.com", "ann.b+news@gmail.com"),
        ("ann at shop", ""),
        ("a b@shop.example", ""),
        ("", ""),
    ],
)
def test_a_mail_address_is_trimmed_and_in_small_letters(typed: str, wanted: str) -> None:
    assert plain_mail(typed) == wanted


def test_hashes_are_those_that_meta_and_x_give_as_examples() -> None:
    meta = FORMS["meta"]
    assert meta.written("email", "John_Smith@gmail.com") == (
        "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f"
    )
    assert (
        meta.written("sms", "+1 (650) 555-1212") == "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176"
    )
    assert hashed("adsapi") == "49e0be2aeccfb51a8dee4c945c8a70a9ac500cf6f5cb08112575f74db9b1470d"
    assert hashed("") == ""


def test_only_the_plain_list_names_customers() -> None:
    assert {name for name, form in FORMS.items() if form.names_customers} == {"plain"}


def test_somebody_whose_state_is_damaged_is_counted_and_keeps_nobody_else_off_the_list(desk: Desk) -> None:
    with EmbeddedServer(desk.folder / "data") as server, redis.Redis.from_url(server.url) as client:
        (key,) = [key for key in client.keys("*") if client.type(key) == b"hash" and client.hexists(key, "ann")]
        client.hset(key, "ann", b"nonsense")
    assert "ann" not in [row["customer"] for row in desk.rows("vip")]
    assert "left out: 1 who cannot be decided" in desk.export("vip").said
