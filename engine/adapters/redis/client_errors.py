"""Translates the Redis client's errors into StoreUnavailable with a message that says what to do."""

import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec
from redis import exceptions
from redis.sentinel import MasterNotFoundError

from engine.errors import StoreDamaged, StoreLoading, StoreUnavailable

_ADVICE: tuple[tuple[type[Exception], str], ...] = (
    (
        exceptions.AuthenticationError,
        "it wants another user or password than ENGINE_STORE(_PASSWORD) had at the start",
    ),
    (exceptions.NoPermissionError, "the user of the URL may not do this; docs/deployment.md lists the commands"),
    (exceptions.BusyLoadingError, "it is still loading its data; try again in a moment"),
    (
        MasterNotFoundError,
        "the sentinels know no such primary, or have none to take its place yet; check the name at the end of the URL",
    ),
    (exceptions.TimeoutError, "it did not answer in time; it may be overloaded or cut off"),
    (exceptions.ConnectionError, "it cannot be reached; is it running, and is ENGINE_STORE (or --store) its URL?"),
    (exceptions.OutOfMemoryError, "it is full; raise its maxmemory, or set a shorter forget_after in policy.yaml"),
    (exceptions.ReadOnlyError, "it is a replica; give the URL of the primary, or of the sentinels"),
    (exceptions.RedisClusterException, "the cluster is not complete; every slot needs a primary that answers"),
    (exceptions.ClusterDownError, "the cluster is not complete; every slot needs a primary that answers"),
    (exceptions.ClusterError, "a slot is on its way to another node; it takes commands again once all of it is there"),
)
_BY_WORD: Final = {
    "BUSY": "a script keeps it busy; SCRIPT KILL ends one that has written nothing",
    "MISCONF": "it cannot write to its disk, and takes no changes until it can",
    "NOREPLICAS": "fewer of its replicas are connected than min-replicas-to-write asks for",
}
"""By the first word of errors that the client library has no class for."""


@contextmanager
def reaching(store: str, key: str = "") -> Iterator[None]:
    """Raises errors of the client library as StoreUnavailable. `store`: for the message, without a password.

    `key` is what is read and understood inside, or what its keys begin with: StoreDamaged where it is none of ours.
    """
    try:
        yield
    except exceptions.ResponseError as error:
        if key and "WRONGTYPE" in str(error):
            raise StoreDamaged(store, key, "it is of another type") from error
        raise _unavailable(store, error) from error
    except (msgspec.MsgspecError, ValueError, TypeError, LookupError, OverflowError, struct.error) as error:
        if not key:
            raise
        raise StoreDamaged(store, key, f"{type(error).__name__}: {error}") from error
    except (exceptions.RedisError, exceptions.RedisClusterException) as error:
        raise _unavailable(store, error) from error


_IN_A_SCRIPT: Final = re.compile(r"NOPERM|ACL failure in script|executing the script can't run this")
"""A command that a script may not run is no NoPermissionError, but an error of the script: Valkey's, Redis's words."""


def _unavailable(store: str, error: Exception) -> StoreUnavailable:
    if _IN_A_SCRIPT.search(str(error)):
        error = exceptions.NoPermissionError(str(error))
    known = (text for kind, text in _ADVICE if isinstance(error, kind))
    advice = next(known, "") or _BY_WORD.get(str(error).partition(" ")[0], "it refused the command")
    kind = StoreLoading if isinstance(error, exceptions.BusyLoadingError) else StoreUnavailable
    return kind(store, f"{advice} ({error})")
