"""An experiment on a rule that makes events for others, on real servers, with workers killed on the way."""

from collections import Counter, defaultdict

import pytest

from engine.arithmetic.assignment import variant_of
from engine.model import Outcome
from engine.wire.partitioner import murmur2_partition
from tests.support import stores
from tests.support.referral_stage import ReferralStage, purchases, signups

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

PAIRS = 600
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


def test_each_customer_has_one_arm_and_one_exposure_though_workers_are_killed(referrals: ReferralStage) -> None:
    referrals.use_rules(RULES, POLICY)
    arms = {f"bob-{pair}": variant_of(SHARES, "reward", f"bob-{pair}") for pair in range(PAIRS)}
    thanked = {f"ada-{pair}": 2 for pair in range(PAIRS) if arms[f"bob-{pair}"] == "a"}
    referrals.load(signups(referrals, PAIRS)[:-1])
    worker = referrals.start("a", batch=50)
    referrals.until_processed(2 * PAIRS)
    referrals.load(purchases(referrals, PAIRS))
    for credited in (1, len(thanked) // 3, len(thanked)):
        referrals.until(lambda least=credited: referrals.credited().total() >= least, f"{credited} thanks are sent")  # type: ignore[misc]
        referrals.kill9(worker)
        worker = referrals.start("a", batch=50)
    referrals.until(lambda: referrals.credited().total() >= 2 * len(thanked), "all thanks are sent")
    referrals.finish()

    assert referrals.credited() == thanked
    assert {customer: _exposed(referrals, customer) for customer in arms} == {
        customer: {"reward": arm} for customer, arm in arms.items()
    }
    published = {
        one.identity: one.json for one in referrals.topics.read(referrals.derived) if one.json["type"] == "exposed"
    }
    told = sorted((one["customer"], one["properties"]["variant"]) for one in published.values())
    assert told == sorted(arms.items())
    _outcomes_agree(referrals, arms)


def _exposed(referrals: ReferralStage, customer: str) -> dict[str, str]:
    state = stores.state(referrals.store, customer, murmur2_partition(customer.encode(), referrals.partitions))
    assert state is not None
    return state.exposed


def _outcomes_agree(referrals: ReferralStage, arms: dict[str, str]) -> None:
    """Each decision by its id, which a kill may repeat: at most one of a customer exposes, and all are of their arm."""
    decisions = {one.identity: one.json for one in referrals.topics.read(referrals.topics.outcomes)}
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
