"""What the snippets of the docs speak of and don't declare themselves: event types, points, segments, and rules that
snippets of rule tests are about."""

import re

EVENTS = """\
version: 1
sources: [{ topic: shop.events }, { topic: engine.feedback }]
events:
  signup:
    properties: { email: string, email_opt_in: boolean }
    profile: { email: email, email_opt_in: email_opt_in }
  site_visit: {}
  purchase:
    properties: { amount: number, quantity: number, currency: string, cart_id: string, order_id: string, sku: string }
  refund: { properties: { order_id: string, amount: number } }
  reward_taken: { properties: { stars: number } }
  cart_updated: { properties: { cart_id: string } }
  cart_emptied: { properties: { cart_id: string } }
  subscribed: { properties: { plan: string } }
  ticket_closed: {}
  item_watched: { properties: { sku: string } }
  back_in_stock: { properties: { sku: string } }
  tuesday: {}
  outreach_clicked: { properties: { outreach: string } }
  referral_succeeded: { properties: { friend: string } }
profile:
  { country: string, vip: boolean, timezone: string, birthday: date,
    trial_ends_at: time, contract_ends_at: date, letter_rhythm: string, bounced: boolean, unsubscribed: boolean,
    referred_by: string }
"""

SECTIONS = {
    "coupons": {"birthday_gift": '{ id: birthday_gift, code: "BDAY-{10}", valid: 14d }'},
    "points": {"stars": "{ id: stars, earn: [{ event: purchase, points: event.amount }], expire: { after: 365d } }"},
    "segments": {
        "active": "{ id: active, if: 'events.site_visit.count(\"14d\") >= 1' }",
        "reader": "{ id: reader, if: profile.email_opt_in }",
        "tier": "{ id: tier, levels: { bronze: profile.vip, silver: points.stars.balance > 2 }, keep: 1d }",
    },
}

TESTED = {
    "win-back": "when: { inactivity: { of: [purchase, site_visit], for: 14d } }",
    "win-back-reason": "when: { inactivity: { of: purchase, for: 30d } }",
    "win-back-offer": "when: { inactivity: { of: purchase, for: 60d } }",
    "leaving": "when: { score: alive, below: 0.5 }",
    "tier-up": "when: { segment: tier, moves: up }",
}

POLICY = "version: 1\nzone: Europe/Berlin\n"
SCORES = '{"version": 1, "model": "pareto_nbd", "parameters": {"r": 0.55, "alpha": 10.6, "s": 0.61, "beta": 11.7}}'


def stage(text: str) -> dict[str, str]:
    """Files of a folder of rules that declare what `text` does not declare itself."""
    groups = "version: 1\n"
    for name, lines in SECTIONS.items():
        lacking = [line for one, line in lines.items() if not re.search(rf"id: {one}\b(?!-)", text)]
        groups += f"{name}:\n" + "".join(f"  - {line}\n" for line in lacking) if lacking else ""
    return {"events.yaml": "", "policy.yaml": POLICY, "scores.json": SCORES, "groups.yaml": groups}


def events_with(text: str) -> str:
    """An events.yaml with these sources and event types among the others."""
    before, _, types = text.partition("events:\n")
    head, _, others = EVENTS.partition("events:\n")
    named = set(re.findall(r"^  (\w+):", types, re.MULTILINE))
    kept = re.sub(r"^  (\w+):.*\n", lambda one: "" if one[1] in named else one[0], others, flags=re.MULTILINE)
    return ("version: 1\n" + before if "sources" in before else head) + "events:\n" + types + kept


def rules_of(tests: str) -> str:
    """A rule file with the rules that these rule tests speak of."""
    spoken_of = {one: rest for one, rest in TESTED.items() if re.search(rf"\b{one}\b(?!-)", tests)}
    lines = [f"  - {{ id: {one}, send: win_back, {rest} }}\n" for one, rest in spoken_of.items()]
    return "version: 1\nrules:\n" + "".join(lines)
