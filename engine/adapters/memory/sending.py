"""Claims and the suppression list in memory, for tests and runs whose state need not survive."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from threading import RLock
from uuid import uuid4

from engine.model import Outcome
from engine.ports import CLOCKS_DIFFER, Claim, ClaimState, DeliveryResult, InDoubt, Suppression, SuppressionQuery


@dataclass
class _Held:
    """A claim that is held. `token`: the sender that holds it."""

    token: str
    begun: bool = False
    doubt: bool = False


@dataclass
class ClaimBook:
    """The claims that all senders of a namespace share."""

    held: dict[str, _Held | DeliveryResult] = field(default_factory=dict)
    doubts: dict[str, InDoubt] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)


class MemoryClaims:
    """A ClaimStore: one sender's view of the book."""

    def __init__(self, book: ClaimBook | None = None) -> None:
        self._book = book or ClaimBook()
        self._token = uuid4().hex

    def claim(self, wanted: Sequence[tuple[str, str]], at: int) -> list[Claim]:
        """Claim outreach by (id, purpose)."""
        with self._book.lock:
            return [self._claim(identity, purpose, at) for identity, purpose in wanted]

    def begin(self, ids: Sequence[str]) -> list[bool]:
        """Note that the hand-over begins. False for an id that another sender has claimed."""
        with self._book.lock:
            return [self._begin(identity) for identity in ids]

    def release(self, ids: Sequence[str]) -> None:
        """Give up claims on outreach that was certainly not handed over."""
        with self._book.lock:
            for identity in ids:
                mine = self._mine(identity)
                if mine and mine.doubt:
                    mine.begun = False
                elif mine:
                    del self._book.held[identity]

    def record(self, results: Sequence[DeliveryResult]) -> None:
        """Record results."""
        with self._book.lock:
            for result in results:
                held = self._book.held.get(result.id)
                if isinstance(held, DeliveryResult) and held.outcome is Outcome.SENT:
                    continue
                self._book.held[result.id] = result
                if result.outcome is Outcome.IN_DOUBT:
                    self._doubt(result.id, result.purpose, result.at)

    def results(self, ids: Sequence[str]) -> list[Claim | None]:
        """The recorded results; None where there is none."""
        held = [self._book.held.get(identity) for identity in ids]
        return [_done(one) if isinstance(one, DeliveryResult) else None for one in held]

    def in_doubt(self, limit: int = 1_000) -> list[InDoubt]:
        """Outreach in doubt, newest first."""
        return sorted(self._book.doubts.values(), key=lambda doubt: -doubt.at)[:limit]

    def close(self) -> None:
        """Nothing to give up."""

    def _claim(self, identity: str, purpose: str, at: int) -> Claim:
        held = self._book.held.get(identity)
        if isinstance(held, DeliveryResult):
            return _done(held)
        doubt = held is not None and (held.begun or held.doubt)
        if doubt:
            self._doubt(identity, purpose, at)
        self._book.held[identity] = _Held(self._token, doubt=doubt)
        return Claim(ClaimState.IN_DOUBT if doubt else ClaimState.CLAIMED)

    def _begin(self, identity: str) -> bool:
        mine = self._mine(identity)
        if mine:
            mine.begun = True
        return mine is not None

    def _mine(self, identity: str) -> _Held | None:
        held = self._book.held.get(identity)
        return held if isinstance(held, _Held) and held.token == self._token else None

    def _doubt(self, identity: str, purpose: str, at: int) -> None:
        self._book.doubts.setdefault(identity, InDoubt(identity, purpose, at))


def _done(result: DeliveryResult) -> Claim:
    return Claim(ClaimState.DONE, result.outcome, result.at, result.reason)


class MemorySuppressions:
    """A SuppressionList."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Suppression] = {}
        self._allowed: dict[tuple[str, str], int] = {}
        self._firm: dict[tuple[str, str], int] = {}
        """(digest, purpose; "" for every purpose) -> when an operator last changed it, epoch ms."""

    def reasons(self, asked: Sequence[SuppressionQuery]) -> list[str]:
        """Why each outreach must not be sent; "" if it may."""
        return [self._reason(one) for one in asked]

    def allowed(self, digest: str, purpose: str) -> int:
        """When outreach of the purpose was last allowed again, epoch ms; 0: never, or unknown."""
        return max(0, self._again(digest, purpose))

    def listed(self, digests: Sequence[str] | None = None) -> Iterator[Suppression]:
        """All entries, or those of these digests, in no order."""
        return (one for one in list(self._entries.values()) if digests is None or one.digest in digests)

    def change(self, changes: Sequence[Suppression]) -> None:
        """Apply the changes in order."""
        for one in changes:
            place = one.digest, one.purpose
            if one.firm:
                self._firm[place] = one.at
            elif self._is_outdated(one):
                continue
            if one.reason:
                self._entries[place] = one._replace(firm=False)
            else:
                self._allow(one)

    def suppress(self, digest: str, reason: str, purpose: str = "*", before: int = 0) -> None:
        """Stop outreach of this purpose ("*": of any). With `before` only outreach decided earlier."""
        self.change([Suppression(digest, purpose, reason, before, before)])

    def _is_outdated(self, one: Suppression) -> bool:
        """Whether something else was said later: by an operator, or of this purpose."""
        place = one.digest, one.purpose
        said = self._entries.get(place)
        if one.at <= max(self._firm.get(place, 0), self._firm.get((one.digest, ""), 0)) or (said and one.at < said.at):
            return one.at > 0
        return bool(one.reason) and 0 < one.at < self._again(*place) - CLOCKS_DIFFER

    def _allow(self, one: Suppression) -> None:
        gone = [place for place in self._entries if place[0] == one.digest and one.purpose in ("", place[1])]
        for place in gone:
            del self._entries[place]
        self._allowed[one.digest, one.purpose] = max(one.at, self._allowed.get((one.digest, one.purpose), 0))

    def _again(self, digest: str, purpose: str) -> int:
        return max(self._allowed.get((digest, name), -1) for name in (purpose, ""))

    def _reason(self, one: SuppressionQuery) -> str:
        places = [(digest, name) for digest in one.digests for name in (one.purpose, "*")]
        entries = [self._entries[place] for place in places if place in self._entries]
        for name in (one.purpose, "*"):
            former = self._entries.get((one.former, name))
            if one.former and former and former.at > self._again(one.digests[0], name):
                entries.append(former)
        return next((entry.reason for entry in entries if not entry.before or one.at < entry.before), "")
