"""Connections to the model's server, over a network that loses answers or delivers a script late."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from engine.adapters.memory.script import Keys
from engine.adapters.memory.store import MemoryStore
from engine.adapters.redis.answers import AnswerLost, commit_surely
from engine.errors import OtherFormat, StoreUnavailable
from engine.ports import STORE_FORMAT, Commit, Entry, Opened, fenced, sealed
from tests.support.store_model.old_engine import Format2
from tests.support.store_model.server import World
from tests.support.store_model.truth import Happening


class Sending:
    """One commit on its way over a network that loses answers."""

    def __init__(self, world: World, commit: Commit, happened: Sequence[Happening]) -> None:
        self.world = world
        self.commit = commit
        self.happened = happened
        self.last = b""

    def seal(self) -> bytes:
        self.last = sealed(self.commit.meta, self.world.draw())
        return self.last

    def attempt(self, seal: bytes) -> bytes | None:
        world = self.world
        fault = world.random.random() if world.faults else 1.0
        if fault < 0.05:
            world.late.append((self.commit, seal, self.happened))
        if fault < 0.1:
            raise AnswerLost
        found = world.run(self.commit, seal, self.happened)
        if fault < 0.2:
            raise AnswerLost
        return found

    def look(self) -> bytes:
        world = self.world
        if world.random.random() < 0.2:
            world.deliver()
        if not world.rules.looks_at_lost_answers:
            return self.commit.expected if world.random.random() < 0.5 else self.last
        if world.random.random() < 0.1:
            raise StoreUnavailable("the store", "does not answer")
        found: bytes = world.keys.get("m", b"")
        return found


class Client(MemoryStore):
    """One connection to the world's server. `happened` goes with the next commit."""

    def __init__(self, world: World) -> None:
        super().__init__(world.draw)
        self.world = world
        self.happened: Sequence[Happening] = ()
        self.erasing = False

    def _read(self, partition: int, seal: bytes | None) -> Keys:
        self.partitions[0] = self.world.keys
        if self.erasing:
            self.world.between()
            self.partitions[0] = self.world.keys
        return super()._read(partition, seal if self.world.rules.fenced_reads else None)

    def looks(self, partition: int, days: Mapping[int, int], seal: bytes | None = None) -> dict[int, list[bytes]]:
        found = super().looks(partition, days, seal)
        if self.erasing and seal is not None and not self.world.rules.erases_what_was_appended:
            return {day: some[:1] if days[day] else [] for day, some in found.items()}
        return found

    def open(self, partition: int) -> Opened:
        self.partitions[0] = self.world.keys
        if Format2(self.world).old_meta(partition):
            raise OtherFormat("the store", 2, STORE_FORMAT)
        return super().open(partition)

    def days(self, partition: int) -> list[int]:
        self.partitions[0] = self.world.keys
        return super().days(partition)

    def outbox(self, partition: int) -> dict[int, list[Entry]]:
        self.partitions[0] = self.world.keys
        return super().outbox(partition)

    def commit(self, partition: int, commit: Commit) -> bytes:
        world = self.world
        if self.erasing:
            world.between()
            commit = self._less(commit)
        if world.faults and world.random.random() < 0.05:
            world.go_back(world.random.randint(1, 3))
        sending = Sending(world, commit, self.happened)
        found, ours = commit_surely("the model", commit.expected, sending.seal, sending.attempt, sending.look)
        if not ours:
            raise fenced(partition, commit.expected, found)
        return found

    def _less(self, commit: Commit) -> Commit:
        """The commit of an erasure without what is switched off."""
        rules = self.world.rules
        less: dict[str, Any] = {}
        if not rules.erases_looks:
            less["rewritten_looks"] = {}
        if not rules.erases_outbox:
            less["rewritten"] = {}
        if not rules.leaves_tombstone:
            less["erased"] = {}
        return msgspec.structs.replace(commit, **less)
