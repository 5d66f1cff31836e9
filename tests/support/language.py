"""A small good project to change in tests of the rule language."""

from pathlib import Path

from engine.lang.diagnostics import Diagnostic
from engine.lang.project import Loaded, load
from tests.support.project_files import write_files

EVENTS = """\
version: 1
sources:
  - topic: shop.events
    id: event_id
    customer: who.id
    time: { field: ts, unit: s }
    properties: .
    types: { Order Completed: purchase }
events:
  login: {}
  purchase:
    properties: { amount: { type: number, required: true }, cart_id: string, country: string }
    profile: { country: country }
  cart_updated: { properties: { cart_id: string } }
  subscribed:
  profile_updated: { profile: all }
profile: { email: string, email_opt_in: boolean, push_opt_in: boolean, birthday: date, trial_ends_at: time,
  timezone: string }
accept: { earliest: 2000-01-01, ahead: 1h, max_bytes: 1000, undeclared: dead_letter }
"""

POLICY = """\
version: 1
zone: { default: Europe/Berlin, field: profile.timezone }
quiet_hours: { from: "21:00", to: "08:00", channels: email }
caps:
  - { limit: 2, per: 7d }
  - { limit: 1, per: day, channel: email }
consent: { marketing: { email: profile.email_opt_in, push: profile.push_opt_in } }
addresses: { email: profile.email }
fresh_for: off
dedupe: 12h
allowed_lateness: 1m
forget_after: 730d
"""

RULES = """\
version: 1
defaults: { priority: 1 }
rules:
  - id: win-back
    why: Lapsed customers hear from us once.
    was: [lapsed]
    when: { inactivity: { of: [login, purchase], for: 14d, where: event.type != "login" or true } }
    if: profile.email_opt_in and events.purchase.count("30d") >= 1
    reentry: after 90d
    send: win_back
  - id: trial-ending
    when: { trial_expiring: { in: 3d, at: "9:00" } }
    cancel_on: { event: subscribed }
    send: { template: trial_ending, expires: 2d, priority: 10 }
  - id: loyal
    when: { milestone: { count: purchase, reaches: [3, 5], where: event.amount > 0 } }
    send: loyal
  - id: big
    when: { milestone: { sum: purchase.amount, every: 500 } }
    if: event.country == "DE"
    send: loyal
  - id: cart
    when: { abandoned: { after: cart_updated, without: purchase, within: 1h, match: cart_id } }
    if: event.cart_id == "c1"
    send: { template: cart, channel: push }
  - id: birthday
    when: { date: { field: profile.birthday, every: year, offset: -3d } }
    send: birthday
  - id: receipt
    when: { event: purchase, where: event.amount > 0 }
    purpose: transactional
    reentry: once
    send: receipt
"""

TESTS = """\
version: 1
rules: lifecycle.yaml
tests:
  - name: a late visit prevents the message
    customer: ada
    profile: { email_opt_in: true, trial_ends_at: 20d, birthday: 1990-03-10 }
    start: 2026-03-02T10:00:00Z
    given:
      - 0d: login
      - 1d: { purchase: { amount: 20 } }
      - { at: 12d, event: login, arrives: 2026-03-15T10:00:00+00:00, id: visit }
      - 13d: { profile_updated: { trial_ends_at: 2026-04-01T00:00:00Z } }
      - 14d: { login: }
    until: 27d
    expect:
      - 26d: { rule: win-back, subject: We miss you, moment: 25d, occurrence: 10 }
      - 2026-03-29: win-back
      - { at: 27d, rule: loyal }
    outcomes: []
"""


def write(folder: Path, *, rules: str | bytes = RULES, events: str = EVENTS, policy: str = POLICY) -> Path:
    """Write the project; the files can be replaced one by one."""
    return write_files(folder, {"lifecycle.yaml": rules, "events.yaml": events, "policy.yaml": policy})


def loaded(folder: Path, *, rules: str | bytes = RULES, events: str = EVENTS, policy: str = POLICY) -> Loaded:
    """The written project, loaded without templates."""
    return load(write(folder, rules=rules, events=events, policy=policy), None)


def codes(diagnostics: list[Diagnostic]) -> list[str]:
    return [each.code for each in diagnostics]
