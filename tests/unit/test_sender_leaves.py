"""What a sender has claimed and not begun to hand over is free for the next one, as soon as it leaves a partition."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Thread
from time import monotonic

from engine.adapters.memory import MemoryClaims
from engine.adapters.memory.sending import ClaimBook
from engine.adapters.memory.source import MemorySource, MemoryTopics
from engine.errors import StoreUnavailable
from engine.ports import DeliveryResult, Record
from engine.sender.delivery import GIVE_BACK_PATIENCE, Delivery, Parcel
from engine.sender.loop import Sender
from engine.sender.rates import Rates
from engine.wire.records import encode_outreach
from tests.services.processes import wait_until
from tests.support.desk import Desk
from tests.support.outreach import outreach

TOPIC = "topic"


def test_a_sender_that_leaves_holds_no_claim_on_what_it_has_not_begun() -> None:
    """The next one would have to doubt it after a restart of the store, and marketing would not be sent."""
    topics, desk = MemoryTopics(), Desk(rates=Rates({"email": 2}))
    for number in range(20):
        topics.append(TOPIC, 0, encode_outreach(outreach(id=f"o-{number}", purpose="marketing")).value)
    sender = Sender(partial(MemorySource, topics, [TOPIC], 1), lambda _: {}, desk.context)
    thread = Thread(target=sender.run)
    thread.start()
    wait_until(lambda: len(desk.book.held) == 20 and bool(desk.channel.taken), "all are claimed, and some are sent")
    sender.stop()
    thread.join()
    held = desk.book.held
    assert held.keys() == set(desk.channel.taken) < {f"o-{number}" for number in range(20)}
    assert all(isinstance(ended, DeliveryResult) for ended in held.values())


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


def test_a_store_that_is_away_keeps_nobody_in_the_group() -> None:
    class Away(MemoryClaims):
        def release(self, ids: Sequence[str]) -> None:
            raise StoreUnavailable("store", "away")

    begun = monotonic()
    give_back(Away(), begun=[], waiting=["o-1"])
    assert monotonic() < begun + GIVE_BACK_PATIENCE + 3
