"""No interleaving of owners, lost answers, erasures, upgrades and a server that goes back loses or invents anything.

ENGINE_TEST_STORE_RUNS explores more than the usual runs, from other seeds.
"""

import os
from dataclasses import fields

import pytest

from tests.support.examples import so_many
from tests.support.store_model.explore import busy_customer, explore
from tests.support.store_model.truth import Rules, Wrong

RUNS = int(os.environ.get("ENGINE_TEST_STORE_RUNS", "0"))
PROOF = 3_000
"""Runs of which one must fail where a rule is switched off; the rarest needs 56."""
RULES = [field.name for field in fields(Rules) if field.name != "does_not_renew"]


@pytest.mark.parametrize("block", range(4))
def test_whatever_happens_the_store_has_what_happened(block: int) -> None:
    for seed in range(block * 100, block * 100 + so_many(100)):
        explore(seed)


@pytest.mark.skipif(not RUNS, reason="ENGINE_TEST_STORE_RUNS is not set")
def test_many_more_runs_find_nothing_either() -> None:
    for seed in range(1_000_000, 1_000_000 + RUNS):
        explore(seed)


@pytest.mark.parametrize("rule", RULES)
def test_without_any_one_of_the_rules_something_goes_wrong(rule: str) -> None:
    with pytest.raises(Wrong):
        _explore_many(Rules(**{rule: False}))


def _explore_many(rules: Rules) -> None:
    for seed in range(PROOF):
        explore(seed, rules)


def test_a_customer_who_comes_again_and_again_has_few_looks() -> None:
    busy_customer()
    with pytest.raises(Wrong, match="looks at one customer"):
        busy_customer(Rules(does_not_renew=False))
