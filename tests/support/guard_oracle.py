"""What must come of a drawn shop's messages: an oracle of guards, which looks at all that has happened by then.

It reads the terms (tests/support/guard_shop.py), not the rules compiled from them; nothing of the engine is used.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import time, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from engine.model import Event
from tests.support.guard_shop import Cap, Quiet, Rule, Terms
from tests.support.oracle import NEVER, local_date, local_instant

MIDNIGHT = time(0)


class Found(NamedTuple):
    at: int
    rule: str
    occurrence: str
    outcome: str
    exposed: str = ""


@dataclass(eq=False)
class Firing:
    """`since`: when that began which has come true; only what follows ends it. `said`: what is kept of its event."""

    rule: str
    occurrence: str
    moment: int
    since: int
    said: dict[str, Any] | None
    due: int = 0
    held: bool = False


@dataclass
class Memory:
    """What is remembered of a rule. `silences`: the last `a` before each that may come; `over`: of those no more."""

    fired: int | None = None
    silences: set[int] = field(default_factory=set)
    over: set[int] = field(default_factory=set)
    ended: int = -1
    ended_keys: dict[str, int] = field(default_factory=dict)


class Oracle:
    def __init__(self, terms: Terms, customer: str, clock: int) -> None:
        self.terms = terms
        self.customer = customer
        self.clock = self.now = clock
        self.heard: list[Event] = []
        self.memories = {rule.id: Memory() for rule in terms.rules}
        self.deferred: list[Firing] = []
        self.messages: list[tuple[int, str, str]] = []
        self.variant = ""
        self.found: list[Found] = []

    # --- what is known

    def _field(self, name: str) -> Any:
        said = [one for one in self.heard if one.type == "person" and name in one.properties]
        return max(said, key=lambda one: one.time).properties[name] if said else None

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._field("zone") or self.terms.zone)

    def _is_held_out(self) -> bool:
        return _place("global", self.customer) < self.terms.holdout / 100

    def _own(self) -> str | None:
        """The customer's variant; None: they take no part now."""
        if (self.terms.among != "true" and not self._field("keen")) or self._is_held_out():
            return None
        names = dict(self.terms.shares)
        if self.variant in names:
            return self.variant
        place, upto = _place("tone", self.customer), 0.0
        for name, share in names.items():
            upto += share / 100
            if place < upto:
                return name
        raise AssertionError(place)

    def _holds(self, rule: Rule, firing: Firing, variant: str | None) -> bool:
        keen = bool(self._field("keen"))
        match rule.condition:
            case "":
                return True
            case "profile.keen":
                return keen
            case "event.n > 1":
                return firing.said is not None and firing.said["n"] > 1
            case 'experiments.tone == "a"':
                return variant == "a"
            case 'experiments.tone != "b"':
                return variant is not None and variant != "b"
            case 'experiments.tone == "b" or profile.keen':
                return variant == "b" or keen
            case _:
                return variant in ("a", "b") and not keen

    # --- time and events

    def pass_to(self, at: int) -> None:
        self._fire_until(at - self.terms.lateness)
        self.clock, self.now = max(self.clock, at), max(self.now, at)

    def hear(self, event: Event, arrives: int, wall: int = 0) -> None:
        if wall:
            self.now = wall
            self.clock = max(self.clock, arrives)
            self._fire_until(min(event.time, self.clock - self.terms.lateness))
        else:
            self.pass_to(arrives)
        self._happen(event)
        self._fire_until(self.clock - self.terms.lateness)

    def _fire_until(self, until: int) -> None:
        while (due := self._next_due()) is not None and due <= until:
            self._fire(due)

    def _happen(self, event: Event) -> None:
        self.heard.append(event)
        candidates = []
        for rule in self.terms.rules:
            memory = self.memories[rule.id]
            if event.type == "stop" and self._ends(rule, event):
                self._end(rule, memory, event)
            if rule.silent and event.type == "a":
                newest = max(one.time for one in self.heard if one.type == "a")
                if event.time == newest or event.time + rule.silent > self.clock - self.terms.lateness:
                    memory.silences.add(event.time)  # what has been decided of other silences stays so
                    self._forsake(rule, memory)
            elif not rule.silent and event.type == rule.type:
                candidates.append(Firing(rule.id, event.id, event.time, event.time, event.properties))
        self._settle(candidates, self.now)

    def _next_due(self) -> int | None:
        dues = [one.due for one in self.deferred]
        for rule in self.terms.rules:
            dues += [last + rule.silent for last in self.memories[rule.id].silences if rule.silent]
        return min(dues, default=None)

    def _fire(self, due: int) -> None:
        at = max(self.now, due + self.terms.lateness)
        ready = [one for one in self.deferred if one.due == due]
        self.deferred = [one for one in self.deferred if one.due != due]
        candidates = []
        for one in ready:
            if self._is_over(self._rule(one), one, one.due):
                self._note(at, one, "suppressed")
            else:
                candidates.append(one)
        for rule in self.terms.rules:
            memory = self.memories[rule.id]
            for last in [last for last in memory.silences if rule.silent and last + rule.silent == due]:
                memory.silences.remove(last)
                if not self._went_on(last, last + rule.silent):
                    memory.over.add(last)
                    said = next(one for one in self.heard if one.type == "a" and one.time == last).properties
                    candidates.append(Firing(rule.id, str(last), due, last, said))
        self._settle(candidates, at)

    def _went_on(self, since: int, until: int) -> bool:
        return any(one.type == "a" and since < one.time < until for one in self.heard)

    # --- exits

    def _ends(self, rule: Rule, event: Event) -> bool:
        return bool(rule.exit) and ("where" not in rule.exit or event.properties["n"] > 1)

    def _end(self, rule: Rule, memory: Memory, event: Event) -> None:
        key = event.properties["key"]
        if "match" in rule.exit:
            memory.ended_keys[key] = max(event.time, memory.ended_keys.get(key, -1))
        else:
            memory.ended = max(memory.ended, event.time)
        for one in [one for one in self.deferred if one.rule == rule.id and one.since <= event.time]:
            if "match" not in rule.exit or (one.said is not None and one.said["key"] == key):
                self.deferred.remove(one)
                self._note(self.now, one, "suppressed")
        self._forsake(rule, memory)

    def _forsake(self, rule: Rule, memory: Memory) -> None:
        over = {last for last in memory.silences if last <= memory.ended < last + rule.silent}
        memory.silences -= over
        memory.over |= over

    def _is_over(self, rule: Rule, firing: Firing, until: int) -> bool:
        """Whether what would wait until then is over by what is known already."""
        memory, said = self.memories[rule.id], firing.said
        ended = [memory.ended]
        if said is not None:
            ended.append(memory.ended_keys.get(said["key"], -1))
        first = firing.moment if rule.silent else firing.moment + 1
        return any(first <= one < until for one in ended)

    # --- other rules

    def adopt(self, terms: Terms, at: int) -> None:
        self.pass_to(at)
        before, self.terms = {rule.id: rule for rule in self.terms.rules}, terms
        memories, self.memories = self.memories, {}
        for rule in terms.rules:
            old = next((name for name in (rule.id, *reversed(rule.was)) if name in memories), None)
            memory = self.memories[rule.id] = memories[old] if old else Memory()
            for one in self.deferred:
                one.rule = rule.id if one.rule == old else one.rule
            if rule.exit == "{ event: stop }":
                memory.ended = max([memory.ended, *(one.time for one in self.heard if one.type == "stop")])
            if old and before[old].silent != rule.silent:
                memory.silences = {
                    last for last in memory.silences if not self._went_on(last, last + before[old].silent)
                }
            self._rearm(rule, memory)
        self.deferred = [one for one in self.deferred if one.rule in self.memories]
        self.pass_to(at)

    def _rearm(self, rule: Rule, memory: Memory) -> None:
        newest = max((one.time for one in self.heard if one.type == "a"), default=None)
        if rule.silent and newest is not None and newest not in memory.over:
            memory.silences.add(newest)
        self._forsake(rule, memory)

    def _rule(self, firing: Firing) -> Rule:
        return next(rule for rule in self.terms.rules if rule.id == firing.rule)

    # --- guards

    def _settle(self, candidates: Iterable[Firing], at: int) -> None:
        order = [rule.id for rule in self.terms.rules]
        for firing in sorted(candidates, key=lambda one: (-self._rule(one).priority, order.index(one.rule))):
            rule = self._rule(firing)
            outcome, exposes = self._judge(rule, firing, at)
            exposed = ""
            if exposes and (own := self._own()) and own != self.variant:
                exposed = self.variant = own
            if outcome.startswith("deferred"):
                self._defer(rule, firing, int(outcome.split()[1]), at)
                continue
            self._note(at, firing, outcome, exposed)
            if outcome in ("fired", "held_out"):
                self.memories[rule.id].fired = at if rule.again > 0 else at // 1000 * 1000
                if rule.purpose != "transactional":
                    self.messages.append((at, rule.purpose, rule.channel))

    def _defer(self, rule: Rule, firing: Firing, until: int, at: int) -> None:
        if self._is_over(rule, firing, until):
            self._note(at, firing, "suppressed")
            return
        self._note(at, firing, "deferred")
        reads = "event." in rule.condition or "match" in rule.exit
        firing.due, firing.held, firing.said = until, True, firing.said if reads else None
        self.deferred.append(firing)

    def _note(self, at: int, firing: Firing, outcome: str, exposed: str = "") -> None:
        self.found.append(Found(at, firing.rule, firing.occurrence, outcome, exposed))

    def _judge(self, rule: Rule, firing: Firing, at: int) -> tuple[str, bool]:
        """The outcome, and whether the customer is exposed by it."""
        own = self._own() if "experiments" in rule.condition else None
        others = [name for name, _ in self.terms.shares if name not in ("none", own)] if own else []
        acts = own != "none" and self._holds(rule, firing, own)
        if not acts and not any(self._holds(rule, firing, name) for name in others):
            return "suppressed", False
        stopped = self._stopped(rule, firing, at)
        if stopped:
            return stopped, False
        if not acts:
            return "held_out" if own == "none" else "suppressed", True
        is_held_out = rule.purpose != "transactional" and self._is_held_out()
        return "held_out" if is_held_out else "fired", own is not None

    def _stopped(self, rule: Rule, firing: Firing, at: int) -> str:
        """What the guards say that know no experiment; "": nothing."""
        if firing.held and rule.silent and any(one.type == "a" and one.time > firing.since for one in self.heard):
            return "suppressed"
        fired = self.memories[rule.id].fired
        if rule.again and fired is not None and (rule.again < 0 or at < fired + rule.again):
            return "suppressed"
        fresh = rule.expires if rule.expires >= 0 else self.terms.fresh or NEVER
        if at > firing.moment + fresh:
            return "expired"
        if not self._may_reach(rule):
            return "suppressed"
        until = next(filter(None, (self._quiet_until(quiet, rule, at) for quiet in self.terms.quiet)), 0)
        if until:
            return f"deferred {until}"
        is_capped = rule.purpose != "transactional" and any(self._is_used_up(cap, rule, at) for cap in self.terms.caps)
        return "capped" if is_capped else ""

    def _may_reach(self, rule: Rule) -> bool:
        if self.terms.addresses and rule.channel == "sms" and not self._field("phone"):
            return False
        if not self.terms.consent or rule.purpose != "marketing":
            return True
        if self.terms.consent == "profile.mail":
            return bool(self._field("mail"))
        return rule.channel in ("email", "sms") and bool(self._field({"email": "mail"}.get(rule.channel, "sms")))

    def _quiet_until(self, quiet: Quiet, rule: Rule, at: int) -> int:
        concerned = rule.purpose in quiet.purposes if quiet.purposes else rule.purpose != "transactional"
        if not concerned or (quiet.channels and rule.channel not in quiet.channels):
            return 0
        zone = self._zone
        today = local_date(at, str(zone))
        for days in (-2, -1, 0, 1):
            day = today + timedelta(days=days)
            end = local_instant(day + timedelta(days=quiet.first >= quiet.last), quiet.last, zone)
            if local_instant(day, quiet.first, zone) <= at < end:
                return end
        return 0

    def _is_used_up(self, cap: Cap, rule: Rule, at: int) -> bool:
        def counts(purpose: str, channel: str) -> bool:
            return cap.purpose in ("", purpose) and cap.channel in ("", channel)

        if not counts(rule.purpose, rule.channel):
            return False
        if isinstance(cap.per, int):
            since = at - cap.per + 1
        else:
            zone = self._zone
            day = local_date(at, str(zone))
            day -= timedelta(days=day.weekday() if cap.per == "week" else 0)
            since = local_instant(day, MIDNIGHT, zone)
        return sum(one >= since and counts(*what) for one, *what in self.messages) >= cap.limit


def _place(salt: str, customer: str) -> float:
    return int.from_bytes(sha256(f"{salt}:{customer}".encode()).digest()[:8]) / 2**64
