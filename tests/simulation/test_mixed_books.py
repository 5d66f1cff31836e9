"""What a customer gets does not depend on how it is decided: in batches or one by one, in a backtest or a rule test."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from pathlib import Path
from random import Random

import msgspec
import pytest

from engine.adapters.memory import MemoryStore
from engine.core.coupons import TEST_SECRET
from engine.core.decide import decide
from engine.core.state.codec import decode_state, encode_state
from engine.core.state.model import State
from engine.model import Event, WakeUp
from engine.ports import OUTREACH, UNLIMITED, Record
from engine.testing import Project, Simulator, load_project
from engine.wire.decode import Decoder
from engine.wire.records import encode_outcome, encode_outreach
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival, Result
from engine.worker.turns import entries_of
from tests.support import mixed_books
from tests.support.backtests import Lines, by_customer, by_partition, careful, lines_of, once
from tests.support.books import DAY
from tests.support.examples import so_many
from tests.support.project_files import write_project

LATER = 15 * DAY


def project(folder: Path, random: Random) -> Project:
    write_project(folder, mixed_books.files(random))
    return load_project(folder / "rules", folder / "templates").signing(TEST_SECRET)


def events_of(shop: Project, random: Random) -> list[Event]:
    decoder, known = (
        Decoder(shop.book.catalog.sources[0], shop.book.catalog),
        shop.book.catalog.events["signup"].properties,
    )
    told = [mixed_books.in_units(one, known["born"].unit, known["ends"].unit) for one in mixed_books.history(random)]
    records = [Record("shop", 0, 1, msgspec.json.encode(one)) for one in told]
    found = [decoder.decode(one, 2**45) for one in records]
    return [one for one in found if one is not None]


def alone(shop: Project, events: Sequence[Event], end: int) -> Lines:
    """Each event is decided by a partition that has just been opened."""
    store, done = MemoryStore(), list[Result]()
    for place, event in enumerate(events, 1):
        arrival = Arrival(Record("e", 0, place, None), event.time, event)
        done += results(Partition(0, shop.book, store, shop.renderer).process([arrival]))
    done += results(Partition(0, shop.book, store, shop.renderer).advance(end))
    outreach = [entry.value for one in done for entry in one.outbox if entry.destination == OUTREACH]
    return Lines(once(outreach), sorted(line for one in done for _, line in one.outcome_records()))


def by_rule_test(shop: Project, events: Sequence[Event], end: int, *, strict: bool) -> Lines:
    """As a rule test decides them."""
    sim = Simulator(shop.book, shop.renderer, start=events[0].time, strict=strict)
    for event in events:
        sim.deliver(event, event.time)
    sim.run(end)
    outreach = [encode_outreach(one).value for one in sim.outreach]
    return Lines(once(outreach), sorted(encode_outcome(one)[1] for one in sim.outcomes))


def ways(shop: Project, events: Sequence[Event], end: int, folder: Path) -> Iterator[tuple[str, Lines]]:
    """Each has events of its own."""
    yield "alone", alone(shop, deepcopy(events), end)
    for name, how in (("backtest", {}), ("careful backtest", {"how": careful})):
        yield name, lines_of(by_customer(shop.book, shop.renderer, deepcopy(events), end, folder, **how))


@pytest.mark.parametrize("seed", range(so_many(10)))
def test_a_history_in_order_comes_out_the_same_in_every_way(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    shop = project(tmp_path, random)
    events = events_of(shop, random)
    end = events[-1].time + LATER
    want = by_partition(shop.book, shop.renderer, deepcopy(events), end)
    for strict in (False, True):
        assert by_rule_test(shop, deepcopy(events), end, strict=strict) == want, strict
    for name, got in ways(shop, events, end, tmp_path):
        assert got == want, name


@pytest.mark.parametrize("seed", range(so_many(10)))
def test_late_and_repeated_events_come_out_the_same_in_every_way(tmp_path: Path, seed: int) -> None:
    random = Random(1_000 + seed)
    shop = project(tmp_path, random)
    events = events_of(shop, random)
    for _ in range(12):
        events.insert(random.randint(0, len(events)), deepcopy(random.choice(events)))
    end = max(one.time for one in events) + LATER
    want = by_partition(shop.book, shop.renderer, deepcopy(events), end)
    for name, got in ways(shop, events, end, tmp_path):
        assert got == want, name


@pytest.mark.parametrize("seed", range(so_many(30)))
def test_what_was_due_before_an_event_counts_once_whether_a_wake_up_or_the_event_comes_to_it(
    tmp_path: Path, seed: int
) -> None:
    """Events that the engine makes of it (moves, points, what rules emit) were counted once more with the event."""
    random = Random(2_000 + seed)
    files = mixed_books.files(random)
    files |= {name: PLAIN for name in files if name.endswith(".j2")}  # what fails is known after the decision only
    files["policy.yaml"] = "".join(one for one in files["policy.yaml"].splitlines(True) if "lateness" not in one)
    write_project(tmp_path, files)
    shop = load_project(tmp_path / "rules", tmp_path / "templates").signing(TEST_SECRET)
    events = events_of(shop, random)
    assert decided(shop, deepcopy(events), first_wake=False) == decided(shop, deepcopy(events), first_wake=True)


PLAIN = "{% block subject %}Hello{% endblock %}{% block text %}{{ coupons.gift }}{% endblock %}"


def decided(shop: Project, events: Sequence[Event], *, first_wake: bool) -> tuple[list[bytes], list[str], list[object]]:
    """Outcomes, events that were made, and states. `first_wake`: what is due fires in a decision of its own."""
    states, outcomes, made = dict[str, State](), list[bytes](), list[str]()
    for event in events:
        customer, now = event.customer, event.time
        for input in (WakeUp(customer), event) if first_wake and customer in states else (event,):
            decision = decide(shop.book, states.get(customer), input, now, now)
            entries_of(shop.book, decision, shop.renderer, UNLIMITED, now)
            assert decision.state is not None
            states[customer] = decision.state
            outcomes += [encode_outcome(one)[1] for one in decision.outcomes]
            made += [f"{one.id} {one.properties}" for one in decision.derived]
    return sorted(outcomes), sorted(made), [decode_state(encode_state(one)) for one in states.values()]
