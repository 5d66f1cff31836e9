"""What workers have decided through an ingest comes out the same again: guests, events for others, and feedback."""

import random
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest

from engine.adapters.memory import MemorySink, MemoryTransfer
from engine.adapters.memory.source import MemorySource
from engine.core.zones import iso
from engine.insight.archive import Archive, erase, files_of
from engine.insight.archive.ledger import NAME
from engine.ports import Hooks, IngestMark, Record
from engine.testing import Project, load_project
from engine.wire.decode import Decoder
from engine.wire.derived import DERIVED, DerivedDecoder
from engine.wire.origin import IngestedDecoder
from engine.wiring.archiving import add_feedback, add_outcome, add_records, derived_adder, event_adder
from engine.worker.context import Rules
from engine.worker.ingest import Ingest
from engine.worker.loop import Worker
from tests.support.books import DAY, HOUR, START
from tests.support.examples import so_many
from tests.support.live_worker import LiveShop
from tests.support.production import again
from tests.support.project_files import write_project

INTERNAL, WEB, FEEDBACK, DERIVED_TOPIC = "engine.events", "web", "engine.feedback", "engine.derived"
FILES = {
    "events.yaml": f"""\
version: 1
sources:
  - {{ topic: {WEB}, format: segment, keyed: false }}
  - {{ topic: {FEEDBACK} }}
events:
  cart: {{ properties: {{ cart_id: string }} }}
  buy: {{ properties: {{ cart_id: string, by: string }}, profile: {{ referred_by: by }} }}
  outreach_clicked: {{ properties: {{ rule: string }} }}
  brought: {{ properties: {{ friend: string }} }}
""",
    "policy.yaml": """\
version: 1
zone: UTC
quiet_hours: [{ from: "22:00", to: "07:00" }]
publish: [brought]
""",
    "rules.yaml": """\
version: 1
rules:
  - { id: cart, when: { abandoned: { after: cart, without: buy, within: 2h, match: cart_id } }, send: note }
  - { id: quiet, when: { inactivity: { of: [cart, buy], for: 1d } }, send: note }
  - id: welcome
    when: { event: cart }
    reentry: after 2d
    steps: [{ wait: 1h }, { send: note }, { wait: 9h }, { id: again, send: note }]
  - id: referral
    when: { event: buy }
    if: profile.referred_by != null
    reentry: after 1d
    emit: { event: brought, to: profile.referred_by, after: 5h, with: { friend: customer.id } }
  - { id: thanks, when: { event: brought }, send: note }
  - { id: clicked, when: { event: outreach_clicked }, send: note }
""",
    "note.email.j2": "{% block subject %}Hi{% endblock %}{% block text %}{{ events.buy.count() }}{% endblock %}\n",
}


class Progress:
    """The ingest's progress, in memory."""

    topic = INTERNAL

    def __init__(self, shop: "Ingested") -> None:
        self.shop = shop

    def mark(self, partition: int) -> IngestMark | None:
        return self.shop.marked


class Ingested(LiveShop):
    """A live shop behind an ingest; everything that comes in or is decided goes into an archive."""

    def __init__(self, folder: Path) -> None:
        self.folder = write_project(folder, FILES)
        self.project: Project = load_project(folder / "rules", folder / "templates")
        super().__init__(self.project.book, START, (INTERNAL, FEEDBACK))
        catalog = self.project.book.catalog
        web, feedback = catalog.sources
        self.decoders = {WEB: Decoder(web, catalog), DERIVED_TOPIC: DerivedDecoder(DERIVED_TOPIC, catalog)}
        self.feedback = Decoder(feedback, catalog)
        self.derived = MemorySink()
        self.ingest = Ingest(MemoryTransfer(), self.decoders, Hooks())
        self.marked: IngestMark | None = None
        self.moved = {WEB: 0, DERIVED_TOPIC: 0}
        self.calls = 0

    def ingested(self) -> None:
        """The ingest moves what has come in, and tells how far it has come."""
        derived = self.topics.records[DERIVED_TOPIC, 0]
        for entry in self.derived.entries.get(0, [])[len(derived) :]:
            self.topics.append(DERIVED_TOPIC, 0, entry.value, timestamp=self.now)
        for topic, before in self.moved.items():
            records = [one for one in self.topics.records[topic, 0][before:] if one is not None]
            self.moved[topic] += len(records)
            self.ingest.transfer = transfer = MemoryTransfer(records)
            self.ingest.step()
            internal = self.topics.records[INTERNAL, 0]
            for one in transfer.events:
                key = one.customer.encode()
                internal.append(Record(INTERNAL, 0, len(internal) + 1, one.value, key, self.now, one.headers))
        self.marked = IngestMark(len(self.topics.records[INTERNAL, 0]), self.now)

    def worker_now(self) -> Worker:
        worker = self.worker(
            lambda owner: MemorySource(self.topics, self.names, 1, owner),
            sinks={DERIVED: self.derived},
            ingest=Progress(self),
        )
        decoders: dict[str, Decoder | IngestedDecoder] = {
            INTERNAL: IngestedDecoder(self.decoders),
            FEEDBACK: self.feedback,
        }
        worker.rules = Rules(self.project.book, self.project.renderer, decoders)
        return worker

    def live(self, seed: int, hours: int) -> None:
        """Guests and customers do this and that; ingest and worker lag now and then."""
        chance = random.Random(seed)
        worker = self.worker_now()
        for _ in range(hours):
            for number in chance.sample(range(4), chance.randrange(4)):
                self.does(number, chance)
            self.now += chance.randrange(HOUR // 2, 3 * HOUR // 2)
            if chance.random() < 0.8:
                self.ingested()
            if chance.random() < 0.8:
                self.work(worker)
        for _ in range(6):
            self.now += DAY
            self.ingested()
            self.work(worker)
        worker.source.close()

    def does(self, number: int, chance: random.Random) -> None:
        guest, known = {"anonymousId": f"guest-{number}"}, {"userId": f"u-{number}"}
        cart = {"cart_id": f"k-{chance.randrange(3)}"}
        match chance.choice(["cart", "cart", "identify", "buy", "both", "click"]):
            case "cart":
                self.calls_in({"type": "track", "event": "cart", "properties": cart, **guest})
            case "identify":
                self.calls_in({"type": "identify", **guest, **known})
            case "buy":
                by = {"by": f"u-{chance.randrange(5)}"} if chance.random() < 0.5 else {}
                self.calls_in({"type": "track", "event": "buy", "properties": {**cart, **by}, **known})
            case "both":
                self.calls_in({"type": "track", "event": "cart", "properties": cart, **guest, **known})
            case "click":
                click = {"id": f"f-{self.calls}", "type": "outreach_clicked", "customer": f"u-{number}"}
                value = {**click, "time": iso(self.now), "properties": {"rule": "quiet"}}
                self.calls += 1
                self.topics.append(FEEDBACK, 0, msgspec.json.encode(value), timestamp=self.now)

    def calls_in(self, call: dict[str, Any]) -> None:
        self.calls += 1
        given = {"timestamp": iso(self.now), **call} | ({"messageId": f"m-{self.calls}"} if self.calls % 3 else {})
        self.topics.append(WEB, 0, msgspec.json.encode(given), timestamp=self.now)

    def archived(self, path: Path, *without: str) -> Path:
        """All topics, as `engine archive` reads them, but some."""
        feeds = {
            WEB: event_adder(self.decoders[WEB], self.now),
            DERIVED_TOPIC: derived_adder(DerivedDecoder(DERIVED_TOPIC, self.project.book.catalog), self.now),
            FEEDBACK: add_feedback,
            "outcomes": add_outcome,
        }
        for _, identity, value in self.outcomes.records:
            self.topics.append("outcomes", 0, value, identity.encode(), self.now)
        with Archive.opened(path) as archive:
            for topic in feeds.keys() - {*without}:
                records = (one for one in self.topics.records[topic, 0] if one is not None)
                add_records(archive, records, feeds[topic], by_arrival=True)
            archive.commit()
        return path


@pytest.mark.parametrize("seed", range(so_many(8)))
def test_guests_and_friends_of_customers_come_out_the_same_byte_for_byte(tmp_path: Path, seed: int) -> None:
    shop = Ingested(tmp_path)
    shop.live(seed, 60)
    found, lacks = again(shop.archived(tmp_path / "archive"), shop.folder)
    assert lacks == []
    assert found.examples == []
    decided = [msgspec.json.decode(value) for value in {value for _, _, value in shop.outcomes.records}]
    assert found.same == len(decided) > 60
    assert {"cart", "quiet", "welcome", "referral", "thanks", "clicked"} == {one["rule"] for one in decided}
    assert (found.lost.total(), found.undecidable) == (0, 0)


def test_events_for_others_that_the_archive_does_not_have_are_counted_by_customer(tmp_path: Path) -> None:
    shop = Ingested(tmp_path)
    shop.live(0, 60)
    found, _ = again(shop.archived(tmp_path / "archive", DERIVED_TOPIC), shop.folder)
    made = [one.value for one in shop.topics.records[DERIVED_TOPIC, 0] if one is not None]
    assert found.lost.total() == len({msgspec.json.decode(one or b"")["id"] for one in made})
    assert {one.rule for one in found.examples} == {"thanks"}, "nothing else rests on them"
    assert {one.customer for one in found.examples} <= found.lost.keys()


def test_an_archive_of_an_older_engine_says_from_where_on_it_knows_who_guests_are(tmp_path: Path) -> None:
    shop = Ingested(tmp_path)
    shop.live(1, 40)
    archive = shop.archived(tmp_path / "archive")
    ledger = msgspec.json.decode((archive / NAME).read_bytes())
    del ledger["guests_from"], ledger["files"]["guests"]
    (archive / NAME).write_bytes(msgspec.json.encode(ledger))
    found, lacks = again(archive, shop.folder)
    end = len(shop.topics.records[WEB, 0])
    assert lacks == [f"web/0 before offset {end}: which guests became customers is not there"]
    assert any('"became u-' in one.recorded for one in found.examples)


def test_an_erased_customer_is_named_by_no_guest_and_no_event_of_a_rule(tmp_path: Path) -> None:
    shop = Ingested(tmp_path)
    shop.live(2, 60)
    archive = shop.archived(tmp_path / "archive")
    assert erase(archive, ["u-1"]) > 0
    with duckdb.connect() as connection:
        for kind in ("events", "feedback", "derived", "guests", "outcomes"):
            rows = connection.execute("SELECT * FROM read_parquet(?)", [files_of(archive, kind)]).fetchall()
            assert rows
            told = [row for row in rows if "u-1" in row]
            assert told == [], kind
