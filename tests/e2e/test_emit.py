"""Events that rules make for other customers: across partitions, on real servers, with workers killed on the way."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.core.zones import iso
from engine.wire.partitioner import murmur2_partition
from tests.services import AnyRedis, Broker
from tests.support.faults import Stage
from tests.support.job import Entry, entry_of
from tests.support.kafka_clients import make_topics

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

EVENTS = """\
version: 1
sources: [{{ topic: "{topic}" }}]
events:
  signup: {{ properties: {{ by: string }}, profile: {{ referred_by: by }} }}
  purchase: {{}}
  referral_succeeded: {{ properties: {{ friend: string }} }}
"""
RULES = """\
version: 1
rules:
  - id: referral
    when: { event: purchase, where: events.purchase.count() == 1 }
    if: profile.referred_by != null
    reentry: once
    emit: { event: referral_succeeded, to: profile.referred_by, with: { friend: customer.id } }
  - id: thanks
    when: { event: referral_succeeded }
    send: text
"""
POLICY = "version: 1\nfresh_for: off\npublish: [referral_succeeded]\n"
TEXT = "{% block subject %}Thanks{% endblock %}{% block text %}for {{ event.friend }}{% endblock %}"
START = 1_767_225_600_000
PAIRS = 1_500
MOST = 180.0


class ReferralStage(Stage):
    def __init__(self, broker: Broker, redis: AnyRedis, folder: Path, prefix: str) -> None:
        super().__init__(broker.address, redis.url, folder, prefix)
        self.internal, self.derived = f"{prefix}internal", f"{prefix}derived"
        make_topics(broker.address, [self.internal, self.derived], self.partitions, {})
        self.settings |= {"events_topic": self.internal, "derived_topic": self.derived}
        self.use(
            {
                "events.yaml": EVENTS.format(topic=self.topics.events),
                "policy.yaml": POLICY,
                "rules.yaml": RULES,
                "text.email.j2": TEXT,
            }
        )

    def credited(self) -> Counter[str]:
        """Customer -> how many different messages of thanks they got."""
        ids = {one.identity: one.json["customer"] for one in self.outreach()}
        return Counter(ids.values())


@pytest.fixture
def stage(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[ReferralStage]:
    stage = ReferralStage(broker, redis_server, tmp_path, topic_prefix)
    yield stage
    stage.close()


def entry(stage: Stage, number: int, type: str, customer: str, **properties: str) -> Entry:
    event = {"id": f"e-{number}", "type": type, "customer": customer, "time": iso(START + number)}
    return entry_of(event | {"properties": properties}, stage.partitions)


def signups(stage: Stage) -> list[Entry]:
    """Every Bob was brought by an Ada, and Eve by somebody unknown."""
    entries = [entry(stage, pair, "signup", f"ada-{pair}") for pair in range(PAIRS)]
    entries += [entry(stage, PAIRS + pair, "signup", f"bob-{pair}", by=f"ada-{pair}") for pair in range(PAIRS)]
    return [*entries, entry(stage, 2 * PAIRS, "signup", "eve", by="nobody")]


def purchases(stage: Stage) -> list[Entry]:
    """Everybody who was brought buys twice."""
    customers = ["eve", *(f"bob-{pair}" for pair in range(PAIRS))] * 2
    return [entry(stage, 10 * PAIRS + number, "purchase", customer) for number, customer in enumerate(customers)]


def test_each_referral_is_credited_once_in_another_partition_though_workers_are_killed(stage: ReferralStage) -> None:
    stage.load(signups(stage))
    worker = stage.start("a", batch=100)
    stage.until_processed(2 * PAIRS + 1, MOST)  # else a referral could overtake the one whom it is for
    stage.load(purchases(stage))
    for credited in (1, PAIRS // 3, 2 * PAIRS // 3):
        stage.until(lambda least=credited: len(stage.credited()) >= least, f"{credited} are credited", MOST)  # type: ignore[misc]
        stage.kill9(worker)
        worker = stage.start("a", batch=100)
    stage.until(lambda: len(stage.credited()) >= PAIRS, "all are credited", MOST)
    stage.until(lambda: bool(stage.dead_letters()), "the event for nobody is a dead letter", MOST)
    stage.finish()
    assert stage.credited() == {f"ada-{pair}": 1 for pair in range(PAIRS)}
    [lost] = stage.dead_letters().values()
    assert "nothing is known of the customer" in lost["reason"]
    made = {one.identity: one.json for one in stage.topics.read(stage.derived)}
    assert sorted(one["customer"] for one in made.values()) == sorted(["nobody", *stage.credited()])
    crossed = [one for one in made.values() if _place(stage, one["customer"]) != _place(stage, one["because_of"])]
    assert crossed, "some pairs are in two partitions"


def _place(stage: Stage, customer: str) -> int:
    return murmur2_partition(customer.encode(), stage.partitions)
