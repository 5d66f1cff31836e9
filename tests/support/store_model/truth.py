"""What has happened to the model's customers, and the rules of safety that can be switched off.

The oracle, `Truth`, never sees what an owner has computed: it applies what happened (an event, a firing, a deletion),
so that a lost update shows.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

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
