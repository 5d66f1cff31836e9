"""Producers that write in transactions: one that is open hides what others have written after it began."""

import pytest

from tests.support.faults import Stage
from tests.support.job import Firing
from tests.support.live import LIVE, QUIET, happened, live_project, now

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]

SILENCE = 6
"""Seconds."""


@pytest.mark.parametrize("client", ["confluent", "kafka-python"])
def test_who_came_back_while_a_transaction_was_open_is_not_told_that_we_miss_them(stage: Stage, client: str) -> None:
    customers = [f"customer-{number}" for number in range(40)]

    def visited() -> set[Firing]:
        """What is to be said of it, unless they come back."""
        at = now()
        stage.load(happened("site_visit", customer, at) for customer in customers)
        return {("quiet", customer, str(at)) for customer in customers}

    stage.use(live_project([stage.topics.events], QUIET.format(seconds=SILENCE)))
    stage.start("a", kafka_client=client, **LIVE)
    stage.until_members(1)
    false = visited()
    stage.finish()
    with stage.topics.open_transaction(stage.topics.events, stage.partitions):
        wanted = visited()
        stage.still_for(2 * SILENCE)
        assert not stage.told(), "nobody can know yet who has come back"
    stage.until(lambda: wanted <= stage.told(), "everybody hears from us")
    assert not stage.told() & false
