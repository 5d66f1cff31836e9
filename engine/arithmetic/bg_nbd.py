"""BG/NBD: customers buy at random at a rate of their own, and may leave after each repeat purchase.

Fader, Hardie and Lee (2005), "Counting your customers the easy way". Fits fast and forecasts totals well; but of
customers without a repeat purchase it says that they are alive for certain, so ranking by it finds the wrong ones.
"""

from dataclasses import dataclass
from math import exp, expm1, inf, lgamma, log, log1p
from typing import ClassVar

from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.special import hyper, log_add


@dataclass(frozen=True, slots=True)
class BgNbd:
    """Purchase rates are gamma distributed with (r, alpha), chances of leaving beta distributed with (a, b)."""

    r: float
    alpha: float
    a: float
    b: float

    name: ClassVar[str] = "bg_nbd"

    def log_likelihood(self, history: PurchaseHistory) -> float:
        """ln of the likelihood of this history."""
        r, a, b, x = self.r, self.a, self.b, history.repeats
        counts = lgamma(a + b) + lgamma(b + x) - lgamma(b) - lgamma(a + b + x) + lgamma(r + x) - lgamma(r)
        return counts + r * log(self.alpha) + log_add(self._log_left(history), self._log_here(history))

    def alive(self, history: PurchaseHistory) -> float:
        """The probability that the customer has not left; always 1 without a repeat purchase."""
        return 1 / (1 + exp(min(700.0, self._log_left(history) - self._log_here(history))))

    def buys_within(self, history: PurchaseHistory, weeks: float) -> float:
        """The probability of a purchase within so many weeks: one minus that of silence."""
        left, here, later = self._log_left(history), self._log_here(history), self._log_here(history.aged(weeks))
        return -expm1(log_add(left, later) - log_add(left, here))

    def _log_here(self, history: PurchaseHistory) -> float:
        """ln of the part of the likelihood in which the customer has not left."""
        return -(self.r + history.repeats) * log(self.alpha + history.age)

    def _log_left(self, history: PurchaseHistory) -> float:
        """ln of the part in which they left after the last purchase."""
        x, recency, _ = history
        return log(self.a / (self.b + x - 1)) - (self.r + x) * log(self.alpha + recency) if x else -inf

    def expected(self, history: PurchaseHistory, weeks: float) -> float:
        """Purchase days to expect within so many weeks."""
        return self.alive(history) * self.yet_to_come(history, weeks)

    def yet_to_come(self, history: PurchaseHistory, weeks: float) -> float:
        """Purchase days to expect within so many weeks of a customer who has not left; the paper's equation 10 after
        Euler's transformation."""
        if weeks <= 0:
            return 0.0
        x, past = history.repeats, self.alpha + history.age
        a = self.a if abs(self.a - 1) > 1e-7 else 1 + 1e-7  # the two sides of the formula cancel there
        c = a + self.b + x - 1
        c = c if abs(c) > 1e-9 else 1e-9
        z = weeks / (past + weeks)
        lasting = exp((a - 1) * log1p(-z)) * hyper(c - self.r - x, a - 1, c, z)
        return c / (a - 1) * (1 - lasting)
