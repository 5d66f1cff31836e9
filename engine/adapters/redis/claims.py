"""Claims on outreach in Redis, Valkey, or a cluster of either. All keys share one slot: `{<namespace>:send}:…`."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

from engine.adapters.redis.client_errors import reaching
from engine.adapters.redis.disk import Disk
from engine.adapters.redis.facts import server_time
from engine.adapters.redis.process import Process
from engine.adapters.redis.script import Script
from engine.model import Outcome
from engine.ports import Claim, ClaimState, DeliveryResult, InDoubt

CLAIMS_KEPT: Final = timedelta(days=30)

_CLAIM, _BEGIN, _RELEASE, _RECORD = map(Script, ("claim.lua", "begin.lua", "release.lua", "record.lua"))
_STATES: Final = {b"c": Claim(ClaimState.CLAIMED), b"d": Claim(ClaimState.IN_DOUBT)}


def prefix_of(namespace: str) -> str:
    """The prefix of the keys of a namespace's senders."""
    return f"{{{namespace}:send}}:"


class RedisClaims:
    """A ClaimStore over any client of redis-py that gives bytes. One object is one sender: its claims are its own.

    What is kept of an outreach is dropped `kept` after it was last touched: longer than the outreach topic keeps it.
    """

    def __init__(self, client: Any, namespace: str, *, kept: timedelta = CLAIMS_KEPT, name: str = "Redis") -> None:
        self._client = client
        self._prefix = prefix_of(namespace)
        self._doubts = self._prefix + "doubts"
        self._kept = int(kept.total_seconds())
        self._name = name
        self._token = uuid4().hex
        self._disk = Disk(client, self._doubts, name)
        self._process = Process(self._prefix)
        self._unanswered: set[str] = set()

    def claim(self, wanted: Sequence[tuple[str, str]], at: int) -> list[Claim]:
        """Claim outreach by (id, purpose). Durable on return, if the server has WAITAOF and an AOF."""
        if not wanted:
            return []
        ids = {identity for identity, _ in wanted}
        keys = [self._doubts, *self._keys(identity for identity, _ in wanted)]
        about = [part for identity, purpose in wanted for part in self._about(identity, purpose)]
        self._unanswered |= ids
        with self._disk.writing() as connection:
            answers = self._process.run(connection, _CLAIM, keys, self._token, at, self._kept, *about)
        self._unanswered -= ids
        return [_STATES.get(answer) or _ended(answer) for answer in answers]

    def begin(self, ids: Sequence[str]) -> list[bool]:
        """Note that the hand-over begins. False for an id that another sender has claimed."""
        return [bool(answer) for answer in self._run(_BEGIN, ids) or ()]

    def release(self, ids: Sequence[str]) -> None:
        """Give up claims on outreach that was certainly not handed over."""
        self._run(_RELEASE, ids)

    def record(self, results: Sequence[DeliveryResult]) -> None:
        """Record results."""
        if not results:
            return
        keys = [self._doubts, *self._keys(result.id for result in results)]
        parts = [(one.outcome.value, one.at, one.reason, f"{one.purpose} {one.id}") for one in results]
        with reaching(self._name):
            _RECORD.run(self._client, keys, self._kept, *(part for some in parts for part in some))

    def results(self, ids: Sequence[str]) -> list[Claim | None]:
        """The recorded results; None where there is none, or not any more."""
        if not ids:
            return []
        with reaching(self._name):
            held = self._client.mget(self._keys(ids))
        return [_ended(one) if one and one.startswith(b"e ") else None for one in held]

    def in_doubt(self, limit: int = 1_000) -> list[InDoubt]:
        """Outreach in doubt, newest first."""
        with reaching(self._name):
            found = self._client.zrange(self._doubts, 0, limit - 1, desc=True, withscores=True)
        parts = [(*member.decode().split(" ", 1), int(at)) for member, at in found]
        return [InDoubt(identity, purpose, at) for purpose, identity, at in parts]

    def time(self) -> int:
        """The time of a server behind this store, epoch ms."""
        with reaching(self._name):
            return server_time(self._client)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _keys(self, ids: Iterator[str] | Sequence[str]) -> list[str]:
        return [f"{self._prefix}o:{identity}" for identity in ids]

    def _about(self, identity: str, purpose: str) -> tuple[str, int]:
        return f"{purpose} {identity}", int(identity in self._unanswered)

    def _run(self, script: Script, ids: Sequence[str]) -> Any:
        if not ids:
            return None
        with reaching(self._name):
            return script.run(self._client, self._keys(ids), self._token, self._kept)


def _ended(answer: bytes) -> Claim:
    _, outcome, at, reason = answer.decode().split(" ", 3)
    return Claim(ClaimState.DONE, Outcome(outcome), int(at), reason)
