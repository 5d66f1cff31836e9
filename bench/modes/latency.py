"""How long a decision takes when the worker is not busy: events at a fixed rate, and the live clock."""

import random
from collections.abc import Iterator

from bench.job import sent_on
from bench.modes.context import Context
from bench.spread import append_times, spread, waited
from bench.table import Goal, Section, Value
from tests.support.job import Entry
from tests.support.live import BOUGHT, LIVE, PONG, QUIET, happened, live_project, now

HOW = (
    "From the broker's append of an event to its append of the outreach, one worker, live clock, after a warm-up."
    " Events are 60 % visits, 30 % purchases and 10 % pings, which each call for an outreach, as some purchases do."
)
WARM_UP = 5
"""Seconds."""
KINDS = ("site_visit",) * 6 + ("purchase",) * 3 + ("ping",)


def run(context: Context) -> Section:
    """At the rate the sizes say."""
    rate, number = context.sizes.rate, context.sizes.rate * (WARM_UP + context.sizes.seconds)
    bus = context.servers.bus
    topic = bus.make("latency-events")
    rules = live_project([topic], QUIET.format(seconds=30 * 86_400), BOUGHT, PONG)
    with context.servers.crew("latency", topic, rules, **LIVE) as crew:
        meter = crew.start()
        crew.await_partitions()
        began = now()
        bus.pace(topic, _events(number, context.sizes.customers), rate)
        ended = now()
        crew.until(lambda: crew.processed() >= number and crew.has_published(), "all is processed", 120)
        cpu = meter.cpu()["worker"]
        times = waited(sent_on(bus, crew.outreach), append_times(bus, topic), began + WARM_UP * 1_000, ended)
    found = spread(times)
    row: dict[str, Value] = {
        "rate": f"{rate:,} events/s",
        "events/s": round(number / (ended - began) * 1_000),
        "outreach": len(times),
        **found,
        "worker CPU s/M": round(cpu / number * 1e6, 1),
    }
    goals = [
        Goal("p99 ms from append to append", found["p99 ms"], 50, at_most=True),
        Goal("max ms from append to append", found["max ms"], 500, at_most=True),
    ]
    return Section("Latency", HOW, [row], goals)


def _events(number: int, customers: int) -> Iterator[Entry]:
    chance = random.Random(7)
    for place in range(number):
        yield happened(chance.choice(KINDS), f"customer-{chance.randrange(customers):07d}", now(), place)
