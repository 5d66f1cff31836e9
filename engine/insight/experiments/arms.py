"""The sums of one arm of an experiment: enough for means, variances and ratios, and cheap to merge.

The other modules of `experiments` take them. No single customer can be read from them.
"""

from collections.abc import Iterable
from math import fsum
from typing import NamedTuple


class Arm(NamedTuple):
    """`customers` were exposed; `total` and `squares` of their outcomes; `positive`: those whose outcome is not 0.

    An outcome is 0 or 1 for a conversion, or what the customer spent.
    """

    customers: int
    total: float
    squares: float
    positive: int

    @classmethod
    def of(cls, outcomes: Iterable[float]) -> "Arm":
        """One number for each exposed customer."""
        listed = list(outcomes)
        squares = fsum(outcome * outcome for outcome in listed)
        return cls(len(listed), fsum(listed), squares, sum(outcome != 0 for outcome in listed))

    @classmethod
    def of_conversions(cls, converted: int, customers: int) -> "Arm":
        """An arm of yes-or-no outcomes: `positive` of `customers`."""
        return cls(customers, converted, converted, converted)

    def with_(self, other: "Arm") -> "Arm":
        """The sums of both arms together."""
        return Arm(
            self.customers + other.customers,
            self.total + other.total,
            self.squares + other.squares,
            self.positive + other.positive,
        )

    @property
    def mean(self) -> float:
        return self.total / self.customers

    @property
    def variance(self) -> float:
        """The variance of the outcomes (over n - 1); without any conversion it is 0, which proves nothing."""
        return max(0.0, self.squares - self.total * self.mean) / max(1, self.customers - 1)
