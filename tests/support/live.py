"""What live scenarios have in common: short timers, and events that happen now."""

from collections.abc import Iterable, Mapping
from typing import Any

from engine.wiring.wall_clock import wall_clock
from tests.support.job import DAY, SPAN, START, TEMPLATE, Entry, Firing, Job, entry_of

LIVE = {"clock": "live"}

_EVENTS = """\
version: 1
sources:
{sources}
events:
  site_visit: {{}}
  purchase: {{ properties: {{ amount: number }} }}
  ping: {{}}
"""
QUIET = """\
  - id: quiet
    when: {{ inactivity: {{ of: site_visit, for: {seconds}s }} }}
    send: text
"""
BOUGHT = """\
  - id: bought
    when: { milestone: { count: purchase, reaches: [3, 5, 10] } }
    send: text
"""
PONG = """\
  - id: pong
    when: { event: ping }
    purpose: transactional
    send: text
"""


now = wall_clock


def live_project(topics: Iterable[str], *rules: str) -> dict[str, str]:
    """Files for `write_project`. Nothing is fresh for longer than the policy's default of three days."""
    sources = "\n".join(f"  - topic: {topic}" for topic in topics)
    return {
        "events.yaml": _EVENTS.format(sources=sources),
        "lifecycle.yaml": "version: 1\nrules:\n" + "".join(rules),
        "text.email.j2": TEMPLATE,
    }


def happened(kind: str, customer: str, at: int, number: int = 0) -> Entry:
    """An event."""
    identity = f"{kind}-{customer}-{at}-{number}"
    return entry_of({"id": identity, "type": kind, "customer": customer, "time": at, "properties": {}})


def silence_since(at: int, customers: Iterable[str]) -> set[Firing]:
    """What the rule `quiet` must send them."""
    return {("quiet", customer, str(at)) for customer in customers}


def long_ago(job: Job, days: int) -> list[Entry]:
    """The job's purchases and visits, the last of them so many days before now."""
    moved = now() - days * DAY - START - SPAN
    kept = [event for event in job.events if event["type"] in ("purchase", "site_visit")]
    return [entry_of(_moved(event, moved)) for event in kept]


def _moved(event: Mapping[str, Any], by: int) -> dict[str, Any]:
    return {**event, "time": event["time"] + by}
