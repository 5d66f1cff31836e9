"""Events that rules make for other customers: across partitions, on real servers, with workers killed on the way."""

import pytest

from engine.wire.partitioner import murmur2_partition
from tests.support.faults import Stage
from tests.support.referral_stage import ReferralStage, purchases, signups

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

PAIRS = 1_500


def test_each_referral_is_credited_once_in_another_partition_though_workers_are_killed(
    referrals: ReferralStage,
) -> None:
    referrals.load(signups(referrals, PAIRS))
    worker = referrals.start("a", batch=100)
    referrals.until_processed(2 * PAIRS + 1)  # else a referral could overtake the one whom it is for
    referrals.load(purchases(referrals, PAIRS))
    for credited in (1, PAIRS // 3, 2 * PAIRS // 3):
        referrals.until(lambda least=credited: len(referrals.credited()) >= least, f"{credited} are credited")  # type: ignore[misc]
        referrals.kill9(worker)
        worker = referrals.start("a", batch=100)
    referrals.until(lambda: len(referrals.credited()) >= PAIRS, "all are credited")
    referrals.until(lambda: bool(referrals.dead_letters()), "the event for nobody is a dead letter")
    referrals.finish()
    assert referrals.credited() == {f"ada-{pair}": 1 for pair in range(PAIRS)}
    [lost] = referrals.dead_letters().values()
    assert "nothing is known of the customer" in lost["reason"]
    made = {one.identity: one.json for one in referrals.topics.read(referrals.derived)}
    assert sorted(one["customer"] for one in made.values()) == sorted(["nobody", *referrals.credited()])
    crossed = [
        one for one in made.values() if _place(referrals, one["customer"]) != _place(referrals, one["because_of"])
    ]
    assert crossed, "some pairs are in two partitions"


def _place(referrals: Stage, customer: str) -> int:
    return murmur2_partition(customer.encode(), referrals.partitions)
