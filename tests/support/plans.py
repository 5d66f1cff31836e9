"""Small shops whose rules are about to change: what the tests of plans and of rolling them out have in common."""

from pathlib import Path
from typing import Any

from engine.plan.build import Plan, look, planned
from engine.plan.live import Side
from engine.plan.sample import choose
from engine.ports import StateStore
from engine.wiring.plan import side_of
from engine.wiring.rule_folders import RuleFolders
from tests.support.cdnow import PROJECT

IDLE = "inactivity: { of: purchase, for: 30d }"
JOURNEY = "  - { id: come-back, when: { inactivity: { of: purchase, for: 30d } }, steps: [{ send: note }, { wait: 2d },"
STORE = "--store", "embedded", "--data", "data"


def files(rules: str, **others: str) -> dict[str, str]:
    return {**PROJECT, "rules.yaml": f"version: 1\nrules:\n{rules}"} | others


def one_rule(id: str = "come-back", when: str = IDLE, send: str = "send: note", more: str = "") -> str:
    return f"  - {{ id: {id}, when: {{ {when} }}, {more}{send} }}\n"


def side_in(folder: Path) -> Side:
    """The rule book of a project's folder."""
    return side_of(RuleFolders(folder / "rules", folder / "templates"))


def plan_of(store: StateStore, old: Side, new: Side, days: int = 30) -> Plan:
    """The plan for every customer of the store."""
    chosen = choose(store, None, lambda done: None)
    return planned(chosen, look(store, chosen, old, new, days, lambda done: None), old, new, days)


def purchases(number: int) -> list[dict[str, Any]]:
    return [
        {"event_id": f"e{place}", "customer_id": f"c-{place}", "type": "purchase", "amount": 5}
        | {"ts": f"2026-01-{1 + place % 28:02}T10:00:00Z"}
        for place in range(number)
    ]
