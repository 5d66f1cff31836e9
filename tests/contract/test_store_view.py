"""An operator sees what the store has of whom, and what is wrong in it."""

import msgspec
import pytest

from engine.adapters.memory import MemoryStore
from engine.core.state.codec import encode_state
from engine.core.state.model import State
from engine.core.triggers.event import OnEvent
from engine.core.triggers.inactivity import Inactivity
from engine.errors import StoreDamaged
from engine.operate.customers import everything, find
from engine.operate.overdue import overdue
from engine.operate.store_view import check, dump, dump_day, where
from engine.ports import Record, StateStore
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from engine.worker.values import encode_value, read_value
from tests.support.books import DAY, START, Plain, book, event, rule
from tests.support.drive import Customers
from tests.support.journeys import loaded
from tests.support.stores import put

BOOK = book(rule(OnEvent("receipt", event="buy")), rule(Inactivity("quiet", of=frozenset({"buy"}), after=10 * DAY)))
QUIET = START + 10 * DAY


@pytest.fixture
def shop(store: StateStore) -> StateStore:
    told = [event("buy", START + place, customer=f"c-{place}") for place in range(5)]
    arrivals = [Arrival(Record("events", 0, place, None), one.time, one) for place, one in enumerate(told, 1)]
    list(Partition(0, BOOK, store, Plain()).process(arrivals))
    return store


def wrong(store: StateStore) -> list[str]:
    return [customer for customer, _ in check(store, 0).problems]


def test_a_store_as_the_engine_leaves_it_is_right(shop: StateStore) -> None:
    checked = check(shop, 0)
    assert (checked.problems, checked.customers, checked.histories, checked.looks) == ([], 5, 0, 5)
    assert checked.largest[0] * 5 >= checked.bytes > 0


def test_where_a_customer_is_and_what_would_wake_them(shop: StateStore) -> None:
    (found,) = where(shop, "c-0")
    assert (found["partition"], found["looks"]) == (0, ["2026-01-11T00:00:00Z"])
    assert (found["wake"], found["state"]["events"]["buy"]["count"]) == ("2026-01-11T00:00:00Z", 1)
    assert [one["rule"] for one in found["history"]] == ["receipt"]
    assert list(where(shop, "nobody")) == []


def test_everything_is_printed_once_and_can_be_read_as_json(shop: StateStore) -> None:
    first, *lines = (msgspec.json.decode(msgspec.json.encode(line)) for line in dump(shop, 0))
    assert first["meta"]["offsets"] == {"events": 5}
    assert sorted(line["customer"] for line in lines if "customer" in line) == [f"c-{place}" for place in range(5)]
    (day,) = (line for line in lines if "day" in line)
    assert (day["date"], [customer for _, customer in day["looks"]]) == ("2026-01-11", [f"c-{n}" for n in range(5)])
    assert msgspec.json.decode(msgspec.json.encode(dump_day(shop, 0, QUIET // DAY))) == day


def test_who_would_never_be_woken_is_found(shop: StateStore) -> None:
    put(shop, days_gone=[QUIET // DAY])
    assert sorted(wrong(shop)) == [f"c-{place}" for place in range(5)]


def test_who_cannot_be_read_is_found_and_shown_as_bytes(shop: StateStore) -> None:
    put(shop, states={"c-1": b"\xc1"})
    assert wrong(shop) == ["c-1"]
    (found,) = where(shop, "c-1")
    assert found["state"]["hex"] == "c1"


def test_a_list_of_looks_that_is_damaged_is_found_and_hides_nothing_else() -> None:
    """Whatever of it the engine cannot read."""
    for damaged in (b"\xc1", b"\x91\x92\x01\xa1\xff", b"\x91" * 100_000):
        store = MemoryStore()
        day = QUIET // DAY
        put(store, states={"c-0": encode_state(State())}, wakes={"c-0": QUIET})
        store.partitions[0][f"t:{day}"] = [damaged]
        assert {key for key, _ in check(store, 0).problems} == {f"t:{day} of partition 0", "c-0"}
        assert [found["looks"] for found in where(store, "c-0")] == [[]]
        with pytest.raises(StoreDamaged, match=f"t:{day} of partition 0"):
            list(overdue(store, 0, QUIET, 10))


def test_a_customer_whose_history_is_damaged_is_named() -> None:
    store = MemoryStore()
    put(store, states={"c-0": encode_state(State())})
    value = read_value(store.partitions[0]["values"]["c-0"])
    store.partitions[0]["values"]["c-0"] = encode_value(msgspec.structs.replace(value, history=b"\x07damaged"))
    with pytest.raises(StoreDamaged, match="the history of 'c-0' in partition 0"):
        find(store, "c-0")


def test_of_rules_and_segments_that_are_away_nothing_is_shown_as_waiting() -> None:
    rules = """
        segments: [{ id: active, if: "events.visit.count('7d') >= 1" }]
        rules:
          - { id: quiet, when: { inactivity: { of: visit, for: 10d } }, send: note }
          - { id: welcome, when: { event: visit }, steps: [{ wait: 9d }, { send: note }] }
    """
    there = Customers(loaded(rules)).tell(event("visit", START))

    def shown() -> set[str]:
        store = MemoryStore()
        put(store, states={"c-1": encode_state(there.states["c-1"])})
        return {name for name, of in everything(store, "c-1", find(store, "c-1")).items() if of} & waiting

    waiting = {"timers", "runs", "segments"}
    assert shown() == waiting
    there.meet(loaded("rules: [{ id: other, when: { event: buy }, send: note }]"))
    assert shown() == set()
