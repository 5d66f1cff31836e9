"""Gamma-Gamma: how much a customer spends, from how much they spent; independent of how often.

Fader and Hardie (2013), "The Gamma-Gamma model of monetary value".
"""

from dataclasses import dataclass
from math import lgamma, log
from typing import ClassVar, NamedTuple


class Spending(NamedTuple):
    """`purchases`: purchase days after the first; `mean`: spending per such day. Both are above 0."""

    purchases: int
    mean: float

    @classmethod
    def of_repeats(cls, purchases: int, spent: float) -> "Spending | None":
        """From what was spent on so many days after the first; None without a paid one."""
        return cls(purchases, spent / purchases) if purchases and spent > 0 else None


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """A purchase is gamma distributed with (p, n), and n over customers with (q, v)."""

    p: float
    q: float
    v: float

    name: ClassVar[str] = "gamma_gamma"

    def log_likelihood(self, spending: Spending) -> float:
        """ln of the likelihood of this average."""
        p, q, v = self.p, self.q, self.v
        x, mean = spending
        return (
            lgamma(p * x + q)
            - lgamma(p * x)
            - lgamma(q)
            + q * log(v)
            + (p * x - 1) * log(mean)
            + p * x * log(x)
            - (p * x + q) * log(x * mean + v)
        )

    def expected(self, spending: Spending | None) -> float:
        """The expected value of the next purchase; the population's mean without repeat ones. q must be above 1."""
        count, mean = spending or (0, 0.0)
        return self.p * (self.v + count * mean) / (self.p * count + self.q - 1)
