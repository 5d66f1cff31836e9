"""Events of rules on their way to other customers: as records, through the ingest, and in a replay."""

from pathlib import Path

import msgspec
import pytest

from engine.adapters.memory import MemoryRecords, MemorySink, MemoryStore, MemoryTransfer
from engine.core.book import RuleBook
from engine.core.decide import decide
from engine.core.state.model import State
from engine.errors import UnknownCustomer
from engine.model import DerivedEvent, Event, WakeUp
from engine.ports import Hooks, Record
from engine.render import JinjaRenderer
from engine.testing import load_project
from engine.testing.simulator import Simulator
from engine.wire.dead_letters import decode_letter
from engine.wire.derived import ArchivedDecoder, DerivedDecoder, encode_derived
from engine.wire.origin import IngestedDecoder
from engine.wiring.replay import HistoryFiles, Sinks, replay_into
from engine.worker.context import Rules, WorkerContext
from engine.worker.ingest import Ingest
from engine.worker.partition_owner import PartitionOwner
from tests.support.books import START
from tests.support.project_files import write_project
from tests.support.referrals import FILES, REFERRAL, book_of

TOPIC = "engine.derived"


@pytest.fixture
def book(tmp_path: Path) -> RuleBook:
    return book_of(tmp_path, REFERRAL, "version: 1\npublish: [referral_succeeded]\n")


def record(book: RuleBook, derived: DerivedEvent, offset: int = 0) -> Record:
    value = encode_derived(derived, book.catalog).value
    return Record(TOPIC, 3, offset + 1, value, derived.event.customer.encode(), START)


def for_(customer: str, because_of: str = "bob") -> DerivedEvent:
    event = Event(f"id-{customer}", "referral_succeeded", customer, START, {"friend": because_of})
    return DerivedEvent("referral", "o-1", because_of, START, event)


def test_what_a_rule_made_for_another_customer_arrives_there_as_it_was_made(book: RuleBook) -> None:
    decoders = {TOPIC: DerivedDecoder(TOPIC, book.catalog)}
    transfer = MemoryTransfer([record(book, for_("ada"))])
    Ingest(transfer, decoders, Hooks()).step()
    [moved] = transfer.events
    assert moved.customer == "ada"
    internal = Record("engine.events", 0, 1, moved.value, b"ada", START, moved.headers)
    event = IngestedDecoder(decoders).decode(internal, START)
    assert isinstance(event, Event)
    assert (event.id, event.type, event.time, event.properties) == (
        "id-ada", "referral_succeeded", START, {"friend": "bob"}
    )  # fmt: skip
    assert event.occurrence == "id-ada"


def test_what_happened_to_the_customer_already_is_published_and_not_moved(book: RuleBook) -> None:
    transfer = MemoryTransfer([record(book, for_("bob"))])
    Ingest(transfer, {TOPIC: DerivedDecoder(TOPIC, book.catalog)}, Hooks()).step()
    assert (transfer.events, transfer.letters) == ([], [])


def test_a_copy_of_what_only_the_engine_makes_is_archived_and_sets_off_nothing(tmp_path: Path) -> None:
    points = "points: [{ id: stars, earn: [{ event: purchase, points: event.amount }] }]\n"
    book = book_of(tmp_path, f"{points}{REFERRAL}", "version: 1\npublish: [points_changed]\n")
    change = {"id": "stars", "points": "stars", "delta": 5, "balance": 5, "reason": "earned"}
    told = Event("id-1", "points_changed", "bob", START, change)
    published = record(book, DerivedEvent("", "o-1", "bob", START, told))
    event = ArchivedDecoder(TOPIC, book.catalog).decode(published, START)
    assert event is not None
    assert (event.type, event.properties) == ("points_changed", told.properties)
    assert DerivedDecoder(TOPIC, book.catalog).decode(published, START) is None


@pytest.mark.parametrize("value", [None, b"", b"[]", b"\xff", b"{}", b'{"customer": 7, "because_of": 7}'])
def test_a_record_of_somebody_else_becomes_a_dead_letter(book: RuleBook, value: bytes | None) -> None:
    transfer = MemoryTransfer([Record(TOPIC, 0, 1, value, b"", START)])
    Ingest(transfer, {TOPIC: DerivedDecoder(TOPIC, book.catalog)}, Hooks()).step()
    assert (len(transfer.letters), transfer.events) == (1, [])


def test_it_creates_nobody(book: RuleBook) -> None:
    event = DerivedDecoder(TOPIC, book.catalog).decode(record(book, for_("ada")), START)
    assert event
    with pytest.raises(UnknownCustomer, match="creates nobody"):
        decide(book, None, event, START)
    state = decide(book, State(mark=book.mark), event, START).state
    assert state
    assert decide(book, state, WakeUp("ada"), START).state


def test_a_worker_tells_an_unknown_customer_from_a_fault_of_the_engine(book: RuleBook, tmp_path: Path) -> None:
    store, letters = MemoryStore(), MemoryRecords()
    decoder = DerivedDecoder(TOPIC, book.catalog)
    context = WorkerContext(store, MemorySink(), MemoryRecords(), letters, lambda: START, Hooks())
    owner = PartitionOwner(0, context, Rules(book, JinjaRenderer(tmp_path, book), {TOPIC: decoder}))
    for waits in owner.handle([record(book, for_("ada"))]):
        waits.result()
    assert [decode_letter(value).code for _, _, value in letters.records] == ["unknown-customer"]
    assert store.customers(0, "", 10)[0] == []


def test_the_policy_publishes_a_copy_of_what_a_customer_gets_from_their_own_rule(tmp_path: Path) -> None:
    rules = REFERRAL.replace("to: profile.referred_by, after: 14d,", "")
    there = Simulator(book_of(tmp_path, rules, "version: 1\npublish: [referral_succeeded]\n"))
    there.event("signup", "0d", by="ada")
    state = there.states["c-1"]
    bought = Event("p", "purchase", "c-1", START, {"order_id": "o"})
    decision = decide(there.book, state, bought, START)
    [copy] = [effect for effect in decision.effects if isinstance(effect, DerivedEvent)]
    assert copy.event is decision.derived[0]
    assert (copy.customer, copy.event.customer) == ("c-1", "c-1")


@pytest.mark.parametrize("strict", [False, True])
def test_a_copy_that_the_policy_publishes_is_not_decided_again(tmp_path: Path, strict: bool) -> None:
    rules = REFERRAL.replace("to: profile.referred_by, after: 14d,", "")
    policy = "version: 1\npublish: [referral_succeeded]\ndedupe: off\n"
    there = Simulator(book_of(tmp_path, rules, policy), strict=strict)
    there.event("signup", "0d", by="ada")
    there.event("purchase", "1d", order_id="o")
    assert there.states["c-1"].events["referral_succeeded"].count == 1
    assert [one.rule for one in there.outreach] == ["thanks"]
    assert [event.type for event in there.derived] == ["referral_succeeded"]


def test_a_replay_credits_each_referral_once_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    write_project(tmp_path, FILES)
    project = load_project(tmp_path / "rules", tmp_path / "templates")
    events = [_line(1, "signup", "ada"), _line(2, "signup", "bob", by="ada"), _line(3, "signup", "eve", by="nobody")]
    events += [_line(10 + day, "purchase", customer, day) for day in (1, 2) for customer in ("bob", "eve")]
    events += [_line(99, "signup", "zoe", 30)]
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(events))
    store, sink, letters = MemoryStore(), MemorySink(), MemorySink()
    for _ in range(2):
        replay_into(store, project, HistoryFiles((file,), None), sinks=Sinks(sink, None, letters))
    told = [msgspec.json.decode(entry.value) for entry in sink.entries[0]]
    found = [(one["rule"], one["customer"], one["at"]) for one in told]
    assert found == [("thanks", "ada", "2026-01-16T00:00:00.011Z")]
    [letter] = [msgspec.json.decode(entry.value) for entry in letters.entries[0]]
    assert letter["code"] == "unknown-customer"
    assert "creates nobody" in letter["reason"]


def _line(number: int, type: str, customer: str, day: int = 0, **properties: str) -> bytes:
    time = START + number + day * 86_400_000
    event = {"id": f"e-{number}-{customer}-{day}", "type": type, "customer": customer, "time": time}
    return msgspec.json.encode(event | {"properties": properties}) + b"\n"
