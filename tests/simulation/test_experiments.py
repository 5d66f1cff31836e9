"""Experiments in the stream: who is in which variant, who counts as exposed, and what a variant keeps back."""

from collections import Counter
from pathlib import Path

import pytest

from engine.arithmetic.assignment import position_of, variant_of
from engine.core.book import RuleBook
from engine.core.zones import iso
from engine.model import Outcome, OutcomeRecord
from engine.testing import Simulator
from tests.support.rule_files import compiled

DAY = 86_400_000
EVENTS = """\
version: 1
events:
  buy: { properties: { amount: number } }
  visit: {}
  told: { profile: all }
profile: { wants_letter: boolean, rhythm: string, email_opt_in: boolean }
"""
LETTER = """\
version: 1
segments:
  - { id: reader, if: profile.wants_letter }
experiments:
  - id: rhythm
    hypothesis: Who hears from us every second week stays longer and buys no less.
    among: segments.reader and profile.rhythm == null
    variants: { weekly: 45, biweekly: 45, none: 10 }
    goal: { event: buy, within: 90d }
rules:
  - id: letter
    when: { event: visit }
    if: profile.rhythm == "weekly" or experiments.rhythm == "weekly"
    send: note
  - id: letter-biweekly
    when: { event: visit }
    if: profile.rhythm == "biweekly" or experiments.rhythm == "biweekly"
    send: note
  - id: answer
    when: { event: exposed, where: event.variant == "none" }
    purpose: transactional
    send: note
"""
NOTE = (
    "{% block subject %}{{ experiments.rhythm or 'free' }}{% endblock %}{% block text %}Dear customer{% endblock %}\n"
)
PLAIN = "{% block subject %}Hello{% endblock %}{% block text %}Dear customer{% endblock %}\n"
SHARES = {"weekly": 45.0, "biweekly": 45.0, "none": 10.0}


def book(folder: Path, rules: str = LETTER, policy: str = "version: 1\n", note: str = PLAIN) -> RuleBook:
    return compiled(folder, {"events.yaml": EVENTS, "policy.yaml": policy, "rules.yaml": rules, "note.email.j2": note})


def visited(book: RuleBook, customers: int = 300, **profile: object) -> Simulator:
    """So many customers, each of whom visits twice."""
    sim = Simulator(book, strict=True)
    for n in range(customers):
        sim.profile(f"c-{n}", **({"wants_letter": True} | profile))
    for day in (1, 3):
        for n in range(customers):
            sim.event("visit", f"{day}d", customer=f"c-{n}")
    return sim


def of_rule(sim: Simulator, rule: str) -> list[OutcomeRecord]:
    return [one for one in sim.outcomes if one.rule == rule]


def test_who_was_held_out_is_not_said_to_have_been_reached(tmp_path: Path) -> None:
    rules = """\
version: 1
rules:
  - { id: letter, when: { event: visit }, reentry: once, send: note }
"""
    sim = visited(book(tmp_path, rules, "version: 1\nholdout: 50%\n"), 50)
    held_out = {one.customer for one in sim.outcomes if one.outcome is Outcome.HELD_OUT}
    assert 0 < len(held_out) < 50
    again = [one for one in sim.outcomes if one.outcome is Outcome.SUPPRESSED]
    assert {one.customer for one in again} >= held_out
    assert {one.reason for one in again} == {f"reentry: once, and it came true at {iso(sim.moment('1d'))}"}


def test_each_customer_gets_what_their_variant_says_and_none_gets_nothing(tmp_path: Path) -> None:
    sim = visited(book(tmp_path))
    for outreach in sim.outreach:
        if outreach.rule != "answer":
            wanted = "weekly" if outreach.rule == "letter" else "biweekly"
            assert variant_of(SHARES, "rhythm", outreach.customer) == wanted
    variants = Counter(variant_of(SHARES, "rhythm", f"c-{n}") for n in range(300))
    sent = Counter(one.rule for one in sim.outreach)
    assert sent == {
        "letter": 2 * variants["weekly"],
        "letter-biweekly": 2 * variants["biweekly"],
        "answer": variants["none"],
    }
    assert min(variants.values()) > 15


def test_who_would_have_got_it_is_held_out_in_none_and_suppressed_in_another_variant(tmp_path: Path) -> None:
    sim = visited(book(tmp_path))
    for outcome in of_rule(sim, "letter"):
        variant = variant_of(SHARES, "rhythm", outcome.customer)
        wanted = {"weekly": "fired", "biweekly": "suppressed", "none": "held_out"}
        assert outcome.outcome == wanted[variant]
        if variant != "weekly":
            assert outcome.reason == f"in variant {variant} of experiment rhythm"


def test_a_rule_for_none_alone_is_stopped_by_that_variant_and_says_so(tmp_path: Path) -> None:
    both = 'experiments.rhythm != "weekly" and experiments.rhythm != "biweekly"'
    sim = visited(book(tmp_path, LETTER.replace('profile.rhythm == "weekly" or experiments.rhythm == "weekly"', both)))
    none = [one for one in of_rule(sim, "letter") if variant_of(SHARES, "rhythm", one.customer) == "none"]
    assert {(one.outcome.value, one.reason, len(one.exposed)) for one in none} == {
        ("suppressed", "in variant none of experiment rhythm", 0)
    }


@pytest.mark.parametrize("reads", ["condition", "template"])
def test_none_of_two_experiments_is_held_out_and_exposed_in_neither(tmp_path: Path, reads: str) -> None:
    """Such a customer counts in neither: else more of `none` would be compared than of the other variants."""
    two = (
        LETTER[: LETTER.index("segments")]
        + """experiments:
  - { id: one, variants: { shown: 50, none: 50 }, goal: { event: buy } }
  - { id: two, variants: { shown: 50, none: 50 }, goal: { event: buy } }
rules:
  - { id: letter, when: { event: visit }, reentry: once, send: note }
"""
    )
    shown = 'experiments.one == "shown" and experiments.two == "shown"'
    two = two.replace("reentry: once,", f"if: '{shown}', reentry: once,") if reads == "condition" else two
    note = PLAIN if reads == "condition" else PLAIN.replace("customer", "{{ experiments.one }} {{ experiments.two }}")
    found = Counter[tuple[bool, bool, str, tuple[str, ...]]]()
    for one in visited(book(tmp_path, two, note=note)).outcomes:
        if "reentry" not in one.reason:
            held = [variant_of({"shown": 50, "none": 50}, salt, one.customer) == "none" for salt in ("one", "two")]
            found[held[0], held[1], one.outcome.value, tuple(one.exposed)] += 1
    assert set(found) == {
        (False, False, "fired", ("one", "two")),
        (True, False, "held_out", ("one",)),
        (False, True, "held_out", ("two",)),
        (True, True, "held_out", ()),
    }
    assert found.total() == 300


def test_everybody_is_exposed_once_with_the_first_decision_whatever_their_variant(tmp_path: Path) -> None:
    sim = visited(book(tmp_path))
    exposed = Counter(one.customer for one in sim.outcomes if one.exposed)
    assert exposed == Counter(f"c-{n}" for n in range(300))
    assert all(
        one.exposed == {"rhythm": variant_of(SHARES, "rhythm", one.customer)} for one in sim.outcomes if one.exposed
    )
    assert {one.at for one in sim.outcomes if one.exposed} == {sim.start + DAY}
    assert sim.states["c-1"].events["exposed"].count == 1


def test_who_does_not_take_part_has_no_variant_and_is_not_exposed(tmp_path: Path) -> None:
    sim = visited(book(tmp_path), rhythm="weekly")
    assert Counter(one.rule for one in sim.outreach) == {"letter": 600}
    assert not any(one.exposed for one in sim.outcomes)
    assert {one.outcome for one in of_rule(sim, "letter-biweekly")} == {"suppressed"}


def test_who_is_stopped_by_another_guard_is_not_exposed(tmp_path: Path) -> None:
    policy = "version: 1\nconsent: { marketing: profile.email_opt_in }\n"
    sim = visited(book(tmp_path, policy=policy))
    assert not any(one.exposed for one in sim.outcomes)
    assert {one.reason for one in of_rule(sim, "letter")} == {"no consent to marketing: profile.email_opt_in"}


def test_changed_shares_move_nobody_who_was_exposed(tmp_path: Path) -> None:
    sim = visited(book(tmp_path / "a"))
    before = {one.customer: one.rule for one in sim.outreach if one.rule != "answer"}
    sim.book = book(
        tmp_path / "b", LETTER.replace("weekly: 45, biweekly: 45, none: 10", "weekly: 1, biweekly: 1, none: 98")
    )
    sim.outreach.clear()
    for n in range(300, 400):
        sim.profile(f"c-{n}", wants_letter=True)
    for n in range(400):
        sim.event("visit", "10d", customer=f"c-{n}")
    after = {one.customer: one.rule for one in sim.outreach if one.rule != "answer"}
    assert {customer: rule for customer, rule in after.items() if customer in before} == before
    assert len(after) - len(before) < 10


def test_held_out_counts_for_reentry_and_caps_as_if_it_had_been_sent(tmp_path: Path) -> None:
    rules = LETTER.replace("    send: note\n", "    reentry: once\n    send: note\n", 1)
    sim = visited(book(tmp_path, rules))
    held = [one for one in of_rule(sim, "letter") if variant_of(SHARES, "rhythm", one.customer) == "none"]
    assert Counter(one.outcome.value for one in held) == {"held_out": len(held) // 2, "suppressed": len(held) // 2}
    assert all("reentry: once" in one.reason for one in held if one.outcome == "suppressed")


def test_a_template_reads_the_variant_and_exposes_who_gets_it(tmp_path: Path) -> None:
    rules = LETTER[: LETTER.index("rules:")] + "rules: [{ id: hello, when: { event: visit }, send: note }]\n"
    found = book(tmp_path, rules, note=NOTE)
    assert found.by_id["hello"].needs.reads.experiments == {"rhythm"}
    sim = visited(found)
    outcomes = Counter((variant_of(SHARES, "rhythm", one.customer), one.outcome.value) for one in sim.outcomes)
    assert set(outcomes) == {("weekly", "fired"), ("biweekly", "fired"), ("none", "held_out")}
    assert sum(bool(one.exposed) for one in sim.outcomes) == 300


def test_the_holdout_gets_nothing_but_transactional_and_is_in_no_experiment(tmp_path: Path) -> None:
    rules = LETTER + "  - { id: hello, when: { event: visit }, send: note }\n"
    rules += "  - { id: receipt, when: { event: visit }, purpose: transactional, send: note }\n"
    sim = visited(book(tmp_path, rules, "version: 1\nholdout: 5%\n"))
    held = {f"c-{n}" for n in range(300) if position_of("global", f"c-{n}") < 0.05}
    assert 5 < len(held) < 30
    assert {one.customer for one in of_rule(sim, "hello") if one.outcome == "held_out"} == held
    assert {one.rule for one in sim.outreach if one.customer in held} == {"receipt"}
    assert not any(one.exposed for one in sim.outcomes if one.customer in held)
    assert {one.reason for one in of_rule(sim, "hello") if one.outcome == "held_out"} == {"in the holdout"}


def test_rules_without_an_experiment_decide_as_before_and_states_grow_by_nothing_but_a_byte(tmp_path: Path) -> None:
    rules = "version: 1\nrules: [{ id: hello, when: { event: visit }, send: note }]\n"
    sim = visited(book(tmp_path, rules), customers=3)
    assert [one.outcome.value for one in sim.outcomes] == ["fired"] * 6
    assert all(state.exposed == {} for state in sim.states.values())


def test_the_policy_may_publish_who_was_exposed(tmp_path: Path) -> None:
    rules = book(tmp_path, policy="version: 1\npublish: [exposed]\n")
    assert rules.policy.publish == {"exposed"}
