"""Many values in one transaction of plain commands, which costs the server half of what a script does.

It is a short way for the usual commit, never the judge: what it does not write at once it leaves alone, and then
`commit.lua` follows, which says why, or writes it. Loads are the same.

The fence is WATCH. On one connection the seal and the types of all keys are read and watched; the transaction on it is
refused by the server if any of them has changed since. A server forgets what a connection watched when that ends, so a
connection that breaks in between must not be made anew on the quiet: nothing is sent unless it is still the same one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from typing import Any, Final

from hiredis import pack_command
from redis import RedisCluster, exceptions

from engine.adapters.redis.commit_arguments import encode_outbox, only_trims
from engine.ports import Commit

MANY: Final = 100
"""Values from which on a second round trip is worth it: it costs as much as 50 values less in a script."""
_MOST: Final = 100_000
"""Values of one command; servers before version 7 take 500,000."""
_TYPES: Final = (b"string", b"hash", b"set", b"hash", b"zset", b"hash")
"""Of the first keys, as in commit.lua; the others are lists."""

Command = tuple[Any, ...]


def is_usual(commit: Commit, many: int) -> bool:
    """Whether `write` knows all that the commit does: it is none of an operator, and the partition has a seal."""
    unusual = commit.rewritten or commit.rewritten_looks or commit.erased or not commit.expected
    return not unusual and many <= len(commit.values) <= _MOST and not only_trims(commit)


def write(client: Any, keys: Sequence[str], days: Sequence[int], commit: Commit, seal: bytes) -> bool:
    """Write a usual commit as a whole. False: nothing is written. `keys` and `days` are those of commit.lua.

    Raises NoPermissionError where this user cannot watch keys, having written nothing; ConnectionError or TimeoutError
    where the answer is lost.
    """
    line = _line(client, keys[0])
    if line is None:
        return False
    with line as ask:
        asked = [("WATCH", *keys), ("GET", keys[0]), *(("TYPE", key) for key in keys)]
        try:
            watched, found, *types = ask(asked)
        except _LOST:
            return False
        if isinstance(watched, exceptions.NoPermissionError):
            raise watched
        wanted = _TYPES + (b"list",) * len(days)
        if watched != b"OK" or found != commit.expected or any(map(_differs, types, wanted)):
            return False
        *_, done = ask([("MULTI",), *_commands(keys, days, commit, seal), ("EXEC",)], same=True)
    return _happened(done)


def read(client: Any, keys: Sequence[str], customers: Sequence[str]) -> tuple[bytes, list[bytes | None]] | None:
    """The seal, and the customers' values at the same moment; None where they must be asked for otherwise."""
    m, values = keys
    line = _line(client, m)
    if line is None:
        return None
    try:
        with line as ask:
            *_, done = ask([("MULTI",), ("GET", m), ("HMGET", values, *customers), ("EXEC",)])
    except _LOST:
        return None
    if isinstance(done, Exception) or any(isinstance(one, Exception) for one in done):
        return None
    return done[0] or b"", done[1]


def _commands(keys: Sequence[str], days: Sequence[int], commit: Commit, seal: bytes) -> Iterator[Command]:
    """What the transaction does. None of it can fail where the keys have their types."""
    m, values, all_days, outbox = keys[:4]
    lists = dict(zip(days, keys[6:], strict=True))
    yield "SET", m, seal
    kept, gone = commit.values, [customer for customer, value in commit.values.items() if value is None]
    if gone:
        kept = {customer: value for customer, value in kept.items() if value is not None}
        yield "HDEL", values, *gone
    if kept:
        yield "HSET", values, *chain.from_iterable(kept.items())
    if commit.days_gone:
        yield "DEL", *map(lists.__getitem__, commit.days_gone)
        yield "SREM", all_days, *commit.days_gone
    for day, looks in commit.looks.items():
        yield "RPUSH", lists[day], looks
    if commit.looks:
        yield "SADD", all_days, *commit.looks
    if commit.outbox:
        yield "HSET", outbox, commit.meta.seq, encode_outbox(commit.outbox)
    if commit.trim:
        yield "HDEL", outbox, *commit.trim


def _happened(done: Any) -> bool:
    """Whether the transaction was carried out: the server may have refused it, or found a key changed."""
    if done is None or isinstance(done, exceptions.ResponseError):
        return False
    for one in done:
        if isinstance(one, Exception):
            raise one  # of a transaction that cannot fail: somebody else has changed the rights of our user just now
    return True


def _differs(found: Any, wanted: bytes) -> bool:
    return found not in (b"none", wanted)


def _line(client: Any, key: str) -> Any:
    """One connection to the server of a key, `_kept` until its last answer; None where there is none now."""
    try:
        if isinstance(client, RedisCluster):
            node = client.get_node_from_key(key)  # type: ignore[no-untyped-call]
            client = client.get_redis_connection(node)
        pool = client.connection_pool
        return _kept(pool, pool.get_connection())
    except (exceptions.RedisError, exceptions.RedisClusterException):
        return None


@contextmanager
def _kept(pool: Any, connection: Any) -> Iterator[Any]:
    """`ask` sends commands at once and returns their answers, errors among them.

    With `same` it raises ConnectionError unless the connection is the one that the commands before were sent over. The
    connection goes back to the pool where the last answer was a transaction's; else it ends, and what it watches.
    """
    clean = False

    def ask(commands: Sequence[Command], *, same: bool = False) -> list[Any]:
        nonlocal clean
        if same and not connection.is_connected:
            raise exceptions.ConnectionError
        connection.send_packed_command([b"".join(map(pack_command, commands))], check_health=not same)
        answers = [_answer(connection) for _ in commands]
        clean = isinstance(answers[-1], list)
        return answers

    try:
        yield ask
    finally:
        if not clean:
            with suppress(Exception):
                connection.disconnect()
        pool.release(connection)


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except exceptions.ResponseError as error:
        return error


_LOST: Final = (exceptions.ConnectionError, exceptions.TimeoutError)
