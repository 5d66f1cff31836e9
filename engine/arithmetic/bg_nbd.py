"""BG/NBD: customers buy at random at a rate of their own, and may leave after each repeat purchase.

Fader, Hardie and Lee (2005), "Counting your customers the easy way". Fits fast and forecasts totals well; but of
customers without a repeat purchase it says that they are alive for certain, so ranking by it finds the wrong ones.
"""

from dataclasses import dataclass
from math import exp, expm1, inf, lgamma, log, log1p
from typing import ClassVar

from engine.arithmetic.history import History
from engine.arithmetic.special import hyper, log_add


@dataclass(frozen=True, slots=True)
class BgNbd:
    """Purchase rates are gamma distributed with (r, alpha), chances of leaving beta distributed with (a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    name: ClassVar[str] = "bg_nbd"

    def fixed(self, repeats: int, recency: float) -> float:
        """The part of the formulas that stays the same in silence; who asks for many ages hands it in."""
        if repeats == 0:
            return -inf
        return log(self.a / (self.b + repeats - 1)) - (self.r + repeats) * log(self.alpha + recency)

    def log_likelihood(self, history: History, fixed: float | None = None) -> float:
        """ln of the likelihood of this history."""
        x, recency, age = history
        r, a, b = self.r, self.a, self.b
        left = self.fixed(x, recency) if fixed is None else fixed
        counts = lgamma(a + b) + lgamma(b + x) - lgamma(b) - lgamma(a + b + x) + lgamma(r + x) - lgamma(r)
        here = -(r + x) * log(self.alpha + age)
        return counts + r * log(self.alpha) + log_add(here, left)

    def alive(self, history: History, fixed: float | None = None) -> float:
        """The probability that the customer has not left; always 1 without a repeat purchase."""
        left = self.fixed(history.repeats, history.recency) if fixed is None else fixed
        here = -(self.r + history.repeats) * log(self.alpha + history.age)
        return 1 / (1 + exp(min(700.0, left - here)))

    def buys_within(self, history: History, weeks: float, fixed: float | None = None) -> float:
        """The probability of a purchase within so many weeks: one minus that of silence."""
        fixed = self.fixed(history.repeats, history.recency) if fixed is None else fixed
        return -expm1(self.log_likelihood(history.aged(weeks), fixed) - self.log_likelihood(history, fixed))

    def expected(self, history: History, weeks: float) -> float:
        """Purchase days to expect within so many weeks; the paper's equation 10 after Euler's transformation."""
        x, _, age = history
        return self.alive(history) * self._yet_to_come(x, self.alpha + age, weeks)

    def _yet_to_come(self, x: int, past: float, weeks: float) -> float:
        if weeks <= 0:
            return 0.0
        a = self.a if abs(self.a - 1) > 1e-7 else 1 + 1e-7  # the two sides of the formula cancel there
        c = a + self.b + x - 1
        c = c if abs(c) > 1e-9 else 1e-9
        z = weeks / (past + weeks)
        lasting = exp((a - 1) * log1p(-z)) * hyper(c - self.r - x, a - 1, c, z)
        return c / (a - 1) * (1 - lasting)
