"""A model of the store and its owners, explored at random: what happened decides what must be there.

The script (`MemoryStore`), the owner's memory (`Holding`), the handling of lost answers and the erasure are the
product's own. Around them: a log of events, several owners of whom only one is up to date, a network that loses
answers or delivers a script late, and a server that goes back in time. The oracle, `Truth`, never sees what an owner
has computed: it applies what happened (an event, a firing, a deletion), so that a lost update shows.

Every rule of safety can be switched off: `Rules` names them. A test proves that without it something goes wrong.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random

import msgspec

from engine.adapters.memory.script import Keys
from engine.core.zones import DAY
from engine.errors import Fenced, OtherFormat, StoreUnavailable
from engine.operate.erasure import erase
from engine.ports import Commit, OldCustomer, read_meta, sealed
from engine.wire.histories import Names
from engine.worker.holding import Decided, Holding
from engine.worker.values import Value, decode_looks, encode_value, read_value
from tests.support.store_model.client import Client
from tests.support.store_model.old_engine import OldOwner, moved
from tests.support.store_model.owner import TAG, Owner, returned
from tests.support.store_model.server import World
from tests.support.store_model.truth import HOUR, MOST_LOOKS, PEOPLE, UNREADABLE, Rules, Wrong, erased


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
        loaded = looks._days.get(day, ())
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
        before = returned(owner.holding.load(["anna"]))
        wake = clock + (DAY if hour % 10 == 0 else 3 * DAY)
        meta = msgspec.structs.replace(owner.holding.meta, seq=hour + 1, clock=clock)
        decided = Decided({"anna": Value(b"1", wake)})
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
