"""An experiment on a rule that makes events for others, on real servers, with workers killed on the way."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.arithmetic.assignment import variant_of
from engine.model import Outcome
from engine.wire.partitioner import murmur2_partition
from tests.services import AnyRedis, Broker
from tests.services.processes import PATIENCE
from tests.support import stores
from tests.support.referral_stage import EVENTS, TEXT, ReferralStage, purchases, signups

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

PAIRS = 600
MOST = PATIENCE
SHARES = {"a": 45.0, "b": 45.0, "none": 10.0}
POLICY = "version: 1\nfresh_for: off\npublish: [referral_succeeded, exposed]\n"
RULES = """\
version: 1
experiments:
  - id: reward
    hypothesis: Thanks bring more friends.
    variants: { a: 45, b: 45, none: 10 }
    goal: { event: purchase, within: 30d }
rules:
  - id: referral
    when: { event: purchase }
    if: profile.referred_by != null and experiments.reward == "a"
    emit: { event: referral_succeeded, to: profile.referred_by, with: { friend: customer.id } }
  - id: thanks
    when: { event: referral_succeeded }
    send: text
"""
"""Everybody buys twice, so that each is decided upon twice and must be exposed once."""


@pytest.fixture
def stage(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[ReferralStage]:
    stage = ReferralStage(broker, redis_server, tmp_path, topic_prefix)
    stage.use(
        {
            "events.yaml": EVENTS.format(topic=stage.topics.events),
            "policy.yaml": POLICY,
            "rules.yaml": RULES,
            "text.email.j2": TEXT,
        }
    )
    yield stage
    stage.close()


def test_each_customer_has_one_arm_and_one_exposure_though_workers_are_killed(stage: ReferralStage) -> None:
    arms = {f"bob-{pair}": variant_of(SHARES, "reward", f"bob-{pair}") for pair in range(PAIRS)}
    thanked = {f"ada-{pair}": 2 for pair in range(PAIRS) if arms[f"bob-{pair}"] == "a"}
    stage.load(signups(stage, PAIRS)[:-1])
    worker = stage.start("a", batch=50)
    stage.until_processed(2 * PAIRS, MOST)
    stage.load(purchases(stage, PAIRS))
    for credited in (1, len(thanked) // 3, len(thanked)):
        stage.until(lambda least=credited: stage.credited().total() >= least, f"{credited} thanks are sent", MOST)  # type: ignore[misc]
        stage.kill9(worker)
        worker = stage.start("a", batch=50)
    stage.until(lambda: stage.credited().total() >= 2 * len(thanked), "all thanks are sent", MOST)
    stage.finish()

    assert stage.credited() == thanked
    assert {customer: _exposed(stage, customer) for customer in arms} == {
        customer: {"reward": arm} for customer, arm in arms.items()
    }
    published = {one.identity: one.json for one in stage.topics.read(stage.derived) if one.json["type"] == "exposed"}
    told = sorted((one["customer"], one["properties"]["variant"]) for one in published.values())
    assert told == sorted(arms.items())
    _outcomes_agree(stage, arms)


def _exposed(stage: ReferralStage, customer: str) -> dict[str, str]:
    state = stores.state(stage.store, customer, murmur2_partition(customer.encode(), stage.partitions))
    assert state is not None
    return state.exposed


def _outcomes_agree(stage: ReferralStage, arms: dict[str, str]) -> None:
    """Each decision by its id, which a kill may repeat: at most one of a customer exposes, and all are of their arm."""
    decisions = {one.identity: one.json for one in stage.topics.read(stage.topics.outcomes)}
    outcome = {"a": Outcome.EMITTED, "b": Outcome.SUPPRESSED, "none": Outcome.HELD_OUT}
    exposures: dict[str, list[dict[str, str]]] = defaultdict(list)
    for one in decisions.values():
        if one["rule"] == "referral" and one["customer"] in arms:  # Eve was brought by nobody
            assert one["outcome"] == outcome[arms[one["customer"]]]
            if "exposed" in one:
                exposures[one["customer"]].append(one["exposed"])
    assert all(told == [{"reward": arms[customer]}] for customer, told in exposures.items())
    assert len(exposures) > PAIRS * 9 // 10
    assert Counter(arms[customer] for customer in exposures).keys() == SHARES.keys()
