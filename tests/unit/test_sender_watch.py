"""What an operator's Prometheus and orchestrator read from a sender."""

from http import HTTPStatus

import msgspec
import pytest
from structlog.testing import capture_logs

from engine.errors import StoreUnavailable
from engine.model import Outcome
from engine.telemetry.sender import SenderWatch
from engine.wiring.health import SenderHealth


@pytest.fixture
def watch() -> SenderWatch:
    return SenderWatch()


def value(watch: SenderWatch, name: str, **labels: str) -> float | None:
    return watch.registry.get_sample_value(f"engine_{name}", labels)


def test_what_became_of_outreach_is_counted_by_channel(watch: SenderWatch) -> None:
    watch.ended("email", Outcome.SENT, 0.3)
    watch.ended("email", Outcome.SUPPRESSED, 0.1)
    assert value(watch, "sender_outcomes_total", channel="email", outcome="suppressed") == 1
    assert value(watch, "sender_seconds_count", channel="email") == 2


def test_feedback_is_counted_and_what_cannot_be_read_is_logged_once(watch: SenderWatch) -> None:
    with capture_logs() as lines:
        for _ in range(3):
            watch.unreadable("not-feedback")
    watch.feedback_applied("outreach_unsubscribed")
    watch.feedback_lag(7)
    assert value(watch, "sender_feedback_total", type="outreach_unsubscribed") == 1
    assert value(watch, "sender_feedback_unreadable_total", code="not-feedback") == 3
    assert value(watch, "sender_feedback_lag_records") == 7
    assert [line["event"] for line in lines] == ["unreadable feedback"]


def test_messages_without_their_unsubscribe_link_are_counted_and_the_log_says_once_why(watch: SenderWatch) -> None:
    with capture_logs() as lines:
        for _ in range(3):
            watch.unlinked("email")
    assert value(watch, "sender_unlinked_total", channel="email") == 3
    assert [line["event"] for line in lines] == ["unsubscribe links are empty: ENGINE_PUBLIC_URL is not set"]


def test_a_sender_that_has_not_joined_yet_is_alive_and_not_ready(watch: SenderWatch) -> None:
    pages = SenderHealth(watch).pages
    assert pages["/healthz"]().status is HTTPStatus.OK
    assert pages["/readyz"]().status is HTTPStatus.SERVICE_UNAVAILABLE
    assert b"engine_sender_in_hand" in pages["/metrics"]().body


def test_a_store_that_is_away_is_told_until_it_is_back(watch: SenderWatch) -> None:
    def store() -> bool:
        return bool(msgspec.json.decode(SenderHealth(watch).pages["/readyz"]().body)["store"])

    assert store()
    watch.store_away(StoreUnavailable("redis", "it is away"), 1)
    assert (store(), value(watch, "sender_store_away")) == (False, 1)
    watch.store_back(2.5)
    assert (store(), value(watch, "sender_store_away")) == (True, 0)
