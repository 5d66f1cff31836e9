"""Variants and the holdout among thousands of customers: shares as asked for, by chances of their own, and for good.

The ids are always the same ones, so a test that holds once holds always; the bounds are those that a fair draw
passes in 999 of 1,000 cases.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256

from engine.core.book import RuleBook
from engine.model import Event
from tests.support.books import DAY, START
from tests.support.drive import Customers
from tests.support.examples import so_many
from tests.support.journeys import EVENTS, loaded

PEOPLE = [f"customer-{number}" for number in range(so_many(3_000))]
TONE, HUE = {"loud": 45.0, "soft": 45.0, "none": 10.0}, {"red": 12.5, "green": 33.3, "blue": 54.2}
CHANGES = (TONE, {"loud": 5.0, "soft": 80.0, "none": 15.0}, {"none": 20.0, "soft": 40.0, "loud": 40.0})
BOUNDS = {1: 10.83, 2: 13.82}
"""Degrees of freedom -> what chi-square exceeds once in 1,000 fair draws."""
EXPERIMENT = """\
  - id: {}
    hypothesis: One of them sells more.
    salt: {}
    variants: {{ {} }}
    goal: {{ event: buy, within: 7d }}
"""
RULES = """\
rules:
  - { id: tone, when: { event: visit }, if: experiments.tone == "loud", send: note }
  - { id: hue, when: { event: buy }, if: experiments.hue == "red", send: note }
"""


def book(tone: Mapping[str, float], hue: Mapping[str, float], holdout: float = 0) -> RuleBook:
    parts = [(id_, id_.upper(), ", ".join(f"{name}: {share:g}" for name, share in shares.items()))
             for id_, shares in (("tone", tone), ("hue", hue))]  # fmt: skip
    text = "experiments:\n" + "".join(EXPERIMENT.format(*part) for part in parts) + RULES
    return loaded(text, "fresh_for: off\n" + (f"holdout: {holdout:g}%\n" if holdout else ""), EVENTS)


def visited(customers: Customers, at: int, people: Sequence[str] = PEOPLE) -> None:
    for name in people:
        customers.tell(Event(f"v{at}", "visit", name, START + at * DAY), Event(f"b{at}", "buy", name, START + at * DAY))


def exposed(customers: Customers, experiment: str) -> dict[str, str]:
    return {name: own[experiment] for name, state in customers.states.items() if experiment in (own := state.exposed)}


def is_fair(found: Mapping[str, int], wanted: Mapping[str, float]) -> bool:
    """Whether these numbers are what a draw by these shares, in percent, gives."""
    total = sum(found.values())
    strain = sum((found.get(one, 0) - total * part / 100) ** 2 / (total * part / 100) for one, part in wanted.items())
    return found.keys() <= wanted.keys() and strain < BOUNDS[len(wanted) - 1]


def drawn(salt: str, customer: str) -> float:
    """In percent."""
    return int.from_bytes(sha256(f"{salt}:{customer}".encode()).digest()[:8]) / 2**64 * 100


def test_each_variant_has_the_share_that_was_asked_for_whatever_the_other_experiment_and_the_holdout_say() -> None:
    customers = Customers(book(TONE, HUE, 8))
    visited(customers, 0)
    tone, hue = exposed(customers, "tone"), exposed(customers, "hue")
    assert is_fair(Counter(tone.values()), TONE)
    assert is_fair(Counter(hue.values()), HUE)
    for variant in HUE:
        assert is_fair(Counter(tone[name] for name, own in hue.items() if own == variant), TONE), variant
    held = set(PEOPLE) - tone.keys()
    assert is_fair({"in": len(held), "out": len(tone)}, {"in": 8.0, "out": 92.0})


def test_the_holdout_is_in_no_experiment_and_gets_nothing_and_all_others_are_not_held_out_by_it() -> None:
    customers = Customers(book(TONE, HUE, 8))
    visited(customers, 0)
    held = {name for name in PEOPLE if drawn("global", name) < 8}
    assert held == set(PEOPLE) - exposed(customers, "tone").keys() == set(PEOPLE) - exposed(customers, "hue").keys()
    assert not held & {one.customer for one in customers.outreach}
    loud = {one.customer for one in customers.outreach if one.rule == "tone"}
    assert loud == {name for name in PEOPLE if name not in held and drawn("TONE", name) < 45}
    outcomes = Counter(one.outcome.value for one in customers.outcomes if one.customer in held)
    assert "fired" not in outcomes


def test_shares_that_change_again_and_again_move_nobody_who_was_exposed_and_place_all_others_by_the_new_ones() -> None:
    third = len(PEOPLE) // 3
    customers = Customers(book(TONE, HUE))
    wanted: dict[str, str] = {}
    for place, shares in enumerate(CHANGES):
        customers.meet(book(shares, HUE))
        new = PEOPLE[place * third : (place + 1) * third]
        for name in new:
            upto = [sum(list(shares.values())[: number + 1]) for number in range(len(shares))]
            wanted[name] = next(own for own, end in zip(shares, upto, strict=True) if drawn("TONE", name) < end)
        visited(customers, place + 1, PEOPLE[: (place + 1) * third])
        assert exposed(customers, "tone") == wanted, place
        got = {one.customer for one in customers.outreach if one.rule == "tone" and one.at == START + (place + 1) * DAY}
        assert got == {name for name, own in wanted.items() if own == "loud"}, place
        assert is_fair(Counter(wanted[name] for name in new), shares), place
