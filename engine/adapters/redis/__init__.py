"""The state store on Redis, Valkey, or a cluster of either."""

from engine.adapters.redis.connect import connect
from engine.adapters.redis.store import RedisStore

__all__ = ["RedisStore", "connect"]
