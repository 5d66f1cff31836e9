"""Events that rules make for other customers: across partitions, on real servers, with workers killed on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.wire.partitioner import murmur2_partition
from tests.services import AnyRedis, Broker
from tests.services.processes import PATIENCE
from tests.support.faults import Stage
from tests.support.referral_stage import ReferralStage, purchases, signups

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

PAIRS = 1_500
MOST = PATIENCE


@pytest.fixture
def stage(broker: Broker, redis_server: AnyRedis, tmp_path: Path, topic_prefix: str) -> Iterator[ReferralStage]:
    stage = ReferralStage(broker, redis_server, tmp_path, topic_prefix)
    yield stage
    stage.close()


def test_each_referral_is_credited_once_in_another_partition_though_workers_are_killed(stage: ReferralStage) -> None:
    stage.load(signups(stage, PAIRS))
    worker = stage.start("a", batch=100)
    stage.until_processed(2 * PAIRS + 1, MOST)  # else a referral could overtake the one whom it is for
    stage.load(purchases(stage, PAIRS))
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
