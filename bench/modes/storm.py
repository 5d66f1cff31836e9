"""Very many timers due at one instant, with the live clock, and events that arrive meanwhile."""

from collections.abc import Iterator
from threading import Event, Thread

from bench.job import Sent, judge, seconds_between, sent_on
from bench.modes.context import Context
from bench.spread import append_times, spread, waited
from bench.table import Goal, Section, Value, figure
from bench.work import Crew
from tests.support.job import Entry, Firing
from tests.support.live import LIVE, PONG, QUIET, happened, live_project, now, silence_since

HOW = (
    "Every customer visited at one instant, and the rule speaks after an hour of silence: all timers are due at once."
    " One worker, then two. outreach/s: from the first to the last at the broker. Meanwhile 200 pings a second arrive,"
    " and each calls for an outreach: ms from append to append, of those that came while the storm went on."
)
SILENCE = 3_600
"""Seconds."""
PINGS = 200
"""A second."""
WANTED = 30_000
"""Outreach a second, by however many workers."""


def run(context: Context, workers: tuple[int, ...] = (1, 2)) -> Section:
    """One row a number of workers."""
    section = Section("Timer storm", HOW)
    for number in workers:
        row = _measure(context, number)
        section.rows.append(row)
        section.goals += [
            Goal(f"outreach/s in a timer storm, workers: {number}", figure(row, "outreach/s"), WANTED),
            Goal(f"max ms of events in the storm, workers: {number}", figure(row, "pings max ms"), 1_000, at_most=True),
        ]
    return section


def _measure(context: Context, workers: int) -> dict[str, Value]:
    """The timers are armed before the instant, or the row says how much later the storm began."""
    number = context.sizes.timers
    bus = context.servers.bus
    topic = bus.make(f"storm-{workers}-events")
    rules = live_project([topic], QUIET.format(seconds=SILENCE), PONG)
    with context.servers.crew(f"storm-{workers}", topic, rules, **LIVE) as crew:
        crew.start(workers)
        crew.await_partitions()
        due = now() + 10_000 + number // 10
        visited = due - SILENCE * 1_000
        customers = [f"customer-{place:07d}" for place in range(number)]
        bus.load(topic, (happened("site_visit", customer, visited) for customer in customers))
        if now() > due:
            message = "the machine is too slow to load the visits before their timers are due: fewer --timers"
            raise RuntimeError(message)
        crew.until(lambda: crew.processed() >= number, "the timers are armed", 600)
        return _storm(crew, due, silence_since(visited, customers))


def _storm(crew: Crew, due: int, wanted: set[Firing]) -> dict[str, Value]:
    armed = now()
    with_pings = _Pings(crew, due)
    with_pings.start()
    crew.until_told("engine_outcomes_total", len(wanted), 900, rule="quiet", outcome="fired")
    with_pings.stop()
    crew.until(crew.has_published, "all outreach is published", 120)
    outreach = list(sent_on(crew.bus, crew.outreach))
    return _row(crew, max(armed, due), wanted, outreach)


def _row(crew: Crew, began: int, wanted: set[Firing], outreach: list[Sent]) -> dict[str, Value]:
    storm = [one for one in outreach if one.rule == "quiet"]
    first, last = min(one.appended for one in storm), max(one.appended for one in storm)
    pongs = spread(waited(outreach, append_times(crew.bus, crew.events), first, last))
    verdict = judge(storm, frozenset(wanted))
    return {
        "workers": len(crew.workers),
        "timers": len(wanted),
        "outreach/s": round(len(storm) / max(seconds_between(storm), 0.001)),
        "first after ms": first - began,
        **{f"pings {name}": value for name, value in pongs.items()},
        "peak MiB": round(crew.peak_mebibytes()),
        "missing": len(verdict.missing),
        "extra": len(verdict.extra),
        "repeated": verdict.repeated,
    }


class _Pings(Thread):
    """Of customers that the storm does not concern, from two seconds before it until told to stop."""

    def __init__(self, crew: Crew, due: int) -> None:
        super().__init__(name="pings", daemon=True)
        self._crew = crew
        self._due = due
        self._over = Event()

    def run(self) -> None:
        self._over.wait((self._due - now()) / 1_000 - 2)
        self._crew.bus.pace(self._crew.events, self._entries(), PINGS)

    def _entries(self) -> Iterator[Entry]:
        place = 0
        while not self._over.is_set():
            place += 1
            yield happened("ping", f"pinger-{place % 1_000}", now(), place)

    def stop(self) -> None:
        self._over.set()
        self.join()
