"""The worker's loop on the real clients: what they have read ahead holds its clock."""

from collections.abc import Callable
from time import monotonic
from typing import cast

import pytest

from engine.adapters.kafka.settings import KafkaSettings
from engine.core.triggers.inactivity import Inactivity
from engine.ports import EventSource, Ownership
from engine.worker.loop import Worker
from tests.services import Broker
from tests.support.books import DAY, HOUR, book, rule
from tests.support.kafka_clients import CLIENTS, PATIENCE, make_topics, produce
from tests.support.live import now
from tests.support.live_worker import LiveShop
from tests.support.read_ahead import ReadAhead

pytestmark = pytest.mark.kafka

CUSTOMERS = [f"c-{number}" for number in range(3_000)]
"""One poll takes them all."""
MISSED = book(rule(Inactivity("missed", of=frozenset({"visit"}), after=DAY)))


def work_until(worker: Worker, true: Callable[[], bool]) -> None:
    """Then it leaves its group."""
    worker._next_status = float("inf")  # it would wait for the store's answers
    deadline = monotonic() + PATIENCE
    while not true():
        assert monotonic() < deadline
        worker.step()
    worker.stop()
    worker.run()


@pytest.mark.parametrize("client", CLIENTS)
def test_who_came_back_is_not_told_though_their_records_come_before_the_store_answers(
    broker: Broker, topic_prefix: str, client: str
) -> None:
    topic = f"{topic_prefix}events"
    make_topics(broker.address, [topic], 1, {"retention.ms": "-1"})
    settings = KafkaSettings(broker.address, group=topic_prefix, topics=(topic,))
    shop = LiveShop(MISSED, now(), [topic])

    def join(owner: Ownership) -> EventSource:
        return cast(EventSource, ReadAhead(CLIENTS[client].source(settings, owner)))

    produce(broker.address, topic, shop.events("visit", CUSTOMERS))
    work_until(shop.worker(join), lambda: shop.store.meta(0).offsets.get(topic) == len(CUSTOMERS))
    shop.now += DAY - HOUR
    produce(broker.address, topic, shop.events("visit", CUSTOMERS[1:]))
    shop.now += 2 * HOUR
    work_until(shop.worker(join), lambda: bool(shop.told()))
    assert shop.told() == CUSTOMERS[:1]
