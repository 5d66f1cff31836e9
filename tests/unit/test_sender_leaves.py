"""What a sender has claimed and not begun to hand over is free for the next one, as soon as it leaves a partition."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Thread
from time import monotonic

from engine.adapters.memory import MemoryClaims
from engine.adapters.memory.sending import ClaimBook
from engine.adapters.memory.source import MemorySource, MemoryTopics
from engine.errors import PermanentFailure, StoreUnavailable, TemporaryFailure
from engine.model import Outcome
from engine.ports import DeliveryResult, Record
from engine.sender.breaker import Breaker
from engine.sender.delivery import GIVE_BACK_PATIENCE, Delivery, Parcel
from engine.sender.loop import PAUSE_AFTER, Sender
from engine.sender.rates import Rates
from engine.sender.refusals import Refusals
from engine.wire.records import encode_outreach
from tests.services.processes import wait_until
from tests.support.desk import Desk
from tests.support.outreach import outreach

TOPIC = "topic"


def append(topics: MemoryTopics, letters: int = 20) -> None:
    for number in range(letters):
        topics.append(TOPIC, 0, encode_outreach(outreach(id=f"o-{number}", purpose="marketing")).value)


@contextmanager
def sending(desk: Desk, letters: int = 20) -> Iterator[MemoryTopics]:
    """A sender at work on so many marketing messages; then it has left."""
    topics = MemoryTopics()
    append(topics, letters)
    sender = Sender(partial(MemorySource, topics, [TOPIC], 1), lambda _: {}, desk.context)
    thread = Thread(target=sender.run)
    thread.start()
    try:
        yield topics
    finally:
        sender.stop()
        thread.join()


def test_a_sender_that_leaves_holds_no_claim_on_what_it_has_not_begun() -> None:
    """The next one would have to doubt it after a restart of the store, and marketing would not be sent."""
    desk = Desk(concurrency=1)
    desk.channel.seconds = 0.1
    with sending(desk):
        wait_until(lambda: len(desk.book.held) == 20 and bool(desk.channel.taken), "all are claimed, and some are sent")
    held = desk.book.held
    assert held.keys() == set(desk.channel.taken) < {f"o-{number}" for number in range(20)}
    assert all(isinstance(ended, DeliveryResult) for ended in held.values())


def test_what_waits_for_a_rate_holds_no_claim() -> None:
    """If sender and store crash, all that is claimed is in doubt: it was thousands, of a channel of 20 a second."""
    desk = Desk(rates=Rates({"email": 2}))
    with sending(desk):
        wait_until(lambda: len(desk.channel.taken) >= 3, "some are sent")
        assert len(desk.book.held) <= len(desk.channel.taken) + 1


def test_what_waits_for_a_provider_holds_no_claim() -> None:
    down = [TemporaryFailure("away", down=True) for _ in range(5)]
    desk = Desk(*down, breaker=partial(Breaker, first=0.5), concurrency=1)
    with sending(desk):
        wait_until(lambda: bool(desk.hooks.calls["open True"]), "the provider is down")
        wait_until(lambda: not desk.book.held, "nothing is claimed")
        wait_until(lambda: len(desk.channel.taken) == 20, "all are sent")


def test_a_sender_reads_on_where_nothing_in_hand_would_find_out_that_the_provider_is_back() -> None:
    """All that it has waits for its next try, or has gone with a partition."""
    down = [TemporaryFailure("away", down=True, retry_after=60.0) for _ in range(5)]
    desk = Desk(*down, breaker=partial(Breaker, first=0.05))
    with sending(desk, letters=5) as topics:
        wait_until(lambda: bool(desk.hooks.calls["open True"]), "the provider is down")
        time.sleep(PAUSE_AFTER + 0.2)  # then it would pause
        append(topics, letters=20)
        wait_until(lambda: len(desk.channel.taken) == 15, "the others are sent", seconds=10)


def test_what_has_gone_with_its_partition_keeps_nobody_waiting_for_a_rate() -> None:
    """A sender of 60 a second stood still for half a minute after its partitions had gone and come back."""
    desk = Desk(rates=Rates({"email": 2}))

    async def deliver() -> None:
        with ThreadPoolExecutor(2) as executor:
            delivery = Delivery(desk.context, executor)
            record = Record(TOPIC, 0, 1, b"")
            gone = [asyncio.create_task(delivery.deliver(Parcel(outreach(id=f"o-{n}"), record))) for n in range(100)]
            while len(desk.channel.taken) < 2:
                await asyncio.sleep(0.01)
            for task in gone:
                task.cancel()
            await asyncio.wait(gone)
            async with asyncio.timeout(10):
                await delivery.deliver(Parcel(outreach(id="o-new"), record))

    asyncio.run(deliver())
    assert desk.channel.taken[-1] == "o-new"


def test_what_has_ended_waits_for_no_rate() -> None:
    book, everything = ClaimBook(), [f"o-{number}" for number in range(20)]
    MemoryClaims(book).record([DeliveryResult(one, "marketing", Outcome.SENT, 1, "") for one in everything])
    desk = Desk(book=book, rates=Rates({"email": 0.01}))
    with sending(desk):
        wait_until(lambda: len(desk.feedback.values) == 20, "all are told")
    assert desk.channel.asked == 0


def give_back(claims: MemoryClaims, begun: Sequence[str], waiting: Sequence[str]) -> None:
    claims.claim([(identity, "transactional") for identity in (*begun, *waiting)], 0)
    claims.begin(begun)
    record = Record(TOPIC, 0, 1, b"")
    parcels = [Parcel(outreach(id=identity), record, begun=identity in begun) for identity in (*begun, *waiting)]

    async def leave() -> None:
        with ThreadPoolExecutor(1) as executor:
            await Delivery(Desk(claims=claims).context, executor).give_back(parcels)

    asyncio.run(leave())


def test_a_hand_over_that_was_begun_stays_in_doubt() -> None:
    book = ClaimBook()
    give_back(MemoryClaims(book), begun=["o-1"], waiting=["o-2"])
    assert book.held.keys() == {"o-1"}


def test_a_hand_over_that_was_refused_to_everybody_may_be_given_back() -> None:
    """Its next claim is one that a sender who leaves has not begun with."""
    refused = PermanentFailure("refused", words="no relay")
    desk = Desk(refused, refusals=partial(Refusals, many=1), breaker=partial(Breaker, first=60.0))
    parcel = Parcel(outreach(id="o-1"), Record(TOPIC, 0, 1, b""))

    async def refuse() -> None:
        with ThreadPoolExecutor(2) as executor:
            task = asyncio.create_task(Delivery(desk.context, executor).deliver(parcel))
            async with asyncio.timeout(2):
                while not desk.channel.asked or desk.book.held or parcel.begun:
                    await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait([task])

    asyncio.run(refuse())


def test_a_store_that_is_away_keeps_nobody_in_the_group() -> None:
    class Away(MemoryClaims):
        def release(self, ids: Sequence[str]) -> None:
            raise StoreUnavailable("store", "away")

    begun = monotonic()
    give_back(Away(), begun=[], waiting=["o-1"])
    assert monotonic() < begun + GIVE_BACK_PATIENCE + 3
