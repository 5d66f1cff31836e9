"""A shop that writes to its customers by several channels and for several purposes: its rules and histories, drawn.

Quiet hours, caps, consent, reentry, exits, experiments and the holdout stop or defer what rules say; the customers
live where clocks change, and move; the rules are edited. tests/support/guard_oracle.py says what must come of it.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from random import Random
from typing import Any, NamedTuple

from engine.model import Event

MINUTE = 60_000
QUARTER, HOUR, DAY = 15 * MINUTE, 60 * MINUTE, 24 * 60 * MINUTE
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Kiritimati")
BEGINNINGS = ((3, 5), (3, 26), (4, 2), (9, 3), (10, 2), (10, 22), (10, 30))
"""Days before clocks change somewhere."""
CHANNELS = ("email", "sms", "push")
PURPOSES = ("marketing", "news", "transactional")
EVENTS = """\
version: 1
events:
  a: { properties: { n: integer, key: string } }
  b: { properties: { n: integer, key: string } }
  stop: { properties: { n: integer, key: string } }
  person:
    properties: { zone: string, keen: boolean, mail: boolean, sms: boolean, phone: string }
    profile: { zone: zone, keen: keen, mail: mail, sms: sms, phone: phone }
"""
EXPERIMENTS = """\
experiments:
  - id: tone
    hypothesis: Louder sells more than softer.
    among: {among}
    variants: {{ {shares} }}
    goal: {{ event: b, within: 7d }}
"""
CONDITIONS = (
    "", "", "", "profile.keen", "event.n > 1", 'experiments.tone == "a"', 'experiments.tone != "b"',
    'experiments.tone == "b" or profile.keen', 'experiments.tone in ["a", "b"] and not profile.keen',
)  # fmt: skip
EXITS = (
    "", "", "{ event: stop }", "{ event: stop, where: event.n > 1 }", "{ event: stop, match: key }",
    "{ event: stop, where: event.n > 1, match: key }",
)  # fmt: skip


class Quiet(NamedTuple):
    first: time
    last: time
    purposes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        fields = [f'from: "{self.first:%H:%M}", to: "{self.last:%H:%M}"']
        fields += [f"purposes: [{', '.join(self.purposes)}]"] if self.purposes else []
        fields += [f"channels: [{', '.join(self.channels)}]"] if self.channels else []
        return f"{{ {', '.join(fields)} }}"


class Cap(NamedTuple):
    """`per`: a duration, or day or week."""

    limit: int
    per: int | str
    purpose: str = ""
    channel: str = ""

    @property
    def text(self) -> str:
        fields = [f"limit: {self.limit}, per: {self.per if isinstance(self.per, str) else span(self.per)}"]
        fields += [f"purpose: {self.purpose}"] if self.purpose else []
        fields += [f"channel: {self.channel}"] if self.channel else []
        return f"{{ {', '.join(fields)} }}"


@dataclass(frozen=True)
class Rule:
    """`silent`: it comes true so long after the last `a`; else `type` is the event of which it comes true.

    `expires` -1: as the policy says; `again` -1: once, 0: always.
    """

    id: str
    type: str
    silent: int
    channel: str
    purpose: str
    priority: int
    expires: int
    again: int
    condition: str
    exit: str
    was: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        when = (
            f"{{ inactivity: {{ of: a, for: {span(self.silent)} }} }}" if self.silent else f"{{ event: {self.type} }}"
        )
        lines = [f"id: {self.id}", f"when: {when}"]
        lines += [f"was: [{', '.join(self.was)}]"] if self.was else []
        lines += [f"if: '{self.condition}'"] if self.condition else []
        lines += [f"exit: {self.exit}"] if self.exit else []
        lines += [f"reentry: {'once' if self.again < 0 else f'after {span(self.again)}'}"] if self.again else []
        expires = f", expires: {span(self.expires)}" if self.expires >= 0 else ""
        priority = f", priority: {self.priority}" if self.priority else ""
        lines.append(f"send: {{ template: note, channel: {self.channel}, purpose: {self.purpose}{expires}{priority} }}")
        return "  - " + "\n    ".join(lines) + "\n"


@dataclass(frozen=True)
class Terms:
    zone: str
    quiet: tuple[Quiet, ...]
    caps: tuple[Cap, ...]
    fresh: int
    lateness: int
    holdout: int
    consent: str
    addresses: bool
    among: str
    shares: tuple[tuple[str, int], ...]
    rules: tuple[Rule, ...]

    @property
    def policy(self) -> str:
        lines = [f"zone: {{ default: {self.zone}, field: profile.zone }}", "dedupe: 900d"]
        lines += [f"fresh_for: {span(self.fresh) if self.fresh else 'off'}", f"allowed_lateness: {span(self.lateness)}"]
        lines += [f"quiet_hours: [{', '.join(each.text for each in self.quiet)}]"] if self.quiet else []
        lines += [f"caps: [{', '.join(each.text for each in self.caps)}]"] if self.caps else []
        lines += [f"holdout: {self.holdout}%"] if self.holdout else []
        lines += [f"consent: {{ marketing: {self.consent} }}"] if self.consent else []
        lines += ["addresses: { sms: profile.phone }"] if self.addresses else []
        return "\n".join(lines) + "\n"

    @property
    def text(self) -> str:
        shares = ", ".join(f"{name}: {share}" for name, share in self.shares)
        rules = "".join(rule.text for rule in self.rules)
        return EXPERIMENTS.format(among=self.among, shares=shares) + "rules:\n" + rules


class Told(NamedTuple):
    """`wall`: when it is read, if that is after an outage; else 0."""

    arrives: int
    event: Event
    wall: int = 0


class Edited(NamedTuple):
    arrives: int
    terms: Terms


def span(millis: int) -> str:
    return f"{millis // MINUTE}m"


SHARES = ((("a", 40), ("b", 40), ("none", 20)), (("a", 50), ("b", 50)), (("a", 20), ("b", 30), ("none", 50)))
CONSENTS = ("", "", "profile.mail", "{ email: profile.mail, sms: profile.sms }")


class Drawn:
    """Draws terms; no id of a rule comes twice."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.number = 0

    def terms(self) -> Terms:
        choose = self.random.choice
        return Terms(
            zone=choose(ZONES),
            quiet=self._quiet(),
            caps=self._caps(),
            fresh=choose((0, 2 * HOUR, 11 * HOUR, 3 * DAY)),
            lateness=choose((0, 0, 0, QUARTER, 3 * HOUR)),
            holdout=choose((0, 0, 0, 30)),
            consent=choose(CONSENTS),
            addresses=choose((False, False, True)),
            among=choose(("true", "profile.keen")),
            shares=choose(SHARES),
            rules=tuple(self.rule() for _ in range(self.random.randint(1, 5))),
        )

    def _quiet(self) -> tuple[Quiet, ...]:
        choose = self.random.choice
        made = []
        for _ in range(choose((0, 1, 1, 2, 3))):
            first, last = choose(NIGHTS)
            purposes = choose(((), (), ("marketing",), ("news", "transactional")))
            made.append(Quiet(first, last, purposes, choose(((), (), ("sms",), ("email", "push")))))
        return tuple(made)

    def _caps(self) -> tuple[Cap, ...]:
        choose = self.random.choice
        return tuple(
            Cap(choose((1, 1, 2, 3)), choose((HOUR, 90 * MINUTE, DAY, 36 * HOUR, 7 * DAY, "day", "day", "week")),
                choose(("", "", "", "marketing", "news")), choose(("", "", "", "sms", "email")))
            for _ in range(choose((0, 1, 1, 2)))
        )  # fmt: skip

    def rule(self) -> Rule:
        choose = self.random.choice
        self.number += 1
        silent = choose((0, 0, 0, 5 * HOUR, DAY, 26 * HOUR))
        exit_ = choose(EXITS)
        condition = choose([one for one in CONDITIONS if not (silent and "event." in one)])
        return Rule(
            id=f"r{self.number}",
            type=choose(("a", "a", "b")),
            silent=silent,
            channel=choose(CHANNELS),
            purpose=choose(PURPOSES),
            priority=choose((0, 0, 1, -1)),
            expires=choose((-1, -1, -1, HOUR, 8 * HOUR, 2 * DAY)),
            again=choose((0, 0, 0, -1, HOUR, 2 * HOUR, 25 * HOUR)),
            condition=condition,
            exit="" if silent and "match" in exit_ else exit_,
        )

    def edited(self, made: Terms) -> Terms:
        """The same with one change."""
        random = self.random
        other = self.terms()
        kind = random.choice(
            ("quiet", "caps", "fresh", "lateness", "holdout", "consent", "zone", "shares", "among")
            + ("rule",) * 5 + ("renamed", "gone", "new", "order")
        )  # fmt: skip
        if kind not in ("rule", "renamed", "gone", "new", "order"):
            return replace(made, **{kind: getattr(other, kind)})
        rules = list(made.rules)
        place = random.randrange(len(rules))
        if kind == "rule":
            rules[place] = self._changed(rules[place])
        elif kind == "renamed":
            rules[place] = replace(rules[place], id=other.rules[0].id, was=(*rules[place].was, rules[place].id))
        elif kind == "gone" and len(rules) > 1:
            del rules[place]
        elif kind == "new":
            rules.insert(place, other.rules[0])
        else:
            random.shuffle(rules)
        return replace(made, rules=tuple(rules))

    def _changed(self, rule: Rule) -> Rule:
        other = self.rule()
        field = self.random.choice(
            ("channel", "purpose", "priority", "expires", "again", "condition", "exit", "exit", "silent")
        )
        value = getattr(other, field)
        if field == "silent" and not (value and rule.silent):
            return rule
        if rule.silent and ((field == "exit" and "match" in value) or (field == "condition" and "event." in value)):
            return rule
        return replace(rule, **{field: value})


NIGHTS = (
    (time(21), time(8)), (time(22, 30), time(2, 15)), (time(2, 15), time(7)), (time(12), time(14, 30)),
    (time(23, 45), time(0)), (time(0), time(1, 45)), (time(1, 30), time(2, 30)), (time(20), time(12)),
)  # fmt: skip


def history(random: Random, drawn: Drawn, made: Terms, *, edits: bool, outage: bool) -> list[Told | Edited]:
    """What happens to one customer, in the order of arrival. No two things happen at one moment.

    `edits` of the rules; an `outage` in which nobody reads what arrives.
    """
    start = datetime(2026, *random.choice(BEGINNINGS), tzinfo=UTC)
    begin, found = int(start.timestamp() * 1000), list[Told | Edited]()
    wide = random.choice((20, 60, 192, 480, 960))
    customer = f"c-{random.randrange(60)}"
    for place, at in enumerate(random.sample(range(wide), random.randint(2, 16))):
        type_ = random.choice(("a", "a", "a", "b", "b", "person", "person", "stop"))
        late = random.choice((0, 0, 0, 0, QUARTER, 3 * HOUR, 9 * HOUR, 40 * HOUR))
        event = Event(f"e{place}", type_, customer, begin + at * QUARTER, _properties(random, type_))
        found.append(Told(event.time + late, event))
    for at in random.sample(range(wide + 96), random.randint(1, 4) if edits else 0):
        found.append(Edited(begin + at * QUARTER + 500, made))
    found.sort(key=lambda one: one.arrives)
    if outage:
        down = begin + random.randrange(wide) * QUARTER
        up = down + random.choice((QUARTER, 2 * HOUR, 20 * HOUR, 4 * DAY)) + 1000
        found = [one for one in found if isinstance(one, Told) or not down <= one.arrives < up]
        found = [one._replace(wall=up) if isinstance(one, Told) and down <= one.arrives < up else one for one in found]
    for place, one in enumerate(found):
        if isinstance(one, Edited):
            made = drawn.edited(made)
            found[place] = Edited(one.arrives, made)
    return found


def _properties(random: Random, type_: str) -> dict[str, Any]:
    if type_ != "person":
        return {"n": random.choice((1, 2)), "key": random.choice("xy")}
    said = {
        "zone": random.choice(ZONES), "keen": random.choice((True, False)), "mail": random.choice((True, True, False)),
        "sms": random.choice((True, False)), "phone": random.choice(("+1", "+2", None)),
    }  # fmt: skip
    return {name: said[name] for name in random.sample(sorted(said), random.randint(1, 3))}
