"""The suppression list follows the feedback topic, by both Kafka clients and a real broker."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import monotonic
from typing import Any

import msgspec
import pytest

from engine.adapters.kafka.library import library
from engine.adapters.kafka.settings import KafkaSettings
from engine.adapters.memory import MemorySuppressions
from engine.errors import EngineError, StoreUnavailable
from engine.ports import SenderHooks, Suppression, SuppressionQuery
from engine.sender.feedback_consumer import FeedbackConsumer
from engine.wire.feedback import Feedback, FeedbackKind
from engine.wire.link_tokens import LinkToken
from tests.services import Broker
from tests.support.kafka_clients import CLIENTS, PATIENCE, make_topics, produce

pytestmark = pytest.mark.kafka


class Frail(MemorySuppressions):
    """Does not answer the first few times."""

    failures = 0

    def change(self, changes: Sequence[Suppression]) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise StoreUnavailable("redis", "away")
        super().change(changes)


@dataclass
class Heard(SenderHooks):
    told: list[str] = field(default_factory=list)

    def feedback_applied(self, kind: str) -> None:
        self.told.append(kind)

    def unreadable(self, code: str) -> None:
        self.told.append(code)

    def store_away(self, error: EngineError, attempt: int) -> None:
        self.told.append("away")

    def store_back(self, seconds: float) -> None:
        self.told.append("back")


class Desk:
    """One group's topic of two partitions, and the list that follows it."""

    def __init__(self, bootstrap: str, topic: str, client: str) -> None:
        self.client = CLIENTS[client]
        self.settings = self.client.settings(KafkaSettings(bootstrap, group=topic, topics=(topic,)))
        self.offsets = library(self.settings).offsets(self.settings)
        self.list = Frail()
        self.hooks = Heard()

    def open(self) -> FeedbackConsumer:
        """Another sender."""
        source = partial(self.client.source, self.settings)
        return FeedbackConsumer(source, self.offsets.committed, self.list, self.hooks)

    def say(self, *values: bytes, partition: int = 0) -> None:
        produce(self.settings.bootstrap, self.settings.topics[0], values, partition)

    def reason(self, address: str, purpose: str = "marketing") -> str:
        return self.list.reasons([SuppressionQuery(purpose, 1, [address])])[0]


@pytest.fixture(params=CLIENTS)
def desk(request: pytest.FixtureRequest, broker: Broker, topic_prefix: str) -> Iterator[Desk]:
    make_topics(broker.address, [topic_prefix + "feedback"], 2, {})
    desk = Desk(broker.address, topic_prefix + "feedback", request.param)
    yield desk
    desk.offsets.close()


def feedback(kind: FeedbackKind, address: str, report: str = "", **wants: bool) -> bytes:
    about = LinkToken("c-1", "email", address, "marketing", "o-1", 1_767_225_600_000)
    event: dict[str, Any] = Feedback(kind, about, 1_767_225_700_000, report, wants).event()
    return msgspec.json.encode(event)


def work_until(true: Callable[[], bool], *senders: FeedbackConsumer) -> None:
    deadline = monotonic() + PATIENCE
    while not true():
        assert monotonic() < deadline
        for sender in senders:
            sender.step()


def work_and_leave(sender: FeedbackConsumer, true: Callable[[], bool]) -> None:
    work_until(true, sender)
    sender.stop()
    sender.run()


def test_what_was_said_last_holds_and_what_cannot_be_read_stops_nobody(desk: Desk) -> None:
    unsubscribed = feedback(FeedbackKind.UNSUBSCRIBED, "ada", marketing=False)
    desk.say(unsubscribed, b"not json", feedback(FeedbackKind.PREFERENCES, "ada", "1", marketing=True))
    desk.say(unsubscribed.replace(b"ada", b"bob"), feedback(FeedbackKind.COMPLAINED, "cy"), partition=1)
    work_and_leave(desk.open(), lambda: len(desk.hooks.told) == 5)
    assert [desk.reason(who) for who in ("ada", "bob", "cy")] == ["", "unsubscribed", "complained"]
    assert [desk.reason(who, "receipt") for who in ("ada", "bob", "cy")] == ["", "", "complained"]
    assert desk.hooks.told.count("not-feedback") == 1


def test_the_next_sender_goes_on_where_the_last_one_came_to(desk: Desk) -> None:
    desk.say(feedback(FeedbackKind.BOUNCED, "ada"))
    work_and_leave(desk.open(), lambda: desk.reason("ada") == "bounced")
    desk.list.change([Suppression("ada", "*")])
    desk.say(feedback(FeedbackKind.BOUNCED, "bob"))
    work_and_leave(desk.open(), lambda: desk.reason("bob") == "bounced")
    assert desk.reason("ada") == "", "what an operator has undone since is not done again"


def test_while_the_store_is_away_nothing_is_passed_over(desk: Desk) -> None:
    desk.list.failures = 2
    desk.say(feedback(FeedbackKind.BOUNCED, "ada"))
    sender = desk.open()
    work_until(lambda: "away" in desk.hooks.told, sender)
    desk.say(feedback(FeedbackKind.BOUNCED, "bob"))
    work_and_leave(sender, lambda: desk.reason("bob") == "bounced")
    assert desk.reason("ada") == "bounced"
    assert desk.hooks.told.index("back") > desk.hooks.told.count("away") > 0


def test_what_one_sender_could_not_do_the_other_does(desk: Desk) -> None:
    desk.list.failures = 1_000
    desk.say(feedback(FeedbackKind.BOUNCED, "ada"))
    first = desk.open()
    work_and_leave(first, lambda: "away" in desk.hooks.told)
    desk.list.failures = 0
    work_and_leave(desk.open(), lambda: desk.reason("ada") == "bounced")
