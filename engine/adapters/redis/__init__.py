"""The state store on Redis, Valkey, or a cluster of either."""

from engine.adapters.redis.connect import connect, connect_sending
from engine.adapters.redis.store import RedisStore

__all__ = ["RedisStore", "connect", "connect_sending"]
