"""What feedback wants of the suppression list."""

import msgspec
import pytest

from engine.errors import BadRecord
from engine.model import TRANSACTIONAL, Outcome
from engine.ports import Suppression
from engine.sender.feedback_consumer import read_change
from engine.sender.reporter import feedback_event as sender_event
from engine.wire.digests import address_digest
from engine.wire.feedback import Feedback, FeedbackKind
from engine.wire.link_tokens import LinkToken
from tests.support.outreach import outreach

ADDRESS = address_digest("email", "ada@shop.example")
ABOUT = LinkToken("c-1", "email", ADDRESS, "marketing", "o-1", 1_767_225_600_000)


def ordered(event: dict[str, object]) -> list[Suppression]:
    """What is wanted, whenever it was said."""
    return [change._replace(at=0) for change in read_change(msgspec.json.encode(event)).changes]


def said(kind: FeedbackKind, **wants: bool) -> list[Suppression]:
    return ordered(Feedback(kind, ABOUT, 1_767_225_700_000, wants=wants).event())


def test_who_unsubscribes_gets_no_more_of_that_purpose() -> None:
    assert said(FeedbackKind.UNSUBSCRIBED, marketing=False) == [Suppression(ADDRESS, "marketing", "unsubscribed")]


def test_whoever_chooses_gets_what_they_have_chosen_and_nothing_else() -> None:
    assert said(FeedbackKind.PREFERENCES, newsletter=True, offers=False) == [
        Suppression(ADDRESS, "newsletter"),
        Suppression(ADDRESS, "offers", "unsubscribed"),
    ]


@pytest.mark.parametrize(
    ("kind", "reason"), [(FeedbackKind.COMPLAINED, "complained"), (FeedbackKind.BOUNCED, "bounced")]
)
def test_who_complains_or_cannot_be_reached_gets_nothing_at_all(kind: FeedbackKind, reason: str) -> None:
    assert said(kind) == [Suppression(ADDRESS, "*", reason)]


def test_who_opens_or_clicks_has_asked_for_nothing() -> None:
    assert said(FeedbackKind.OPENED) == said(FeedbackKind.CLICKED) == []


def test_a_bounce_that_the_sender_saw_itself_counts_like_one_that_a_provider_reports() -> None:
    letter = outreach(to="Ada@shop.example", purpose=TRANSACTIONAL)
    assert ordered(sender_event(letter, Outcome.BOUNCED, 1)) == [Suppression(ADDRESS, "*", "bounced")]
    assert ordered(sender_event(letter, Outcome.SENT, 1)) == []


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"type": 7}',
        b'{"type": "outreach_complained"}',
        b'{"type": "outreach_complained", "properties": []}',
        b'{"type": "outreach_unsubscribed", "properties": {"marketing": false}}',
        b'{"type": "outreach_unsubscribed", "properties": {"marketing": false, "address": ""}}',
        b'{"type": "outreach_unsubscribed", "properties": {"marketing": false, "address": ["x"]}}',
        b'{"type": "outreach_bounced", "properties": {"address": "' + b"x" * 101 + b'"}}',
    ],
)
def test_what_is_no_feedback_is_refused(value: bytes | None) -> None:
    with pytest.raises(BadRecord, match="not-feedback"):
        read_change(value)


WRITTEN = 1_767_230_000_000


@pytest.mark.parametrize(
    ("time", "at"),
    [
        ("2026-01-01T00:00:00.250Z", 1_767_225_600_250),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600_000),
        ("2026-01-01T00:00:00", WRITTEN),
        ("2099-01-01T00:00:00Z", WRITTEN),
        ("yesterday", WRITTEN),
        (None, WRITTEN),
        (7, WRITTEN),
    ],
)
def test_a_wish_is_as_old_as_it_says_but_no_younger_than_its_record(time: object, at: int) -> None:
    event = {"type": "outreach_complained", "time": time, "properties": {"address": ADDRESS}}
    assert [change.at for change in read_change(msgspec.json.encode(event), WRITTEN).changes] == [at]


def test_what_others_write_to_the_topic_concerns_nobody() -> None:
    assert read_change(b'{"type": "coupon_printed"}').changes == []
    assert (
        ordered(
            {
                "type": "preferences_changed",
                "properties": {"address": ADDRESS, "offers": "no", "n": 0, "+offers": True, "": True},
            }
        )
        == []
    )
