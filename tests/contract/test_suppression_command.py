"""`engine suppression` on a real store: what an operator says there is what senders obey."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.adapters.redis import connect_sending
from engine.adapters.redis.suppressions import RedisSuppressions
from engine.core.zones import iso
from engine.sender.feedback_consumer import read_change
from engine.wire.digests import address_digest, customer_digest, link_token, suppression_query
from engine.wire.feedback import Feedback, FeedbackKind
from tests.support.command import Ran, engine
from tests.support.outreach import outreach

pytestmark = pytest.mark.redis

_namespaces = count()
ADDRESS = "ada@bücher.example"
LETTER = outreach(to=ADDRESS, purpose="marketing")
SAID = 1_767_225_600_000


class Office:
    """An operator's desk, and the list as senders see it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.store = "--store", url, "--namespace", f"office{next(_namespaces)}"
        self.claims, self.list = connect_sending(url, self.store[-1])
        self.folder = folder

    def run(self, *args: str) -> Ran:
        return engine("suppression", *args, *self.store, folder=self.folder)

    def shown(self, *args: str) -> Any:
        ran = self.run("list", *args, "--json")
        assert ran.code == 0
        return msgspec.json.decode(ran.out)

    def hear(self, kind: FeedbackKind, at: int = SAID, **wants: bool) -> None:
        event = Feedback(kind, link_token(LETTER, 1), at, wants=wants).event()
        self.list.change(read_change(msgspec.json.encode(event)).changes)

    def reason(self) -> str:
        return self.list.reasons([suppression_query(LETTER)])[0]


@pytest.fixture
def office(redis_url: str, tmp_path: Path) -> Iterator[Office]:
    opened = Office(redis_url, tmp_path)
    yield opened
    opened.claims.close()


def test_an_operator_finds_out_why_a_customer_hears_nothing(office: Office) -> None:
    office.hear(FeedbackKind.BOUNCED)
    office.hear(FeedbackKind.UNSUBSCRIBED, SAID + 1_000, offers=False)
    office.list.suppress(customer_digest("c-9"), "erased", before=SAID)
    digest = address_digest("email", ADDRESS)
    assert office.shown("ada@xn--bcher-kva.example") == [
        {"digest": digest, "purpose": "*", "reason": "bounced", "at": iso(SAID), "before": None},
        {"digest": digest, "purpose": "offers", "reason": "unsubscribed", "at": iso(SAID + 1_000), "before": None},
    ]
    assert len(office.shown()) == 3
    assert [one["before"] for one in office.shown("--reason", "erased")] == [iso(SAID)]
    assert office.shown("ada@bücher.example", "--channel", "sms") == []
    said = office.run("list", ADDRESS).said
    assert f"{digest} * bounced {iso(SAID)}" in said
    assert "2 suppressed" in said
    assert "ada@" not in said


def test_an_address_that_is_taken_off_stays_off_though_feedback_is_read_again(office: Office) -> None:
    office.hear(FeedbackKind.BOUNCED)
    assert office.reason() == "bounced"
    assert "1 suppression taken off the list" in office.run("remove", ADDRESS).said
    office.hear(FeedbackKind.BOUNCED)
    assert (office.reason(), office.shown()) == ("", [])
    office.hear(FeedbackKind.BOUNCED, at=4_000_000_000_000)
    assert office.reason() == "bounced", "a mail that bounces later counts"


def test_an_address_may_be_suppressed_by_hand_and_a_digest_taken_off(office: Office) -> None:
    assert office.run("add", ADDRESS, "--purpose", "marketing", "--reason", "asked by phone").code == 0
    office.hear(FeedbackKind.PREFERENCES, marketing=True)
    assert office.reason() == "asked by phone"
    (shown,) = office.shown(ADDRESS)
    assert (shown["purpose"], shown["reason"]) == ("marketing", "asked by phone")
    assert office.run("remove", shown["digest"], "--purpose", "offers").code == 0
    assert office.reason() == "asked by phone"
    assert office.run("remove", shown["digest"], "--purpose", "marketing").code == 0
    assert office.reason() == ""


def test_what_was_said_of_a_former_spelling_is_listed_and_taken_off(office: Office) -> None:
    former = link_token(LETTER, 1).former
    assert former
    office.list.suppress(former, "complained")
    assert [one["reason"] for one in office.shown(ADDRESS)] == ["complained"]
    office.run("remove", ADDRESS)
    assert (office.reason(), office.shown(ADDRESS)) == ("", [])


@pytest.mark.parametrize(
    "args",
    [
        ("add", ADDRESS, "--purpose", "+offers"),
        ("add", ADDRESS, "--purpose", ""),
        ("add", ADDRESS, "--reason", " "),
        ("add", ADDRESS, "--reason", "two\nlines"),
        ("remove", ADDRESS, "--purpose", "@"),
        ("add", "c-1042"),
        ("add", " "),
        ("add", "+49 170 1234567"),
        ("add", "+49 170 1234567", "--channel", "smms"),
        ("remove", "c-1042"),
        ("list", "c-1042"),
    ],
)
def test_what_no_list_can_have_is_refused(office: Office, args: tuple[str, ...]) -> None:
    ran = office.run(*args)
    assert ran.code != 0
    assert "expected" in ran.said
    assert office.shown() == []


def test_a_long_list_is_read_to_its_end(office: Office) -> None:
    for number in range(2_500):
        office.list.suppress(f"{number:032x}", "bounced")
    assert len(list(office.list.listed())) == 2_500
    assert len(office.shown("--limit", "7")) == 7
    assert isinstance(office.list, RedisSuppressions)


@pytest.mark.parametrize("hours", [-2, 2])
def test_an_operators_word_is_of_the_stores_time_whatever_their_machine_says(
    office: Office, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    present = office.claims.time()
    monkeypatch.setattr("engine.wiring.wall_clock.time", lambda: present / 1000 + hours * 3_600)
    office.hear(FeedbackKind.UNSUBSCRIBED, at=present - 1_000, marketing=False)
    assert office.run("remove", ADDRESS).code == 0
    office.hear(FeedbackKind.UNSUBSCRIBED, at=present - 1_000, marketing=False)
    assert office.reason() == "", "what was said before is read again"
    office.hear(FeedbackKind.UNSUBSCRIBED, at=office.claims.time() + 1_000, marketing=False)
    assert office.reason() == "unsubscribed"
