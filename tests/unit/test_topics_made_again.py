"""A topic that a sender reads is deleted and made again, and has more by then than was read of the old one."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Thread
from typing import cast

import msgspec

from engine.adapters.memory import MemorySuppressions
from engine.adapters.memory.source import MemorySource, MemoryTopics
from engine.errors import StoreUnavailable
from engine.ports import Suppression
from engine.sender.feedback_consumer import FeedbackConsumer
from engine.sender.loop import Sender
from engine.wire.feedback import Feedback, FeedbackKind
from engine.wire.link_tokens import LinkToken
from engine.wire.records import encode_outreach
from tests.services.processes import wait_until
from tests.support.desk import Desk
from tests.support.outreach import outreach

TOPIC = "topic"


@contextmanager
def running(sender: Sender) -> Iterator[None]:
    thread = Thread(target=sender.run)
    thread.start()
    try:
        yield
    finally:
        sender.stop()
        thread.join()


def test_outreach_of_a_topic_that_is_made_again_under_a_sender_is_handed_over_from_its_beginning() -> None:
    topics, desk = MemoryTopics(), Desk()
    old, new = [f"old-{number}" for number in range(3)], [f"new-{number}" for number in range(5)]

    def post(ids: list[str]) -> None:
        for identity in ids:
            topics.append(TOPIC, 0, encode_outreach(outreach(id=identity)).value)

    def taken(ids: list[str]) -> bool:
        return set(desk.channel.taken) == set(ids)

    post(old)
    sender = Sender(partial(MemorySource, topics, [TOPIC], 1), lambda _: {}, desk.context)
    with running(sender):
        wait_until(lambda: taken(old), "the old topic is read")
        topics.make_again(TOPIC)
        post(new)
        wait_until(lambda: taken(old + new), "the new topic is read", 20)
        source = cast("MemorySource", sender.source)
        wait_until(lambda: source.committed == {(TOPIC, 0): len(new)}, "the next sender goes on behind it")
    assert len(desk.channel.taken) == len(old + new), "each once"
    assert desk.hooks.calls["made again"] == 1


class Suppressions(MemorySuppressions):
    away = False

    def change(self, changes: Sequence[Suppression]) -> None:
        if self.away:
            raise StoreUnavailable("store", "away")
        super().change(changes)


class Listener:
    """A feedback consumer on a topic in memory."""

    def __init__(self) -> None:
        self.topics, self.suppressions = MemoryTopics(), Suppressions()
        join = partial(MemorySource, self.topics, [TOPIC], 1)
        self.consumer = FeedbackConsumer(join, lambda _: {}, self.suppressions)

    def say(self, *addresses: str) -> None:
        for address in addresses:
            about = LinkToken("c-1", "email", address, "marketing", "o-1", 1_767_225_600_000)
            event = Feedback(FeedbackKind.UNSUBSCRIBED, about, 1_767_225_700_000, "", {"marketing": False}).event()
            self.topics.append(TOPIC, 0, msgspec.json.encode(event))

    def heard(self) -> set[str]:
        for _ in range(5):
            self.consumer.step()
        return {one.digest for one in self.suppressions.listed()}


def test_who_unsubscribes_in_a_topic_that_is_made_again_is_heard() -> None:
    listener = Listener()
    listener.say("a", "b")
    assert listener.heard() == {"a", "b"}
    listener.topics.make_again(TOPIC)
    listener.say("c", "d", "e")
    assert listener.heard() == {"a", "b", "c", "d", "e"}


def test_what_waited_for_the_store_while_the_topic_was_made_again_is_heard_and_is_no_place_in_the_new_one() -> None:
    listener = Listener()
    listener.suppressions.away = True
    listener.say("a", "b")
    assert listener.heard() == set()
    listener.topics.make_again(TOPIC)
    assert listener.heard() == set()
    listener.suppressions.away = False
    assert listener.heard() == {"a", "b"}
    assert cast("MemorySource", listener.consumer.source).committed == {(TOPIC, 0): 0}
