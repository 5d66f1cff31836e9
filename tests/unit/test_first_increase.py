"""An alarm on "any increase" sees the first trouble too: its series is there with 0 before."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine.telemetry import codes
from engine.telemetry.sender import SenderWatch
from engine.telemetry.web import WebWatch
from engine.telemetry.worker import PrometheusHooks
from engine.wire.feedback import FeedbackKind

NOT_COUNTED = {"not-a-dead-letter", "not-outcome"}
"""What `engine dead-letters` and `engine archive` meet. They print or keep it; no metric counts it."""
SOURCE = Path(__file__).parents[2] / "engine"


def zeros(page: bytes) -> set[str]:
    """Series that are there with 0, as name{value,value}, in the order of the labels' names."""
    samples = [one for family in text_string_to_metric_families(page.decode()) for one in family.samples]
    return {f"{one.name}{{{','.join(one.labels.values())}}}" for one in samples if not one.value}


def test_a_worker_has_every_rule_and_every_dead_letter_before_there_is_one() -> None:
    hooks = PrometheusHooks()
    hooks.adopted("aaa", ["win-back", "welcome"], [("welcome", "hello")])
    hooks.expect(["shop.events"])
    there = zeros(hooks.page())
    for rule in ("win-back", "welcome"):
        assert {f"engine_outcomes_total{{{name},{rule}}}" for name in ("fired", "failed", "capped")} <= there
    assert "engine_step_outcomes_total{fired,welcome,hello}" in there
    assert {f"engine_dead_letters_total{{{code}}}" for code in codes.RECORD} <= there
    assert {f"engine_{name}_total{{shop.events}}" for name in ("misplaced_keys", "topics_made_again")} <= there


def test_a_sender_has_every_channel_and_every_ending_before_there_is_one() -> None:
    there = zeros(SenderWatch(["email"]).page())
    endings = ("sent", "bounced", "suppressed", "expired", "failed", "in_doubt")
    assert {f"engine_sender_outcomes_total{{email,{name}}}" for name in endings} <= there
    wanted = ["unlinked", "retries", "refused_alike"]
    assert {f"engine_sender_{name}_total{{email}}" for name in wanted} <= there
    assert "engine_sender_breaker_open{email}" in there
    assert "engine_sender_feedback_unreadable_total{not-feedback}" in there
    assert "engine_sender_feedback_total{outreach_complained}" in there


def test_the_web_pages_have_every_page_and_provider_before_anything_goes_wrong() -> None:
    watch = WebWatch()
    watch.expect("mailgun")
    there = zeros(watch.page())
    assert {f"engine_web_failed_total{{{page}}}" for page in ("unsubscribe", "preferences", "feedback")} <= there
    assert {f"engine_web_feedback_total{{{kind.value}}}" for kind in FeedbackKind} <= there
    assert "engine_web_refused_total{forged-token,unsubscribe}" in there
    assert "engine_web_refused_total{mailgun-forged,feedback}" in there
    assert "engine_web_passed_over_total{bad-token,mailgun}" in there


@pytest.mark.parametrize(
    ("pattern", "known"),
    [
        (r"(?:BadRecord|reading)\(\s*\"([a-z-]+)\"", {*codes.RECORD, *codes.OUTREACH, *codes.FEEDBACK, *NOT_COUNTED}),
        (r"BadToken\(\"([a-z-]+)\"", set(codes.TOKEN)),
        (r"BadFeedback\(\"([a-z-]+)\"", set(codes.REPORT)),
        (r"PassedOver\(\"([a-z-]+)\"", set(codes.PASSED_OVER)),
    ],
    ids=["records", "tokens", "reports", "passed-over"],
)
def test_every_code_of_the_source_is_known_beforehand(pattern: str, known: set[str]) -> None:
    found = {code for path in SOURCE.rglob("*.py") for code in re.findall(pattern, path.read_text("utf-8"))}
    assert found
    assert found - known == set()
