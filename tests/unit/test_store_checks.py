"""What `engine run --check` and `engine doctor` say of the servers of a store."""

import pytest

from engine.operate.checks import server_findings
from engine.operate.findings import Level
from engine.ports import StoreServer


def warnings(version: str, aof: bool = True) -> list[str]:
    server = StoreServer("redis://host", 0, version, policy="noeviction", aof=aof)
    return [one.says for one in server_findings(server) if one.level is Level.WARN]


@pytest.mark.parametrize("version", ["redis 6.2.14", "redis 7.0.15"])
def test_a_server_that_cannot_say_whether_a_claim_is_on_its_disk_is_told(version: str) -> None:
    (says,) = warnings(version)
    assert says.startswith(f"{version} has no WAITAOF: ")
    assert not any("WAITAOF" in says for says in warnings(version, aof=False))


@pytest.mark.parametrize("version", ["redis 7.2.0", "redis 8.2.1", "redis 10.0.1", "valkey 7.2.5", "valkey 9.1.2"])
def test_a_server_that_can_is_as_it_should_be(version: str) -> None:
    assert warnings(version) == []
