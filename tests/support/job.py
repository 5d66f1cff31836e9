"""The benchmark job in small: half a year of customers, the rules, and the outreach that whole histories call for.

The generator draws the same random numbers as the one of the published benchmark, so that both can be compared.
"""

import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from engine.wire.partitioner import murmur2_partition

DAY = 86_400_000
START = 1_750_000_000_000
SPAN = 180 * DAY
PARTITIONS = 8

Firing = tuple[str, str, str]
"""Rule, customer, occurrence."""


class Entry(NamedTuple):
    """One record for the topic. `at` orders it among the others of its partition, epoch ms."""

    at: int
    partition: int
    key: bytes
    value: bytes | None


def entry_of(event: Mapping[str, Any], partitions: int = PARTITIONS) -> Entry:
    """In its customer's partition."""
    key = event["customer"].encode()
    return Entry(event["time"], murmur2_partition(key, partitions), key, _json(event))


@dataclass(frozen=True)
class Job:
    """Events in the order of their time. `lateness` is what the policy allows: the last events come that much later."""

    events: Sequence[Mapping[str, Any]]
    lateness: int = 0
    partitions: int = PARTITIONS

    @cached_property
    def entries(self) -> list[Entry]:
        """Every event, and for each partition one that moves its clock to the end."""
        return [*(entry_of(event, self.partitions) for event in self.events), *self.ticks()]

    def ticks(self) -> Iterator[Entry]:
        at = START + SPAN + self.lateness
        for number in range(self.partitions):
            tick = {"id": f"tick-{number}", "type": "tick", "customer": f"tick-{number}", "time": at, "properties": {}}
            yield Entry(at, number, f"tick-{number}".encode(), _json(tick))

    @cached_property
    def wanted(self) -> frozenset[Firing]:
        """What must be sent, each once."""
        histories: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for event in self.events:
            histories[event["customer"]].append(event)
        return frozenset(one for customer, history in histories.items() for one in self._wanted_of(customer, history))

    def plus(self, events: Sequence[Mapping[str, Any]]) -> "Job":
        """With these events too."""
        return replace(self, events=sorted([*self.events, *events], key=lambda event: event["time"]))

    def with_allowed(self, lateness: int) -> "Job":
        """Whoever goes idle counts then, buyer or not: a condition is judged when the timer fires, that much later."""
        return replace(self, lateness=lateness)

    def _wanted_of(self, customer: str, history: Sequence[Mapping[str, Any]]) -> Iterator[Firing]:
        bought = [event["time"] for event in history if event["type"] == "purchase"]
        for level in (3, 5, 10):
            if len(bought) >= level:
                yield "milestone", customer, str(level)
        active = [event["time"] for event in history if event["type"] in ("purchase", "site_visit")]
        for last, following in pairwise([*active, START + SPAN]):
            if following >= last + 30 * DAY and (self.lateness or (bought and bought[0] <= last)):
                yield "inactive_30d", customer, str(last)
        subscribed = next((event["time"] for event in history if event["type"] == "subscribed"), START + 2 * SPAN)
        for ends in (event["properties"]["ends_at"] for event in history if event["type"] == "trial_started"):
            if ends - 3 * DAY <= min(START + SPAN, subscribed):
                yield "trial_expiring", customer, str(ends)


@lru_cache(maxsize=4)
def make_job(number: int, customers: int, seed: int = 7) -> Job:
    """So many events of at most so many customers; some of these do far more than others."""
    chance = random.Random(seed)
    weights = [chance.lognormvariate(0, 1) for _ in range(customers)]
    whose = chance.choices(range(customers), weights=weights, k=number)
    times = sorted(chance.randrange(SPAN) for _ in range(number))
    seen: set[int] = set()
    events = []
    for place, (who, time) in enumerate(zip(whose, times, strict=True)):
        kind, properties = _later(chance, place) if who in seen else _first(chance, START + time)
        seen.add(who)
        name = f"customer-{who:07d}"
        event = {"id": f"evt-{place:010d}", "type": kind, "customer": name, "time": START + time}
        events.append(event | {"properties": properties})
    return Job(events)


def _first(chance: random.Random, time: int) -> tuple[str, dict[str, Any]]:
    if chance.random() < 0.10:
        return "trial_started", {"ends_at": time + 14 * DAY, "plan": "pro"}
    return "site_visit", {"url": "https://shop.example/landing/7", "referrer": "newsletter"}


def _later(chance: random.Random, place: int) -> tuple[str, dict[str, Any]]:
    kind = chance.random()
    if kind < 0.005:
        return "subscribed", {}
    if kind < 0.30:
        return "purchase", {"amount": round(chance.random() * 100, 2), "currency": "EUR", "order": f"o-{place}"}
    return "site_visit", {"url": f"https://shop.example/products/{chance.randrange(99999)}", "referrer": "newsletter"}


def disturbed(job: Job, seed: int, share: float = 0.05) -> list[Entry]:
    """As a bad producer sends it: that share of the events comes twice, as many late, within the job's lateness."""
    chance = random.Random(seed)
    arrivals = []
    for event in job.events:
        entry = entry_of(event)
        late = entry._replace(at=entry.at + chance.randrange(job.lateness))
        arrivals.append(late if chance.random() < share else entry)
        if chance.random() < share:
            arrivals.append(late)
    return sorted([*arrivals, *job.ticks()], key=lambda entry: entry.at)


def mixed(entries: Iterable[Entry], others: Sequence[Entry], seed: int) -> list[Entry]:
    """The others come in between, anywhere; the entries keep their order."""
    chance = random.Random(seed)
    found = list(entries)
    for other in others:
        found.insert(chance.randrange(len(found) // 2), other)
    return found


def _json(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


EVENTS = """\
version: 1
sources:
  - topic: {topic}
events:
  purchase: {{ properties: {{ amount: number, currency: string, order: string }} }}
  site_visit: {{ properties: {{ url: string, referrer: string }} }}
  trial_started: {{ properties: {{ ends_at: time, plan: string }}, profile: {{ trial_ends_at: ends_at }} }}
  subscribed: {{}}
  tick: {{}}
"""
POLICY = """\
version: 1
fresh_for: off
allowed_lateness: {lateness}ms
"""
RULES = """\
version: 1
rules:
  - id: milestone
    when: { milestone: { count: purchase, reaches: [3, 5, 10] } }
    send: text
  - id: inactive_30d
    when: { inactivity: { of: [purchase, site_visit], for: 30d } }
    if: events.purchase.count() >= 1
    send: text
  - id: trial_expiring
    when: { trial_expiring: { in: 3d } }
    cancel_on: { event: subscribed }
    send: text
"""
CONDITION = "    if: events.purchase.count() >= 1\n"
TEMPLATE = """\
{% block subject %}Hello{% endblock %}
{% block text %}Dear {{ outreach.customer }}, you have bought {{ events.purchase.count() }} times.{% endblock %}
"""


def project(topic: str, lateness: int = 0, rules: str = RULES) -> dict[str, str]:
    """Files for `write_project`; with the lateness of a job."""
    return {
        "events.yaml": EVENTS.format(topic=topic),
        "policy.yaml": POLICY.format(lateness=lateness),
        "lifecycle.yaml": rules.replace(CONDITION, "") if lateness else rules,
        "text.email.j2": TEMPLATE,
    }
