"""Conditions that nobody or everybody meets are doubted, and no others."""

from itertools import product

import pytest

from engine.core.expr import compile_expression
from tests.support.expressions import CATALOG

ORDERS = ("==", "!=", "<", "<=", ">", ">=")
LIMITS = (1, 2)
VALUES = (0, 1, 1.5, 2, 3)


@pytest.mark.parametrize(("word", "code"), [("and", "never-true"), ("or", "always-true")])
def test_two_comparisons_are_doubted_if_no_value_or_every_value_meets_them(word: str, code: str) -> None:
    for one, other, low, high in product(ORDERS, ORDERS, LIMITS, LIMITS):
        text = f"profile.age {one} {low} {word} profile.age {other} {high}"
        met = {eval(text.replace("profile.age", str(value))) for value in VALUES}
        _, doubts = compile_expression(text, CATALOG, frozenset())
        assert bool(doubts) == (met == {word == "or"}), text
        assert {doubt.code for doubt in doubts} <= {code}
