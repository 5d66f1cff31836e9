"""What must come of events that customers make for each other: an oracle over lists of what each has heard.

It reads the terms (tests/support/chain_rules.py), not the rules compiled from them; nothing of the engine is used.
"""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.support.chain_rules import Rule, Terms
from tests.support.town_rules import Erased, Moment, Told


class Found(NamedTuple):
    at: Moment
    customer: str
    rule: str
    outcome: str


class Made(NamedTuple):
    """An event as its customer gets it."""

    customer: str
    type: str
    at: Moment
    properties: dict[str, Any]


@dataclass(eq=False)
class Waiting:
    rule: Rule
    event: Told
    due: Moment


@dataclass
class Person:
    heard: list[Told] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    silences: set[Moment] = field(default_factory=set)
    fired: dict[str, Moment] = field(default_factory=dict)

    def count(self, type_: str) -> int:
        return sum(one.type == type_ for one in self.heard)

    @property
    def friend(self) -> str | None:
        """Of the newest order."""
        orders = [one for one in self.heard if one.type == "order"]
        return max(orders, key=lambda one: one.at).properties["friend"] if orders else None


class Oracle:
    """`found`: decisions; `made`: events for others, also those that reach nobody; `lost`: whom nobody knows."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.lateness = terms.lateness * 2
        self.people: dict[str, Person] = {}
        self.erased: dict[str, Moment] = {}
        self.under_way: list[Told] = []
        self.found: list[Found] = []
        self.made: list[Made] = []
        self.lost: list[str] = []
        self.number = 0

    def happen(self, one: Told | Erased) -> None:
        self.pass_to(one.arrives)
        if isinstance(one, Erased):
            self.people.pop(one.customer, None)
            self.erased[one.customer] = one.arrives
        elif one.at > self.erased.get(one.customer, -1):
            self.people.setdefault(one.customer, Person())
            self._hear(one, one.arrives)
        self._deliver(one.arrives)

    def pass_to(self, at: Moment) -> None:
        while dues := [due for name in self.people if (due := self._next_due(name)) <= at - self.lateness]:
            due = min(dues)
            for name in [name for name in self.people if self._next_due(name) == due]:
                self._fire(name, due, due + self.lateness)
            self._deliver(due + self.lateness)

    def _next_due(self, name: str) -> Moment:
        person = self.people[name]
        silences = [last + self.terms.silent * 2 for last in person.silences]
        return min([*silences, *(one.due for one in person.waiting)], default=1 << 60)

    def _deliver(self, at: Moment) -> None:
        """What an event brings about comes before the next one."""
        coming, self.under_way = self.under_way, []
        for event in coming:
            self.made.append(Made(event.customer, event.type, event.at, event.properties))
            if event.at <= self.erased.get(event.customer, -1):
                continue
            if event.customer in self.people:
                self._hear(event, at)
                self._deliver(at)
            else:
                self.lost.append(event.customer)

    # --- one customer

    def _hear(self, event: Told, at: Moment) -> None:
        name, person = event.customer, self.people[event.customer]
        if event.id in {one.id for one in person.heard}:
            return
        if event.type == "order" and self.terms.silent:
            newest = max((one.at for one in person.heard if one.type == "order"), default=-1)
            if event.at >= newest or event.at + self.terms.silent * 2 > at - self.lateness:
                person.silences.add(event.at)
        person.heard.append(event)
        for one in list(person.waiting):
            if self._ends(one.rule, event, one.event) and event.at < one.due:
                person.waiting.remove(one)
                self._note(at, name, one.rule.id, "suppressed")
        for rule in self.terms.rules:
            if rule.type == event.type:
                self._begin(rule, event, at)
        if event.type in ("ping", "pong"):
            self._note(at, name, f"{event.type}ed", "fired")
        while (due := self._next_due(name)) <= at - self.lateness:
            self._fire(name, due, at)

    def _ends(self, rule: Rule, event: Told, began: Told) -> bool:
        concerns = rule.exit == "hush" or event.properties.get("key") == began.properties.get("key")
        return event.type == rule.exit and concerns and began.at < event.at

    def _begin(self, rule: Rule, event: Told, at: Moment) -> None:
        name, person, due = event.customer, self.people[event.customer], event.at + rule.after * 2
        if not self._may_begin(rule, event, at, due):
            self._note(at, name, rule.id, "suppressed")
            return
        if rule.after:
            person.fired[rule.id] = at
            person.waiting.append(Waiting(rule, event, due))
            self._note(at, name, rule.id, "deferred")
        elif self._make(rule, event, due, at):
            person.fired[rule.id] = at

    def _may_begin(self, rule: Rule, event: Told, at: Moment, due: Moment) -> bool:
        person = self.people[event.customer]
        fired = person.fired.get(rule.id)
        if not self._holds(rule.condition, person, event):
            return False
        if rule.again and fired is not None and (rule.again < 0 or at < fired + rule.again * 2):
            return False
        ours = [one for one in person.waiting if one.rule == rule]
        if rule.match and any(one.event.properties["key"] == event.properties["key"] for one in ours):
            return False
        endings = [one.at for one in person.heard if self._ends(rule, one, event)]
        return not rule.after or not endings or max(endings) >= due

    def _holds(self, condition: str, person: Person, event: Told) -> bool:
        match condition:
            case "event.n > 1":
                return event.properties.get("n") is not None and event.properties["n"] > 1
            case "events.ping.count() == 0":
                return person.count("ping") == 0
            case "events.ping.count() != 2":
                return person.count("ping") != 2
            case "events.order.count() > 0":
                return person.count("order") > 0
            case "events.pong.count() < 4":
                return person.count("pong") < 4
        return True

    def _fire(self, name: str, due: Moment, at: Moment) -> None:
        person = self.people[name]
        for one in [one for one in person.waiting if one.due == due]:
            person.waiting.remove(one)
            self._make(one.rule, one.event, due, at)
        for last in [last for last in person.silences if last + self.terms.silent * 2 == due]:
            person.silences.remove(last)
            if not any(one.type == "order" and last < one.at < due for one in person.heard):
                made = {"by": name, "n": 1, "known": person.count("ping")}
                told = Told(at, str(person.friend), "ping", due, "", made)
                self._emit("silent", told, is_somebody=bool(person.friend))

    def _make(self, rule: Rule, event: Told, due: Moment, at: Moment) -> bool:
        person, said = self.people[event.customer], event.properties
        to = {"event.friend": said.get("friend"), "profile.friend": person.friend}.get(rule.to, said.get("by"))
        n = said.get("n") if rule.n == "event.n" else person.count(rule.n.split(".")[1])
        made = {"by": event.customer, "n": n, "known": person.count(rule.type)}
        return self._emit(rule.id, Told(at, str(to), rule.makes, due, "", made), is_somebody=bool(to))

    def _emit(self, rule: str, event: Told, *, is_somebody: bool) -> bool:
        name = event.properties["by"]
        is_whole = event.type != "ping" or event.properties["n"] is not None
        if not is_somebody or event.customer == name or not is_whole:
            self._note(event.arrives, name, rule, "suppressed")
            return False
        self.number += 1
        self.under_way.append(event._replace(id=f"made {self.number}"))
        self._note(event.arrives, name, rule, "emitted")
        return True

    def _note(self, at: Moment, name: str, rule: str, outcome: str) -> None:
        self.found.append(Found(at, name, rule, outcome))
