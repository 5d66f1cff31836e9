"""A shop whose customers order, cancel, send back and bring each other: its rules, partly drawn, and its histories.

Spans and moments are in half hours, so that what is due meets what happens often. tests/support/town_oracle.py says
what must come of it.
"""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from random import Random
from typing import Any, NamedTuple

HALF = 1_800_000
START = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp() * 1000)
GUEST = "anon"
Moment = int | Fraction
"""In half hours from the start; a fraction is a second after one."""
PEOPLE = ("ada", "bob", "cy", GUEST)


@dataclass(frozen=True)
class Terms:
    """What is drawn of the rules. `usable`, `within`, `expire`: of points; `names`: rules that were renamed, by now."""

    quiet: tuple[int, int] | None
    fresh: int
    usable: int
    within: int
    expire: int
    returns: int
    settles: int
    first: int
    look: int
    valid: int
    cart: int
    idle: int
    trial: int
    ending: int
    rich: int
    daily: int
    regular: int
    lateness: int
    factor: int
    window: int
    levels: tuple[int, int]
    renamed: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()

    @property
    def files(self) -> dict[str, str]:
        policy = ["version: 1", f"fresh_for: {span(self.fresh)}", "dedupe: 900d"]
        policy += [f"allowed_lateness: {span(self.lateness)}"] if self.lateness else []
        if self.quiet:
            policy.append(f'quiet_hours: {{ from: "{_clock(self.quiet[0])}", to: "{_clock(self.quiet[1])}" }}')
        spans = ("usable", "within", "expire", "valid", "regular", "window")
        common = COMMON.format(**{name: span(getattr(self, name)) for name in spans},
                               factor=self.factor, silver=self.levels[0], gold=self.levels[1])  # fmt: skip
        rules = common + "".join(self._rule(*one) for one in RULES.items() if one[0] not in self.gone)
        for name in self.renamed & NAMES:
            rules = rules.replace(f"id: {name},", f"id: {name}2, was: [{name}],")
            rules = re.sub(rf"(segment: |points\.){name}\b", rf"\g<1>{name}2", rules)
        return {"events.yaml": EVENTS, "policy.yaml": "\n".join(policy) + "\n", "rules.yaml": rules}

    @property
    def tiers(self) -> tuple[object, ...]:
        """What the levels' conditions say; names of points too."""
        return self.window, self.levels, "stars" in self.renamed

    def _rule(self, id_: str, text: str) -> str:
        spans = ("returns", "settles", "first", "look", "cart", "idle", "trial", "ending")
        head = f"  - id: {id_}-2\n    was: [{id_}]\n" if id_ in self.renamed else f"  - id: {id_}\n"
        return head + text.format(
            **{name: span(getattr(self, name)) for name in spans}, rich=self.rich, daily=_clock(self.daily)
        )


EVENTS = """\
version: 1
events:
  join: { properties: { by: string }, profile: { referred_by: by } }
  buy: { properties: { order: string, amount: integer } }
  refund: { properties: { order: string, amount: integer } }
  cancel: { properties: { order: string } }
  cart: { properties: { order: string } }
  take: { properties: { stars: integer } }
  visit: {}
  trial: { properties: { ends: time }, profile: { ends: ends } }
  thanked: { properties: { friend: { type: string, required: true } } }
  settled: { properties: { order: string } }
  kept: {}
  drifted: {}
"""
COMMON = """\
version: 1
points:
  - {{ id: stars,
      earn: [{{ event: buy, points: event.amount * {factor}, match: order, usable_after: {usable} }},
             {{ event: thanked, points: 3 }}],
      spend: [{{ event: take, points: event.stars }}],
      take_back: [{{ event: refund, match: order, points: event.amount * {factor}, within: {within} }}],
      expire: {{ after: {expire} }} }}
segments:
  - {{ id: regular, if: 'events.visit.count("{regular}") >= 1' }}
  - {{ id: tier, levels: {{ silver: 'points.stars.earned("{window}") >= {silver}',
                           gold: 'points.stars.earned("{window}") >= {gold}' }} }}
coupons:
  - {{ id: gift, code: "GIFT-{{10}}", valid: {valid} }}
rules:
"""
RULES = {
    "referral": """\
    when: {{ event: buy, where: events.buy.count() == 1 }}
    if: profile.referred_by != null
    reentry: once
    exit: {{ event: refund, match: order }}
    emit: {{ event: thanked, to: profile.referred_by, after: {returns}, with: {{ friend: customer.id }} }}
""",
    "thanks": """\
    when: {{ event: thanked }}
    send: note
""",
    "settle": """\
    when: {{ event: buy }}
    match: order
    exit: {{ event: cancel, match: order }}
    emit: {{ event: settled, after: {settles}, with: {{ order: event.order }} }}
""",
    "buyer": """\
    when: {{ event: buy }}
    exit: {{ event: cancel, match: order }}
    send: note
""",
    "ask": """\
    when: {{ event: settled }}
    if: points.stars.balance > 0
    send: note
""",
    "order": """\
    when: {{ event: buy }}
    match: order
    exit: {{ event: cancel, match: order }}
    steps:
      - send: receipt
      - wait: {first}
      - send: remind
      - id: look
        wait: {{ event: refund, match: order, within: {look} }}
        then: [{{ send: sorry }}]
        else: [{{ emit: {{ event: kept }} }}]
""",
    "issued": """\
    when: {{ event: coupon_issued }}
    send: note
""",
    "cart": """\
    when: {{ abandoned: {{ after: cart, without: buy, within: {cart}, match: order }} }}
    send: note
""",
    "silent": """\
    when: {{ inactivity: {{ of: [buy, visit], for: {idle} }} }}
    send: note
""",
    "trial": """\
    when: {{ expiring: {{ ends: profile.ends, in: {trial} }} }}
    send: note
""",
    "ending": """\
    when: {{ expiring: {{ ends: points.stars.expires_at, in: {ending} }} }}
    send: note
""",
    "daily": """\
    when: {{ schedule: {{ every: day, at: "{daily}", among: points.stars.balance >= {rich} }} }}
    send: note
""",
    "moved": """\
    when: {{ segment: tier, moves: any }}
    send: note
""",
    "left": """\
    when: {{ segment: regular, moves: out }}
    emit: {{ event: drifted }}
""",
    "miss": """\
    when: {{ event: drifted }}
    if: events.drifted.count() != 2
    send: note
""",
}
SHOWN = "{{ coupons.gift }} until {{ coupons.gift.valid_until }}"
TEXTS = {"note": "Hello", "receipt": SHOWN, "remind": SHOWN, "sorry": "Hello"}


NAMES = frozenset({"stars", "regular", "tier"})


def span(halves: int) -> str:
    return f"{halves * 30}m" if halves else "0s"


def _clock(halves: int) -> str:
    return f"{halves // 2:02}:{halves % 2 * 30:02}"


def terms(random: Random) -> Terms:
    choose = random.choice
    return Terms(
        quiet=choose((None, (42, 16), (26, 30))),
        fresh=choose((6, 24, 1000)),
        usable=choose((0, 0, 5)),
        within=choose((8, 60)),
        expire=choose((20, 60, 200)),
        returns=choose((2, 20)),
        settles=choose((2, 11, 40)),
        first=choose((1, 9, 30)),
        look=choose((2, 30)),
        valid=choose((2, 300)),
        cart=choose((1, 4)),
        idle=choose((7, 30)),
        trial=choose((3, 24)),
        ending=choose((4, 30)),
        rich=random.randint(1, 9),
        daily=choose((0, 18, 33)),
        regular=choose((3, 20)),
        lateness=choose((0, 0, 0, 3, 12)),
        factor=choose((1, 1, 2)),
        window=choose((10, 70)),
        levels=choose(((2, 5), (4, 11), (1, 20))),
    )


class Told(NamedTuple):
    """An event that arrives, perhaps late."""

    arrives: Moment
    customer: str
    type: str
    at: Moment
    id: str
    properties: dict[str, Any]


class Erased(NamedTuple):
    arrives: int
    customer: str


class Became(NamedTuple):
    """The guest is known to be a customer, as of this moment."""

    arrives: int
    customer: str
    known: str


class Edited(NamedTuple):
    arrives: int
    terms: Terms


class Tried(NamedTuple):
    """Some have these rules first: so many of 10,000."""

    arrives: int
    terms: Terms
    share: int


class Finished(NamedTuple):
    """All others have them too."""

    arrives: int


Happening = Told | Erased | Became | Edited | Tried | Finished
LATE = ("buy", "refund", "cancel", "visit", "cart", "trial", "join", "take")
KINDS = (*["buy"] * 4, *["refund"] * 2, *["cancel"] * 2, "cart", "cart", "take", *["visit"] * 3, "trial", "join")


def history(random: Random, made: Terms, changes: str = "") -> list[Happening]:
    """What happens to all of them, in the order of arrival. No customer does two things at one moment.

    `changes`: "edits" of the rules that all meet at once, or a "roll-out" to some first.
    """
    wide = random.choice((20, 60, 150))
    told: list[Happening] = []
    for customer in PEOPLE:
        moments = random.sample(range(wide + 20), random.randint(0, 10))
        told += [_event(random, customer, at, f"e{place}") for place, at in enumerate(moments)]
        if random.random() < 0.3:
            told.append(Erased(random.randint(0, wide + 40), customer))
    free = set(range(wide)) - {one.at for one in told if isinstance(one, Told) and one.customer == GUEST}
    told += [Became(at, GUEST, "bob") for at in random.sample(sorted(free), random.choice((0, 1, 1, 2)))]
    random.shuffle(told)
    told += _changes(random, made, changes, range(wide + 20))
    told.sort(key=lambda one: one.arrives)  # stable: what changes the rules comes last
    return told


def _changes(random: Random, made: Terms, kind: str, span: range) -> list[Happening]:
    if kind == "roll-out":
        first, last = sorted(random.sample(span, 2))
        new = next(new for new in iter(lambda: edited(random, made), None) if new != made and _may_be_tried(new))
        tried = Tried(first, new, random.choice((1_000, 5_000, 9_000)))
        return [tried, Finished(last)] if random.random() < 0.7 else [tried]
    told: list[Happening] = []
    for at in sorted(random.sample(span, random.randint(1, 3) if kind else 0)):
        made = edited(random, made)
        told.append(Edited(at, made))
    return told


def _may_be_tried(made: Terms) -> bool:
    """A rule that makes events for others must be the same for all."""
    return "referral" not in made.renamed | made.gone


def _event(random: Random, customer: str, at: int, id_: str) -> Told:
    type_ = random.choice(KINDS)
    late = random.randint(1, 15) if type_ in LATE and random.random() < 0.25 else 0
    return Told(at + late, customer, type_, at, id_, _properties(random, type_, at))


def _properties(random: Random, type_: str, at: int) -> dict[str, Any]:
    order, amount = random.choice("xyz"), random.choice((1, 4, 7))
    if type_ in ("buy", "refund"):
        return {"order": order, "amount": amount}
    if type_ in ("cancel", "cart"):
        return {"order": order}
    if type_ == "take":
        return {"stars": amount}
    if type_ == "trial":
        ends = random.choice((None, *(at + more for more in (1, 10, 40, 41))))
        return {"ends": None if ends is None else START + ends * HALF}
    return {"by": random.choice(("ada", "ada", "bob", "nobody"))} if type_ == "join" else {}


def edited(random: Random, made: Terms) -> Terms:
    """The same rules with one change; segments and points too. A window only becomes shorter: of a longer one not
    everything is known, and a rule that is taken out stays out."""
    choices: dict[str, list[Any]] = {
        "renamed": [made.renamed | {random.choice(sorted(RULES.keys() | NAMES))}],
        "gone": [made.gone | {random.choice(sorted(RULES))}],
        "regular": [one for one in (1, 2, 3, 8, 20) if one <= made.regular],
        "rich": [1, 3, 6, 9],
        "usable": [0, 1, 5],
        "within": [one for one in (2, 8, 60) if one <= made.within],
        "expire": [20, 30, 60, 200],
        "factor": [1, 2],
        "window": [one for one in (3, 10, 40, 70) if one <= made.window],
        "levels": [(2, 5), (4, 11), (1, 20)],
    }
    kind = random.choice(sorted(choices))
    changes: dict[str, Any] = {kind: random.choice(choices[kind])}
    return replace(made, **changes)
