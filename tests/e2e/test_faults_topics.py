"""An events topic is deleted and made again: the new one is read from its beginning, and everybody is told."""

import pytest

from tests.support.faults import Stage
from tests.support.job import Entry
from tests.support.live import LIVE, PONG, happened, live_project, now
from tests.support.operators import engine

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


def pings(number: int, round_: int) -> list[Entry]:
    return [happened("ping", f"customer-{round_}-{place}", now()) for place in range(number)]


def ponged(stage: Stage, round_: int) -> set[str]:
    return {one.json["customer"] for one in stage.outreach() if one.json["customer"].startswith(f"customer-{round_}-")}


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_an_events_topic_made_again_while_the_worker_is_down_is_read_whole(stage: Stage, client: str) -> None:
    stage.use(live_project([stage.topics.events], PONG))
    worker = stage.start("a", kafka_client=client, **LIVE)
    stage.load(pings(40, 1))
    stage.until(lambda: len(ponged(stage, 1)) == 40, "the old topic is read")
    worker.stop()
    stage.topics.make_events_again()
    stage.load(pings(120, 2))
    for command in (["run", "--check"], ["doctor"]):
        said = engine(stage, *command, clock="live").said
        assert "made again" in said, said
    stage.start("a", kafka_client=client, **LIVE)
    stage.until(lambda: len(ponged(stage, 2)) == 120, "the new topic is read from its beginning")
    assert stage.said("the topic was made again") == stage.partitions


def test_an_events_topic_made_again_under_a_worker_is_read_whole_by_it_or_the_next(stage: Stage) -> None:
    """A worker that looks while the topic is missing ends and says so; an orchestrator starts it again."""
    stage.use(live_project([stage.topics.events], PONG))
    worker = stage.start("a", **LIVE)
    stage.load(pings(40, 1))
    stage.until(lambda: len(ponged(stage, 1)) == 40, "the old topic is read")
    stage.topics.make_events_again()
    stage.topics.append(pings(120, 2))
    deadline = now() + 90_000
    while len(ponged(stage, 2)) < 120 and now() < deadline:
        if worker.died:
            worker.kill9()
            worker = stage.start("a", **LIVE)
    assert len(ponged(stage, 2)) == 120
