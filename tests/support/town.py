"""The town's customers in the engine: a worker's own partition on a store in memory, opened anew again and again.

Each event comes twice; what rules make for other customers comes back to the partition, as the ingest would bring it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Protocol

import msgspec

from engine.adapters.memory import MemoryStore
from engine.model import Event, Identified, OutcomeRecord
from engine.operate.erasure import erase
from engine.ports import OUTREACH, Commit, Entry, Record, Rollout
from engine.testing import load_project
from engine.testing.project import Project
from engine.wire.derived import DERIVED, DerivedDecoder
from engine.worker.context import Rules
from engine.worker.executors import Step, results, returned
from engine.worker.partition import Partition
from engine.worker.result import Arrival, Result
from engine.worker.rollout_rules import RolloutRules, has_new
from tests.support.drive import Crash
from tests.support.project_files import write_files
from tests.support.town_facts import Found, ms
from tests.support.town_rules import HALF, START, TEXTS, Became, Edited, Erased, Finished, Happening, Told, Tried


class Written(Protocol):
    @property
    def files(self) -> dict[str, str]: ...


Projects = Callable[[Any], Project]


def project(folder: Path, terms: Written) -> Project:
    mail = "{{% block subject %}}Hi{{% endblock %}}\n{{% block text %}}{}{{% endblock %}}\n"
    write_files(folder / "rules", terms.files)
    write_files(folder / "templates", {f"{name}.email.j2": mail.format(text) for name, text in TEXTS.items()})
    return load_project(folder / "rules", folder / "templates")


class DyingStore(MemoryStore):
    """Where `dies` says so, the process dies before a commit, or after it, without its answer."""

    def __init__(self, dies: Callable[[], bool]) -> None:
        super().__init__()
        self.dies = dies
        self.working = False
        self.prepared: list[Result] = []
        """What the next commit brings."""
        self.written: list[Result] = []

    def commit(self, partition: int, commit: Commit) -> bytes:
        if self.working and self.dies():
            raise Crash
        seal = super().commit(partition, commit)
        self.written += self.prepared
        if self.working and self.dies():
            raise Crash
        return seal

    def prepare(self, result: Result) -> None:
        self.prepared = [result]


class Town:
    """`outcomes`: every decision, in order."""

    def __init__(self, projects: Projects, terms: Written, random: Random) -> None:
        self.projects = projects
        self.project = projects(terms)
        self.random = random
        self.store = DyingStore(lambda: random.random() < 0.05)
        self.offset = 0
        self.tried: list[Rules] = []
        """The books of a roll-out: the old one and the new one."""
        self.outcomes: list[OutcomeRecord] = []
        self.lost: list[tuple[str, str]] = []
        """Customer and code of each dead letter."""
        self.texts: dict[str, str] = {}
        """Outreach id -> what the message says."""
        self._open()

    def _open(self) -> None:
        self.store.prepared = []
        self.partition = Partition(
            0, self.project.book, self.store, self.project.renderer, before_commit=self.store.prepare
        )
        rollout = self.partition.meta.rollout
        if rollout is not None:
            self.partition.follow(RolloutRules(rollout, *self.tried))

    def happen(self, one: Happening) -> None:
        if self.random.random() < 0.2:
            self._open()
        self.pass_to(ms(one.arrives))
        if isinstance(one, Told):
            event = Event(one.id, one.type, one.customer, ms(one.at), one.properties)
            for _ in range(2):
                self._give(event)
        elif isinstance(one, Became):
            self._work(Identified(one.customer, one.known, ms(one.arrives)))
        elif isinstance(one, Erased):
            erase(self.store, 0, one.customer, ms(one.arrives) + 1, 1)
            self._open()
        else:
            self._change(one)

    def has_new(self, customer: str) -> bool:
        """Whether the customer is among those who have the new rules first."""
        rollout = self.partition.meta.rollout
        return rollout is not None and has_new(rollout, customer, self.partition.clock)

    def _change(self, one: Edited | Tried | Finished) -> None:
        """Other rules, which everybody meets now, or first some."""
        if isinstance(one, Edited):
            self.project = self.projects(one.terms)
            self.partition.adopt(self.project.book, self.project.renderer)
        else:
            self._turn(one)
        while not self.partition.is_swept:
            self._do(lambda: self.partition.sweep_page(page=2))

    def _turn(self, one: Tried | Finished) -> None:
        if isinstance(one, Tried):
            made = self.projects(one.terms)
            self.tried = [Rules(each.book, each.renderer) for each in (self.project, made)]
            old, new = (each.book.revision for each in self.tried)
            at = self.partition.clock
            rollout = Rollout(old, new, one.share, 1, at, "canary", at)
        else:
            assert self.partition.meta.rollout
            rollout = msgspec.structs.replace(self.partition.meta.rollout, phase="finished")
        self._do(lambda: self.partition.turn(rollout))
        self._open()

    def _give(self, event: Event) -> None:
        copy = msgspec.structs.replace(event, properties=dict(event.properties))
        if not self.partition.is_erased(copy, self.partition.clock):
            self._work(copy)

    def pass_to(self, at: int) -> None:
        while (due := returned(self.partition.next_due(at))) is not None and due <= at:
            self._advance(due)
        self._advance(at)

    def _advance(self, at: int) -> None:
        self._do(lambda: self.partition.advance(at))

    def _work(self, said: Event | Identified) -> None:
        self.offset += 1
        record = Record("events", 0, self.offset, None)
        parts = (None, said) if isinstance(said, Identified) else (said, None)
        arrival = Arrival(record, self.partition.clock, *parts)
        self._do(lambda: iter(()) if self._has(record) else self.partition.process([arrival]))

    def _has(self, record: Record) -> bool:
        return self.partition.meta.offsets.get(record.source, 0) >= record.next_offset

    def _do(self, work: Callable[[], Iterator[Step]]) -> None:
        """What a process that dies has not committed is done by the next one."""
        self.store.written = []
        self.store.working = True
        while True:
            try:
                for _ in results(work()):
                    self.store.prepared = []
                break
            except Crash:
                self._open()
        self.store.working = False
        for result in self.store.written:
            self._take(result)

    def _take(self, result: Result) -> None:
        self.outcomes += result.outcomes
        self.lost += [(one.input.customer, one.code) for one in result.failures]
        for entry in result.outbox:
            self._receive(entry)

    def _receive(self, entry: Entry) -> None:
        if entry.destination == OUTREACH:
            said = msgspec.json.decode(entry.value)
            self.texts[said["id"]] = said["text"]
            return
        decoder = DerivedDecoder(DERIVED, self.project.book.catalog)
        record = Record(DERIVED, 0, self.offset + 1, entry.value, None, 0)
        event = decoder.decode(record, self.partition.clock)
        assert event
        self._give(event)

    @property
    def found(self) -> list[Found]:
        return [self._as_found(one) for one in self.outcomes]

    def _as_found(self, one: OutcomeRecord) -> Found:
        at, rest = divmod(one.at - START, HALF)
        assert rest in (0, 1000), one
        text = self.texts.get(one.outreach, "")
        code, _, until = text.partition(" until ")
        coupon = ((int(until) - START) // HALF, code) if until else None
        is_over = one.outcome.value in ("completed", "exited", "goal_reached")
        return Found(
            at, one.customer, one.rule.removesuffix("-2"), "" if is_over else one.step, one.outcome.value, coupon
        )
