"""Pareto/NBD: customers buy at random at a rate of their own, until they leave for good, unseen.

Schmittlein, Morrison and Colombo (1987), "Counting your customers"; the likelihood as in Fader and Hardie (2005),
"A note on deriving the Pareto/NBD model". The engine's default: unlike BG/NBD it does not call a customer alive for
certain who never came back.
"""

from dataclasses import dataclass
from math import exp, expm1, lgamma, log, log1p
from typing import ClassVar

from engine.arithmetic.history import History
from engine.arithmetic.special import log_add, log_hyper_next


@dataclass(frozen=True, slots=True)
class ParetoNbd:
    """Purchase rates are gamma distributed with (r, alpha), rates of leaving with (s, beta). In weeks."""

    r: float
    alpha: float
    s: float
    beta: float

    name: ClassVar[str] = "pareto_nbd"

    def fixed(self, repeats: int, recency: float) -> float:
        """The part of the formulas that stays the same in silence; who asks for many ages hands it in."""
        return self._log_tail(repeats, recency)

    def log_likelihood(self, history: History, fixed: float | None = None) -> float:
        """ln of the likelihood of this history."""
        x, _, age = history
        r, alpha = self.r, self.alpha
        inner = log_add(self._log_left(history, fixed), self._log_here(x, age))
        return lgamma(r + x) - lgamma(r) + r * log(alpha) + self.s * log(self.beta) + inner

    def alive(self, history: History, fixed: float | None = None) -> float:
        """The probability that the customer has not left."""
        return 1 / (1 + exp(min(700.0, self._log_left(history, fixed) - self._log_here(history.repeats, history.age))))

    def buys_within(self, history: History, weeks: float, fixed: float | None = None) -> float:
        """The probability of a purchase within so many weeks: one minus that of silence."""
        fixed = self.fixed(history.repeats, history.recency) if fixed is None else fixed
        return -expm1(self.log_likelihood(history.aged(weeks), fixed) - self.log_likelihood(history, fixed))

    def expected(self, history: History, weeks: float) -> float:
        """Purchase days to expect within so many weeks."""
        gone, left = self.beta + history.age, self.s - 1
        length = log1p(weeks / gone)
        share = -expm1(-left * length) / left if abs(left) > 1e-9 else length
        return self.alive(history) * (self.r + history.repeats) * gone / (self.alpha + history.age) * share

    def _log_here(self, x: int, age: float) -> float:
        """ln of the part of the likelihood in which the customer has not left."""
        return -(self.r + x) * log(self.alpha + age) - self.s * log(self.beta + age)

    def _log_left(self, history: History, fixed: float | None) -> float:
        """ln of the part in which they left between the last purchase and now.

        A difference of two terms. Where they are nearly equal it is imprecise, and much smaller than `_log_here`.
        """
        x, recency, age = history
        if age <= recency:
            return -1e300
        at, now = self.fixed(x, recency) if fixed is None else fixed, self._log_tail(x, age)
        gap = now - at
        return log(self.s / (self.r + self.s + x)) + at + log(-expm1(gap)) if gap < 0 else -1e300

    def _log_tail(self, x: int, time: float) -> float:
        whole = self.r + self.s + x
        if self.alpha >= self.beta:
            far, near, b = self.alpha, self.beta, self.s + 1
        else:
            far, near, b = self.beta, self.alpha, self.r + x
        return log_hyper_next(whole, b, (far - near) / (far + time)) - whole * log(far + time)
