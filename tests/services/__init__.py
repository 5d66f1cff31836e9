"""A real broker and a real Redis for the tests and the benchmark, whatever the machine has.

Broker: ENGINE_TEST_KAFKA (host:port), else a container, else Kafka's jars by Maven with Java. Redis: ENGINE_TEST_REDIS
(a URL), else the Valkey that comes as a wheel. Where nothing works the test is skipped with the reason, and under
CI=true it fails.
"""

from tests.services.brokers import Broker, open_broker
from tests.services.gate import Gate
from tests.services.redises import AnyRedis, RedisCluster, RedisServer, WatchedRedis, open_redis

__all__ = ["AnyRedis", "Broker", "Gate", "RedisCluster", "RedisServer", "WatchedRedis", "open_broker", "open_redis"]
