"""One customer's events, messages and withheld messages as one sequence."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MOST = 80
"""Entries of a story."""
WITHHELD = ("deferred", "capped", "expired", "held_out", "failed")

JsonObject = dict[str, Any]


@dataclass
class Entry:
    """One moment. `kind` is event, message or the outcome that withheld a message."""

    kind: str
    at: str
    text: str
    rule: str = ""
    message: JsonObject | None = None

    @property
    def month(self) -> str:
        return f"{datetime.fromisoformat(self.at):%B %Y}"

    @property
    def moment(self) -> str:
        return f"{datetime.fromisoformat(self.at):%d %b, %H:%M}"


def customer_to_show(outreach: Sequence[JsonObject]) -> str:
    """Whoever heard from most rules, and of those who needed the fewest messages for it; "" where nobody did."""
    rules: dict[str, set[str]] = defaultdict(set)
    messages: dict[str, int] = defaultdict(int)
    for it in outreach:
        rules[it["customer"]].add(it["rule"])
        messages[it["customer"]] += 1
    return max(messages, key=lambda customer: (len(rules[customer]), -messages[customer], customer), default="")


def story(history: Sequence[JsonObject], outreach: Sequence[JsonObject], outcomes: Sequence[JsonObject]) -> list[Entry]:
    """In order of time: what the customer did, before what we said about it."""
    entries = [Entry("event", str(it["time"]), _deed(it["type"], it.get("properties", {}))) for it in history]
    entries += [
        Entry(it["outcome"], it["at"], it["reason"], it["rule"]) for it in outcomes if it["outcome"] in WITHHELD
    ]
    entries += [Entry("message", it["at"], it["subject"], it["rule"], it) for it in outreach]
    return sorted(entries, key=lambda entry: entry.at)[:MOST]


def _deed(type_: str, properties: JsonObject) -> str:
    """What the customer did, in words."""
    money = f"{properties.get('amount', 0):.2f} {properties.get('currency', '')}".strip()
    records = properties.get("quantity", 1)
    known = {
        "signup": f"signed up from {properties.get('timezone', 'somewhere')}",
        "purchase": f"bought {records} record{'' if records == 1 else 's'} for {money}",
        "site_visit": f"looked in at {properties.get('page', 'the shop')}",
        "cart_updated": f"put {properties.get('item', 'something')} into the cart",
        "cart_emptied": "emptied the cart",
        "trial_started": f"started a trial, until {properties.get('trial_ends_at', '')[:10]}",
        "subscribed": f"subscribed to {properties.get('plan', 'a plan')}",
    }
    told = ", ".join(f"{name} = {value}" for name, value in properties.items() if name != "generated")
    return known.get(type_, f"{type_}: {told}")
