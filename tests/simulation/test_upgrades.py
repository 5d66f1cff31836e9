"""A worker that meets what a newer engine wrote stops, and leaves everything as it is."""

import msgspec
import pytest

from engine.adapters.memory import MemoryStore
from engine.core.book import RuleBook
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import STATE_MINOR, STATE_VERSION, State
from engine.core.triggers.inactivity import Inactivity
from engine.errors import StateTooNew
from engine.ports import Meta, Record
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import DAY, START, Plain, book, event, rule
from tests.support.stores import put, raw_state

KNOWN = (STATE_VERSION, STATE_MINOR)
NEWER = [(STATE_VERSION, STATE_MINOR + 1), (STATE_VERSION + 1, 0)]


def quiet() -> RuleBook:
    return book(rule(Inactivity("quiet", of=frozenset({"buy"}), after=14 * DAY)))


def store_with(meta: Meta, state: bytes) -> MemoryStore:
    """One customer, c-1, as an engine left them."""
    store = MemoryStore()
    put(store, meta=meta, states={"c-1": state}, wakes={"c-1": START})
    return store


def purchase() -> list[Arrival]:
    return [Arrival(Record("events", 0, 1, None), START + DAY, event("buy", START + DAY))]


def state_of(version: tuple[int, int]) -> bytes:
    """As that version might write it, with a field that we do not know."""
    fields = msgspec.msgpack.decode(encode_state(State(wake=START)))
    return msgspec.msgpack.encode([*version, *fields[2:], "new"])


@pytest.mark.parametrize("version", NEWER)
def test_a_partition_that_a_newer_engine_has_written_to_is_not_opened(version: tuple[int, int]) -> None:
    store = store_with(Meta(seq=1, states=version, engine="9.9.0"), state_of(version))
    with pytest.raises(StateTooNew, match=r"engine 9\.9\.0 wrote .* Run engine 9\.9\.0"):
        Partition(0, quiet(), store, Plain())
    assert raw_state(store, "c-1") == state_of(version)


@pytest.mark.parametrize("version", NEWER)
def test_one_newer_state_among_others_stops_the_worker_before_anything_is_lost(version: tuple[int, int]) -> None:
    store = store_with(Meta(seq=1), state_of(version))
    partition = Partition(0, quiet(), store, Plain())
    with pytest.raises(StateTooNew):
        list(partition.process(purchase()))
    assert raw_state(store, "c-1") == state_of(version)
    assert store.meta(0).offsets == {}


def test_a_worker_says_which_states_it_writes_with_its_first_commit() -> None:
    store = store_with(Meta(seq=1), encode_state(State(wake=START)))
    list(Partition(0, quiet(), store, Plain()).process(purchase()))
    assert (store.meta(0).states, bool(store.meta(0).engine)) == (KNOWN, True)


def test_what_a_newer_engine_wrote_is_told_from_what_none_wrote() -> None:
    with pytest.raises(StateTooNew, match=rf"version {STATE_VERSION}\.{STATE_MINOR + 1}, and this engine reads up to"):
        decode_state(state_of(NEWER[0]))
