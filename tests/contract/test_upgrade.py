"""A store in format 2 moves to format 3 with all that belongs to its customers, whenever the move is interrupted.

`format2.json` was written by an engine of format 2: 61 purchases of eight customers, of whom one was erased.
"""

import json
from base64 import b64decode
from pathlib import Path
from time import time
from typing import Any, cast

import pytest
from redis import Redis

from engine.adapters.redis import RedisStore
from engine.adapters.redis.commit_arguments import read_outbox
from engine.adapters.redis.format2 import HISTORY_KEPT
from engine.core.state.codec import decode_state
from engine.errors import OtherFormat
from engine.model import OutcomeRecord
from engine.operate.erasure import erase
from engine.operate.upgrade import upgrade, waiting
from engine.ports import HISTORY_LENGTH
from engine.wire.format2 import decode_old_past
from engine.worker.partition import Partition
from tests.support.books import DAY, Plain, book
from tests.support.drive import Crash
from tests.support.stores import history, raw_state, state, wakes

pytestmark = pytest.mark.redis

RECORDED = Path(__file__).parents[1] / "golden" / "stores" / "format2.json"
CUSTOMERS = {*(f"c-{number}" for number in range(6)), "late", "last"}
CLOCK = 1_770_681_600_000


class Old:
    """What the engine of format 2 had, as recorded."""

    def __init__(self) -> None:
        keys = json.loads(RECORDED.read_text("utf-8"))
        self.hashes = {name: dict(map(self._both, key["hash"])) for name, key in keys.items() if "hash" in key}
        self.sets = {
            name: {b64decode(one): at for one, at in key["zset"]} for name, key in keys.items() if "zset" in key
        }
        period = int(time() // (HISTORY_KEPT.total_seconds() // 4))
        self.hashes[f"h:{period}"] = self.histories = self.hashes.pop("h:923")

    @staticmethod
    def _both(pair: list[str]) -> tuple[bytes, bytes]:
        return b64decode(pair[0]), b64decode(pair[1])

    def write(self, client: Any) -> None:
        for name, fields in self.hashes.items():
            client.hset(f"{{shop:0}}:{name}", mapping=fields)
        for name, members in self.sets.items():
            client.zadd(f"{{shop:0}}:{name}", members)

    def outcomes(self, customer: str) -> list[OutcomeRecord]:
        packed, found = self.histories.get(customer.encode(), b""), []
        while packed:
            length = int.from_bytes(packed[:3])
            found.append(decode_old_past(customer, packed[3 : 3 + length]))
            packed = packed[3 + length :]
        return found[:HISTORY_LENGTH]


@pytest.fixture
def old(client: Any) -> Old:
    old = Old()
    old.write(client)
    return old


def check_everything(store: RedisStore, client: Any, old: Old) -> None:
    meta = store.meta(0)
    assert (meta.offsets, meta.clock, meta.moving_from) == ({"events": 62}, CLOCK, 0)
    assert meta.seq > 3
    for customer in CUSTOMERS:
        known = state(store, customer)
        assert known == decode_state(old.hashes["states"][customer.encode()])
        told = history(store, customer)
        assert [(one.at, one.rule, one.outcome, one.reason, one.revision) for one in told] == [
            (one.at, one.rule, one.outcome, one.reason, one.revision) for one in old.outcomes(customer)
        ]
    assert wakes(store) == {customer.decode(): at for customer, at in old.sets["due"].items()}
    assert set(store.customers(0, "", 100)[0]) == CUSTOMERS
    assert store.outbox(0) == read_outbox(old.hashes["outbox"])
    assert store.open(0).erased == {digest.decode(): at for digest, at in old.sets["erased"].items()}
    left = {key.decode().partition("}:")[2] for key in client.scan_iter()}
    assert not {name for name in left if name in ("states", "due") or name.startswith("h:")}
    assert client.hmget("{shop:0}:meta", "seq", "format") == [b"-1", b"3"]


def test_everybody_moves_with_state_wake_up_and_history(client: Any, old: Old) -> None:
    store = RedisStore(client, "shop")
    assert waiting(store) == {0: len(CUSTOMERS)}
    upgrade(store, store, 0)
    check_everything(store, client, old)
    assert waiting(store) == {}
    before = store.open(0)
    upgrade(store, store, 0)
    assert store.open(0) == before
    Partition(0, book(), store, Plain())


class DyingClient:
    """A client whose process is killed at its n-th command."""

    def __init__(self, client: Any, at: int) -> None:
        self._client = client
        self._left = at

    def execute_command(self, *command: Any) -> Any:
        self._left -= 1
        if not self._left:
            raise Crash
        return self._client.execute_command(*command)

    def pipeline(self, transaction: bool) -> Any:
        self.execute_command("PING")
        return self._client.pipeline(transaction=transaction)

    def __getattr__(self, name: str) -> Any:
        self.execute_command("PING")
        return getattr(self._client, name)


def test_a_move_that_dies_anywhere_is_finished_by_the_next(client: Any, old: Old) -> None:
    store, deaths = RedisStore(client, "shop"), 0
    for at in range(1, 500):
        dying = RedisStore(cast("Redis", DyingClient(client, at)), "shop")
        try:
            upgrade(dying, dying, 0)
        except Crash:
            deaths += 1
        else:
            break
        if client.exists("{shop:0}:m") and store.meta(0).moving_from:
            with pytest.raises(OtherFormat, match="--upgrade-store"):
                Partition(0, book(), store, Plain())
            with pytest.raises(OtherFormat):
                erase(store, 0, "c-1", CLOCK, 1)
    assert deaths > 5
    check_everything(store, client, old)


def test_a_move_that_dies_at_every_command_once_is_finished_from_a_fresh_copy_each_time(client: Any, old: Old) -> None:
    for at in range(1, 500):
        client.flushall()
        old.write(client)
        dying = RedisStore(cast("Redis", DyingClient(client, at)), "shop")
        try:
            upgrade(dying, dying, 0)
        except Crash:
            store = RedisStore(client, "shop")
            upgrade(store, store, 0)
            check_everything(store, client, old)
        else:
            break


def test_an_old_worker_that_is_faster_is_not_overtaken(client: Any, old: Old) -> None:
    """It commits between what the move has read and its first commit: the move reads again."""

    def draw() -> int:
        if client.hget("{shop:0}:meta", "seq") == b"3":
            client.hset("{shop:0}:meta", mapping={"seq": "4", "offsets": '{"events":63}'})
            client.hset("{shop:0}:states", "new", old.hashes["states"][b"late"])
        return 1

    store = RedisStore(client, "shop", draw=draw)
    upgrade(store, store, 0)
    assert store.meta(0).offsets == {"events": 63}
    assert raw_state(store, "new") == raw_state(store, "late")


def test_a_state_that_cannot_be_read_moves_and_is_looked_at_when_it_was_due(client: Any, old: Old) -> None:
    client.hset("{shop:0}:states", "last", b"\xc1")
    store = RedisStore(client, "shop")
    upgrade(store, store, 0)
    assert raw_state(store, "last") == b"\xc1"
    assert wakes(store, until=CLOCK + 100 * DAY)["last"] == old.sets["due"][b"last"]


def test_a_history_without_a_customer_moves_too(client: Any, old: Old) -> None:
    client.hdel("{shop:0}:states", "late")
    client.zrem("{shop:0}:due", "late")
    store = RedisStore(client, "shop")
    upgrade(store, store, 0)
    assert raw_state(store, "late") is None
    assert len(history(store, "late")) == len(old.outcomes("late"))
