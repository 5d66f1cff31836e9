"""How long a worker takes to open eight partitions that a store with a million customers has, to their first commits.

    python -m bench.opening [customers]

Twice: with timers that are due over three weeks, none of them today, and with all of them due within one hour of today.
Prints a JSON object an opening: seconds until the partitions are open, and until each has committed an event.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from engine.adapters.redis import connect
from engine.model import Event
from engine.ports import Record
from engine.testing import Project, load_project
from engine.wire.partitioner import murmur2_partition
from engine.worker.executors import results
from engine.worker.partition import Partition
from engine.worker.result import Arrival
from tests.services.redises import RedisServer
from tests.support.job import DAY, PARTITIONS, START, project
from tests.support.project_files import write_project

BATCH = 4_000
OPENINGS = 3
IDLE = 30 * DAY
"""What the job's rule of inactivity waits for."""
SPANS = {"timers over three weeks": 21 * DAY, "timers all within an hour, today": DAY // 24}


def main() -> None:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with TemporaryDirectory() as name:
        folder = write_project(Path(name) / "shop", project("events"))
        rules = load_project(folder / "rules", folder / "templates")
        for place, (what, span) in enumerate(SPANS.items()):
            server = RedisServer(Path(name) / str(place))
            server.start()
            try:
                customers = fill(server, rules, number, span)
                today = START + (IDLE if span < DAY else span)
                for _ in range(OPENINGS):
                    print(json.dumps({"customers": number, "what": what, **measure(server, rules, customers, today)}))
            finally:
                server.stop()


def fill(server: RedisServer, rules: Project, number: int, span: int) -> Sequence[Sequence[str]]:
    """Each customer visits once within the span. Their names by partition."""
    customers: dict[int, list[str]] = defaultdict(list)
    for place in range(number):
        customer = f"customer-{place:07d}"
        customers[murmur2_partition(customer.encode(), PARTITIONS)].append(customer)
    for partition in opened(server, rules):
        own = customers[partition.number]
        visits = [(one, START + place * span // len(own)) for place, one in enumerate(own)]
        for place in range(0, len(visits), BATCH):
            commit(partition, visits[place : place + BATCH])
    return [customers[place] for place in range(PARTITIONS)]


def measure(server: RedisServer, rules: Project, customers: Sequence[Sequence[str]], today: int) -> dict[str, float]:
    """Open all partitions, and let each commit one event."""
    began = perf_counter()
    partitions = list(opened(server, rules))
    open_after = perf_counter() - began
    for partition in partitions:
        commit(partition, [(customers[partition.number][0], today)])
    return {"open_seconds": round(open_after, 3), "committed_seconds": round(perf_counter() - began, 3)}


def opened(server: RedisServer, rules: Project) -> Iterator[Partition]:
    """The partitions of a worker that has just started."""
    store = connect(server.url, "engine")
    for number in range(PARTITIONS):
        yield Partition(number, rules.book, store, rules.renderer, partitions=PARTITIONS, live=True)


def commit(partition: Partition, visits: Sequence[tuple[str, int]]) -> None:
    """One batch of visits (customer, moment), each an event of its own."""
    after = partition.meta.offsets.get("events", 0)
    arrivals = [
        Arrival(
            Record("events", partition.number, after + place, None),
            moment,
            Event(f"{customer}-{moment}", "site_visit", customer, moment, {"url": "/", "referrer": ""}),
        )
        for place, (customer, moment) in enumerate(visits, 1)
    ]
    for _ in results(partition.process(arrivals, visits[-1][1])):
        pass


if __name__ == "__main__":
    main()
