"""However many customers there are, a worker holds only so many of them."""

from collections.abc import Iterator

import pytest

from tests.services.processes import PATIENCE
from tests.support.effort import Effort, tried_hard
from tests.support.faults import Stage
from tests.support.job import START, Entry, entry_of, project

pytestmark = [pytest.mark.e2e, pytest.mark.kafka, pytest.mark.real_starts]


@tried_hard
def test_a_worker_does_not_grow_with_the_number_of_its_customers(stage: Stage, effort: Effort) -> None:
    customers, cache = effort.of(50_000, 500_000), effort.of(5_000, 50_000)
    worker = stage.start_with(project(stage.topics.events), cache_size=cache, batch=1_000)
    resident = []
    for number in range(5):
        stage.load(visits(range(customers * number, customers * (number + 1))))
        stage.until_processed(customers * (number + 1), 4 * PATIENCE)
        resident.append(worker.resident // 2**20)
    leeway = effort.of(25, 75)  # MiB that buffers and the two halves of the cache come and go by
    assert max(resident) < resident[1] + leeway, resident
    print(f"MiB after each {customers:,} customers:", resident)


def visits(numbers: range) -> Iterator[Entry]:
    """Each of another customer, a second after one another."""
    for number in numbers:
        customer = f"customer-{number:07d}"
        event = {"id": f"evt-{number}", "type": "site_visit", "customer": customer, "time": START + number * 1_000}
        yield entry_of(event | {"properties": {"url": "https://shop.example/", "referrer": "newsletter"}})
