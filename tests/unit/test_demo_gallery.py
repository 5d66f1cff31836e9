"""The demo's page: complete without anything else, and no larger for more messages."""

from pathlib import Path
from typing import Any

from engine.demo import GalleryData, customer_to_show, write_gallery
from engine.demo.chart import months

RULES = [{"id": "welcome", "why": "Say hello."}, {"id": "win-back", "why": "Say hello again."}]


def message(rule: str, customer: str, at: str, **fields: Any) -> dict[str, Any]:
    subject = fields.pop("subject", f"From {rule}")
    html = "<!doctype html><html><head></head><body>Hi there, click <a href='https://x.example'>this</a></body></html>"
    known = {"channel": "email", "purpose": "marketing", "to": "", "reason": "it was time", "occurrence": at}
    return {
        "rule": rule,
        "customer": customer,
        "at": at,
        "subject": subject,
        "html": html,
        "text": "Hi",
        **known,
        **fields,
    }


def outcome(of: dict[str, Any], name: str = "fired", reason: str = "it was time") -> dict[str, Any]:
    return {"rule": of["rule"], "customer": of["customer"], "at": of["at"], "outcome": name, "reason": reason}


def page(tmp_path: Path, outreach: list[dict[str, Any]], withheld: list[dict[str, Any]] | None = None) -> str:
    outcomes = [*map(outcome, outreach), *(withheld or [])]
    history = [{"type": "purchase", "time": "1997-01-02T00:00:00Z", "properties": {"amount": 9.5, "currency": "USD"}}]
    data = GalleryData(1234, 2, 0.5, RULES, outreach, outcomes, lambda customer: history)
    write_gallery(data, tmp_path / "out" / "index.html")
    return (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_messages_are_shown_in_frames_that_may_do_nothing(tmp_path: Path) -> None:
    html = page(tmp_path, [message("welcome", "a", "1997-01-02T10:00:00Z")])
    assert '<iframe sandbox loading="lazy"' in html
    assert "&lt;base target=&#34;_blank&#34;&gt;" in html
    assert "<a href='https://x.example'>" not in html


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    html = page(tmp_path, [message("welcome", "a", "1997-01-02T10:00:00Z")])
    assert "default-src 'none'" in html
    assert not any(word in html for word in ("<script", "<link", "@import", 'src="http', "url("))


def test_a_customers_story_mixes_what_happened_said_and_withheld(tmp_path: Path) -> None:
    sent = message("welcome", "a", "1997-01-03T10:00:00Z", subject="Hello you")
    kept = outcome(message("win-back", "a", "1997-02-03T10:00:00Z"), "capped", "one a day is enough")
    html = page(tmp_path, [sent], [kept])
    story = html[html.index('<ol class="story">') : html.index("</ol>")]
    assert story.index("for 9.50 USD") < story.index("Hello you") < story.index("capped: one a day is enough")


def test_the_customer_shown_is_the_one_who_heard_from_most_rules() -> None:
    at = "1997-01-02T10:00:00Z"
    often = [message("welcome", "often", at)] * 5
    varied = [message("welcome", "varied", at), message("win-back", "varied", at)]
    assert customer_to_show([*often, *varied]) == "varied"
    assert customer_to_show([]) == ""


def test_what_came_of_each_rule_is_counted(tmp_path: Path) -> None:
    sent = [message("welcome", str(i), "1997-01-02T10:00:00Z") for i in range(1200)]
    html = page(tmp_path, sent, [outcome(sent[0], "suppressed")])
    row = html[html.index("<td><code>welcome") :]
    assert row[: row.index("</tr>")].count('<td data-label="fired">1,200</td>') == 1


def test_ten_times_the_messages_make_no_larger_page(tmp_path: Path) -> None:
    few, many = (
        [message("welcome", str(i), "1997-01-02T10:00:00Z") for i in range(number)] for number in (1_000, 10_000)
    )
    assert len(page(tmp_path, many)) - len(page(tmp_path, few)) < 100


def test_a_push_is_shown_without_a_frame(tmp_path: Path) -> None:
    html = page(tmp_path, [message("welcome", "a", "1997-01-02T10:00:00Z", channel="push", html="", text="Ping <b>")])
    assert "<iframe" not in html
    assert "Ping &lt;b&gt;" in html


def test_a_run_without_messages_has_a_page_too(tmp_path: Path) -> None:
    assert "What the rules did" in page(tmp_path, [])


def test_months_without_messages_keep_their_place() -> None:
    assert months([message("welcome", "a", at) for at in ("1998-02-01", "1997-11-30")]) == [
        "1997-11", "1997-12", "1998-01", "1998-02",
    ]  # fmt: skip
