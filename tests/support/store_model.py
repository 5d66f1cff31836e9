"""A model of the store and its owners, explored at random: what happened decides what must be there.

The script (`MemoryStore`), the owner's memory (`Holding`), the handling of lost answers and the erasure are the
product's own. Around them: a log of events, several owners of whom only one is up to date, a network that loses
answers or delivers a script late, and a server that goes back in time. The oracle, `Truth`, never sees what an owner
has computed: it applies what happened (an event, a firing, a deletion), so that a lost update shows.

Every rule of safety can be switched off: `Rules` names them. A test proves that without it something goes wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from random import Random
from typing import Any

import msgspec

from engine.adapters.memory.script import Keys, refusal, write
from engine.adapters.memory.store import MemoryStore
from engine.adapters.redis.answers import AnswerLost, commit_surely
from engine.errors import Fenced, OtherFormat, StoreUnavailable
from engine.operate.erasure import erase
from engine.operate.upgrade import upgrade
from engine.ports import DAY, STORE_FORMAT, Commit, Entry, Meta, OldCustomer, Opened, fenced, read_meta, sealed
from engine.wire.digests import customer_digest
from engine.wire.histories import Names
from engine.worker.executors import InlineExecutor
from engine.worker.holding import Decided, Holding
from engine.worker.looks import Looks
from engine.worker.values import Value, decode_looks, encode_value, read_value

HOUR = 3_600_000
PEOPLE = ("anna", "bert", "cleo", "dirk")
UNREADABLE = b"\xc1"
MOST_LOOKS = 12


class Wrong(AssertionError):
    """Something that must never happen has happened."""


@dataclass(frozen=True)
class Rules:
    """The rules of safety, each of which can be switched off."""

    fence: bool = True
    draws: bool = True
    fenced_reads: bool = True
    looks_at_lost_answers: bool = True
    loads_days: bool = True
    adds_looks_to_heap: bool = True
    looks_again: bool = True
    looks_earlier: bool = True
    does_not_renew: bool = True
    keeps_unfinished_days: bool = True
    drops_before_appending: bool = True
    looks_at_unreadable_again: bool = True
    forgets_after_failure: bool = True
    memory_after_ok: bool = True
    clears_history: bool = True
    erases_looks: bool = True
    erases_what_was_appended: bool = True
    compares_looks: bool = True
    erases_outbox: bool = True
    leaves_tombstone: bool = True
    stops_old_engines: bool = True


@dataclass
class Person:
    """A customer, or somebody whose history is still there."""

    count: int = 0
    """Events; 0: no customer."""
    wake: int = 0
    history: tuple[bytes, ...] = ()


@dataclass
class Truth:
    """What the store must have."""

    offset: int = 0
    people: dict[str, Person] = field(default_factory=dict)
    outbox: dict[int, list[str]] = field(default_factory=dict)
    erased: dict[str, int] = field(default_factory=dict)
    erasures: int = 0
    nameless: set[str] = field(default_factory=set)
    """Erased customers of whom nothing has been heard since."""

    def copy(self) -> "Truth":
        people, outbox, erased = dict(self.people), dict(self.outbox), dict(self.erased)
        return Truth(self.offset, people, outbox, erased, self.erasures, set(self.nameless))

    def of(self, customer: str) -> Person:
        return self.people.setdefault(customer, Person())


Happening = Callable[[Truth, int], None]
"""Changes the truth; the clock less the lateness is given."""


def event(number: int, customer: str, time: int, wake: int) -> Happening:
    def happen(truth: Truth, until: int) -> None:
        person = truth.of(customer)
        if time <= truth.erased.get(customer, -1):
            raise Wrong("an event from before the erasure counts")
        truth.nameless.discard(customer)
        truth.people[customer] = Person(person.count + 1, wake, person.history)

    return happen


def read_up_to(begin: int, end: int) -> Happening:
    def happen(truth: Truth, until: int) -> None:
        if truth.offset != begin:
            raise Wrong(f"events from {begin} on are counted where {truth.offset} had been read")
        truth.offset = end

    return happen


def fired(customer: str, wake: int, again: int) -> Happening:
    def happen(truth: Truth, until: int) -> None:
        person = truth.of(customer)
        if person.wake != wake or wake > until or not person.count:
            raise Wrong(f"{customer} fires at {wake}, and should at {person.wake}, {until}")
        truth.people[customer] = Person(person.count, again, person.history)

    return happen


def visited(customer: str, wake: int) -> Happening:
    def happen(truth: Truth, until: int) -> None:
        person = truth.of(customer)
        truth.people[customer] = Person(person.count, wake, person.history)

    return happen


def forgotten(customer: str) -> Happening:
    return lambda truth, until: truth.people.update({customer: Person()})


def outcome(customer: str, tag: bytes) -> Happening:
    def happen(truth: Truth, until: int) -> None:
        person = truth.of(customer)
        truth.people[customer] = Person(person.count, person.wake, (tag, *person.history))

    return happen


def cut(customer: str, newest: int) -> Happening:
    def happen(truth: Truth, until: int) -> None:
        person = truth.of(customer)
        truth.people[customer] = Person(person.count, person.wake, person.history[:newest])

    return happen


def erased(customer: str, at: int) -> Happening:
    def happen(truth: Truth, until: int) -> None:
        truth.people[customer] = Person()
        truth.erased[customer] = max(at, truth.erased.get(customer, -1))
        truth.nameless.add(customer)
        truth.erasures += 1
        for seq, ids in list(truth.outbox.items()):
            truth.outbox[seq] = [one for one in ids if not one.startswith(customer)]
            if not truth.outbox[seq]:
                del truth.outbox[seq]

    return happen


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
        found, ours = commit_surely(commit.expected, sending.seal, sending.attempt, sending.look)
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


class BrokenLooks(Looks):
    """The looks of an owner, without the rules that are switched off."""

    rules = Rules()

    def missing(self, clock: int) -> list[int]:
        return super().missing(clock) if self.rules.loads_days or self._until < 0 else []

    def needed(self, wake: int, look: int, until: int) -> int:  # type: ignore[override]
        if wake and not self.rules.looks_again and look and wake >= look:
            return 0
        if wake and not self.rules.looks_earlier and look > until:
            return 0
        if wake and not self.rules.does_not_renew:
            return wake
        return super().needed(wake, look, until)

    def gone(self, clock: int) -> list[int]:
        if not self.rules.keeps_unfinished_days:
            return sorted(day for day in self._stored if day < clock // DAY)
        return super().gone(clock)

    def written(self, looks: Mapping[int, Sequence[tuple[int, str]]], gone: Any) -> None:
        if self.rules.adds_looks_to_heap:
            super().written(looks, gone)
        else:
            super().written({}, gone)
            self._stored.update(looks)


class Owner:
    """A worker that opened the partition at some time. Raises Fenced and StoreUnavailable, and is done for then."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.client = Client(world)
        upgrade(self.client, Format2(world), 0, convert=moved)
        self.holding = Holding(0, self.client, InlineExecutor(), cache_size=2)
        self.holding.looks = BrokenLooks(self.client.days(0))
        self.holding.looks.rules = world.rules
        self.done: list[int] = []
        for seq, entries in self.client.outbox(0).items():
            self._publish(seq, [entry.id for entry in entries])

    def _publish(self, seq: int, ids: Sequence[str]) -> None:
        self.world.published.update(ids)
        self.done.append(seq)

    def work(self, *, events: int = 3, limit: int = 3, fails: bool = False) -> None:
        """Read events, fire what is due, commit, publish."""
        world, holding, random = self.world, self.holding, self.world.random
        meta = holding.meta
        clock = max(meta.clock, world.wall)
        until = clock - world.lateness
        list(holding.load_days(clock))
        taken = holding.looks.take(until, limit)
        offset = meta.offsets.get("log", 0)
        told = list(enumerate(world.log[offset : offset + events], offset))
        told = [one for one in told if one[0] > holding.erased.get(customer_digest(one[1]), -1)]
        visits = random.sample(PEOPLE, 2) if random.random() < 0.1 else []
        loading = holding.load([*visits, *(customer for _, customer in told), *(customer for customer, _ in taken)])
        before = _returned(loading)
        if fails:
            if world.rules.forgets_after_failure:
                holding.forget()
            return
        read = min(len(world.log), offset + events)
        deciding = Deciding(world, before, until)
        deciding.all(read_up_to(offset, read), visits, told, [customer for customer, _ in taken])
        new = msgspec.structs.replace(meta, seq=meta.seq + 1, clock=clock, offsets={"log": read})
        self._commit(new, deciding, taken, until)

    def _commit(self, meta: Meta, deciding: "Deciding", taken: Sequence[tuple[str, int]], until: int) -> None:
        after_ok = self.world.rules.memory_after_ok
        if not after_ok:
            self.world.published.update(deciding.tags)
        self.client.happened = deciding.happened
        outbox = [Entry(tag, msgspec.json.encode({"customer": tag.split("-")[0]})) for tag in deciding.tags]
        trim = list(self.done)
        for _ in self.holding.commit(meta, deciding.before, deciding.decided, taken, until, outbox, trim):
            pass
        del self.done[: len(trim)]
        if deciding.tags:
            self._publish(meta.seq, deciding.tags)


class Deciding:
    """One batch: what it decides, for the owner, and what happens, for the truth."""

    def __init__(self, world: World, before: Mapping[str, Value], until: int) -> None:
        self.world = world
        self.before = before
        self.until = until
        self.decided = Decided()
        self.happened: list[Happening] = []
        self.tags: list[str] = []

    def _state(self, customer: str) -> bytes | None:
        return self.decided.states.get(customer, self.before[customer].state)

    def _wake(self, customer: str) -> int:
        return self.decided.wakes.get(customer, self.before[customer].wake)

    def all(
        self, read: Happening, visits: Sequence[str], told: Sequence[tuple[int, str]], taken: Sequence[str]
    ) -> None:
        """Everything of the batch."""
        self.happened.append(read)
        for customer in visits:
            self.visit(customer)
        for number, customer in told:
            self.event(number, customer)
        for customer in taken:
            self.look(customer)

    def event(self, number: int, customer: str) -> None:
        state = self._state(customer)
        if state is not None and not state.isdigit():
            return
        wake = self._new_wake(customer)
        self._set(customer, int(state or b"0") + 1, wake)
        self.happened.append(event(number, customer, number, wake))
        if self.world.random.random() < 0.4:
            self._outcome(customer)
        if self.world.random.random() < 0.1:
            self._forget(customer)

    def visit(self, customer: str) -> None:
        """A new rule book changes the wake-up; the history is cut."""
        state = self._state(customer)
        if state is not None and state.isdigit():
            wake = self._new_wake(customer)
            self._set(customer, int(state), wake)
            self.happened.append(visited(customer, wake))
        history = self.decided.histories.get(customer, self.before[customer].history)
        if len(history) > 2 * TAG:
            self.decided.histories[customer] = history[: 2 * TAG]
            self.happened.append(cut(customer, 2))

    def look(self, customer: str) -> None:
        state, wake = self._state(customer), self._wake(customer)
        if state is None or not wake or wake > self.until:
            return
        if not state.isdigit():
            if self.world.rules.looks_at_unreadable_again:
                self.decided.unreadable.append(customer)
            return
        again = self._new_wake(customer, fired=True)
        self._set(customer, int(state), again)
        self.happened.append(fired(customer, wake, again))
        self._outcome(customer)

    def _new_wake(self, customer: str, fired: bool = False) -> int:
        random, wake = self.world.random, self._wake(customer)
        if random.random() < 0.2 or (fired and not self.world.faults):
            return 0
        if not fired and wake > self.until and random.random() < 0.3:
            return wake
        return self.until + 1 + random.choice((0, HOUR, 20 * HOUR, 3 * DAY, random.randrange(6 * DAY)))

    def _set(self, customer: str, count: int, wake: int) -> None:
        self.decided.states[customer] = b"%d" % count
        self.decided.wakes[customer] = wake

    def _outcome(self, customer: str) -> None:
        tag = b"%08x" % self.world.random.getrandbits(32)
        history = self.decided.histories.get(customer, self.before[customer].history)
        self.decided.histories[customer] = tag + history
        self.tags.append(f"{customer}-{tag.decode()}")
        self.happened.append(outcome(customer, tag))

    def _forget(self, customer: str) -> None:
        self.decided.states[customer] = None
        self.decided.wakes[customer] = 0
        if self.world.rules.clears_history:
            self.decided.histories[customer] = b""
        self.happened.append(forgotten(customer))
        if self.world.random.random() < 0.3:
            self._outcome(customer)


TAG = 8


def _returned(steps: Any) -> Any:
    """The value of a generator whose steps are done."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def check(world: World, owners: Sequence[Owner]) -> None:
    """Raises Wrong."""
    keys, truth = world.keys, world.truth
    values = {customer: moved(OldCustomer(customer, *one), Names()) for customer, one in keys.get("old", {}).items()}
    values |= {customer: read_value(data) for customer, data in keys.get("values", {}).items()}
    looks = {day: set(decode_looks(keys.get(f"t:{day}", ()))) for day in keys.get("days", ())}
    for customer in PEOPLE:
        _check_person(world, customer, values.get(customer, Value(None)), looks)
    ids = {seq: [entry.id for entry in entries] for seq, entries in keys.get("outbox", {}).items()}
    if ids != truth.outbox:
        raise Wrong(f"the outbox has {ids}, and should have {truth.outbox}")
    if not world.published <= world.decided:
        raise Wrong("outreach is published that nothing has decided")
    for customer in truth.nameless:
        if _names(keys, customer):
            raise Wrong(f"{customer} is erased, and named in {_names(keys, customer)}")
    for owner in owners:
        if owner.holding.seal == keys.get("m", b""):
            _check_sees_all(owner.holding, values)


def _check_person(world: World, customer: str, value: Value, looks: Mapping[int, set[tuple[int, str]]]) -> None:
    person = world.truth.of(customer)
    state = value.state
    there = [value.history[at : at + TAG] for at in range(0, len(value.history), TAG)]
    if there != list(person.history):
        raise Wrong(f"{customer} has the history {there}, and should have {person.history}")
    if state is not None and not state.isdigit():
        if person.wake and (value.look, customer) not in looks.get(value.look // DAY, ()):
            raise Wrong(f"{customer} cannot be read, and would never be looked at again")
        return
    if (state is not None) != bool(person.count) or (state is not None and int(state) != person.count):
        raise Wrong(f"{customer} is {state!r}, and should be {person.count}")
    if value.wake != person.wake:
        raise Wrong(f"{customer} wakes at {value.wake}, and should at {person.wake}")
    if person.wake:
        clock = read_meta(world.keys.get("m", b""), "the model").clock
        mended = person.wake <= clock - world.lateness and value.look <= clock + HOUR
        found = value.look <= person.wake or mended
        listed = (value.look, customer) in looks.get(value.look // DAY, ()) or customer in world.keys.get("old", {})
        if not found or not listed:
            raise Wrong(f"{customer} would not be found: wake-up {person.wake}, look {value.look}, {looks}")


def _check_sees_all(holding: Holding, values: Mapping[str, Value]) -> None:
    looks = holding.looks
    for customer, value in values.items():
        if not value.wake or value.state is None:
            continue
        day = value.look // DAY
        loaded = looks._heaps.get(day, ())
        seen = (value.look, customer) in loaded if day <= looks._until else day in looks._stored
        if not seen and value.look:
            raise Wrong(f"the owner does not see {customer} at {value.look}")


def _names(keys: Keys, customer: str) -> list[str]:
    return [name for name, content in keys.items() if name != "erased" and customer in repr(content)]


def explore(seed: int, rules: Rules | None = None, steps: int = 40) -> None:
    """One random run. Raises Wrong."""
    random = Random(seed)
    world = World(random, rules or Rules())
    owners: list[Owner] = []
    if random.random() < 0.3:
        _begin_in_format_2(world)
    for _ in range(steps):
        if world.old and random.random() < 0.4:
            _work_old(world, world.old)
        else:
            _step(world, owners)
        check(world, owners)
    _settle(world)


def _step(world: World, owners: list[Owner]) -> None:
    random = world.random
    chance = random.random()
    if chance < 0.15 or not owners:
        with suppress(Fenced, StoreUnavailable):
            owners[:] = [*owners[-2:], Owner(world)]
    elif chance < 0.3:
        world.log += random.choices(PEOPLE, k=random.randint(1, 4))
    elif chance < 0.4:
        world.wall += random.choice((1, HOUR, 20 * HOUR, random.randrange(5 * DAY)))
    elif chance < 0.46:
        world.go_back(random.randint(1, 6))
    elif chance < 0.5:
        world.deliver()
    elif chance < 0.55 and "m" in world.keys and not world.keys.get("old"):
        _erase(world, owners, random.choice(PEOPLE))
    elif chance < 0.6:
        _spoil_or_mend(world, random.choice(PEOPLE))
    else:
        _work(owners, random.randrange(len(owners)), fails=random.random() < 0.05)


def busy_customer(rules: Rules | None = None, hours: int = 1_000) -> None:
    """A customer who comes every hour, whose wake-up moves three days ahead, or now and then one. Raises Wrong."""
    world = World(Random(1), rules or Rules())
    world.faults, world.lateness = False, 0
    owner = Owner(world)
    for hour in range(hours):
        world.wall += HOUR
        clock = world.wall
        list(owner.holding.load_days(clock))
        taken = owner.holding.looks.take(clock, 100)
        before = _returned(owner.holding.load(["anna"]))
        wake = clock + (DAY if hour % 10 == 0 else 3 * DAY)
        meta = msgspec.structs.replace(owner.holding.meta, seq=hour + 1, clock=clock)
        decided = Decided(states={"anna": b"1"}, wakes={"anna": wake})
        list(owner.holding.commit(meta, before, decided, taken, clock, [], []))
        looks = sum(len(decode_looks(world.keys.get(f"t:{day}", ()))) for day in owner.client.days(0))
        if looks > MOST_LOOKS:
            raise Wrong(f"{looks} looks at one customer after {hour} hours")


def _begin_in_format_2(world: World) -> None:
    """With two old owners, one of whom is not up to date."""
    world.keys["meta"] = {"seq": 1, "offsets": {"log": 0}}
    world.log = world.random.choices(PEOPLE, k=8)
    world.old = [OldOwner(world), OldOwner(world)]
    for _ in range(world.random.randint(1, 4)):
        world.old[0].work()


def _work_old(world: World, old: list[OldOwner]) -> None:
    owner = world.random.choice(old)
    try:
        owner.work()
    except Fenced:
        old.remove(owner)
        with suppress(Fenced):
            old.append(OldOwner(world))


def _work(owners: list[Owner], place: int, fails: bool = False) -> None:
    random = owners[place].world.random
    try:
        owners[place].work(events=random.randint(0, 4), limit=random.randint(1, 4), fails=fails)
    except (Fenced, StoreUnavailable):
        del owners[place]


def _erase(world: World, owners: list[Owner], customer: str, depth: int = 0) -> None:
    client = Client(world)
    client.erasing = True
    client.happened = [erased(customer, len(world.log) - 1)]

    def between() -> None:
        world.between = lambda: None
        if world.random.random() < 0.6 and owners:
            _work(owners, world.random.randrange(len(owners)))
        elif world.random.random() < 0.5 and not depth:
            _erase(world, owners, world.random.choice(PEOPLE), 1)
        world.between = between

    world.between = between
    world.erasing += 1
    try:
        erase(client, 0, customer, len(world.log) - 1, 1)
    except (Fenced, OtherFormat, StoreUnavailable):
        pass
    finally:
        world.between = lambda: None
        world.erasing -= 1


def _spoil_or_mend(world: World, customer: str) -> None:
    """A state that cannot be read, or can again. The server loses its past: it would bring the other state back."""
    data = world.keys.get("values", {}).get(customer)
    value = read_value(data)
    if value.state is None:
        return
    state = UNREADABLE if value.state.isdigit() else b"%d" % world.truth.of(customer).count
    wake = value.wake if value.wake > 1 else world.truth.of(customer).wake
    spoiled = msgspec.structs.replace(value, state=state, wake=wake, early=wake - value.look)
    world.keys["values"][customer] = encode_value(spoiled)
    world.past.clear()
    meta = Client(world).open(0).meta
    meta = msgspec.structs.replace(meta, seq=meta.seq + 1)
    world.run(Commit(world.keys.get("m", b""), meta), sealed(meta, world.draw()), ())


def _surely(world: World) -> Owner:
    """An owner who has moved everything from format 2."""
    while True:
        with suppress(StoreUnavailable):
            return Owner(world)


def _settle(world: World) -> None:
    """Without faults, everything that is due fires, everybody can be read again, and little is left."""
    world.faults = False
    world.late.clear()
    _surely(world)
    for customer in PEOPLE:
        if (state := read_value(world.keys.get("values", {}).get(customer)).state) and not state.isdigit():
            _spoil_or_mend(world, customer)
    owner = _surely(world)
    for _ in range(30):
        world.wall += DAY
        owner.work(events=50, limit=50)
        check(world, [owner])
    waiting = {customer: person for customer, person in world.truth.people.items() if person.wake}
    if any(person.wake <= world.wall - world.lateness for person in waiting.values()):
        raise Wrong(f"never fired: {waiting}")
