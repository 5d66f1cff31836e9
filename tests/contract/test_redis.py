"""What RedisStore promises beyond every store: errors one can act on, and keys that stay together and go away."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any, cast

import msgspec
import pytest
from redis import Redis, exceptions

from engine.adapters.redis import RedisStore, connect, connect_sending
from engine.adapters.redis.client_errors import reaching
from engine.errors import BadStoreUrl, Fenced, OtherFormat, StoreDamaged, StoreUnavailable
from engine.operate.checks import check_store
from engine.operate.findings import Level
from engine.ports import Commit, Entry, Meta
from tests.services import RedisServer
from tests.services.processes import wait_until

pytestmark = pytest.mark.redis

CUSTOMER = "{odd}\n🙂"
EVERYTHING = Commit(
    b"",
    Meta(seq=1, offsets={"events": 1}),
    values={CUSTOMER: b"value"},
    looks={5: b"looks"},
    outbox=[Entry("o-1", b"outreach")],
    erased={"ab": 1},
)


@pytest.fixture
def store(client: Any) -> RedisStore:
    return RedisStore(client, "shop")


def test_all_keys_of_a_partition_share_its_hash_tag(store: RedisStore, client: Any) -> None:
    store.commit(7, EVERYTHING)
    names = ["m", "values", "days", "t:5", "outbox", "erased", "meta"]
    assert set(client.keys()) == {f"{{shop:7}}:{name}".encode() for name in names}


def test_a_store_that_another_version_has_laid_out_is_not_touched(store: RedisStore, client: Any) -> None:
    store.commit(0, EVERYTHING)
    client.set("{shop:0}:m", client.get("{shop:0}:m").replace(b'"format":3', b'"format":4'))
    with pytest.raises(OtherFormat, match="written in format 4, and this engine uses format 3"):
        store.meta(0)
    with pytest.raises(OtherFormat):
        store.open(0)


def test_a_store_in_format_2_is_told_from_an_empty_one(store: RedisStore, client: Any) -> None:
    client.hset("{shop:0}:meta", mapping={"seq": "3", "format": "2", "offsets": '{"events":1}'})
    for ask in (store.meta, store.open):
        with pytest.raises(OtherFormat, match="engine run --upgrade-store"):
            ask(0)
    with pytest.raises(Fenced):
        store.commit(0, EVERYTHING)
    assert client.keys() == [b"{shop:0}:meta"]


def test_an_engine_of_format_2_reads_that_the_format_is_another(store: RedisStore, client: Any) -> None:
    """It reads the field `format` before it opens a partition, and compares `seq` before it writes."""
    store.commit(0, EVERYTHING)
    assert client.hgetall("{shop:0}:meta") == {b"seq": b"-1", b"format": b"3"}


def test_a_partition_whose_seal_is_missing_is_not_taken_for_an_empty_one(store: RedisStore, client: Any) -> None:
    store.commit(0, EVERYTHING)
    client.delete("{shop:0}:m")
    for ask in (store.meta, store.open):
        with pytest.raises(StoreDamaged, match=r"\{shop:0\}:m"):
            ask(0)
    with pytest.raises(Fenced):
        store.commit(0, EVERYTHING)


def test_nothing_but_seal_and_tombstone_is_left_when_everybody_is_forgotten(store: RedisStore, client: Any) -> None:
    seal = store.commit(7, msgspec.structs.replace(EVERYTHING, erased={}))
    store.commit(7, Commit(seal, Meta(seq=2), values={CUSTOMER: None}, trim=[1], days_gone=[5]))
    assert set(client.keys()) == {b"{shop:7}:m", b"{shop:7}:meta"}


def test_a_server_that_has_lost_its_scripts_is_given_them_again(store: RedisStore, client: Any) -> None:
    seal = b""
    for seq in range(3):
        seal = store.commit(0, Commit(seal, Meta(seq=seq + 1)))
        client.script_flush()
    assert store.customers(0, "", 10) == ([], "")


def test_a_full_server_refuses_a_commit_whole(store: RedisStore, client: Any) -> None:
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable, match="it is full; raise its maxmemory"):
            store.commit(0, EVERYTHING)
    finally:
        client.config_set("maxmemory", 0)
    assert client.keys() == []


def test_a_full_server_takes_what_makes_it_emptier(store: RedisStore, client: Any) -> None:
    seal = store.commit(0, EVERYTHING)
    client.config_set("maxmemory", 1)
    try:
        store.commit(0, Commit(seal, Meta(seq=2), values={CUSTOMER: None}, trim=[1], days_gone=[5]))
    finally:
        client.config_set("maxmemory", 0)
    assert store.load(0, [CUSTOMER]) == [None]


def test_a_replica_is_told_from_a_primary(store: RedisStore, client: Any) -> None:
    client.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailable, match="it is a replica; give the URL of the primary"):
            store.commit(0, EVERYTHING)
        assert "is a replica: nothing can be written" in [one.says for one in check_store(store, 0)]
    finally:
        client.replicaof("NO", "ONE")
    assert not [one for one in check_store(store, 0) if "replica" in one.says]


def test_a_server_that_takes_no_changes_for_now_says_why_in_plain_words(tmp_path: Path) -> None:
    server = RedisServer(tmp_path, {"enable-protected-configs": "yes", "busy-reply-threshold": 50})
    server.start()

    def refused(words: str) -> None:
        with pytest.raises(StoreUnavailable, match=words):
            store.commit(0, Commit(seal, Meta(seq=2), values={CUSTOMER: b"new"}))

    with closing(connect(server.url, "shop")) as store, ThreadPoolExecutor(1) as executor:
        seal = store.commit(0, EVERYTHING)
        server.ask("CONFIG SET", "min-replicas-to-write", 1)
        refused("fewer of its replicas are connected than")
        server.ask("CONFIG SET", "min-replicas-to-write", 0)
        folder = server.ask("CONFIG GET", "dir")["dir"]
        server.ask("CONFIG SET", "save", "3600 1", "dir", "/proc")
        server.ask("BGSAVE")
        wait_until(lambda: server.ask("INFO", "persistence")["rdb_last_bgsave_status"] == "err", "it has failed")
        refused("it cannot write to its disk")
        server.ask("CONFIG SET", "save", "", "dir", folder)
        endless = executor.submit(server.ask, "EVAL", "while true do end", 0)
        wait_until(lambda: not server.answers(), "it is busy")
        refused("a script keeps it busy")
        server.ask("SCRIPT KILL")
        with pytest.raises(exceptions.ResponseError):
            endless.result()
        assert store.commit(0, Commit(seal, Meta(seq=2), values={CUSTOMER: b"new"}))
    server.remove()


def test_a_key_of_somebody_else_is_an_error_that_names_the_server(redis_url: str, client: Any) -> None:
    client.set("{shop:0}:meta", "not ours")
    with closing(connect(redis_url, "shop")) as store, pytest.raises(StoreDamaged, match="another type") as refused:
        store.meta(0)
    assert str(refused.value).startswith(f"the store at {redis_url}: ")


@pytest.mark.parametrize("server", ["redis_url", "cluster_url"])
def test_servers_tell_how_they_are_set_up(server: str, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue(server)
    before = time()
    with closing(connect(url)) as store:
        (facts,) = store.servers()
    assert before - 1 <= facts.clock / 1000 <= time() + 1
    assert facts.version.startswith("valkey ")
    assert (facts.policy, facts.limit, facts.aof) == ("noeviction", 0, server == "redis_url")
    assert facts.used > 0


def test_scripts_alone_write_and_load_thousands_of_customers_in_their_order(client: Any) -> None:
    """For a user who may not WATCH, there is no other way than scripts."""
    store = RedisStore(client, "scripts", many=1_000_000)
    values = {f"c-{number}": b"%d" % number for number in range(2_500)}
    seal = store.commit(0, Commit(b"", Meta(seq=1), values={**values}))
    assert store.load(0, [*values, "nobody"], seal) == [*values.values(), None]


def test_a_tombstone_that_has_served_goes_with_the_next_erasure_or_by_itself(client: Any) -> None:
    store = RedisStore(client, "tombstones", erased_kept=timedelta(days=90))
    day = 86_400_000
    seal = b""
    for seq, erased in enumerate(({"old": 10 * day}, {"young": 60 * day}, {"new": 101 * day})):
        seal = store.commit(0, Commit(seal, Meta(seq=seq + 1), erased=erased))
    assert store.open(0).erased == {"young": 60 * day, "new": 101 * day}
    assert 89 * 86_400 < client.ttl("{tombstones:0}:erased") <= 90 * 86_400


@pytest.mark.parametrize(
    "url",
    [
        "redis://me:secret@127.0.0.1:1",
        "redis+cluster://me:secret@127.0.0.1:1",
        "unix:///nowhere/redis.sock?password=secret",
    ],
)
def test_a_server_that_is_not_there_is_named_without_the_password(url: str) -> None:
    with pytest.raises(StoreUnavailable) as refused:
        connect(url)
    assert "127.0.0.1:1" in str(refused.value) or "/nowhere/redis.sock" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_sentinels_that_are_not_there_are_named() -> None:
    with pytest.raises(StoreUnavailable, match="sentinels"):
        connect("redis+sentinel://127.0.0.1:1,127.0.0.1:2/shop")


def test_a_wrong_password_is_told_from_a_server_that_is_not_there(redis_url: str) -> None:
    with pytest.raises(StoreUnavailable, match="user or password"):
        connect(f"{redis_url}?username=nobody&password=wrong")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://localhost", "expected redis://"),
        ("localhost:6379", "expected redis://"),
        ("", "expected redis://"),
        ("redis://localhost:notaport", "[Pp]ort"),
        ("redis+cluster://localhost:notaport", "[Pp]ort"),
        ("redis+cluster://[::1", "IPv6"),
        ("redis+sentinel://localhost", "/primary"),
        ("redis+else://localhost", "expected redis://"),
        ("redis://localhost/shop", "number of a database"),
        ("redis://localhost/0/1", "number of a database"),
        ("redis://localhost/0?sockettimeout=5", "no option 'sockettimeout'"),
        ("redis+sentinel://localhost/primary?sockettimeout=5", "no option 'sockettimeout'"),
    ],
)
def test_a_url_that_cannot_be_used_is_explained(url: str, said: str) -> None:
    with pytest.raises(BadStoreUrl, match=said):
        connect(url)


@pytest.mark.parametrize("namespace", ["", "a b", "{a}", "a}", "ключ"])
def test_a_namespace_that_would_break_the_hash_tag_is_refused(client: Any, namespace: str) -> None:
    with pytest.raises(BadStoreUrl, match="namespace"):
        RedisStore(client, namespace)


def test_a_user_without_dangerous_commands_works_and_is_told_what_cannot_be_seen(restricted_server: int) -> None:
    with Redis(port=restricted_server) as admin:
        admin.execute_command(*["ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-@dangerous"])
    url = f"redis://app:pw@127.0.0.1:{restricted_server}/0"
    store = connect(url, "limited")
    try:
        everybody = {f"c-{number}": b"state" for number in range(1_000)}
        store.commit(0, Commit(b"", Meta(seq=1), values=dict(everybody)))
        found, after = store.customers(0, "", 10)
        while after:
            page, after = store.customers(0, after, 100)
            found += page
        assert set(found) == set(everybody)
        assert [server.version for server in store.servers()] == [""]
        assert next(finding.level for finding in check_store(store, 1)) is Level.WARN
    finally:
        store.close()
    claims, suppressions = connect_sending(url, "limited")
    assert claims.claim([("o-1", "marketing")], 1) == claims.claim([("o-1", "marketing")], 2)
    suppressions.suppress("a", "bounced")
    assert [one.reason for one in suppressions.listed()] == ["bounced"]
    claims.close()


def test_what_a_script_may_not_do_gets_the_advice_that_a_command_gets(restricted_server: int) -> None:
    with Redis(port=restricted_server) as admin:
        admin.execute_command(*["ACL", "SETUSER", "reader", "on", ">pw", "~*", "+@all", "-@dangerous", "-hset"])
    store = connect(f"redis://reader:pw@127.0.0.1:{restricted_server}/0", "read")
    with pytest.raises(StoreUnavailable, match=r"docs/deployment\.md lists the commands"):
        store.commit(0, Commit(b"", Meta(seq=1), values={"c-1": b"value"}))
    store.close()


@pytest.mark.parametrize(
    "seal",
    [
        b"",
        b"0123456789abcdef",
        b"0123456789abcdef {}",
        b'0123456789abcdef {"format":3,"seq":"1"}',
        b'0123456789abcdef {"format":3,"offsets":[1]}',
        b'0123456789abcdef {"format":3,"seq":1e99}',
        b"0123456789abcdef \xff",
    ],
)
def test_a_damaged_seal_names_its_key(store: RedisStore, client: Any, seal: bytes) -> None:
    store.commit(7, EVERYTHING)
    client.set("{shop:7}:m", seal)
    for ask in (store.meta, store.open):
        with pytest.raises(StoreDamaged, match=r"\{shop:7\}:m"):
            ask(7)


@pytest.mark.parametrize("name", ["m", "values", "days", "t:5", "outbox", "erased", "meta"])
def test_a_key_of_another_type_is_named_and_nothing_is_written(store: RedisStore, client: Any, name: str) -> None:
    if name == "m":
        client.rpush("{shop:7}:m", "what somebody else wrote")
    else:
        client.set(f"{{shop:7}}:{name}", "what somebody else wrote")
    reads: dict[str, Callable[[], object]] = {
        "m": lambda: store.open(7),
        "values": lambda: store.load(7, ["c-1"], b""),
        "days": lambda: store.open(7),
        "t:5": lambda: store.looks(7, {5: 0}, b""),
        "outbox": lambda: store.outbox(7),
        "erased": lambda: store.open(7),
        "meta": lambda: store.open(7),
    }
    with pytest.raises(StoreDamaged, match=r"\{shop:7\}:"):
        reads[name]()
    with pytest.raises(StoreDamaged, match=r"\{shop:7\}:"):
        store.commit(7, EVERYTHING)
    assert client.keys() == [f"{{shop:7}}:{name}".encode()]


@pytest.mark.parametrize(("field", "value"), [("x", b"\x90"), ("1", b"\xc1"), ("1", b"")])
def test_a_damaged_outbox_names_its_key(store: RedisStore, client: Any, field: str, value: bytes) -> None:
    client.hset("{shop:7}:outbox", field, value)
    with pytest.raises(StoreDamaged, match=r"\{shop:7\}:outbox"):
        store.outbox(7)


class LossyClient:
    """A client whose connection breaks around the next command of a script: before it, after it, or on its way."""

    def __init__(self, client: Any, breaks: list[str]) -> None:
        self._client = client
        self._breaks = breaks
        self.late: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def execute_command(self, *command: Any) -> Any:
        fault = self._breaks.pop(0) if self._breaks and len(command) > 8 else ""
        if fault == "late":
            self.late.append(command)
        if fault in ("late", "before"):
            raise exceptions.ConnectionError(fault)
        answer = self._client.execute_command(*command)
        if fault == "after":
            raise exceptions.TimeoutError(fault)
        return answer


@pytest.mark.parametrize(
    "breaks", [["before"], ["after"], ["late"], ["before", "late", "after"], ["late", "late", "before", "before"]]
)
def test_a_commit_whose_answer_is_lost_is_written_once_and_the_worker_goes_on(client: Any, breaks: list[str]) -> None:
    RedisStore(client, "shop").commit(1, Commit(b"", Meta(seq=1)))  # the server knows the script
    lossy = LossyClient(client, list(breaks))
    store = RedisStore(cast("Redis", lossy), "shop")
    seal = store.commit(0, EVERYTHING)
    assert seal == store.open(0).seal
    assert store.looks(0, {5: 0}, seal) == {5: [b"looks"]}
    for command in lossy.late:
        assert client.execute_command(*command) == seal
    again = store.commit(0, Commit(seal, Meta(seq=2)))
    assert again == store.open(0).seal


def test_an_answer_that_is_lost_again_and_again_leaves_it_open(client: Any) -> None:
    RedisStore(client, "shop").commit(1, Commit(b"", Meta(seq=1)))
    store = RedisStore(cast("Redis", LossyClient(client, ["before"] * 5)), "shop")
    with pytest.raises(StoreUnavailable, match="does not answer a commit"):
        store.commit(0, EVERYTHING)


def test_of_an_answer_that_is_lost_while_another_owner_commits_it_is_fenced(client: Any) -> None:
    other = RedisStore(client, "shop")
    other.commit(1, Commit(b"", Meta(seq=1)))
    lossy = LossyClient(client, ["late"])

    def draw() -> int:
        if lossy.late:
            other.commit(0, Commit(b"", Meta(seq=1)))
        return 1

    store = RedisStore(cast("Redis", lossy), "shop", draw=draw)
    with pytest.raises(Fenced):
        store.commit(0, EVERYTHING)
    assert store.load(0, [CUSTOMER]) == [None]


def test_a_slot_that_moves_to_another_node_is_told_as_such() -> None:
    with pytest.raises(StoreUnavailable, match="on its way to another node"), reaching("redis"):
        raise exceptions.ClusterError("TTL exhausted.")  # what the client says after sixteen tries
