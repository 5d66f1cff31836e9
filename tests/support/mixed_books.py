"""Random small rule books in which everything meets: journeys, segments with `keep`, points, experiments, coupons,
schedules, quiet hours and caps, in zones with summer time; and histories for them.

Texts have choices in angle brackets: of `<1d|2d>` one is taken.
"""

import re
from datetime import date
from random import Random
from typing import Any, Final

HOUR: Final = 3_600_000
ZONES: Final = "Europe/Berlin|America/New_York|Australia/Lord_Howe|Asia/Kathmandu|Pacific/Apia|America/Sao_Paulo"
STARTS: Final = (1_774_238_400_000, 1_772_899_200_000, 1_761_300_000_000, 1_743_199_200_000)
"""Days before summer time begins or ends somewhere."""
EVENTS: Final = """\
version: 1
sources: [{ topic: shop }]
events:
  visit: {}
  buy: { properties: { amount: number, order_id: string } }
  refund: { properties: { order_id: string, amount: number } }
  cart: { properties: { cart_id: string } }
  signup:
    properties: { tz: string, born: <date|{ type: date, unit: d }>, ends: <time|{ type: time, unit: s }>, ok: boolean }
    profile: { tz: tz, born: born, ends: ends, ok: ok }
  took: { properties: { stars: number } }
  warned: { properties: { n: number } }
"""
POLICY: Final = f"""\
version: 1
zone: {{ default: <{ZONES}>, field: profile.tz }}
fresh_for: <off|3d|1d|6h>
"""
POLICIES: Final = (
    'quiet_hours: [{ from: "<20:00|22:30|02:15>", to: "<07:00|09:30|12:00>" }]',
    "caps: [{ limit: <1|2|3>, per: <1d|2d|36h|day|week> }]",
    "allowed_lateness: <30m|2h|7h>",
    "dedupe: <6h|off|72h>",
    "holdout: 20%",
    "consent: { marketing: profile.ok }",
)
DEFINITIONS: Final = """\
version: 1
defaults: { channel: email, purpose: marketing }
points:
  - id: stars
    earn: [{ event: buy, points: event.amount, match: order_id<, usable_after: 1d|, usable_after: 36h|> }]
    spend: [{ event: took, points: event.stars }]
    take_back: [{ event: refund, match: order_id, points: event.amount, within: <5d|20d> }]
    expire: { after: <8d|20d><, to: end of month|> }
segments:
  - { id: active, if: 'events.visit.count("<2d|30h|5d>") >= <1|2>' }
  - { id: buyer, if: 'events.buy.count() >= <1|2>' }
  - id: tier
    levels: { bronze: 'points.stars.earned("<10d|20d>") >= 10', silver: 'points.stars.earned("20d") >= 40' }
    keep: <3d|5d|10d>
  - { id: both, if: "segments.active and segments.tier == 'silver'" }
experiments:
  - id: tone
    hypothesis: Louder sells more than softer.
    among: <segments.buyer|true>
    variants: { a: 40, b: 40, none: 20 }
    goal: { event: buy, within: 5d }
coupons: [{ id: gift, code: "G-{10}", valid: 5d }]
rules:
"""
WHENS: Final = {
    "quiet": "{ inactivity: { of: [visit, buy], for: <1d|2d|49h> } }",
    "buys": "{ event: buy<, where: event.amount ~gt 10|> }",
    "cart": "{ abandoned: { after: cart, without: [buy], within: 2h, match: cart_id } }",
    "many": "{ milestone: { <count: buy, reaches: [2, 4]|sum: buy.amount, reaches: [30, 90]> } }",
    "tiers": "{ segment: tier, moves: <up|down|any> }",
    "moves": "{ segment: <active|both>, moves: <in|out> }",
    "daily": '{ schedule: { every: <day|week>, at: "<02:30|09:00|00:00|23:45>",'
    " among: <segments.active|segments.buyer|true|not segments.active><, spread: 2h|, zone: Asia/Kathmandu|> } }",
    "monthly": '{ schedule: { <every: month, on: 15|every: 2w, on: tuesday, from: 2025-03-04>, at: "03:10",'
    " among: <true|segments.buyer><, zone: Australia/Lord_Howe|> } }",
    "trial": '{ trial_expiring: { ends: profile.ends, in: <1d|2d>, at: "<02:30|09:00>" } }',
    "kept": '{ expiring: { ends: segments.tier.kept_until, in: 2d, at: "<02:30|09:00>" } }',
    "points": '{ expiring: { ends: points.stars.expires_at, in: 3d, at: "10:00" } }',
    "warned": "{ event: warned }",
    "birthday": '{ date: { field: profile.born, every: year, at: "<02:30|10:00>" } }',
}
CONDITION: Final = (
    "<true|segments.active|segments.tier != 'none'|not segments.both|experiments.tone == 'b'|experiments.tone != 'a'"
    "|points.stars.balance ~gte 10|events.buy.count() ~lte 4>"
)
OTHERS: Final = (
    f'    if: "{CONDITION}"',
    "    reentry: <once|after 12h|after 1d|after 3d>",
    "    exit: <{ event: refund }|{ segment: active, moves: out }|[{ event: refund }, { segment: tier, moves: down }]>",
)
GOAL: Final = "    goal: <{ event: buy }|{ event: buy, where: event.amount ~gt 20, within: 2d }|{ segment: both }>"
SEND: Final = "{ template: <t0|t1|t2|t3><, expires: 12h|, priority: 5|, purpose: transactional|> }"
EMIT: Final = "{ event: warned<, after: 3h|, after: 26h|>, with: { n: events.buy.count() } }"
WAIT: Final = (
    '<6h|1d|2d|{ days: 1, until: "10:00" }|{ days: 0, until: "02:30" }|{ days: 1, on: sunday, until: "02:30" }'
    '|{ days: 1, until: "02:30", zone: America/Sao_Paulo }|{ days: 0, on: friday, until: "23:45", zone: Pacific/Apia }>'
)
AWAIT: Final = "{ <event: visit|event: buy|segment: active|segment: buyer>, within: <1d|36h|3d> }"
SHOWN: Final = (
    "{{ events.buy.count() }} {{ events.visit.count('2d') }}",
    "{{ events.buy.list('7d') | length }} {{ segments.active }}",
    "{{ segments.tier }} {{ segments.tier.kept_until }}",
    "{{ points.stars.balance }} {{ points.stars.expiring }} {{ points.stars.pending }}",
    "{{ coupons.gift }}",
    "{{ experiments.tone }}",
)


def pick(random: Random, text: str) -> str:
    """The text with one of each choice."""
    found = re.sub(r"<([^<>]*)>", lambda found: random.choice(found[1].split("|")), text)
    return found.replace("~lte", "<=").replace("~gte", ">=").replace("~gt", ">")


def files(random: Random) -> dict[str, str]:
    """A project: rule files and templates by name."""
    names = random.sample(sorted(WHENS), random.randint(2, 6))
    policy = [pick(random, one) for one in POLICIES if random.random() < 0.4]
    templates = {f"t{number}.email.j2": template(random) for number in range(4)}
    rules = pick(random, DEFINITIONS) + "\n".join(line for name in names for line in rule(random, name)) + "\n"
    return {
        "events.yaml": pick(random, EVENTS),
        "policy.yaml": "\n".join([pick(random, POLICY), *policy]) + "\n",
        "rules.yaml": rules,
        **templates,
    }


def template(random: Random) -> str:
    text = " | ".join(random.sample(SHOWN, random.randint(1, 3)))
    return f"{{% block subject %}}Hello{{% endblock %}}{{% block text %}}{text}{{% endblock %}}\n"


def rule(random: Random, name: str) -> list[str]:
    others = [one for one in OTHERS if random.random() < 0.35]
    kind = random.choice(["send", "steps", "steps", "emit"] if name != "warned" else ["send"])
    if kind == "steps":
        action = [GOAL] * random.randint(0, 1) + ["    steps:", *steps(random)]
    else:
        action = [f"    {kind}: {SEND if kind == 'send' else EMIT}"]
        others = [one for one in others if "exit" not in one or kind == "emit"]
    return [pick(random, line) for line in (f"  - id: {name}", f"    when: {WHENS[name]}", *others, *action)]


def steps(random: Random) -> list[str]:
    lines = []
    for number in range(random.randint(1, 4)):
        condition = f', if: "{CONDITION}"' if random.random() < 0.3 else ""
        lines.append(f"      - {{ id: s{number}, send: {SEND}{condition} }}")
        if random.random() < 0.4:
            lines.append(f"      - {{ id: w{number}, wait: {WAIT} }}")
        elif random.random() < 0.5:
            then, other = f"[{{ id: y{number}, send: {SEND} }}]", f"[{{ id: n{number}, send: {SEND} }}]"
            lines.append(f"      - {{ id: a{number}, wait: {AWAIT}, then: {then}, else: {other} }}")
    return lines


def history(random: Random, length: int = 40) -> list[dict[str, Any]]:
    """Events of three customers, in order of time; some at the full hour."""
    found, time = list[dict[str, Any]](), random.choice(STARTS)
    for number in range(length):
        time += int(random.expovariate(1 / (random.choice([1, 6, 14]) * HOUR)))
        if random.random() < 0.25:
            time = -(-time // HOUR) * HOUR
        type_ = random.choice(["visit"] * 4 + ["buy"] * 3 + ["refund", "cart", "cart", "signup", "took"])
        who = {"id": f"e{number}", "type": type_, "customer": f"c{random.randrange(3)}", "time": time}
        found.append(who | {"properties": _properties(random, type_, time)})
    return found


def in_units(said: dict[str, Any], born: str, ends: str) -> dict[str, Any]:
    """What an event says, with its numbers in the units that its book declares."""
    properties = dict(said["properties"])
    if "born" in properties and born == "d":
        properties["born"] = (date.fromisoformat(properties["born"]) - date(1970, 1, 1)).days
    if "ends" in properties and ends == "s":
        properties["ends"] //= 1000
    return said | {"properties": properties}


def _properties(random: Random, type_: str, time: int) -> dict[str, Any]:
    order = f"o{random.randrange(8)}"
    match type_:
        case "buy":
            return {"amount": random.choice([3, 11, 25, 40.5]), "order_id": order}
        case "refund":
            return {"amount": random.choice([3, 25]), "order_id": order}
        case "cart":
            return {"cart_id": f"k{random.randrange(3)}"}
        case "took":
            return {"stars": random.choice([2, 15])}
        case "signup":
            born = f"19{random.randrange(70, 99)}-0{random.choice([3, 4])}-{random.randrange(10, 30)}"
            ends = time + random.randrange(240) * HOUR
            return {"tz": random.choice(ZONES.split("|")), "born": born, "ends": ends, "ok": random.random() < 0.8}
        case _:
            return {}
