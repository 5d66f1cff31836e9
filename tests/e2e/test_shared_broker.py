"""The broker that all processes of a run share does not outlive them."""

from pathlib import Path

import pytest

from tests.services.processes import listens, wait_until
from tests.services.shared import SharedBroker

pytestmark = [pytest.mark.e2e, pytest.mark.kafka]


def test_a_broker_that_is_shared_ends_with_the_last_who_has_it(tmp_path: Path) -> None:
    first, second = SharedBroker(tmp_path), SharedBroker(tmp_path)
    assert first.broker.address == second.broker.address
    first.give_back()
    assert second.broker.answers()
    port = int(second.broker.address.rpartition(":")[2])
    second.give_back()
    wait_until(lambda: not listens(port), "it has ended")
    wait_until(lambda: not (tmp_path / "broker").exists(), "its data are gone")
