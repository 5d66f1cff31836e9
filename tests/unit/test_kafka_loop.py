"""kafka-python's loop: a long step, as where other threads compute, is told only when heartbeats are late."""

from time import monotonic

import pytest

from engine.adapters.kafka.python.config import net_client
from engine.adapters.kafka.settings import KafkaSettings


@pytest.mark.parametrize(("session_timeout", "told"), [(45.0, 0), (0.3, 1)])
def test_a_long_step_is_no_news_before_a_heartbeat_is_late(
    session_timeout: float, told: int, caplog: pytest.LogCaptureFixture
) -> None:
    settings = KafkaSettings("localhost:1", session_timeout=session_timeout)
    client = net_client(settings, {"bootstrap_servers": ["localhost:1"]})

    async def decode() -> None:
        end = monotonic() + 0.15
        while monotonic() < end:
            pass

    client._net.call_soon(decode())
    client._net.poll(timeout_ms=0)
    client.close()
    assert sum("blocking the event loop" in record.getMessage() for record in caplog.records) == told
