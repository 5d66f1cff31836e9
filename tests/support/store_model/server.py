"""The model's server with one partition, its past, and what is under way to it."""

from collections.abc import Callable, Sequence
from copy import copy
from random import Random
from typing import TYPE_CHECKING

import msgspec

from engine.adapters.memory.script import Keys, refusal, write
from engine.core.zones import DAY
from engine.ports import Commit
from tests.support.store_model.truth import HOUR, Happening, Rules, Truth, Wrong

if TYPE_CHECKING:
    from tests.support.store_model.old_engine import OldOwner


def _copy(keys: Keys) -> Keys:
    """A copy that the script can change: it replaces values, and appends to lists."""
    return {name: copy(content) for name, content in keys.items()}


class World:
    """The server with one partition, its past, the log of events, and what is under way to the server."""

    def __init__(self, random: Random, rules: Rules) -> None:
        self.random = random
        self.rules = rules
        self.keys: Keys = {}
        self.truth = Truth()
        self.past: list[tuple[Keys, Truth]] = []
        self.log: list[str] = []
        self.old: list[OldOwner] = []
        self.late: list[tuple[Commit, bytes, Sequence[Happening]]] = []
        self.published: set[str] = set()
        self.decided: set[str] = set()
        self.wall = 100 * DAY
        self.lateness = random.choice((0, HOUR, 30 * HOUR))
        self.faults = True
        self.erasing = 0
        """Erasures under way."""
        self.between: Callable[[], None] = lambda: None
        """Somebody else's step, while an erasure is under way."""

    def draw(self) -> int:
        return self.random.getrandbits(64) if self.rules.draws else 0

    def run(self, commit: Commit, seal: bytes, happened: Sequence[Happening]) -> bytes | None:
        """The script on the server. Returns what it found instead of writing."""
        refuse = refusal
        if not self.rules.compares_looks:
            commit = self._without_comparison(commit)
        found = refuse(self.keys, commit) if self.rules.fence else None
        if found is not None:
            return found
        self.remember()
        old = self.keys.get("meta")
        write(self.keys, commit, seal)
        if not self.rules.stops_old_engines and old:
            self.keys["meta"] = old
        if not self.rules.drops_before_appending:
            for day in set(commit.days_gone) & commit.looks.keys():
                del self.keys[f"t:{day}"]
        self._happen(commit, happened)
        return None

    def remember(self) -> None:
        """Before a script: the server may come back to this."""
        self.past = [*self.past[-6:], (_copy(self.keys), self.truth.copy())]

    def _without_comparison(self, commit: Commit) -> Commit:
        looks = {
            (day, place): (self.keys[f"t:{day}"][place], after)
            for (day, place), (_, after) in commit.rewritten_looks.items()
            if place < len(self.keys.get(f"t:{day}", ()))
        }
        return msgspec.structs.replace(commit, rewritten_looks=looks)

    def _happen(self, commit: Commit, happened: Sequence[Happening]) -> None:
        truth = self.truth
        for happen in happened:
            happen(truth, commit.meta.clock - self.lateness)
        for seq in commit.trim:
            if not set(truth.outbox.pop(seq, [])) <= self.published:
                raise Wrong("outreach that is not published leaves the outbox")
        if commit.outbox:
            truth.outbox[commit.meta.seq] = [entry.id for entry in commit.outbox]
            self.decided.update(entry.id for entry in commit.outbox)

    def go_back(self, scripts: int) -> None:
        """The server loses its newest scripts; no erasure while another one is under way: that must be repeated."""
        for _ in range(min(scripts, len(self.past))):
            if self.erasing and self.past[-1][1].erasures != self.truth.erasures:
                return
            self.keys, self.truth = self.past.pop()
        if "m" not in self.keys:
            del self.old[1:]  # two of them could both be at the same seq now, which format 2 cannot tell apart

    def deliver(self) -> None:
        """A script arrives that its sender has given up waiting for."""
        if self.late:
            self.run(*self.late.pop(self.random.randrange(len(self.late))))
