"""Pareto/NBD: customers buy at random at a rate of their own, until they leave for good, unseen.

Schmittlein, Morrison and Colombo (1987), "Counting your customers"; the likelihood as in Fader and Hardie (2005),
"A note on deriving the Pareto/NBD model". The engine's default: unlike BG/NBD it does not call a customer alive for
certain who never came back.
"""

from dataclasses import dataclass
from math import exp, expm1, inf, lgamma, log, log1p
from typing import ClassVar

from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.quadrature import log_integral
from engine.arithmetic.special import log_add


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """Purchase rates are gamma distributed with (r, alpha), rates of leaving with (s, beta). In weeks."""

    r: float
    alpha: float
    s: float
    beta: float

    name: ClassVar[str] = "pareto_nbd"

    def log_likelihood(self, history: PurchaseHistory) -> float:
        """ln of the likelihood of this history."""
        r, x = self.r, history.repeats
        return lgamma(r + x) - lgamma(r) + r * log(self.alpha) + self.s * log(self.beta) + self._log_varying(history)

    def alive(self, history: PurchaseHistory) -> float:
        """The probability that the customer has not left."""
        return 1 / (1 + exp(min(700.0, self._log_left(history) - self._log_here(history))))

    def buys_within(self, history: PurchaseHistory, weeks: float) -> float:
        """The probability of a purchase within so many weeks: one minus that of silence."""
        return -expm1(self._log_varying(history.aged(weeks)) - self._log_varying(history))

    def expected(self, history: PurchaseHistory, weeks: float) -> float:
        """Purchase days to expect within so many weeks."""
        return self.alive(history) * self.yet_to_come(history, weeks)

    def yet_to_come(self, history: PurchaseHistory, weeks: float) -> float:
        """Purchase days to expect within so many weeks of a customer who has not left."""
        gone, left = self.beta + history.age, self.s - 1
        length = log1p(weeks / gone)
        share = -expm1(-left * length) / left if abs(left) > 1e-9 else length
        return (self.r + history.repeats) * gone / (self.alpha + history.age) * share

    def _log_varying(self, history: PurchaseHistory) -> float:
        """ln of the part of the likelihood that changes in silence."""
        return log_add(self._log_left(history), self._log_here(history))

    def _log_here(self, history: PurchaseHistory) -> float:
        """ln of the part in which the customer has not left."""
        x, _, age = history
        return -(self.r + x) * log(self.alpha + age) - self.s * log(self.beta + age)

    def _log_left(self, history: PurchaseHistory) -> float:
        """ln of the part in which they left between the last purchase and now."""
        x, recency, age = history
        if age <= recency:
            return -inf
        near, far = self.alpha + recency, self.beta + recency
        return log(self.s) + log_integral(near, self.r + x, far, self.s + 1, age - recency)
