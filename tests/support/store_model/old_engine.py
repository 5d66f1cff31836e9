"""An engine of store format 2 beside the model's owners, as it is while a store is upgraded."""

from collections.abc import Sequence

from engine.core.zones import DAY
from engine.errors import Fenced, StoreUnavailable
from engine.ports import Meta, OldCustomer
from engine.wire.histories import Names
from engine.worker.values import Value
from tests.support.store_model.server import World
from tests.support.store_model.truth import event, outcome, read_up_to


class Format2:
    """What the world's server has in format 2: `old` maps a customer to (state, wake-up, history)."""

    def __init__(self, world: World) -> None:
        self.world = world

    def old_meta(self, partition: int) -> Meta | None:
        meta = self.world.keys.get("meta", {})
        if "m" in self.world.keys or not meta:
            return None
        return Meta(seq=meta["seq"], offsets=meta["offsets"])

    def old_count(self, partition: int) -> int:
        return len(self.world.keys.get("old", {}))

    def old_customers(self, partition: int, limit: int) -> list[OldCustomer]:
        old = self.world.keys.get("old", {})
        return [OldCustomer(customer, *old[customer]) for customer in sorted(old)[: self.world.random.randint(1, 3)]]

    def drop_old(self, partition: int, customers: Sequence[str]) -> None:
        if self.world.random.random() < 0.2:
            raise StoreUnavailable("the store", "the process was killed")
        old = self.world.keys.get("old", {})
        self.world.keys["old"] = {customer: one for customer, one in old.items() if customer not in customers}


class OldOwner:
    """A worker of an engine that knows format 2: its fence is seq and offsets, and its memory all that it has read."""

    def __init__(self, world: World) -> None:
        meta = world.keys["meta"]
        if "m" in world.keys or meta.get("format", 2) != 2:
            raise Fenced(0, "format 2", "another")
        self.world = world
        self.seq, self.offset = meta["seq"], meta["offsets"].get("log", 0)
        self.known = dict(world.keys.get("old", {}))

    def work(self) -> None:
        """One event."""
        world, meta = self.world, self.world.keys.get("meta", {})
        if self.offset >= len(world.log):
            return
        if (meta.get("seq", 0), meta.get("offsets", {}).get("log", 0)) != (self.seq, self.offset):
            raise Fenced(0, str(self.seq), str(meta))
        customer = world.log[self.offset]
        state, _, history = self.known.get(customer, (b"0", 0, ()))
        wake, tag = world.wall + world.random.randrange(3 * DAY), b"%08x" % world.random.getrandbits(32)
        self.known[customer] = b"%d" % (int(state) + 1), wake, (tag, *history)
        world.remember()
        world.keys["old"] = {**world.keys.get("old", {}), customer: self.known[customer]}
        happened = (
            read_up_to(self.offset, self.offset + 1), event(self.offset, customer, self.offset, wake),
            outcome(customer, tag),
        )  # fmt: skip
        self.seq, self.offset = self.seq + 1, self.offset + 1
        world.keys["meta"] = {**meta, "seq": self.seq, "offsets": {"log": self.offset}}
        for happen in happened:
            happen(world.truth, 0)


def moved(old: OldCustomer, names: Names) -> Value:
    """As `converted`, for this model's states and histories."""
    return Value(old.state, old.wake, history=b"".join(old.history))
