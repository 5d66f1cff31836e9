"""Customers who make events for each other: rules, partly drawn, whose events come back to whom they began with.

An order tells a friend (`ping`), the friend answers (`pong`), and the answer may be answered again. Moments are in
minutes, and no two things that begin of themselves share a minute of the hour; spans are whole hours.
tests/support/chain_oracle.py says what must come of it.
"""

from dataclasses import dataclass
from fractions import Fraction
from random import Random
from typing import Any

from tests.support.town_rules import Erased, Told

PEOPLE = ("ada", "bob", "cy")
EVENTS = """\
version: 1
events:
  order: { properties: { n: integer, friend: string, key: string }, profile: { friend: friend } }
  cancel: { properties: { key: string } }
  hush: {}
  ping: { properties: { by: string, n: { type: integer, required: true }, known: integer } }
  pong: { properties: { by: string, n: integer, known: integer } }
"""


@dataclass(frozen=True)
class Rule:
    """`to`, `n`, `condition`: expressions, as the oracle knows them too. `again`: hours of reentry; -1: once."""

    id: str
    type: str
    makes: str
    after: int
    to: str
    n: str
    condition: str = ""
    again: int = 0
    exit: str = ""
    match: bool = False

    @property
    def text(self) -> str:
        lines = [f"id: {self.id}", f"when: {{ event: {self.type} }}"]
        lines += [f"if: {self.condition}"] if self.condition else []
        lines += [f"reentry: {'once' if self.again < 0 else f'after {self.again}h'}"] if self.again else []
        lines += (
            [f"exit: {{ event: {self.exit}{', match: key' if self.exit == 'cancel' else ''} }}"] if self.exit else []
        )
        lines += ["match: key"] if self.match else []
        after = f" after: {self.after}h," if self.after else ""
        made = f"with: {{ by: customer.id, n: {self.n}, known: events.{self.type}.count() }}"
        lines.append(f"emit: {{ event: {self.makes}, to: {self.to},{after} {made} }}")
        return "  - " + "\n    ".join(lines) + "\n"


@dataclass(frozen=True)
class Terms:
    """`silent`: hours after the last order when the friend hears of it."""

    rules: tuple[Rule, ...]
    silent: int
    lateness: int

    @property
    def files(self) -> dict[str, str]:
        policy = "version: 1\nfresh_for: off\ndedupe: 900d\n"
        policy += f"allowed_lateness: {self.lateness}h\n" if self.lateness else ""
        silent = SILENT.format(self.silent) if self.silent else ""
        rules = "version: 1\nrules:\n" + "".join(one.text for one in self.rules) + silent + NOTES
        return {"events.yaml": EVENTS, "policy.yaml": policy, "rules.yaml": rules}


SILENT = """\
  - id: silent
    when: {{ inactivity: {{ of: order, for: {}h }} }}
    emit: {{ event: ping, to: profile.friend, with: {{ by: customer.id, n: 1, known: events.ping.count() }} }}
"""
NOTES = "".join(f"  - {{ id: {type_}ed, when: {{ event: {type_} }}, send: note }}\n" for type_ in ("ping", "pong"))


def terms(random: Random) -> Terms:
    """No two waits have the same length, nor one that others sum up to."""
    choose = random.choice
    spans = random.sample((1, 2, 4, 8, 16, 32), 4)
    match = choose((False, True))
    there = Rule(
        "there", "order", "ping", choose((0, spans[0], spans[0])) if not match else spans[0],
        choose(("event.friend", "profile.friend")), choose(("event.n", "events.order.count()")),
        choose(("", "", "event.n > 1", "events.ping.count() == 0")), choose((0, 0, -1, 9)),
        choose(("", "cancel", "cancel", "hush")), match,
    )  # fmt: skip
    back = Rule(
        "back", "ping", "pong", choose((0, spans[1])), "event.by", choose(("event.n", "events.pong.count()")),
        choose(("", "", "events.ping.count() != 2", "events.order.count() > 0")), choose((0, 0, 0, -1, 9)),
        choose(("", "", "hush")),
    )  # fmt: skip
    again = Rule(
        "again", "pong", "ping", spans[2], "event.by", "event.n", "events.pong.count() < 4",
        exit=choose(("", "hush")),
    )  # fmt: skip
    rules = [there, back, *([again] if random.random() < 0.5 else [])]
    return Terms(tuple(rules), choose((0, spans[3])), choose((0, 0, 3, 20)))


def history(random: Random) -> list[Told | Erased]:
    """What happens to all of them, in the order of arrival."""
    hours = random.choice((10, 40, 150))
    told: list[Told | Erased] = []
    for who, customer in enumerate(PEOPLE):
        for place in range(random.randint(0, 7)):
            at = Fraction(random.randrange(hours) * 60 + who * 20 + place, 30)
            type_ = random.choice(("order", "order", "order", "cancel", "hush"))
            late = random.choice((0, 0, 0, 2, 6, 36)) * random.randrange(2)
            told.append(Told(at + late, customer, type_, at, f"{customer}-{place}", _properties(random, type_)))
        if random.random() < 0.3:
            told.append(Erased(random.randrange(hours) * 2, customer))
    random.shuffle(told)
    return sorted(told, key=lambda one: one.arrives)


def _properties(random: Random, type_: str) -> dict[str, Any]:
    key = {"key": random.choice("xy")}
    friend = random.choice((*PEOPLE, *PEOPLE, "nobody", None))
    return (
        key | {"n": random.choice((1, 2, 3, None)), "friend": friend}
        if type_ == "order"
        else key
        if type_ == "cancel"
        else {}
    )
