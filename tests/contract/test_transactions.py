"""A commit in a transaction is written once or not at all, whatever becomes of its connection."""

import random
from collections.abc import Callable, Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from redis import Redis, RedisCluster, exceptions

from engine.adapters.redis import RedisStore, connect
from engine.errors import Fenced, StoreDamaged, StoreUnavailable
from engine.ports import Commit, Entry, Meta
from tests.services import RedisCluster as ClusterOfThree

pytestmark = pytest.mark.redis

FIRST = Commit(
    b"", Meta(seq=1), values={"c-1": b"old", "c-2": b"old"}, looks={5: b"looks"}, outbox=[Entry("o-1", b"x")]
)


def names_of(sent: bytes) -> list[bytes]:
    """Of the commands in what goes over a connection."""
    names, reader = [], BytesIO(sent)
    while begin := reader.readline():
        words = [reader.read(int(reader.readline()[1:]) + 2)[:-2] for _ in range(int(begin[1:]))]
        names.append(words[0])
    return names


class Line:
    """A connection that breaks as the next fault says, where a transaction is sent over it.

    `watched`: it ends after the keys are watched. `before`: nothing arrives. `after`: the answer is lost. `late`: what
    was sent arrives when the test says so, over the same connection, which the client has given up. `raced`: before it
    something else happens.
    """

    def __init__(self, connection: Any, pool: "Lines") -> None:
        self._connection = connection
        self._pool = pool
        self._lost = self._ends = False
        self._answers = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    @property
    def is_connected(self) -> bool:
        return not self._lost and self._connection.is_connected

    def send_packed_command(self, command: Sequence[bytes], check_health: bool = True) -> None:
        names = names_of(b"".join(command))
        self._answers = len(names)
        fault = self._pool.next(b"WATCH" in names, b"EXEC" in names and b"SET" in names)
        if fault == "before":
            self._lose()
        if fault == "raced":
            self._pool.race()
        if fault == "late":
            self._pool.late.append((self._connection, command, self._answers))
            self._lost = True
            raise exceptions.TimeoutError(fault)
        self._connection.send_packed_command(command, check_health=check_health)
        if fault == "after":
            for _ in range(self._answers):
                self._connection.read_response()
            self._lose()
        self._ends = fault == "watched"

    def read_response(self) -> Any:
        self._answers -= 1
        answer = self._connection.read_response()
        if self._ends and not self._answers:
            self._connection.disconnect()
        return answer

    def disconnect(self) -> None:
        if not self._lost:
            self._connection.disconnect()

    def give_back(self, pool: Any) -> None:
        if not self._lost:
            pool.release(self._connection)

    def _lose(self) -> None:
        self._connection.disconnect()
        raise exceptions.ConnectionError


class Lines:
    """A pool of such connections."""

    def __init__(self, pool: Any, faults: list[str]) -> None:
        self._pool = pool
        self.faults = faults
        self.late: list[tuple[Any, Any, int]] = []
        self.race: Callable[[], object]

    def get_connection(self) -> Line:
        return Line(self._pool.get_connection(), self)

    def release(self, line: Line) -> None:
        line.give_back(self._pool)

    def next(self, watches: bool, writes: bool) -> str:
        mine = watches if self.faults[:1] == ["watched"] else writes
        return self.faults.pop(0) if self.faults and mine else ""

    def arrive(self) -> list[Any]:
        """All that was late; returns what the server says to each transaction."""
        said = []
        for connection, command, answers in self.late:
            connection.send_packed_command(command, check_health=False)
            said.append([connection.read_response() for _ in range(answers)][-1])
            self._pool.release(connection)
        self.late.clear()
        return said


class Shaky:
    """A client whose transactions have the faults."""

    def __init__(self, client: Any, faults: list[str]) -> None:
        self._client = client
        self.connection_pool = Lines(client.connection_pool, faults)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


def open_shaky(client: Any, *faults: str) -> tuple[RedisStore, Lines]:
    shaky: Any = Shaky(client, list(faults))
    return RedisStore(shaky, "shop", many=1), shaky.connection_pool


def next_of(seal: bytes, word: bytes, seq: int = 2) -> Commit:
    return Commit(seal, Meta(seq=seq), values={"c-1": word, "c-2": None}, looks={6: word}, days_gone=[5], trim=[1])


def content(store: RedisStore) -> tuple[Any, ...]:
    opened = store.open(0)
    return opened.seal, store.load(0, ["c-1", "c-2"]), opened.days, store.looks(0, {5: 0, 6: 0}), store.outbox(0)


def everything(client: Any) -> dict[bytes, bytes]:
    return {key: client.dump(key) for key in client.scan_iter()}


def scripts_run(client: Any) -> int:
    return int(client.info("commandstats").get("cmdstat_evalsha", {}).get("calls", 0))


def test_a_usual_commit_and_its_loads_need_no_script(client: Any) -> None:
    store = RedisStore(client, "shop", many=1)
    seal = store.commit(0, FIRST)
    client.config_resetstat()
    seal = store.commit(0, next_of(seal, b"new"))
    assert store.load(0, ["c-1", "c-2"], seal) == [b"new", None]
    assert scripts_run(client) == 0
    assert content(store) == (seal, [b"new", None], {6}, {5: [], 6: [b"new"]}, {})


@pytest.mark.parametrize("faults", [["watched"], ["before"], ["after"], ["late"], ["late", "after"], ["late"] * 4])
def test_a_transaction_whose_connection_breaks_is_written_once(client: Any, faults: list[str]) -> None:
    store, lines = open_shaky(client, *faults)
    seal = store.commit(0, next_of(store.commit(0, FIRST), b"new"))
    expected: tuple[Any, ...] = (seal, [b"new", None], {6}, {5: [], 6: [b"new"]}, {})
    assert content(store) == expected
    assert lines.faults == []
    assert lines.arrive() == [None] * faults.count("late")
    assert content(store) == expected


def test_what_was_watched_over_a_connection_that_ended_guards_nothing_and_nothing_is_sent(client: Any) -> None:
    other = RedisStore(client, "shop", many=1)
    store, _ = open_shaky(client, "watched")
    seal = store.commit(0, FIRST)
    look = client.get

    def look_later(key: str) -> Any:
        """The worker looks at the seal before it tries again; meanwhile somebody else commits."""
        other.commit(0, next_of(seal, b"other"))
        return look(key)

    cast("Any", store._client).get = look_later
    with pytest.raises(Fenced):
        store.commit(0, next_of(seal, b"ours"))
    assert content(other)[1] == [b"other", None]


def test_of_two_who_have_seen_the_same_seal_one_writes(client: Any) -> None:
    other = RedisStore(client, "shop", many=1)
    store, lines = open_shaky(client, "raced")
    seal = store.commit(0, FIRST)
    lines.race = lambda: other.commit(0, next_of(seal, b"other"))
    with pytest.raises(Fenced):
        store.commit(0, next_of(seal, b"ours"))
    assert content(other)[1] == [b"other", None]


def test_a_key_that_became_another_type_after_it_was_looked_at_stops_the_transaction(client: Any) -> None:
    store, lines = open_shaky(client, "raced")
    seal = store.commit(0, FIRST)
    lines.race = lambda: client.set("{shop:0}:t:6", "what somebody else wrote")
    with pytest.raises(StoreDamaged, match=r"\{shop:0\}:"):
        store.commit(0, next_of(seal, b"new"))
    assert store.open(0).seal == seal
    assert store.load(0, ["c-1", "c-2"]) == [b"old", b"old"]


def test_a_late_transaction_that_comes_before_the_next_attempt_is_the_commit(client: Any) -> None:
    shaky: Any = Shaky(client, ["late"])
    draws = iter([1, 2, 3])  # of the first commit, and of both attempts of the next

    def arriving() -> int:
        if (number := next(draws)) == 3:
            assert isinstance(shaky.connection_pool.arrive()[0], list)
        return number

    store = RedisStore(shaky, "shop", many=1, draw=arriving)
    seal = store.commit(0, FIRST)
    sealed = store.commit(0, next_of(seal, b"new"))
    assert content(store)[:4] == (sealed, [b"new", None], {6}, {5: [], 6: [b"new"]})


def test_a_transaction_that_is_lost_again_and_again_leaves_it_open(client: Any) -> None:
    store, _ = open_shaky(client, *["before"] * 5)
    seal = store.commit(0, FIRST)
    before = content(store)
    with pytest.raises(StoreUnavailable, match="does not answer a commit"):
        store.commit(0, next_of(seal, b"new"))
    assert content(store) == before


@pytest.mark.parametrize("name", ["values", "days", "t:5", "t:6", "outbox", "erased", "meta"])
def test_a_key_of_another_type_is_named_and_no_transaction_writes(client: Any, name: str) -> None:
    store = RedisStore(client, "shop", many=1)
    seal = store.commit(0, FIRST)
    key = f"{{shop:0}}:{name}"
    client.delete(key)
    client.set(key, "what somebody else wrote")
    before = everything(client)
    with pytest.raises(StoreDamaged, match=r"\{shop:0\}:"):
        store.commit(0, next_of(seal, b"new"))
    assert everything(client) == before


def test_a_full_server_refuses_a_transaction_whole(client: Any) -> None:
    store = RedisStore(client, "shop", many=1)
    seal = store.commit(0, FIRST)
    before = content(store)
    client.config_set("maxmemory", 1)
    try:
        with pytest.raises(StoreUnavailable, match="it is full; raise its maxmemory"):
            store.commit(0, next_of(seal, b"new"))
    finally:
        client.config_set("maxmemory", 0)
    assert content(store) == before


def test_a_user_who_may_not_watch_commits_and_loads_as_before(client: Any, redis_url: str) -> None:
    client.execute_command("ACL", "SETUSER", "old", "on", ">secret", "~*", "+@all", "-watch")
    with Redis.from_url(redis_url, username="old", password="secret") as old:
        store = RedisStore(old, "shop", many=1)
        seal = store.commit(0, FIRST)
        for seq in (2, 3):
            seal = store.commit(0, next_of(seal, b"new", seq))
        assert store.load(0, ["c-1"], seal) == [b"new"]
    client.execute_command("ACL", "DELUSER", "old")


def test_who_does_not_know_the_seal_reads_and_writes_nothing(client: Any) -> None:
    store = RedisStore(client, "shop", many=1)
    seal = store.commit(0, FIRST)
    now = store.commit(0, next_of(seal, b"new"))
    with pytest.raises(Fenced):
        store.load(0, ["c-1"], seal)
    with pytest.raises(Fenced):
        store.commit(0, next_of(seal, b"stale"))
    assert content(store)[:2] == (now, [b"new", None])


def test_a_cluster_is_written_to_in_transactions_too(cluster_url: str) -> None:
    host, _, port = cluster_url.rpartition("/")[2].partition(":")
    with RedisCluster(host=host, port=int(port)) as client:
        store = RedisStore(client, "shop", many=1)
        store.commit(0, msgspec.structs.replace(FIRST, expected=store.open(0).seal))
        client.config_resetstat()
        seal = store.commit(0, next_of(store.open(0).seal, b"new"))
        assert store.load(0, ["c-1"], seal) == [b"new"]
        assert "cmdstat_watch" in client.info("commandstats")


def move_slot(cluster: ClusterOfThree, key: str) -> None:
    """All that is in a key's slot, and the slot, to the next node."""
    slot = cluster.nodes[0].ask("CLUSTER KEYSLOT", key)
    number = next(place for place, node in enumerate(cluster.nodes) if node.ask("CLUSTER COUNTKEYSINSLOT", slot))
    source, target = cluster.nodes[number], cluster.nodes[(number + 1) % 3]
    names = {node.ask("CLUSTER MYID"): node for node in (source, target)}
    (old, new) = names
    target.ask("CLUSTER SETSLOT", slot, "IMPORTING", old)
    source.ask("CLUSTER SETSLOT", slot, "MIGRATING", new)
    source.ask(
        "MIGRATE", "127.0.0.1", target.port, "", 0, 5_000, "KEYS", *source.ask("CLUSTER GETKEYSINSLOT", slot, 99)
    )
    for node in (target, *cluster.nodes):
        node.ask("CLUSTER SETSLOT", slot, "NODE", new)


def test_where_a_slot_has_moved_to_another_node_the_commit_is_written_there_once(
    tmp_path: Path,
) -> None:
    cluster = ClusterOfThree(tmp_path)
    try:
        with closing(connect(cluster.url, "shop", many=1)) as store:
            seal = store.commit(0, FIRST)
            move_slot(cluster, "{shop:0}:m")
            seal = store.commit(0, next_of(seal, b"new"))
            assert content(store) == (seal, [b"new", None], {6}, {5: [], 6: [b"new"]}, {})
            client: Any = store._client
            owner = client.get_redis_connection(client.get_node_from_key("{shop:0}:m"))
            lines = owner.connection_pool = Lines(owner.connection_pool, ["raced"])
            lines.race = lambda: move_slot(cluster, "{shop:0}:m")
            seal = store.commit(0, next_of(seal, b"newer", 3))
            assert lines.faults == [], "it has moved again"
            assert content(store) == (seal, [b"newer", None], {6}, {5: [], 6: [b"new", b"newer"]}, {})
    finally:
        cluster.remove()


@pytest.mark.parametrize("seed", range(40))
def test_owners_faults_and_late_transactions_in_any_order_leave_what_the_accepted_commits_wrote(
    client: Any, seed: int
) -> None:
    chance = random.Random(seed)
    owners = [open_shaky(client) for _ in range(3)]
    seal = owners[0][0].commit(0, FIRST)
    written, seals = {"c-1": b"old", "c-2": b"old", "count": b""}, [seal] * 3
    looks: list[bytes] = []
    for seq in range(2, 40):
        number = chance.randrange(3)
        store, lines = owners[number]
        lines.faults[:] = chance.choices(["watched", "before", "after", "late", ""], k=chance.randrange(3))
        word = b"%d of %d" % (seq, number)
        commit = Commit(seals[number], Meta(seq=seq), values={chance.choice(list(written)): word}, looks={6: word})
        try:
            seals[number] = store.commit(0, commit)
        except Fenced:
            assert seals[number] != seal, "the owner was fenced"
            seals[number] = store.open(0).seal
        else:
            assert commit.expected == seal, "who is no owner has written"
            seal = seals[number]
            written |= {customer: value for customer, value in commit.values.items() if value}
            looks.append(word)
        if chance.random() < 0.5:
            for _, others in owners:
                assert all(said is None for said in others.arrive())
        assert store.open(0).seal == seal
        assert store.load(0, list(written)) == [value or None for value in written.values()]
        assert store.looks(0, {6: 0})[6] == looks
