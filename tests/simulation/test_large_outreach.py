"""An outreach larger than its topic takes fails for that customer, told as it is, and everybody else's goes on."""

from collections.abc import Sequence
from typing import Any

import msgspec

from engine.adapters.memory import MemoryRecords, MemorySink, MemoryStore
from engine.core.catalog import Source
from engine.core.expression import Needs, Reads
from engine.core.policy import Cap, Policy
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.model import Outreach
from engine.ports import Record
from engine.wire.dead_letters import OUTREACH_TOO_LARGE, DeadLetter, decode_letter, original
from engine.wire.decode import Decoder
from engine.worker.context import Rules, WorkerContext
from engine.worker.partition_owner import PartitionOwner
from tests.support.books import START, book, rule

LARGEST = 2_000
"""Bytes that the topic takes."""


class Quoting:
    """A renderer that repeats what the customer wrote."""

    def render(self, outreach: Outreach, state: State) -> None:
        outreach.text = outreach.event.properties["text"] if outreach.event else ""


RULES = book(
    rule(OnEvent("thanks", event="buy", keeps_event=True), needs=Needs(Reads(event=True))),
    policy=Policy(fresh_for=None, caps=(Cap(1, span=1_000_000),)),
)


class Shop:
    """A partition with its store, which outlives the workers that own it."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.outcomes, self.letters = MemoryRecords(), MemoryRecords()
        self.offset = 0

    def own(self, sink: MemorySink, largest_letter: int = 1_000_000) -> PartitionOwner:
        context = WorkerContext(
            self.store, sink, self.outcomes, self.letters, lambda: START, largest_letter=largest_letter
        )
        decoders = {"shop": Decoder(Source("shop", "shop"), RULES.catalog)}
        return PartitionOwner(0, context, Rules(RULES, Quoting(), decoders))

    def tell(self, owner: PartitionOwner, *bought: tuple[str, str]) -> None:
        """Customer and what they wrote."""
        for waits in owner.handle([self._record(customer, text) for customer, text in bought]):
            waits.result()

    def _record(self, customer: str, text: str) -> Record:
        self.offset += 1
        said = {"id": f"e-{self.offset}", "type": "buy", "customer": customer, "time": START + self.offset}
        value = msgspec.json.encode({**said, "properties": {"text": text}})
        return Record("shop", 0, self.offset, value, customer.encode(), START)

    def told(self) -> list[tuple[str, str]]:
        """Customer and outcome, in order."""
        outcomes: list[dict[str, Any]] = [msgspec.json.decode(value) for _, _, value in self.outcomes.records]
        return [(one["customer"], one["outcome"]) for one in outcomes]

    def buried(self) -> list[DeadLetter]:
        return [decode_letter(value) for _, _, value in self.letters.records]


def sent(sink: MemorySink) -> Sequence[str]:
    return [msgspec.json.decode(entry.value)["customer"] for entry in sink.entries.get(0, ())]


def test_what_the_topic_would_not_take_is_not_decided_and_the_next_one_is() -> None:
    shop, sink = Shop(), MemorySink(LARGEST)
    shop.tell(shop.own(sink), ("ann", "fine"), ("bob", "x" * LARGEST), ("cid", "fine"))
    assert shop.told() == [("ann", "fired"), ("bob", "failed"), ("cid", "fired")]
    assert sent(sink) == ["ann", "cid"]
    assert sink.refused(0) == []
    reason = msgspec.json.decode(shop.outcomes.records[1][2])["reason"]
    assert "its topic takes 2,000" in reason


def test_what_has_failed_counts_against_no_cap() -> None:
    shop, sink = Shop(), MemorySink(LARGEST)
    shop.tell(shop.own(sink), ("bob", "x" * LARGEST), ("bob", "fine"), ("bob", "fine"))
    assert shop.told() == [("bob", "failed"), ("bob", "fired"), ("bob", "capped")]


def test_what_the_outbox_has_from_when_the_topic_took_more_stops_nobody() -> None:
    shop = Shop()
    before = Lost()
    shop.tell(shop.own(before), ("ann", "fine"), ("bob", "x" * LARGEST), ("cid", "fine"))
    sink = MemorySink(LARGEST)
    owner = shop.own(sink)
    shop.tell(owner, ("dan", "fine"))
    owner.close()
    assert sent(sink) == ["ann", "cid", "dan"]
    assert shop.store.outbox(0) == {}
    assert shop.told().count(("bob", "failed")) == 1
    [letter] = shop.buried()
    assert (letter.code, letter.reason) == (OUTREACH_TOO_LARGE, "too large")
    _, value, _ = original(letter)
    assert msgspec.json.decode(value or b"")["customer"] == "bob"


def test_a_record_whose_dead_letter_would_be_too_large_is_told_with_its_beginning() -> None:
    shop = Shop()
    owner = shop.own(MemorySink(), largest_letter=10_000)
    record = Record("shop", 0, 1, b"{" + b"x" * 9_000, b"k", START)
    for waits in owner.handle([record]):
        waits.result()
    [letter] = shop.buried()
    assert len(shop.letters.records[0][2]) < 10_000
    assert (letter.code, letter.left_out > 7_000) == ("not-decodable", True)
    _, value, _ = original(letter)
    assert record.value is not None
    assert record.value.startswith(value or b"no")


class Lost(MemorySink):
    """What is published here does not arrive: its worker was killed before."""

    def delivered(self, partition: int) -> list[str]:
        return []
