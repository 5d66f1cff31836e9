"""The store's one script as a pure function over a dict: the keys of one partition, as `commit.lua` has them in Redis.

`MemoryStore` runs it; the model test of the store explores it. What it must do and must not do is what the script of
the Redis store must and must not, so that what holds for one holds for the other.
"""

from typing import Any

from engine.ports import STORE_FORMAT, Commit

Keys = dict[str, Any]
"""m: bytes. values: customer -> bytes. t:<day>: list of bytes. days: set. outbox: seq -> entries. erased: digest -> ms.
meta: what format 2 kept, seq -1 since the first commit of format 3. A key without content is not there."""


def refusal(keys: Keys, commit: Commit) -> bytes | None:
    """What is there instead of what the commit expects; None where it may be written."""
    found: bytes = keys.get("m", b"")
    if found != commit.expected:
        return found
    old = keys.get("meta", {})
    if not found and (old.get("seq", 0), old.get("offsets", {})) != commit.format_2:
        return found
    for (day, place), (before, _) in commit.rewritten_looks.items():
        looks = keys.get(f"t:{day}", [])
        if place >= len(looks) or looks[place] != before:
            return found
    return None


def write(keys: Keys, commit: Commit, seal: bytes) -> None:
    """Write the commit, whose seal is `seal`. Nothing here can fail."""
    if not commit.expected:
        keys["meta"] = keys.get("meta", {}) | {"seq": -1, "format": STORE_FORMAT}
    keys["m"] = seal
    _update(keys, "values", commit.values)
    for (day, place), (_, after) in commit.rewritten_looks.items():
        keys[f"t:{day}"][place] = after
    for day in commit.days_gone:
        keys.pop(f"t:{day}", None)
    for day, looks in commit.looks.items():
        keys.setdefault(f"t:{day}", []).append(looks)
    if days := (keys.get("days", set()) - set(commit.days_gone)) | commit.looks.keys():
        keys["days"] = days
    else:
        keys.pop("days", None)
    outbox = {seq: entries or None for seq, entries in (*commit.rewritten.items(), (commit.meta.seq, commit.outbox))}
    _update(keys, "outbox", {**outbox, **dict.fromkeys(commit.trim)})
    erased = keys.get("erased", {})
    _update(keys, "erased", {digest: max(at, erased.get(digest, 0)) for digest, at in commit.erased.items()})


def _update(keys: Keys, name: str, changes: dict[Any, Any]) -> None:
    """Change some of a key's entries; None deletes one."""
    entries = keys.setdefault(name, {})
    gone = [entry for entry, value in changes.items() if value is None]
    entries.update(changes)
    for entry in gone:
        del entries[entry]
    if not entries:
        del keys[name]
