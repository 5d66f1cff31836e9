"""A shop whose customers bring each other, for tests of events that rules make."""

from pathlib import Path

from engine.core.book import RuleBook
from engine.lang.project import load
from tests.support.project_files import write_files

EVENTS = """\
version: 1
events:
  signup: { properties: { by: string }, profile: { referred_by: by } }
  purchase: { properties: { order_id: string, amount: number } }
  refund: { properties: { order_id: string } }
  referral_succeeded: { properties: { friend: { type: string, required: true }, order: string } }
  reported: { activity: false }
"""
REFERRAL = """\
version: 1
rules:
  - id: referral
    when: { event: purchase, where: events.purchase.count() == 1 }
    if: profile.referred_by != null
    reentry: once
    exit: { event: refund, match: order_id }
    emit: { event: referral_succeeded, to: profile.referred_by, after: 14d,
            with: { friend: customer.id, order: event.order_id } }
  - id: thanks
    when: { event: referral_succeeded }
    send: thanks
"""


HISTORY = [
    {"id": "1", "type": "signup", "customer": "ada", "time": "2026-01-01T00:00:00Z", "properties": {}},
    {"id": "2", "type": "signup", "customer": "bob", "time": "2026-01-02T00:00:00Z", "properties": {"by": "ada"}},
    {"id": "3", "type": "purchase", "customer": "bob", "time": "2026-01-03T00:00:00Z", "properties": {"order_id": "o"}},
]
"""Ada is thanked two weeks after the last of them."""
TEXT = "{% block subject %}Thanks{% endblock %}{% block text %}for {{ event.friend }}{% endblock %}"
FILES = {"events.yaml": EVENTS, "policy.yaml": "version: 1\n", "rules.yaml": REFERRAL, "thanks.email.j2": TEXT}


def book_of(folder: Path, rules: str, policy: str = "version: 1\n", events: str = EVENTS) -> RuleBook:
    write_files(folder, {"events.yaml": events, "policy.yaml": policy, "rules.yaml": rules})
    loaded = load(folder, None)
    assert loaded.book, [each.human() for each in loaded.diagnostics]
    return loaded.book
