"""The job: half a year of customers through three rules, loaded into a topic, and whether the right ids came out.

The events, the rules and the oracle are those of the fault tests, which draw what the published benchmark draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from bench.bus import Bus
from tests.support.faults import Verdict
from tests.support.job import Firing, make_job


@dataclass(frozen=True)
class Loaded:
    """The job in a topic. `records` are its events and a tick for each partition, which moves the clock to the end."""

    topic: str
    events: int
    customers: int
    records: int
    wanted: frozenset[Firing]


def load_job(bus: Bus, name: str, events: int, customers: int) -> Loaded:
    """Generate so many events of at most so many customers, and put them into a new topic."""
    job = make_job.__wrapped__(events, customers)  # a million events are a gigabyte: they are not to stay
    topic = bus.make(name)
    records = bus.load(topic, job.entries)
    return Loaded(topic, events, len({event["customer"] for event in job.events}), records, job.wanted)


class Sent(msgspec.Struct):
    """What the benchmark reads of an outreach record. `appended`: when the broker had it, epoch ms."""

    rule: str
    customer: str
    occurrence: str
    event: "Event | None" = None
    appended: int = 0

    @property
    def firing(self) -> Firing:
        return self.rule, self.customer, self.occurrence


class Event(msgspec.Struct):
    """What it was about."""

    id: str


_decode = msgspec.json.Decoder(Sent).decode


def sent_on(bus: Bus, topic: str) -> Iterator[Sent]:
    """Every outreach on the topic."""
    for message in bus.read(topic):
        sent = _decode(message.value() or b"")
        sent.appended = message.timestamp()[1]
        yield sent


def judge(outreach: list[Sent], wanted: frozenset[Firing]) -> Verdict:
    """Compare with what the histories call for."""
    found = {one.firing for one in outreach}
    return Verdict(wanted - found, frozenset(found - wanted), len(outreach) - len(found), len(outreach))


def seconds_between(outreach: list[Sent]) -> float:
    """From the first to the last, by the broker's clock."""
    times = [one.appended for one in outreach]
    return (max(times) - min(times)) / 1000
