"""What RedisStore promises beyond every store: errors one can act on, and keys that stay together and go away."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from time import time
from typing import Any

import pytest
from redis import Redis

from engine.adapters.redis import RedisStore, connect, connect_sending
from engine.errors import BadStoreUrl, OtherFormat, StoreDamaged, StoreUnavailable
from engine.operate.checks import check_store
from engine.operate.findings import Level
from engine.ports import Commit, Entry, Meta

pytestmark = pytest.mark.redis

CUSTOMER = "{odd}\n🙂"
EVERYTHING = Commit(
    Meta(),
    Meta(seq=1, offsets={"events": 1}),
    states={CUSTOMER: b"state"},
    wakes={CUSTOMER: 5},
    outbox=[Entry("o-1", b"outreach")],
    outcomes={CUSTOMER: [b"fired"]},
)


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    with Redis.from_url(redis_url) as client:
        client.flushall()
        yield client


@pytest.fixture
def store(client: Any) -> RedisStore:
    return RedisStore(client, "shop", history_kept=timedelta(hours=2))


def test_all_keys_of_a_partition_share_its_hash_tag(store: RedisStore, client: Any) -> None:
    store.commit(7, EVERYTHING)
    (history,) = client.keys("*:h:*")
    names = ["meta", "states", "due", "outbox"]
    assert set(client.keys()) == {history, *(f"{{shop:7}}:{name}".encode() for name in names)}
    assert history.startswith(b"{shop:7}:")


def test_history_goes_some_time_after_the_last_outcome_and_nothing_else_does(store: RedisStore, client: Any) -> None:
    store.commit(7, EVERYTHING)
    (expiring,) = (key for key in client.scan_iter() if client.ttl(key) != -1)
    assert b":h:" in expiring
    assert 7_190 < client.ttl(expiring) <= 7_200 + 7_200 / 4


def test_outcomes_of_several_periods_are_one_history(client: Any) -> None:
    began = time()
    hours = iter(range(100))
    store = RedisStore(client, "shop", history_kept=timedelta(hours=12), clock=lambda: began + 3_600 * next(hours))
    for seq in range(4):
        store.commit(0, Commit(Meta(seq=seq), Meta(seq=seq + 1), outcomes={"c-1": [b"%d" % seq, b""], "c-2": [b"x"]}))
    assert len(client.keys("*:h:*")) > 1
    assert store.history(0, "c-1") == [b"", b"3", b"", b"2", b"", b"1", b"", b"0"]
    store.commit(0, Commit(Meta(seq=4), Meta(seq=5), states={"c-1": None}))
    assert store.history(0, "c-1") == []
    assert store.history(0, "c-2") == [b"x"] * 4


def test_a_store_that_another_version_has_laid_out_is_not_touched(store: RedisStore, client: Any) -> None:
    store.commit(0, EVERYTHING)
    client.hset("{shop:0}:meta", "format", 1)
    with pytest.raises(OtherFormat, match="written in format 1, and this engine uses format 2"):
        store.meta(0)


def test_nothing_but_the_meta_is_left_when_everybody_is_forgotten(store: RedisStore, client: Any) -> None:
    store.commit(7, EVERYTHING)
    store.commit(7, Commit(EVERYTHING.meta, Meta(seq=2), states={CUSTOMER: None}, trim=[1]))
    assert client.keys() == [b"{shop:7}:meta"]


def test_a_server_that_has_lost_its_scripts_is_given_them_again(store: RedisStore, client: Any) -> None:
    for seq in range(3):
        store.commit(0, Commit(Meta(seq=seq), Meta(seq=seq + 1)))
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


def test_a_replica_is_told_from_a_primary(store: RedisStore, client: Any) -> None:
    client.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(StoreUnavailable, match="it is a replica; give the URL of the primary"):
            store.commit(0, EVERYTHING)
    finally:
        client.replicaof("NO", "ONE")


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


def test_a_tombstone_that_has_served_goes_with_the_next_erasure_or_by_itself(client: Any) -> None:
    store = RedisStore(client, "tombstones", erased_kept=timedelta(days=90))
    day = 86_400_000
    for seq, erased in enumerate(({"old": 10 * day}, {"young": 60 * day}, {"new": 101 * day})):
        store.commit(0, Commit(Meta(seq=seq), Meta(seq=seq + 1), erased=erased))
    assert store.erased(0) == {"young": 60 * day, "new": 101 * day}
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
        store.commit(0, Commit(Meta(), Meta(seq=1), states=dict(everybody)))
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
        store.commit(0, Commit(Meta(), Meta(seq=1), states={"c-1": b"state"}))
    store.close()


def test_a_wake_up_at_no_moment_names_its_key(store: RedisStore, client: Any) -> None:
    client.zadd("{shop:7}:due", {"c-1": "-inf"})
    with pytest.raises(StoreDamaged, match=r"the content of key \{shop:7\}:due was not written by the engine"):
        store.due(7, 2**62, 10)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", b"many"),
        ("seq", b'"1"'),
        ("seq", b"\xff"),
        ("offsets", b"[1]"),
        ("offsets", b'{"events":1e99}'),
        ("clock", b""),
        ("\xff", b"1"),
    ],
)
def test_a_damaged_meta_names_its_key(store: RedisStore, client: Any, field: str, value: bytes) -> None:
    store.commit(7, EVERYTHING)
    client.hset("{shop:7}:meta", field.encode("latin-1"), value)
    with pytest.raises(StoreDamaged, match=r"\{shop:7\}:meta"):
        store.meta(7)


@pytest.mark.parametrize("name", ["meta", "states", "due", "outbox", "erased"])
def test_a_key_of_another_type_is_named_and_not_waited_for(store: RedisStore, client: Any, name: str) -> None:
    client.set(f"{{shop:7}}:{name}", "what somebody else wrote")
    reads: dict[str, Callable[[], object]] = {
        "meta": lambda: store.meta(7),
        "states": lambda: store.load(7, ["c-1"]),
        "due": lambda: store.due(7, 10, 10),
        "outbox": lambda: store.outbox(7),
        "erased": lambda: store.erased(7),
    }
    with pytest.raises(StoreDamaged, match=rf"\{{shop:7\}}:{name}"):
        reads[name]()
    if name != "erased":
        with pytest.raises(StoreDamaged, match=r"\{shop:7\}:"):
            store.commit(7, EVERYTHING)


@pytest.mark.parametrize(("field", "value"), [("x", b"\x90"), ("1", b"\xc1"), ("1", b"")])
def test_a_damaged_outbox_names_its_key(store: RedisStore, client: Any, field: str, value: bytes) -> None:
    client.hset("{shop:7}:outbox", field, value)
    with pytest.raises(StoreDamaged, match=r"\{shop:7\}:outbox"):
        store.outbox(7)
