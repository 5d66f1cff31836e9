"""The suppression list in Redis: a hash per digest (see suppress.lua). Entries never expire."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from engine.adapters.redis.claims import prefix_of
from engine.adapters.redis.client_errors import reaching
from engine.adapters.redis.disk import Disk
from engine.adapters.redis.script import Script
from engine.ports import CLOCKS_DIFFER, Suppression, SuppressionQuery

_SUPPRESS: Final = Script("suppress.lua")
_PAGE: Final = 1_000
_NEVER: Final = -1


class RedisSuppressions:
    """A SuppressionList over any client of redis-py that gives bytes."""

    def __init__(self, client: Any, namespace: str, *, name: str = "Redis") -> None:
        self._client = client
        self._prefix = prefix_of(namespace) + "s:"
        self._name = name
        self._disk = Disk(client, self._prefix, name)

    def reasons(self, asked: Sequence[SuppressionQuery]) -> list[str]:
        """Why each outreach must not be sent; "" if it may."""
        with reaching(self._name):
            pipeline = self._client.pipeline(transaction=False)
            for one in asked:
                names = [one.purpose, "*", f"+{one.purpose}", "+*", "+"]
                for digest in _digests(one):
                    pipeline.hmget(self._prefix + digest, names)
            found = iter(pipeline.execute())
        return [_reason(one, [next(found) for _ in _digests(one)]) for one in asked]

    def allowed(self, digest: str, purpose: str) -> int:
        """When outreach of the purpose was last allowed again, epoch ms; 0: never, or unknown."""
        with reaching(self._name):
            moments = self._client.hmget(self._prefix + digest, [f"+{purpose}", "+"])
        return max(int(moment or 0) for moment in moments)

    def listed(self, digests: Sequence[str] | None = None) -> Iterator[Suppression]:
        """All entries, or those of these digests, in no order; concurrent changes may be missed."""
        keys = self._keys() if digests is None else (self._prefix + digest for digest in digests)
        for page in _pages(keys):
            with reaching(self._name):
                pipeline = self._client.pipeline(transaction=False)
                for key in page:
                    pipeline.hgetall(key)
                found = pipeline.execute()
            for key, fields in zip(page, found, strict=True):
                yield from _entries(key.removeprefix(self._prefix), fields)

    def change(self, changes: Sequence[Suppression]) -> None:
        """Apply the changes in order. Durable on return, if the server has WAITAOF and an AOF."""
        if not changes:
            return
        keys = [self._prefix + one.digest for one in changes]
        parts = [part for one in changes for part in (one.purpose, _entry(one), one.at, int(one.firm))]
        with self._disk.writing() as connection:
            _SUPPRESS.run(connection, keys, *parts, CLOCKS_DIFFER)

    def suppress(self, digest: str, reason: str, purpose: str = "*", before: int = 0) -> None:
        """Stop outreach of this purpose ("*": of any). With `before` only outreach decided earlier."""
        self.change([Suppression(digest, purpose, reason, before, before)])

    def _keys(self) -> Iterator[str]:
        with reaching(self._name):
            for key in self._client.scan_iter(match=f"{self._prefix}*", count=_PAGE):
                yield key.decode()


def _pages(keys: Iterable[str]) -> Iterator[Sequence[str]]:
    page: list[str] = []
    for key in keys:
        page.append(key)
        if len(page) == _PAGE:
            yield page
            page = []
    if page:
        yield page


def _digests(one: SuppressionQuery) -> Sequence[str]:
    return (*one.digests, *filter(None, (one.former,)))


def _entry(one: Suppression) -> str:
    return f"{one.before} {one.reason} {one.at}" if one.reason else ""


def _read(entry: bytes) -> tuple[int, str, int]:
    """(before, reason, at); at is 0 in entries that an older version wrote."""
    before, _, rest = entry.decode().partition(" ")
    reason, _, at = rest.rpartition(" ")
    return (int(before), reason, int(at)) if reason and at.isdecimal() else (int(before), rest, 0)


def _entries(digest: str, fields: dict[bytes, bytes]) -> Iterator[Suppression]:
    for field, entry in fields.items():
        if not field.startswith((b"+", b"@")):
            before, reason, at = _read(entry)
            yield Suppression(digest, field.decode(), reason, before, at)


def _reason(one: SuppressionQuery, found: Sequence[Sequence[bytes | None]]) -> str:
    """The reason by the fields of each digest. The former digest counts unless the first has a later entry."""
    reasons = [_spoken(one.at, fields[:2]) for fields in found[: len(one.digests)]]
    if one.former:
        again, all_again, whatever = (_NEVER if moment is None else int(moment) for moment in found[0][2:])
        purpose, everything, *_ = found[-1]
        reasons.append(_spoken(one.at, [purpose], max(again, whatever)))
        reasons.append(_spoken(one.at, [everything], max(all_again, whatever)))
    return next(filter(None, reasons), "")


def _spoken(decided: int, entries: Iterable[bytes | None], since: int = _NEVER) -> str:
    """The reason of an entry, written after `since`, that stops outreach decided at that time; "" if there is none."""
    parts = [_read(entry) for entry in entries if entry]
    return next((reason for before, reason, at in parts if at > since and (not before or decided < before)), "")
