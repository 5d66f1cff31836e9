"""Many more customers than the worker keeps in memory, beside the same with all of them in memory."""

import random
from collections.abc import Iterator
from itertools import accumulate

from bench.modes.context import Context
from bench.table import Goal, Section, Value, figure
from bench.work import Crew, Pace
from tests.support.job import START, Entry, entry_of, project

HOW = (
    "Every customer is known; then events come of customers drawn as the job draws them, a third of them purchases."
    " First with a cache for all customers, warm; then, in the same Redis, with one for 5 % of them, cold. The topic is"
    " loaded while the worker stands still. events/s: as the store's offsets have it, looked at every 0.1 s."
)
SHARE = 20
PATIENT = {"kafka_session_timeout": 290}
"""The broker gives up no worker that stands still for so many seconds; a client takes no more."""


def run(context: Context) -> Section:
    """Two rows: all cached, 5 % cached."""
    customers, number = context.sizes.many, context.sizes.many_events
    bus = context.servers.bus
    topic = bus.make("many-events")
    bus.load(topic, _first_visits(customers))
    traffic = _traffic(customers)
    with context.servers.crew("many", topic, project(topic), **PATIENT) as crew:
        crew.start(cache_size=customers)
        crew.work_off(customers)
        (worker,) = crew.workers
        worker.freeze()
        bus.load(topic, (next(traffic) for _ in range(number)))
        worker.thaw()
        rows = [_row("all", crew, crew.work_off(customers + number))]
        crew.stop()
        bus.load(topic, (next(traffic) for _ in range(number)))
        crew.start(cache_size=customers // SHARE)
        rows.append(_row("5 %", crew, crew.work_off(customers + 2 * number)))
        rows[0]["redis bytes a customer"] = rows[1]["redis bytes a customer"] = round(crew.redis_bytes() / customers)
    return Section(f"{customers:,} customers", HOW, rows, _goals(*rows))


def _row(cached: str, crew: Crew, pace: Pace) -> dict[str, Value]:
    return {
        "cached": cached,
        "events/s": round(pace.rate),
        "peak MiB": round(crew.peak_mebibytes()),
    }


def _goals(everything: dict[str, Value], few: dict[str, Value]) -> list[Goal]:
    ratio = figure(few, "events/s") / figure(everything, "events/s")
    return [
        Goal("throughput with 5 % of the customers cached, of that with all", ratio, 0.5),
        Goal("peak MiB of a worker with 5 % cached", figure(few, "peak MiB"), 1024, at_most=True),
    ]


def _first_visits(customers: int) -> Iterator[Entry]:
    return (_event("site_visit", customer, customer) for customer in range(customers))


def _traffic(customers: int) -> Iterator[Entry]:
    """Without end; so close together in time that no timer comes due."""
    chance = random.Random(7)
    weights = list(accumulate(chance.lognormvariate(0, 1) for _ in range(customers)))
    place = customers
    while True:
        for customer in chance.choices(range(customers), cum_weights=weights, k=10_000):
            place += 1
            yield _event("purchase" if chance.random() < 1 / 3 else "site_visit", customer, place)


def _event(kind: str, customer: int, place: int) -> Entry:
    about = {"id": f"evt-{place:010d}", "type": kind, "customer": f"customer-{customer:07d}", "time": START + place}
    return entry_of(about | {"properties": {}})
