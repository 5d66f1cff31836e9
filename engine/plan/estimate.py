"""Sums over a sample of customers, and the totals that they stand for, with an interval of 95 %.

`live` adds customers; `build` and `expectations` ask. Drawn without replacement, so a sample of everybody is exact.
"""

from math import sqrt
from typing import Final

import msgspec

Z: Final = 1.96
"""Standard errors of a 95 % interval."""
RULE_OF_THREE: Final = 3.0
"""Of n customers none was seen: with 95 % confidence fewer than 3 in n are there."""


class Estimate(msgspec.Struct, frozen=True):
    """A total: the estimate, and its interval."""

    value: float
    low: float
    high: float


class Sums(msgspec.Struct):
    """Sums of one number per customer under the old and the new book, and of their squares and products."""

    old: float = 0.0
    new: float = 0.0
    old_squares: float = 0.0
    new_squares: float = 0.0
    products: float = 0.0

    def add(self, old: float, new: float) -> None:
        self.old += old
        self.new += new
        self.old_squares += old * old
        self.new_squares += new * new
        self.products += old * new

    def take(self, other: "Sums") -> None:
        """Add the sums of other customers."""
        self.old += other.old
        self.new += other.new
        self.old_squares += other.old_squares
        self.new_squares += other.new_squares
        self.products += other.products

    def total_new(self, sample: "Size") -> Estimate:
        return _total(self.new, self.new_squares, sample)

    def total_old(self, sample: "Size") -> Estimate:
        return _total(self.old, self.old_squares, sample)

    def difference(self, sample: "Size", factor: float = 1.0) -> Estimate:
        """The total of new - factor * old. Exact about what both have in common: each customer is compared."""
        squares = self.new_squares - 2 * factor * self.products + factor * factor * self.old_squares
        return _total(self.new - factor * self.old, squares, sample, both_ways=True)


class Size(msgspec.Struct, frozen=True):
    """How many customers were looked at, of how many."""

    looked_at: int
    customers: int

    @property
    def is_all(self) -> bool:
        return self.looked_at >= self.customers


def _total(sum_: float, squares: float, size: Size, *, both_ways: bool = False) -> Estimate:
    """`both_ways`: the number may be negative."""
    n, whole = size.looked_at, size.customers
    if size.is_all or not n:
        return Estimate(sum_, sum_, sum_)
    value, scale = sum_ * whole / n, whole / n
    if squares <= 1e-9:
        edge = RULE_OF_THREE * scale
        return Estimate(0.0, -edge if both_ways else 0.0, edge)
    variance = max(0.0, (squares - sum_ * sum_ / n) / max(1, n - 1))
    error = Z * whole * sqrt((1 - n / whole) * variance / n)
    return Estimate(value, value - error if both_ways else max(sum_, value - error), value + error)
