"""A stage on which customers bring each other, so that rules make events for other customers."""

from collections import Counter
from pathlib import Path

from engine.core.zones import iso
from tests.services import AnyRedis, Broker
from tests.support.faults import Stage
from tests.support.job import Entry, entry_of
from tests.support.kafka_clients import make_topics
from tests.support.referrals import TEXT

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
START = 1_767_225_600_000


class ReferralStage(Stage):
    def __init__(self, broker: Broker, redis: AnyRedis, folder: Path, prefix: str) -> None:
        super().__init__(broker.address, redis.url, folder, prefix)
        self.internal, self.derived = f"{prefix}internal", f"{prefix}derived"
        make_topics(broker.address, [self.internal, self.derived], self.partitions, {})
        self.settings |= {"events_topic": self.internal, "derived_topic": self.derived}
        self.use_rules(RULES, POLICY)

    def use_rules(self, rules: str, policy: str) -> None:
        """These instead of RULES and POLICY."""
        events = EVENTS.format(topic=self.topics.events)
        self.use({"events.yaml": events, "policy.yaml": policy, "rules.yaml": rules, "text.email.j2": TEXT})

    def credited(self) -> Counter[str]:
        """Customer -> how many different messages of thanks they got."""
        ids = {one.identity: one.json["customer"] for one in self.outreach()}
        return Counter(ids.values())


def entry(stage: Stage, number: int, type: str, customer: str, **properties: str) -> Entry:
    event = {"id": f"e-{number}", "type": type, "customer": customer, "time": iso(START + number)}
    return entry_of(event | {"properties": properties}, stage.partitions)


def signups(stage: Stage, pairs: int) -> list[Entry]:
    """Every Bob was brought by an Ada, and Eve by somebody unknown."""
    entries = [entry(stage, pair, "signup", f"ada-{pair}") for pair in range(pairs)]
    entries += [entry(stage, pairs + pair, "signup", f"bob-{pair}", by=f"ada-{pair}") for pair in range(pairs)]
    return [*entries, entry(stage, 2 * pairs, "signup", "eve", by="nobody")]


def purchases(stage: Stage, pairs: int) -> list[Entry]:
    """Everybody who was brought buys twice."""
    customers = ["eve", *(f"bob-{pair}" for pair in range(pairs))] * 2
    return [entry(stage, 10 * pairs + number, "purchase", customer) for number, customer in enumerate(customers)]
