"""What live workers have decided comes out the same again, from an archive; what does not is told."""

import random
from pathlib import Path

import msgspec
import pytest

from engine.config import load_settings
from engine.core.catalog import Source
from engine.insight.archive import Archive, Place
from engine.insight.archive.outcomes import decode_outcome
from engine.model import Event
from engine.replay.as_decided import Comparison
from engine.testing import Project, load_project
from engine.wire.decode import Decoder
from engine.wiring.as_decided import compare
from engine.wiring.backtest import Rules as Folders
from engine.worker.loop import Worker
from engine.worker.partition_owner import Rules
from tests.support.books import DAY, HOUR, START
from tests.support.command import engine, write_project
from tests.support.live_worker import TOPIC, LiveShop

FILES = {
    "events.yaml": """\
version: 1
sources: [{ topic: shop }]
events:
  visit: {}
  buy: { properties: { amount: number } }
  trial: { properties: { ends: time }, profile: { trial_ends_at: ends } }
""",
    "policy.yaml": """\
version: 1
zone: UTC
quiet_hours: [{ from: "22:00", to: "07:00" }]
caps: [{ limit: 3, per: 2d }]
""",
    "rules.yaml": """\
version: 1
rules:
  - { id: quiet, when: { inactivity: { of: [visit, buy], for: 1d } }, send: note }
  - { id: receipt, when: { event: buy }, purpose: transactional, send: note }
  - { id: dear, when: { event: buy, where: event.amount > 50 }, reentry: after 3d, send: note }
  - { id: loyal, when: { milestone: { count: buy, reaches: [2, 4] } }, if: "events.visit.count('2d') >= 1", send: note }
  - { id: trial, when: { trial_expiring: { in: 2d, at: "09:00" } }, send: note }
  - id: hello
    when: { event: visit }
    reentry: once
    goal: { event: buy, where: event.amount > 50 }
    steps: [{ send: note }, { wait: 6h }, { id: again, send: note }]
""",
    "note.email.j2": "{% block subject %}Hi{% endblock %}{% block text %}{{ events.buy.count() }}{% endblock %}\n",
}
CHANGED = {**FILES, "rules.yaml": FILES["rules.yaml"].replace("for: 1d", "for: 2d").replace("> 50", "> 20")}


class Production(LiveShop):
    """A live shop, of which everything goes into an archive."""

    def __init__(self, folder: Path, files: dict[str, str] = FILES) -> None:
        self.folder = write_project(folder, files)
        self.project: Project = load_project(folder / "rules", folder / "templates")
        super().__init__(self.project.book, START)
        self.seen = 0
        self.batch = 4_000

    def worker_now(self) -> Worker:
        decoder = Decoder(Source(TOPIC, TOPIC), self.project.book.catalog)
        worker = self.worker()
        worker.batch = self.batch
        worker.rules = Rules(self.project.book, self.project.renderer, {TOPIC: decoder})
        return worker

    def live(self, seed: int, hours: int) -> None:
        """Customers do this and that; the worker reads at once, or hours later, and is started anew now and then."""
        chance = random.Random(seed)
        self.batch = chance.choice([4_000, 3])
        worker = self.worker_now()
        for _ in range(hours):
            for customer in chance.sample(["ann", "bob", "cyn", "dan"], chance.randrange(4)):
                self._does(customer, chance)
            self.now += chance.randrange(HOUR // 2, 3 * HOUR // 2)
            if chance.random() < 0.7:
                self.work(worker)
            if chance.random() < 0.1:
                worker.source.close()
                worker = self.worker_now()
        self.work(worker)
        self.now += 4 * DAY
        for _ in range(3):
            self.work(worker)
        worker.source.close()

    def _does(self, customer: str, chance: random.Random) -> None:
        self.seen += 1
        kind = chance.choice(["visit", "buy", "buy", "trial"])
        properties = {"buy": {"amount": chance.randrange(100)}, "trial": {"ends": self.now + chance.randrange(5) * DAY}}
        at = self.now - chance.choice([0, 0, HOUR])
        event = {"id": f"e-{self.seen}", "customer": customer, "type": kind, "time": at}
        value = msgspec.json.encode(event | {"properties": properties.get(kind, {})})
        self.topics.append(TOPIC, 0, value, timestamp=self.now)

    def archived(self, path: Path, leave_out: int = -1) -> Path:
        """All events, but one, and all outcomes."""
        decoder = Decoder(Source(TOPIC, TOPIC), self.project.book.catalog)
        with Archive.opened(path) as archive:
            for offset, record in enumerate(filter(None, self.topics.records[TOPIC, 0])):
                event = decoder.decode(record, self.now)
                if isinstance(event, Event) and offset != leave_out:
                    archive.add_event(Place(TOPIC, 0, offset), record.timestamp, event)
            for offset, (_, _, value) in enumerate(self.outcomes.records):
                outcome = decode_outcome(value)
                archive.add_outcome(Place("outcomes", 0, offset), outcome.time, outcome)
            archive.commit()
        return path


def again(shop: Production, archive: Path, *others: Path) -> tuple[Comparison, list[str]]:
    folders = [Folders(one / "rules", one / "templates") for one in (shop.folder, *others)]
    return compare(load_settings(), archive, folders)


@pytest.mark.parametrize("seed", range(6))
def test_what_workers_have_decided_comes_out_the_same_byte_for_byte(tmp_path: Path, seed: int) -> None:
    shop = Production(tmp_path)
    shop.live(seed, 60)
    found, lacks = again(shop, shop.archived(tmp_path / "archive"))
    assert lacks == []
    assert found.examples == []
    assert found.same == len({identity for _, identity, _ in shop.outcomes.records})
    assert found.same > 60
    assert (found.differ, found.undecidable) == (0, 0)


def test_an_event_that_the_archive_does_not_have_is_told_with_what_then_differs(tmp_path: Path) -> None:
    shop = Production(tmp_path)
    shop.live(1, 60)
    buys = [place for place, one in enumerate(shop.topics.records[TOPIC, 0]) if one and b'"buy"' in (one.value or b"")]
    found, lacks = again(shop, shop.archived(tmp_path / "archive", leave_out=buys[3]))
    assert lacks == ["shop/0 begins at offset 0, and 1 offsets up to its end are not there"]
    assert found.kinds["not decided again"] >= 1
    assert any(one.rule == "receipt" and one.again == "" for one in found.examples)


def test_decisions_of_another_book_need_it_and_other_rules_decide_otherwise(tmp_path: Path) -> None:
    shop = Production(tmp_path / "new", CHANGED)
    shop.live(2, 40)
    archive = shop.archived(tmp_path / "archive")
    other = Production(tmp_path / "old")
    found, _ = again(other, archive)
    assert found.missing == {shop.project.book.revision: len({one for _, one, _ in shop.outcomes.records})}
    assert found.kinds.keys() >= {"no such rules", "not recorded"}
    found, _ = again(other, archive, shop.folder)
    assert found.differ == 0


def test_the_command_tells_what_differs_by_its_exit_code(tmp_path: Path) -> None:
    shop = Production(tmp_path)
    shop.live(3, 20)
    shop.archived(tmp_path / "archive")
    ran = engine("replay", "archive", "--as-decided", folder=tmp_path)
    assert ran.code == 0, ran.said
    assert "outcomes are the same, byte for byte" in ran.out
    write_project(tmp_path, CHANGED)
    ran = engine("replay", "archive", "--as-decided", folder=tmp_path)
    assert ran.code == 4
    assert "were decided by the rules" in ran.out
    recorded = [line.partition("recorded ")[2] for line in ran.out.splitlines() if line.startswith("    recorded ")]
    assert recorded
    assert all(msgspec.json.decode(one)["customer"] in ("ann", "bob", "cyn", "dan") for one in recorded)
    assert "takes one archive" in engine("replay", "rules/rules.yaml", "--as-decided", folder=tmp_path).said
