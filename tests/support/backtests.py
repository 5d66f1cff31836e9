"""What backtests are compared with: the worker's partition over the same arrivals, and `engine replay` on files."""

import json
import random
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from engine.adapters.memory import MemoryStore
from engine.backtest.customer import CustomerRun
from engine.backtest.decided import Decided
from engine.backtest.history import Clock
from engine.backtest.inputs import Input, Whose
from engine.core.book import RuleBook
from engine.model import Event
from engine.ports import OUTREACH, Record, Renderer
from engine.wire.records import encode_outcome
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.support.command import engine

How = Callable[[CustomerRun, Sequence[Whose]], list[Decided]]


def careful(run: CustomerRun, customers: Sequence[Whose]) -> list[Decided]:
    """As customers are decided whose history has an input that fails."""
    found = [run.carefully(whose) for whose in customers]
    for decided in found:
        decided.drop_repeats()
    return found


@dataclass(frozen=True)
class Lines:
    """Outreach and outcomes as they are published, in no order."""

    outreach: list[bytes]
    outcomes: list[bytes]


def by_partition(book: RuleBook, renderer: Renderer, events: Sequence[Event], end: int, page: int = 5_000) -> Lines:
    """What a replay's partition decides of these arrivals, three a batch. `page`: wake-ups of one commit."""
    partition = Partition(0, book, MemoryStore(), renderer, page=page)
    arrivals = [Arrival(Record("e", 0, place + 1, None), event.time, event) for place, event in enumerate(events)]
    batches = [arrivals[place : place + 3] for place in range(0, len(arrivals), 3)]
    done = [result for batch in batches for result in results(partition.process(batch))]
    done += results(partition.advance(end))
    outreach = [entry.value for result in done for entry in result.outbox if entry.destination == OUTREACH]
    return Lines(once(outreach), sorted(line for result in done for _, line in result.outcome_records()))


def by_customer(
    book: RuleBook, renderer: Renderer, events: Sequence[Event], end: int, folder: Path, how: How = CustomerRun.of
) -> list[Decided]:
    """What a backtest decides of them."""
    before, clocks, inputs = 0, set[int](), list[tuple[str, Input]]()
    for event in events:
        now = max(before, event.time)
        inputs.append((event.customer, (event, before, now)))
        clocks.add(now)
        before = now
    (folder / "clock").write_bytes(array("q", sorted(clocks)).tobytes())
    run = CustomerRun(book, renderer, Clock(folder / "clock", end))
    inputs.sort(key=itemgetter(0))
    found = [(who, [one for _, one in each]) for who, each in groupby(inputs, key=itemgetter(0))]
    return how(run, [Whose(who, each, is_plain(each)) for who, each in found])


def is_plain(inputs: Sequence[Input]) -> bool:
    """Whether all are events with an id of their own, as a prepared history says of each customer."""
    ids = [one.id for one, _, _ in inputs if isinstance(one, Event)]
    return len(set(ids)) == len(inputs)


def once(lines: Sequence[bytes]) -> list[bytes]:
    """The first line of each id: a replay decides and writes a message again if its event is repeated much later."""
    first = {msgspec.json.decode(line)["id"]: line for line in reversed(lines)}
    return sorted(first.values())


def lines_of(decided: Sequence[Decided]) -> Lines:
    outreach = [entry.value for one in decided for entry in one.entries]
    return Lines(sorted(outreach), sorted(encode_outcome(outcome)[1] for one in decided for outcome in one.outcomes))


def disturbed(events: Sequence[Mapping[str, Any]], time: str, days: float, seed: int = 5) -> list[Mapping[str, Any]]:
    """A tenth of the events come later, by up to so many days, and a tenth twice. `time` names their moment."""
    chance, longest = random.Random(seed), days * 86_400_000
    arrivals: list[tuple[float, int, Mapping[str, Any]]] = []
    for place, event in enumerate(events):
        at = place * 1.0
        later = min(len(events), int(longest // 3_600_000))
        arrivals.append((at + chance.random() * later if chance.random() < 0.1 else at, place, event))
        if chance.random() < 0.1:
            arrivals.append((at + chance.random() * later, place, event))
    return [event for _, _, event in sorted(arrivals, key=itemgetter(0, 1))]


def write_lines(path: Path, events: Sequence[Mapping[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events))
    return path


def replayed(folder: Path, events: Path, *options: object) -> Lines:
    """`engine replay`, with what it wrote."""
    ran = engine("replay", events, "--out", "r.o", "--outcomes", "r.c", *options, folder=folder)
    assert ran.code == 0, ran.said
    return _read(folder, "r")


def backtested(folder: Path, events: Path, *options: object, processes: int = 2) -> Lines:
    """`engine backtest`, with what it wrote."""
    files = "--out", "b.o", "--outcomes", "b.c", "--processes", processes
    ran = engine("backtest", "rules", "--events", events, *files, *options, folder=folder)
    assert ran.code == 0, ran.said
    return _read(folder, "b")


def _read(folder: Path, name: str) -> Lines:
    outreach, outcomes = ((folder / f"{name}.{end}").read_bytes().splitlines() for end in ("o", "c"))
    return Lines(once(outreach), sorted(outcomes))
