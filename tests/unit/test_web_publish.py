"""Whoever tells us something hears that we have it when the broker has it, however many tell at once."""

import asyncio
from threading import Event, Thread

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from engine.adapters.memory import MemoryRecords
from engine.adapters.web.body import read_body
from engine.adapters.web.publish import Publisher
from engine.errors import SinkUnavailable
from engine.telemetry.web import WebWatch
from engine.wire.feedback import Feedback, FeedbackKind
from engine.wire.link_tokens import LinkToken
from tests.support.website import NOW, Away, Website, token


def feedback(number: int) -> Feedback:
    about = LinkToken(f"c-{number}", "email", "0a", "marketing", f"o-{number}", NOW)
    return Feedback(FeedbackKind.UNSUBSCRIBED, about, NOW, wants={"marketing": False})


class Slow(MemoryRecords):
    """A broker that has what it was given when `answers` is set. `asked`: it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answers = Event(), Event()
        self.groups: list[int] = []

    def flush(self) -> None:
        if len(self.records) > sum(self.groups):
            self.asked.set()
            assert self.answers.wait(10)
            self.groups.append(len(self.records) - sum(self.groups))


class Failing(MemoryRecords):
    """Loses the record of customer `lost`, and tells that to whoever flushes next."""

    lost = "c-1"

    def flush(self) -> None:
        kept = [record for record in self.records if record[0] != self.lost]
        if kept != self.records:
            self.records[:] = kept
            raise SinkUnavailable("engine.feedback", "too large")


def test_a_customer_is_not_answered_before_the_broker_has_it() -> None:
    writer, answers = Slow(), []
    with Website(writer=writer).open() as browser:
        asking = Thread(target=lambda: answers.append(browser.post(f"/unsubscribe/{token()}").status_code))
        asking.start()
        assert writer.asked.wait(10)
        assert answers == []
        writer.answers.set()
        asking.join(10)
    assert answers == [200]


def test_all_who_come_while_the_broker_is_busy_wait_for_one_flush() -> None:
    writer = Slow()

    async def scenario() -> None:
        publisher = Publisher(writer, WebWatch())
        first = asyncio.create_task(publisher.publish([feedback(0)]))
        await asyncio.to_thread(writer.asked.wait, 10)
        others = [asyncio.create_task(publisher.publish([feedback(number)])) for number in range(1, 50)]
        await asyncio.sleep(0)
        writer.answers.set()
        await asyncio.gather(first, *others)

    asyncio.run(scenario())
    assert writer.groups == [1, 49]
    assert [key for key, _, _ in writer.records] == [f"c-{number}" for number in range(50)]


def test_nobody_is_told_it_worked_because_somebody_else_has_heard_of_the_failure() -> None:
    writer = Failing()

    async def scenario() -> list[BaseException | None]:
        publisher = Publisher(writer, WebWatch())
        return await asyncio.gather(
            *(publisher.publish([feedback(number)]) for number in range(3)), return_exceptions=True
        )

    told = asyncio.run(scenario())
    assert [type(error) for error in told] == [SinkUnavailable] * 3, "all of a group, as nobody knows whose was lost"
    asyncio.run(Publisher(writer, WebWatch()).publish([feedback(5)]))
    assert writer.records[-1][0] == "c-5"


def test_while_the_broker_hangs_nothing_piles_up_behind_it() -> None:
    written: list[str] = []

    class Hanging(Away):
        def write(self, key: str, identity: str, value: bytes) -> None:
            written.append(key)

        def flush(self) -> None:
            if written:
                super().flush()

    async def scenario() -> None:
        publisher = Publisher(Hanging(), WebWatch())
        for number in range(20):
            with pytest.raises(SinkUnavailable):
                await publisher.publish([feedback(number)])

    asyncio.run(scenario())
    assert written == ["c-0"]


def test_who_has_waited_long_enough_is_asked_to_try_again() -> None:
    writer = Slow()

    async def scenario() -> None:
        publisher = Publisher(writer, WebWatch(), longest_wait=0.01)
        with pytest.raises(SinkUnavailable, match="still tried"):
            await publisher.publish([feedback(0)])
        writer.answers.set()

    asyncio.run(scenario())
    assert writer.groups == [1], "it is durable later: a repeat has the same id"


def test_more_than_can_wait_is_refused_at_once() -> None:
    publisher = Publisher(MemoryRecords(), WebWatch(), max_waiting=2)
    with pytest.raises(SinkUnavailable, match="too much"):
        asyncio.run(publisher.publish([feedback(number) for number in range(3)]))


def body_of(*messages: Message, **patience: float) -> bytes:
    """What is read of a request of at most 10 bytes; after its messages nothing comes."""
    coming = list(messages)

    async def receive() -> Message:
        if not coming:
            await asyncio.Event().wait()
        return coming.pop(0)

    return asyncio.run(read_body(Request({"type": "http", "method": "POST", "headers": []}, receive), 10, **patience))


def chunk(content: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": content, "more_body": more}


def test_a_body_comes_in_pieces() -> None:
    assert body_of(chunk(b"12345"), chunk(b"67890"), chunk(b"", more=False)) == b"1234567890"


def test_no_more_of_a_body_is_read_than_is_wanted() -> None:
    with pytest.raises(HTTPException, match="413"):
        body_of(chunk(b"12345"), chunk(b"678901"))


@pytest.mark.parametrize("messages", [[], [chunk(b"1")], [chunk(b"1"), {"type": "http.disconnect"}]])
def test_a_body_that_does_not_come_is_not_waited_for_longer_than_seconds(
    messages: list[Message],
) -> None:
    with pytest.raises(HTTPException, match="408"):
        body_of(*messages, seconds=0.01)
