"""A live shop whose events and outcomes go into an archive, to be decided again as they were."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.config import load_settings
from engine.core.catalog import Source
from engine.insight.archive import Archive, Place
from engine.insight.archive.outcomes import decode_outcome
from engine.model import Event
from engine.replay.comparison import Comparison
from engine.testing import Project, load_project
from engine.wire.decode import Decoder
from engine.wiring.as_decided import compare
from engine.wiring.rule_folders import RuleFolders
from engine.worker.context import Rules
from engine.worker.loop import Worker
from tests.support.books import DAY, HOUR, START
from tests.support.live_worker import TOPIC, LiveShop
from tests.support.project_files import write_project

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
ZONES = ("Europe/Berlin", "America/New_York", "Pacific/Apia")
ZONED = {
    **FILES,
    "events.yaml": """\
version: 1
sources: [{ topic: shop }]
events:
  visit: { properties: { tz: string }, profile: { tz: tz } }
  buy: { properties: { amount: number } }
  trial: { properties: { ends: { type: time, unit: s, field: seconds } }, profile: { trial_ends_at: ends } }
""",
    "policy.yaml": FILES["policy.yaml"].replace("zone: UTC", "zone: { default: Asia/Kathmandu, field: profile.tz }"),
    "rules.yaml": FILES["rules.yaml"].replace("wait: 6h", 'wait: { days: 0, until: "02:30", zone: America/New_York }')
    + """\
  - { id: here, when: { schedule: { every: day, at: "12:30", among: true } }, send: note }
  - { id: there, when: { schedule: { every: day, at: "08:00", zone: Pacific/Apia, among: true } }, send: note }
  - id: paid
    when: { event: buy }
    reentry: after 1d
    steps: [{ wait: { days: 1, until: "09:00" } }, { send: note, if: profile.trial_ends_at > now }]
""",
}
"""Customers live in several zones and move, rules have other zones, and a number counts seconds."""
CHANGED = {**FILES, "rules.yaml": FILES["rules.yaml"].replace("for: 1d", "for: 2d").replace("> 50", "> 20")}


class Production(LiveShop):
    """A live shop, of which everything goes into an archive."""

    def __init__(self, folder: Path, files: dict[str, str] = FILES) -> None:
        self.folder = write_project(folder, files)
        self.project: Project = load_project(folder / "rules", folder / "templates")
        super().__init__(self.project.book, START)
        self.people = ["ann", "bob", "cyn", "dan"]
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
        self.go_on(random.Random(seed), hours)
        self.now += 4 * DAY
        worker = self.worker_now()
        for _ in range(3):
            self.work(worker)
        worker.source.close()

    def go_on(self, chance: random.Random, hours: int, *, lags: bool = True) -> None:
        """For so many hours; at their end all is read. Unless it `lags`, the worker reads each hour."""
        self.batch = chance.choice([4_000, 3])
        worker = self.worker_now()
        for _ in range(hours):
            for customer in chance.sample(self.people, chance.randrange(4)):
                self._does(customer, chance)
            self.now += chance.randrange(HOUR // 2, 3 * HOUR // 2)
            if not lags or chance.random() < 0.7:
                self.work(worker)
            if chance.random() < 0.1:
                worker.source.close()
                worker = self.worker_now()
        self.work(worker)
        worker.source.close()

    def _does(self, customer: str, chance: random.Random) -> None:
        self.seen += 1
        kind = chance.choice(["visit", "buy", "buy", "trial"])
        properties: dict[str, dict[str, Any]] = {"visit": {"tz": ZONES[self.seen % len(ZONES)]}}
        properties |= {
            "buy": {"amount": chance.randrange(100)},
            "trial": {"ends": self.now + chance.randrange(5) * DAY},
        }
        properties["trial"]["seconds"] = properties["trial"]["ends"] // 1000
        at = self.now - chance.choice([0, 0, HOUR])
        event = {"id": f"e-{self.seen}", "customer": customer, "type": kind, "time": at}
        value = msgspec.json.encode(event | {"properties": properties.get(kind, {})})
        self.topics.append(TOPIC, 0, value, timestamp=self.now)

    def archived(self, path: Path, leave_out: int = -1, phases: Sequence[dict[str, Any]] = ()) -> Path:
        """All events, but one, all outcomes, and these phases of roll-outs."""
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
            archive.note_rollouts(phases)
        return path


def again(archive: Path, *folders: Path) -> tuple[Comparison, list[str]]:
    """Decide the archive with the rules of these folders."""
    rules = [RuleFolders(one / "rules", one / "templates") for one in folders]
    return compare(load_settings(), archive, rules)
