"""The worker's loop on a live clock: nobody who came back in time is told that they are missed."""

import pytest

from engine.core.triggers.inactivity import Inactivity
from engine.ports import Mark
from tests.simulation.books import DAY, HOUR, START, book, rule
from tests.simulation.live_worker import TOPIC, LiveShop

MISSED = book(rule(Inactivity("missed", of=frozenset({"visit"}), after=DAY)))
CUSTOMERS = [f"c-{number}" for number in range(20)]


@pytest.mark.parametrize("markers", [0, 3])
def test_who_came_back_before_a_restart_is_not_told_though_the_store_answers_late(markers: int) -> None:
    shop = LiveShop(MISSED, START)
    worker = shop.worker()
    shop.happens("visit", CUSTOMERS)
    shop.work(worker)
    worker.source.close()
    shop.now += DAY - HOUR
    shop.happens("visit", CUSTOMERS[1:])
    for _ in range(markers):
        shop.topics.append_marker(TOPIC, 0)
    shop.now += 2 * HOUR
    shop.work(shop.worker())
    assert shop.told() == CUSTOMERS[:1]


class Behind:
    """An ingest that had come to `time` when the internal topic ended at `offset`."""

    topic = TOPIC

    def __init__(self) -> None:
        self.told: Mark | None = None

    def mark(self, partition: int) -> Mark | None:
        return self.told


def test_what_the_ingest_has_written_and_the_worker_has_only_polled_holds_the_clock() -> None:
    shop, ingest = LiveShop(MISSED, START), Behind()
    worker = shop.worker(ingest=ingest)
    shop.happens("visit", CUSTOMERS)
    shop.work(worker)
    worker.source.close()
    shop.now += DAY - HOUR
    shop.happens("visit", CUSTOMERS[1:])
    shop.now += 2 * HOUR
    ingest.told = Mark(len(shop.topics.records[TOPIC, 0]), shop.now)
    shop.work(shop.worker(ingest=ingest))
    assert shop.told() == CUSTOMERS[:1]
