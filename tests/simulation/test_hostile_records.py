"""Nothing that stands in a record raises: each becomes an event or a dead letter, and whoever comes next is served."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.adapters.memory import MemoryRecords, MemorySink, MemoryStore
from engine.core.state.codec import decode_state
from engine.errors import BadRecord
from engine.ports import Hooks, Record, Work
from engine.sender.feedback_consumer import read_change
from engine.testing import Project, load_project
from engine.wire.dead_letters import decode_letter
from engine.wire.decode import Decoder
from engine.wire.derived import DerivedDecoder
from engine.wire.histories import decode_history
from engine.wire.origin import IDENTIFIED, IngestedDecoder, headers_of
from engine.wire.records import decode_outreach
from engine.worker.context import Rules, WorkerContext
from engine.worker.partition_owner import PartitionOwner
from engine.worker.values import read_value
from tests.support.examples import so_many
from tests.support.hostile_records import KINDS, NOW, HostileRecords
from tests.support.project_files import write_project

json = msgspec.json.decode
COUNT = 100_000
BATCH = 4_000
SEED = int(os.environ.get("ENGINE_TEST_SEED", "1"))

_PROPERTIES = ", ".join(f"{kind}: {kind}" for kind in KINDS)
EVENTS = f"""
version: 1
accept: {{ undeclared: dead_letter }}
sources:
  - topic: own
  - {{ topic: seconds, time: {{ field: time, unit: s }} }}
  - {{ topic: micros, time: {{ field: time, unit: us }} }}
  - {{ topic: nested, id: meta.id, type: meta.type, customer: who.id, time: at, properties: data }}
  - {{ topic: flat, properties: "." }}
  - {{ topic: segment, format: segment }}
  - {{ topic: cloudevents, format: cloudevents }}
events:
  signup: {{ properties: {{ {_PROPERTIES} }}, profile: all }}
  identify: {{ properties: {{ {_PROPERTIES} }}, profile: all }}
  visit: {{ properties: {{ {_PROPERTIES} }} }}
  buy: {{ properties: {{ {_PROPERTIES} }} }}
  cart: {{ properties: {{ {_PROPERTIES} }} }}
"""
RULES = """
version: 1
rules:
  - { id: idle, when: { inactivity: { of: [visit, buy], for: 7d } }, send: hello }
  - { id: ending, when: { trial_expiring: { in: 1d, ends: profile.time } }, send: hello }
  - { id: loyal, when: { milestone: { count: buy, reaches: [3, 10], where: event.number > 0 } }, send: hello }
  - { id: spender, when: { milestone: { sum: buy.number, reaches: [50, 1000] } }, send: hello }
  - { id: left, when: { abandoned: { after: cart, without: buy, within: 1h, match: string } }, send: hello }
  - { id: birthday, when: { date: { field: profile.date, every: year, at: "10:00" } }, send: hello }
  - id: receipt
    when: { event: buy, where: event.integer >= 0 }
    if: events.buy.sum("number", "30d") >= 0 and profile.boolean != false
    purpose: transactional
    send: hello
"""
TEMPLATE = """{% block subject %}Hello {{ profile.string | default("you") }}{% endblock %}
{% block text %}{{ profile.number | default(0) | number }} {{ profile.time | default(0) | datetime }}
{{ profile.date | default("2000-01-01") | date }} {{ events.buy.last.integer | default(0) }}{% endblock %}
"""


def project(folder: Path) -> Project:
    files = {"events.yaml": EVENTS, "rules.yaml": RULES, "hello.email.j2": TEMPLATE}
    write_project(folder, files)
    return load_project(folder / "rules", folder / "templates")


class Counting(Hooks):
    """Counts events that were decided."""

    def __init__(self) -> None:
        self.events = 0

    def committed(self, partition: int, work: Work, seconds: float) -> None:
        self.events += work.events


class Worker:
    """A partition over a store in memory, with everything it writes."""

    def __init__(self, made: Project) -> None:
        catalog = made.book.catalog
        self.hooks = Counting()
        self.store, self.sink = MemoryStore(), MemorySink()
        self.outcomes, self.letters = MemoryRecords(), MemoryRecords()
        decoders = {source.topic: Decoder(source, catalog) for source in catalog.sources}
        context = WorkerContext(self.store, self.sink, self.outcomes, self.letters, lambda: NOW, self.hooks)
        self._owner = PartitionOwner(0, context, Rules(made.book, made.renderer, decoders))

    def handle(self, records: Sequence[Record]) -> None:
        for waits in self._owner.handle(records):
            waits.result()

    def codes(self) -> Counter[str]:
        """Of the dead letters of records; each can be read again, with the bytes that were rejected."""
        letters = [decode_letter(value) for _, _, value in self.letters.records]
        return Counter(letter.code for letter in letters if letter.source)


def test_no_record_of_any_format_raises_and_each_is_an_event_or_a_dead_letter(tmp_path: Path) -> None:
    print(f"ENGINE_TEST_SEED={SEED}")  # shown where this fails
    worker, count = Worker(project(tmp_path)), so_many(COUNT)
    records = HostileRecords(SEED)(count)
    while batch := list(islice(records, BATCH)):
        worker.handle(batch)
    codes = worker.codes()
    assert worker.hooks.events + codes.total() == count
    assert worker.hooks.events > count / 3
    assert {"wrong-type", "bad-time", "bad-customer", "not-decodable", "undecidable", "no-value"} <= set(codes)
    customers, _ = worker.store.customers(0, "", count)
    names = worker.store.meta(0).names
    for customer, data in zip(customers, worker.store.load(0, customers), strict=True):
        value = read_value(data)
        assert value.state is None or decode_state(value.state)
        decode_history(customer, value.history, names)
    assert Counter(json(value)["outcome"] for _, _, value in worker.outcomes.records)["fired"] > so_many(1_000)
    assert all(json(entry.value)["text"] for entry in worker.sink.entries[0])


def as_identification(record: Record) -> Record:
    """A record on the internal topic that says it tells of a guest."""
    return msgspec.structs.replace(record, headers=(*headers_of(record), (IDENTIFIED, b"")))


def test_whatever_else_reads_records_raises_bad_record_only(tmp_path: Path) -> None:
    """The ingest, the internal topic, the feedback topic, the outreach topic, and the topic of dead letters."""
    print(f"ENGINE_TEST_SEED={SEED}")
    catalog = project(tmp_path).book.catalog
    decoders = {source.topic: Decoder(source, catalog) for source in catalog.sources}
    ingested, derived = IngestedDecoder(decoders), DerivedDecoder("derived", catalog)
    guests = Decoder(replace(decoders["segment"].source, keyed=False), catalog)
    readers: tuple[Callable[[Record], object], ...] = (
        lambda record: decoders[record.source].whose(record),
        lambda record: ingested.decode(record, NOW),
        lambda record: ingested.decode(msgspec.structs.replace(record, headers=headers_of(record)), NOW),
        lambda record: ingested.decode(as_identification(record), NOW),
        lambda record: derived.whose(record),
        lambda record: derived.maker(record),
        lambda record: guests.whose(record),
        lambda record: read_change(record.value),
        lambda record: decode_outreach(record.value or b""),
        lambda record: decode_letter(record.value or b""),
    )
    read: Counter[int] = Counter()
    for record in HostileRecords(SEED)(so_many(7_000)):
        for place, reader in enumerate(readers):
            with suppress(BadRecord):
                reader(record)
                read[place] += 1
        guests.identified(record, NOW)  # raises nothing at all
    assert read[0] > read[2] > 0
    assert read[1] == 0
