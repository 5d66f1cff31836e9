"""Customers behind a worker's own partition, which is opened anew again and again; every event comes twice.

What arrives may be late: its clock is that of the arrival. Random histories are told to it, and oracles compare.
"""

from collections.abc import Iterator
from random import Random

import msgspec

from engine.adapters.memory import MemoryStore
from engine.core.book import RuleBook
from engine.model import Event, OutcomeRecord
from engine.ports import Record
from engine.worker.executors import Step, results, returned
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.books import Plain


class Reopened:
    """`outcomes`: every decision, in order. `live`: arrivals tell the broker's time, beside which wall time goes on."""

    def __init__(self, book: RuleBook, random: Random, start: int, live: bool = False) -> None:
        self.live = live
        self.book = book
        self.random = random
        self.store = MemoryStore()
        self.outcomes: list[OutcomeRecord] = []
        self.offset = self.wall = 0
        self._open()
        self.partition.set_clock(start)

    def _open(self) -> None:
        self.partition = Partition(0, self.book, self.store, Plain(), live=self.live)

    def hear(self, event: Event, arrives: int, wall: int = 0) -> None:
        """`wall`: when it is read at last, after an outage in which no clock moved."""
        if not wall:
            self.pass_to(arrives)
        self.wall = max(self.wall, wall, arrives)
        for _ in range(2):
            if self.random.random() < 0.2 and self.offset:
                self._open()
            copy = msgspec.structs.replace(event, properties=dict(event.properties))
            self.offset += 1
            arrival = Arrival(Record("events", 0, self.offset, None), arrives, copy)
            self._do(self.partition.process([arrival], self.wall))

    def pass_to(self, at: int) -> None:
        while (due := returned(self.partition.next_due(at))) is not None and due <= at:
            self._advance(due)
        self._advance(at)

    def _advance(self, at: int) -> None:
        self.wall = max(self.wall, at)
        self._do(self.partition.advance(at, self.wall))

    def adopt(self, book: RuleBook, at: int) -> None:
        """Other rules, which everybody meets at once."""
        self.pass_to(at)
        self.book = book
        self.partition.adopt(book, Plain())
        while not self.partition.is_swept:
            self._do(self.partition.sweep_page(self.wall, page=2))

    def _do(self, work: Iterator[Step]) -> None:
        for result in results(work):
            self.outcomes += result.outcomes
