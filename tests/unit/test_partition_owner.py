"""What a worker notices about a partition's records besides deciding them."""

from collections.abc import Callable

import pytest

from engine.adapters.memory import MemoryRecords, MemorySink, MemoryStore
from engine.core.book import RuleBook
from engine.core.catalog import Catalog, EventType, Source
from engine.core.state.model import State
from engine.model import Outreach
from engine.ports import Hooks, Record
from engine.wire.decode import Decoder
from engine.wire.partitioner import crc32_partition, murmur2_partition
from engine.worker.context import Rules, WorkerContext
from engine.worker.opening_checks import PartitionsChanged
from engine.worker.partition_owner import PartitionOwner

NOW = 1_767_225_600_000
PARTITIONS = 8


class Silent:
    """A renderer for books without rules."""

    def render(self, outreach: Outreach, state: State) -> None:
        """Nothing comes here."""


class Misplaced(Hooks):
    """Notes the topics with keys in the wrong place."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def misplaced(self, partition: int, topic: str) -> None:
        self.topics.append(topic)


def handled(
    customer: str, partition: int, store: MemoryStore | None = None, check_grown: Callable[[], None] = lambda: None
) -> list[str]:
    """The topics that are found to place this customer's event wrongly, as it comes in this partition."""
    catalog = Catalog(events={"visit": EventType("visit")})
    rules = Rules(RuleBook((), catalog), Silent(), {"shop": Decoder(Source("shop", "shop"), catalog)})
    hooks = Misplaced()
    context = WorkerContext(
        store or MemoryStore(),
        MemorySink(),
        MemoryRecords(),
        MemoryRecords(),
        lambda: NOW,
        hooks,
        partitions=PARTITIONS,
        partition_of=murmur2_partition,
        check_grown=check_grown,
    )
    value = f'{{"id":"1","type":"visit","customer":"{customer}","time":{NOW}}}'.encode()
    offset = context.store.meta(partition).offsets.get("shop", 0)
    record = Record("shop", partition, offset + 1, value, customer.encode(), NOW)
    list(PartitionOwner(partition, context, rules).handle([record]))
    return hooks.topics


def test_a_customer_where_java_would_put_them_is_in_place() -> None:
    assert handled("ada", murmur2_partition(b"ada", PARTITIONS)) == []


def test_a_customer_where_librdkafka_puts_them_by_default_is_misplaced() -> None:
    assert murmur2_partition(b"ada", PARTITIONS) != crc32_partition(b"ada", PARTITIONS)
    assert handled("ada", crc32_partition(b"ada", PARTITIONS)) == ["shop"]


def test_whoever_comes_anew_and_belongs_elsewhere_is_not_counted_where_the_topic_has_grown() -> None:
    store, elsewhere = MemoryStore(), crc32_partition(b"ada", PARTITIONS)

    def grown() -> None:
        raise PartitionsChanged("shop", PARTITIONS, 12)

    with pytest.raises(PartitionsChanged):
        handled("ada", elsewhere, store, grown)
    assert store.customers(elsewhere, "", 10) == ([], "")
    assert store.meta(elsewhere).offsets == {}
    handled("ada", murmur2_partition(b"ada", PARTITIONS), store, grown)
    handled("ada", elsewhere, store)  # by a producer with another partitioner
    handled("ada", elsewhere, store, grown)
    assert store.customers(elsewhere, "", 10) == (["ada"], "")
