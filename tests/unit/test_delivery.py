"""One outreach from claim to ending, over stores in memory and a channel that fails as it is told."""

import asyncio
from collections.abc import Sequence
from functools import partial
from time import monotonic

import pytest

from engine.adapters.memory import MemoryClaims, MemorySuppressions
from engine.adapters.memory.sending import ClaimBook
from engine.errors import BrokersAway, PermanentFailure, StoreUnavailable, TemporaryFailure
from engine.model import UNSUBSCRIBE_LINK, Outreach
from engine.ports import Claim, DeliveryResult, Suppression
from engine.sender.ahead import BURST, Ahead
from engine.sender.breaker import Breaker
from engine.sender.links import Links
from engine.sender.rates import Rates
from engine.wire.digests import address_digest
from tests.support.desk import PATIENCE, Desk, Heard, Scripted, Written
from tests.support.outreach import outreach

UNCERTAIN = TemporaryFailure("no answer", uncertain=True)
BUSY = TemporaryFailure("busy")
AWAY = TemporaryFailure("away", down=True)
GONE = PermanentFailure("gone", bounced=True)
REFUSED = PermanentFailure("refused", detail="552 too large")


MARKETING = outreach(purpose="marketing")
RECEIPT = outreach(purpose="transactional")


def many(count: int, **changes: object) -> list[Outreach]:
    return [outreach(id=f"o-{number}", occurrence=str(number), **changes) for number in range(count)]


def test_what_was_sent_is_never_sent_again() -> None:
    first = Desk()
    assert first.send(MARKETING) == ["sent"]
    second = Desk(book=first.book)
    second.now += 5_000
    assert second.send(MARKETING) == ["sent"]
    assert second.channel.asked == 0
    assert second.outcomes.values == first.outcomes.values, "told again, and to be known again"


@pytest.mark.parametrize("script", [[BUSY], [BUSY, AWAY, BUSY], [TemporaryFailure("wait", retry_after=0.01)]])
def test_a_temporary_failure_is_tried_again(script: list[Exception]) -> None:
    desk = Desk(*script)
    assert desk.send(MARKETING) == ["sent"]
    assert desk.claims.in_doubt() == []


def test_marketing_that_may_have_arrived_is_not_sent_again() -> None:
    desk = Desk(UNCERTAIN)
    assert desk.send(MARKETING) == ["in_doubt"]
    assert desk.channel.taken == []
    assert [doubt.purpose for doubt in desk.claims.in_doubt()] == ["marketing"]


def test_a_receipt_that_may_have_arrived_is_sent_again_and_listed() -> None:
    desk = Desk(UNCERTAIN)
    assert desk.send(RECEIPT) == ["in_doubt", "sent"]
    assert [doubt.purpose for doubt in desk.claims.in_doubt()] == ["transactional"]


@pytest.mark.parametrize(
    ("letter", "wanted"), [(MARKETING, ["in_doubt"]), (RECEIPT, ["in_doubt", "sent"])], ids=["marketing", "receipt"]
)
def test_what_a_crash_left_on_its_way_is_in_doubt(letter: Outreach, wanted: list[str]) -> None:
    book = ClaimBook()
    crashed = MemoryClaims(book)
    crashed.claim([(letter.id, letter.purpose)], 1)
    crashed.begin([letter.id])
    assert Desk(book=book).send(letter) == wanted


def test_what_a_crash_left_before_it_was_on_its_way_is_sent() -> None:
    book = ClaimBook()
    MemoryClaims(book).claim([(MARKETING.id, MARKETING.purpose)], 1)
    assert Desk(book=book).send(MARKETING) == ["sent"]


def test_an_address_that_does_not_exist_is_not_written_to_again() -> None:
    desk = Desk(GONE)
    assert desk.send(MARKETING) == ["bounced"]
    assert desk.send(outreach(id="o-2", purpose="transactional")) == ["bounced", "suppressed"]
    assert [letter["code"] for letter in desk.letters.values.values()] == ["outreach-refused"]


def test_a_bounce_is_not_forgotten_though_the_store_is_away() -> None:
    class Flaky(MemorySuppressions):
        failures = 2

        def change(self, changes: Sequence[Suppression]) -> None:
            self.failures -= 1
            if self.failures >= 0:
                raise StoreUnavailable("redis", "away")
            super().change(changes)

    desk = Desk(GONE)
    desk.suppressions = Flaky()
    assert desk.send(MARKETING) == ["bounced"]
    assert desk.hooks.calls == {"away": 2, "back": 1}
    assert desk.send(outreach(id="o-2")) == ["bounced", "suppressed"]


def test_a_refused_outreach_can_be_replayed_once_the_cause_is_mended() -> None:
    desk = Desk(REFUSED)
    assert desk.send(MARKETING) == ["failed"]
    assert [letter["reason"] for letter in desk.letters.values.values()] == ["552 too large"]
    assert desk.send(MARKETING) == ["failed", "sent"]


def test_a_bug_in_a_channel_stops_nobody_else() -> None:
    desk = Desk(ZeroDivisionError("c-1 at a@b.example"))
    assert sorted(desk.send(MARKETING, outreach(id="o-2"))) == ["failed", "sent"]
    assert "example" not in str(desk.outcomes.values)


def test_a_channel_without_a_provider_is_a_dead_letter() -> None:
    desk = Desk()
    assert desk.send(outreach(channel="pigeon")) == ["failed"]
    assert "pigeon" in next(iter(desk.letters.values.values()))["reason"]


@pytest.mark.parametrize(("late", "wanted"), [(0, "expired"), (1, "sent")])
def test_an_outreach_is_not_sent_when_its_time_is_over(late: int, wanted: str) -> None:
    desk = Desk()
    assert desk.send(outreach(expires_at=desk.now + late)) == [wanted]


def test_who_is_on_the_suppression_list_hears_nothing() -> None:
    desk = Desk()
    desk.suppressions.suppress(address_digest("email", " ZOË@exämple.org"), "complained")
    assert desk.send(RECEIPT) == ["suppressed"]
    assert desk.channel.asked == 0


def test_a_mailbox_that_is_full_for_weeks_ends_no_sender() -> None:
    """A try each quarter of an hour: after 1,024 of them 2 to the power of that is no float any more."""
    desk = Desk(BUSY)
    desk.tries = 1_100
    assert desk.send(MARKETING) == ["sent"]


def test_a_failure_that_lasts_ends_as_a_dead_letter() -> None:
    desk = Desk(*[BUSY] * 1_000, retry_for=0.02)
    assert desk.send(MARKETING) == ["failed"]
    assert "given up" in next(iter(desk.outcomes.values.values()))["reason"]


def test_a_doubt_that_lasts_stays_a_doubt() -> None:
    desk = Desk(*[UNCERTAIN] * 1_000, retry_for=0.02)
    told = desk.send(RECEIPT)
    assert set(told) == {"in_doubt"}


def test_while_the_provider_is_down_it_is_asked_seldom_and_nobody_is_lost() -> None:
    desk = Desk(*[AWAY] * 8, breaker=partial(Breaker, 5, 0.01))
    assert desk.send(*many(100)) == ["sent"] * 100
    assert desk.hooks.calls == {"open True": 1, "open False": 1}
    assert desk.channel.asked < 130


def test_a_provider_that_does_not_answer_in_time_is_down() -> None:
    desk = Desk(*[TimeoutError()] * 2, breaker=partial(Breaker, 2, 0.001))
    assert desk.send(RECEIPT) == ["in_doubt", "sent"]
    assert desk.hooks.calls == {"open True": 1, "open False": 1}


def test_a_store_that_is_away_is_waited_for() -> None:
    class Flaky(MemoryClaims):
        failures = 2

        def claim(self, wanted: Sequence[tuple[str, str]], at: int) -> list[Claim]:
            self.failures -= 1
            if self.failures >= 0:
                raise StoreUnavailable("redis", "away")
            return super().claim(wanted, at)

    desk = Desk(claims=Flaky())
    assert desk.send(MARKETING) == ["sent"]
    assert desk.hooks.calls == {"away": 2, "back": 1}


@pytest.mark.parametrize("refusal", [REFUSED, GONE, PermanentFailure("no such door")])
def test_a_refusal_is_written_down_before_its_partition_goes_to_another_sender(refusal: Exception) -> None:
    """The next sender would find a hand-over without an end: marketing would be in doubt, and its dead letter dead."""
    uncancelled: list[bool] = []

    class Watched(MemoryClaims):
        def release(self, ids: Sequence[str]) -> None:
            uncancelled.extend(parcel.handing for parcel in desk.parcels)
            super().release(ids)

        def record(self, results: Sequence[DeliveryResult]) -> None:
            uncancelled.extend(parcel.handing for parcel in desk.parcels)
            super().record(results)

    desk = Desk(refusal, claims=Watched())
    desk.send(MARKETING)
    assert uncancelled
    assert all(uncancelled)


@pytest.mark.parametrize("refusal", [REFUSED, GONE])
def test_a_refusal_for_which_the_brokers_have_no_room_is_not_in_doubt(refusal: Exception) -> None:
    class Full(Written):
        def write(self, key: str, identity: str, value: bytes) -> None:
            raise BrokersAway("kafka:9092", "100,000 records wait to be taken")

    desk = Desk(refusal)
    desk.letters = Full()
    with pytest.raises(BrokersAway):
        desk.send(MARKETING)
    assert not desk.parcels[0].handing
    desk.letters = Written()
    assert desk.send(MARKETING) == ["sent"], "the channel takes what it is handed again"
    assert desk.claims.in_doubt() == []


@pytest.mark.parametrize("begun", [False, True], ids=["broken off", "left by a crash"])
def test_a_receipt_in_doubt_is_told_also_where_the_brokers_had_no_room_for_it(begun: bool) -> None:
    class FullOnce(Written):
        failures = 1

        def write(self, key: str, identity: str, value: bytes) -> None:
            self.failures -= 1
            if self.failures >= 0:
                raise BrokersAway("kafka:9092", "100,000 records wait to be taken")
            super().write(key, identity, value)

    desk = Desk(*([] if begun else [UNCERTAIN]))
    if begun:
        crashed = MemoryClaims(desk.book)
        crashed.claim([(RECEIPT.id, RECEIPT.purpose)], 1)
        crashed.begin([RECEIPT.id])
    desk.outcomes, desk.patient = FullOnce(), True
    assert desk.send(RECEIPT) == ["in_doubt", "sent"]


def test_rules_hear_of_what_was_sent() -> None:
    desk = Desk()
    desk.send(MARKETING)
    assert list(desk.feedback.values.values()) == [
        {
            "id": "o-1:sent",
            "type": "outreach_sent",
            "customer": "c-1",
            "time": "2025-06-15T15:06:42Z",
            "properties": {
                "rule": "receipt",
                "outreach": "o-1",
                "channel": "email",
                "purpose": "marketing",
                "address": address_digest("email", MARKETING.to),
            },
        }
    ]


def test_a_customer_gets_a_link_of_their_own_where_the_message_has_a_place_for_it() -> None:
    desk = Desk(BUSY)
    desk.links = lambda outreach: Links(f"https://shop.example/{outreach.customer}")
    letters = [outreach(id=name, customer=name, text=f"Enough? {UNSUBSCRIBE_LINK}") for name in ("ada", "bob")]
    assert desk.send(*letters, outreach(id="cy", text="Hello")) == ["sent"] * 3
    assert sorted(desk.channel.texts) == [
        "Enough? https://shop.example/ada",
        "Enough? https://shop.example/bob",
        "Hello",
    ]
    assert desk.hooks.calls["unlinked"] == 0


def test_a_link_that_is_missing_is_told_and_one_that_cannot_be_is_not() -> None:
    desk = Desk()
    text = f"Enough? {UNSUBSCRIBE_LINK}"
    desk.send(outreach(id="a", purpose="marketing", text=text), outreach(id="b", purpose="transactional", text=text))
    assert desk.channel.texts == ["Enough? ", "Enough? "]
    assert desk.hooks.calls["unlinked"] == 1


def test_a_provider_that_names_a_time_is_asked_no_sooner() -> None:
    desk = Desk(TemporaryFailure("wait", retry_after=0.05))
    began = monotonic()
    assert desk.send(MARKETING) == ["sent"]
    assert monotonic() - began >= 0.05


def test_a_letter_that_ends_before_it_asks_a_provider_that_is_down_lets_the_next_one_ask() -> None:
    class Slow(Heard):
        def breaker(self, channel: str, is_open: bool, reason: str = "") -> None:
            desk.now += 2

    desk = Desk(AWAY, breaker=partial(Breaker, 1, 0.001), concurrency=1)
    desk.hooks = Slow()
    assert desk.send(*many(3, expires_at=desk.now + 1)) == ["expired"] * 3


@pytest.mark.parametrize(
    "limits", [{"channels": {"email": 40}}, {"domains": {"example.org": 40}}, {"domains": {"*": 40}}]
)
def test_no_more_is_handed_over_in_a_second_than_the_provider_takes(limits: dict[str, dict[str, float]]) -> None:
    desk = Desk(rates=Rates(**limits))
    began = monotonic()
    assert desk.send(*many(44, to="zoe@example.org")) == ["sent"] * 44
    assert monotonic() - began >= 0.1


class Noted(MemoryClaims):
    """Notes what is claimed and waits."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: set[str] = set()

    def claim(self, wanted: Sequence[tuple[str, str]], at: int) -> list[Claim]:
        self.waiting |= {identity for identity, _ in wanted}
        return super().claim(wanted, at)

    def begin(self, ids: Sequence[str]) -> list[bool]:
        self.waiting -= set(ids)
        return super().begin(ids)

    def release(self, ids: Sequence[str]) -> None:
        super().release(ids)
        self.waiting -= set(ids)


def test_while_a_provider_takes_nothing_those_who_wait_for_it_are_not_claimed() -> None:
    """If the store crashed together with the sender, all of them would be in doubt and never be written to."""
    claims, letters = Noted(), many(60)

    class Hangs(Scripted):
        async def deliver(self, outreach: Outreach) -> None:
            while len(claims.waiting) > 8:
                await asyncio.sleep(0.001)
            await super().deliver(outreach)

    desk = Desk(claims=claims, concurrency=2, ahead=0.02)
    desk.channel = Hangs([])
    assert desk.send(*letters) == ["sent"] * 60
    assert sorted(desk.channel.taken) == sorted(one.id for one in letters)


def test_a_short_campaign_is_claimed_at_once_also_after_one_that_was_slow() -> None:
    async def claimed(ahead: Ahead, letters: int) -> None:
        async with asyncio.timeout(PATIENCE):
            for _ in range(letters):
                await ahead.enter()

    async def two_campaigns() -> None:
        ahead = Ahead(hands=2, seconds=3.0)
        await claimed(ahead, BURST)
        waiting = asyncio.create_task(claimed(ahead, 1))
        for _ in range(BURST):
            ahead.leave(0.0, late=True)
        await waiting
        ahead.leave(9.0)
        await claimed(ahead, BURST)

    asyncio.run(two_campaigns())


def test_messages_that_are_found_sent_let_no_more_be_claimed_of_a_provider_that_takes_nothing() -> None:
    """As after a restart, when a sender reads again what the one before it has handed over."""

    async def waiting() -> int:
        ahead = Ahead(hands=2, seconds=3.0)
        tasks = [asyncio.create_task(ahead.enter()) for _ in range(2 * BURST)]
        await asyncio.sleep(0)
        for _ in range(BURST):
            ahead.leave(0.0, late=True)
        for _ in range(100):
            ahead.leave(0.0)
        await asyncio.sleep(0)
        inside = sum(task.done() for task in tasks) - BURST - 100
        for task in tasks:
            task.cancel()
        return inside

    assert asyncio.run(waiting()) == 2


def test_what_is_found_sent_is_told_without_waiting_for_those_who_wait_for_a_slow_provider() -> None:
    claims, letters = Noted(), many(BURST + 1)
    Desk(claims=claims).send(letters[-1])
    desk = Desk(claims=claims)
    assert desk.send(*letters) == ["sent"] * len(letters)
    assert letters[-1].id not in desk.channel.taken
    assert claims.waiting == set(), "it was looked up, not claimed"
