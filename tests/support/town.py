"""The town's customers in the engine: a worker's own partition on a store in memory, opened anew again and again.

Each event comes twice; what rules make for other customers comes back to the partition, as the ingest would bring it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import msgspec

from engine.adapters.memory import MemoryStore
from engine.model import Event, Identified, OutcomeRecord
from engine.operate.erasure import erase
from engine.ports import OUTREACH, Entry, Record
from engine.testing import load_project
from engine.testing.project import Project
from engine.wire.derived import DERIVED, DerivedDecoder
from engine.worker.executors import results, returned
from engine.worker.partition import Partition
from engine.worker.result import Arrival, Result
from tests.support.project_files import write_files
from tests.support.town_facts import Found, ms
from tests.support.town_rules import HALF, START, TEXTS, Became, Erased, Happening, Terms, Told

Projects = Callable[[Terms], Project]


def project(folder: Path, terms: Terms) -> Project:
    mail = "{{% block subject %}}Hi{{% endblock %}}\n{{% block text %}}{}{{% endblock %}}\n"
    write_files(folder / "rules", terms.files)
    write_files(folder / "templates", {f"{name}.email.j2": mail.format(text) for name, text in TEXTS.items()})
    return load_project(folder / "rules", folder / "templates")


class Town:
    """`outcomes`: every decision, in order."""

    def __init__(self, projects: Projects, terms: Terms, random: Random) -> None:
        self.projects = projects
        self.project = projects(terms)
        self.random = random
        self.store = MemoryStore()
        self.offset = 0
        self.outcomes: list[OutcomeRecord] = []
        self.lost: list[tuple[str, str]] = []
        """Customer and code of each dead letter."""
        self.texts: dict[str, str] = {}
        """Outreach id -> what the message says."""
        self._open()

    def _open(self) -> None:
        self.partition = Partition(0, self.project.book, self.store, self.project.renderer)

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
            self._adopt(self.projects(one.terms))

    def _adopt(self, made: Project) -> None:
        """Other rules, which everybody meets now."""
        self.project = made
        self.partition.adopt(made.book, made.renderer)
        while not self.partition.is_swept:
            self._take(results(self.partition.sweep_page()))

    def _give(self, event: Event) -> None:
        copy = msgspec.structs.replace(event, properties=dict(event.properties))
        if not self.partition.is_erased(copy, self.partition.clock):
            self._work(copy)

    def pass_to(self, at: int) -> None:
        while (due := returned(self.partition.next_due(at))) is not None and due <= at:
            self._take(results(self.partition.advance(due)))
        self._take(results(self.partition.advance(at)))

    def _work(self, said: Event | Identified) -> None:
        self.offset += 1
        record = Record("events", 0, self.offset, None)
        parts = (None, said) if isinstance(said, Identified) else (said, None)
        self._take(results(self.partition.process([Arrival(record, self.partition.clock, *parts)])))

    def _take(self, found: Iterator[Result]) -> None:
        for result in found:
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
