"""A provider that refuses everybody has a setting wrong: nobody is lost, nobody suppressed. Over a real mail server."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from engine.adapters.mail.message import Letterhead
from engine.adapters.mail.smtp import MailServer, SmtpChannel
from engine.adapters.memory import MemoryClaims
from engine.model import Outreach
from engine.ports import Claim, ClaimState
from engine.sender.breaker import Breaker
from engine.sender.refusals import Refusals, same_words
from tests.services.mail import mail_server
from tests.services.processes import wait_until
from tests.support.desk import Desk, Heard
from tests.support.outreach import outreach

FAST = {"breaker": partial(Breaker, 5, 0.01, 0.05), "refusals": partial(Refusals, patience=0.2)}
PATIENT = FAST | {"refusals": partial(Refusals, patience=60.0)}
HEAD = Letterhead("Shop <news@shop.example>")


@dataclass
class Alarmed(Heard):
    """Does something as soon as somebody says that all are refused."""

    alarm: Callable[[], None] = lambda: None
    words: list[str] = field(default_factory=list)

    def all_refused(self, channel: str, words: str) -> None:
        self.words.append(words)
        self.alarm()


def desk_at(port: int, **limits: Any) -> Desk:
    desk = Desk(**limits)
    desk.channel = SmtpChannel(MailServer("127.0.0.1", port, "none", timeout=10), HEAD, lambda: desk.now)  # type: ignore[assignment]
    desk.hooks = Alarmed()
    return desk


def letters(count: int, name: str = "customer{}") -> list[Outreach]:
    return [
        outreach(id=f"o-{n}", occurrence=str(n), purpose="marketing", to=f"{name.format(n)}@shop{n % 3}.example")
        for n in range(count)
    ]


@pytest.mark.parametrize(
    "answer",
    [
        "550 relay not permitted",
        "550 SC-{to} mail from 192.0.2.9 was not sent. Contact your provider",
        "550 5.1.1 <{to}>: user unknown",
    ],
    ids=["relay", "words-with-numbers", "unknown"],
)
def test_while_a_relay_refuses_everybody_all_is_kept_and_nobody_suppressed(answer: str) -> None:
    with mail_server(refusal=answer) as server:
        desk = desk_at(server.port, **PATIENT)
        assert isinstance(desk.hooks, Alarmed)
        lost: list[int] = []

        def mend() -> None:
            lost.extend((len(desk.letters.values), len(desk.outcomes.values)))
            server.refusal = ""

        desk.hooks.alarm = mend
        assert desk.send(*letters(200)) == ["sent"] * 200
    assert lost == [0, 0]
    assert desk.letters.values == {}
    assert len(desk.hooks.words) == 1
    assert "customer" not in desk.hooks.words[0]
    assert desk.hooks.calls == {"open True": 1, "open False": 1}
    assert set(server.copies().values()) == {1}
    assert len(server.copies()) == 200


def test_customers_whose_mailbox_is_gone_bounce_as_soon_as_another_mail_is_taken() -> None:
    with mail_server() as server:
        desk = desk_at(server.port, **PATIENT)
        gone = [
            outreach(id=f"g-{n}", occurrence=f"g{n}", to=f"550+{n}@shop.example", purpose="marketing") for n in range(5)
        ]
        told = desk.send(*gone, *letters(40))
    assert sorted(told) == ["bounced"] * 5 + ["sent"] * 40
    assert desk.hooks.calls == {}


def test_a_refusal_that_nothing_contradicts_ends_after_a_while() -> None:
    with mail_server(refusal="550 no such user") as server:
        desk = desk_at(server.port, **FAST)
        assert desk.send(*letters(3)) == ["bounced"] * 3
    with mail_server(refusal="550 relay not permitted") as server:
        desk = desk_at(server.port, **FAST)
        assert desk.send(*letters(3)) == ["failed"] * 3
        server.refusal = ""
        replayed = desk_at(server.port, book=desk.book)
        assert replayed.send(*letters(3)) == ["sent"] * 3, "nothing of it is recorded"


def test_what_waits_for_a_verdict_is_not_in_doubt_when_its_sender_goes() -> None:
    (letter,) = letters(1)

    async def run(desk: Desk) -> None:
        sending = asyncio.create_task(desk._send([letter]))
        refused = partial(wait_until, lambda: server.tried[letter.to] > 0 and not desk.book.held, "a refusal")
        await asyncio.to_thread(refused)
        sending.cancel()
        await asyncio.wait([sending])

    with mail_server(refusal="550 relay not permitted") as server:
        desk = desk_at(server.port, **PATIENT)
        asyncio.run(run(desk))
    assert desk.letters.values == {}
    assert MemoryClaims(desk.book).claim([(letter.id, letter.purpose)], 1) == [Claim(ClaimState.CLAIMED)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<ada@a.example>: Relay access denied", "<bob@b.example>: relay access  denied"),
        ("queue 4XKd9s2: not permitted", "queue 9ZZd1q7: not permitted"),
        ("a.example: mail from 192.0.2.9 refused", "b.example: mail from 192.0.2.10 refused"),
    ],
)
def test_the_same_refusal_is_known_again_whomever_it_is_about(one: str, other: str) -> None:
    assert same_words(one, "ada@a.example") == same_words(other, "bob@b.example") != ""


def test_one_recipient_refused_again_and_again_is_not_everybody() -> None:
    refusals = Refusals(many=3)
    assert not any(refusals.add("a@b.example", "no").everybody for _ in range(10))
    rows = [refusals.add(f"{n}@b.example", "no") for n in range(2)]
    assert rows[-1].everybody


def test_a_provider_that_never_says_the_same_twice_fills_no_memory() -> None:
    refusals = Refusals()
    rows = [refusals.add("a@b.example", f"no {n}") for n in range(1_000)]
    assert len(refusals._rows) == 100
    assert rows[0].verdict.is_set()


def test_refusals_before_a_message_was_taken_count_no_more() -> None:
    refusals = Refusals(many=2)
    refusals.add("a@b.example", "no")
    refusals.took_one()
    assert not refusals.add("c@b.example", "no").everybody


def test_a_word_that_is_as_short_as_the_recipient_s_name_stays() -> None:
    assert same_words("a mailbox is full", "a@b.example") == "a mailbox is full"
