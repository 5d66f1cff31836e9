"""Points on real servers: workers are killed at any moment, and every customer's points are what their history says."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import pytest

from engine.core.points.view import value
from engine.core.state.model import State
from engine.core.state.points import Ledger
from engine.model import Event
from engine.wire.partitioner import murmur2_partition
from engine.worker.values import read_value, state_of
from tests.services.processes import PATIENCE
from tests.support.books import DAY, START
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage, moments
from tests.support.job import Entry, entry_of
from tests.support.points_oracle import Oracle, Terms

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

EVENTS = """\
version: 1
sources: [{{ topic: "{topic}" }}]
events:
  buy: {{ properties: {{ amount: number, order: string, told: boolean }}, profile: {{ told: told }} }}
  refund: {{ properties: {{ amount: number, order: string }} }}
  take: {{ properties: {{ stars: number }} }}
  tick:
"""
RULES = """\
version: 1
points:
  - id: stars
    earn: [{ event: buy, points: event.amount, match: order, usable_after: 14d }]
    spend: [{ event: take, points: event.stars }]
    take_back: [{ event: refund, match: order, points: event.amount, within: 60d }]
    expire: { after: 120d, to: end of month }
rules:
  - id: told
    when: { event: points_changed }
    if: profile.told
    send: { template: told, purpose: transactional }
"""
TOLD = "{% block subject %}{{ event.delta }}{% endblock %}{% block text %}{{ event.balance }}{% endblock %}\n"
TERMS = Terms(14 * DAY, 60 * DAY, 120 * DAY, "month", twice=False, gift=0, factor=1)
SPAN = 200 * DAY
END = START + 260 * DAY
UTC = ZoneInfo("UTC")
MOST = 5 * PATIENCE
"""Seconds for a history at most, on a busy machine."""


def history(customer: str, chance: random.Random, hears: bool) -> list[Event]:
    """Ten purchases, a third of them sent back, some before they came; and rewards, some of them on credit.

    `hears`: every change is told to the customer.
    """
    told: list[Event] = []

    def add(type_: str, at: int, **properties: object) -> None:
        told.append(Event(f"{customer}-{len(told)}", type_, customer, at, properties))

    for number in range(10):
        at, amount = START + chance.randrange(SPAN), chance.randint(1, 25) + chance.choice((0, 0.5, 0.99))
        add("buy", at, amount=amount, order=f"{customer}/{number}", told=hears)
        if chance.random() < 0.3:
            later = chance.choice((-DAY, DAY, 10 * DAY, 20 * DAY, 59 * DAY, 61 * DAY))
            add("refund", at + later, amount=chance.choice((amount, 3)), order=f"{customer}/{number}")
        if chance.random() < 0.3:
            add("take", at + chance.randrange(60 * DAY), stars=chance.randint(1, 30))
    return sorted(told, key=lambda event: event.time)


def entries(events: Sequence[Event], partitions: int) -> Iterator[Entry]:
    for one in events:
        told = {
            "id": one.id,
            "type": one.type,
            "customer": one.customer,
            "time": one.time,
            "properties": one.properties,
        }
        yield entry_of(told, partitions)
    for number in range(partitions):
        customer = next(f"t-{n}" for n in range(1000) if murmur2_partition(f"t-{n}".encode(), partitions) == number)
        yield entry_of({"id": "tick", "type": "tick", "customer": customer, "time": END, "properties": {}}, partitions)


def expected(events: Sequence[Event]) -> list[int]:
    oracle = Oracle(TERMS)
    for event in events:
        oracle.tell(event)
    oracle.pass_time(END)
    return [oracle.balance, oracle.pending, oracle.debt, *oracle.next_end]


def found(state: State | None) -> list[int]:
    assert state is not None
    ledger = state.points.get("stars", Ledger())
    assert ledger.balance == sum(lot.left for lot in ledger.lots) - ledger.debt
    parts = [value(state, "stars", part, END, UTC) for part in ("balance", "pending", "expires_at", "expiring")]
    return [parts[0], parts[1], ledger.debt, *parts[2:]]


def states(stage: Stage, customers: Sequence[str]) -> dict[str, State | None]:
    by_partition = defaultdict(list)
    for customer in customers:
        by_partition[murmur2_partition(customer.encode(), stage.partitions)].append(customer)
    return {
        customer: state_of(read_value(data))
        for number, ours in by_partition.items()
        for customer, data in zip(ours, stage.store.load(number, ours), strict=True)
    }


@tried_hard
def test_every_balance_is_the_histories_though_workers_are_killed_at_random(stage: Stage, effort: Effort) -> None:
    customers, chance = effort.of(400, 100_000), random.Random(effort.seed)
    hear = {f"c-{n}" for n in range(effort.of(400, 2_000))}
    histories = {who: history(who, chance, who in hear) for who in (f"c-{n}" for n in range(customers))}
    told = sorted((event for events in histories.values() for event in events), key=lambda event: event.time)
    files = {"events.yaml": EVENTS.format(topic=stage.topics.events), "rules.yaml": RULES, "told.email.j2": TOLD}
    stage.use(files | {"policy.yaml": "version: 1\nfresh_for: off\n"})
    stage.load(entries(told, stage.partitions))
    worker = stage.start("a", batch=200)
    for moment in moments(chance, effort.of(5, 40), 1, len(told) * 95 // 100):
        stage.until_processed(moment, MOST)
        stage.kill9(worker)
        worker = stage.start("a", batch=200)
    stage.finish(MOST)
    stood = states(stage, [*histories])
    wrong = [who for who, events in histories.items() if found(stood[who]) != expected(events)]
    assert wrong == [], f"{len(wrong)} of {customers} customers, such as {wrong[:3]}"

    deltas = {one.identity: (one.json["customer"], int(one.json["subject"])) for one in stage.outreach()}
    summed: dict[str, int] = defaultdict(int)
    for customer, delta in deltas.values():
        summed[customer] += delta
    balances = {who: found(stood[who])[0] for who in hear}
    assert {who: summed[who] for who in hear} == balances, "what was told is what is there"
    print(f"{len(told)} events of {customers} customers, {len(deltas)} changes told, in flight {stage.in_flight}")
