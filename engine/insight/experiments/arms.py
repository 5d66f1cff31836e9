"""What an arm of an experiment adds up to: enough for means, variances and ratios, and quickly merged."""

from collections.abc import Iterable
from math import fsum
from typing import NamedTuple


class Arm(NamedTuple):
    """So many exposed `customers`; `total` and `squares` of their outcomes; `positive`: those whose outcome is not 0.

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
        """So many of so many."""
        return cls(customers, converted, converted, converted)

    def with_(self, other: "Arm") -> "Arm":
        """Both together."""
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
        """Of the outcomes around their mean (over n - 1); 0 is possible, and says nothing, while nobody converted."""
        return max(0.0, self.squares - self.total * self.mean) / max(1, self.customers - 1)
