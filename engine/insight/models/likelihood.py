"""The log likelihood of all customers together, with its slopes: what a fit climbs.

`engine.arithmetic` has the likelihoods of one customer. That they left is an integral over the moment they left at; its
slopes are integrals over the same points.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import exp, inf, lgamma, log
from typing import Final, NamedTuple

from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.quadrature import grid
from engine.arithmetic.special import digamma, log_add
from engine.insight.models.gamma_gamma import Spending
from engine.insight.models.optimum import Height

Kinds = Mapping[PurchaseHistory, int]
"""Histories, each with the number of customers who have it."""


def pareto_nbd(at: Sequence[float], kinds: Kinds) -> Height:
    """Of `ParetoNbd(*at)`."""
    r, alpha, s, beta = at
    log_rising, inverses = _rising(r, _most(kinds))
    log_alpha, log_beta, log_s = log(alpha), log(beta), log(s)
    value = of_r = of_alpha = of_s = of_beta = 0.0
    for (x, recency, age), count in kinds.items():
        log_a, log_b = log(alpha + age), log(beta + age)
        here = inner = -(r + x) * log_a - s * log_b
        left, gone = 0.0, _NEVER
        if age > recency:
            gone = _gone(alpha, r + x, beta, s + 1, recency, age)
            inner = log_add(log_s + gone.log, here)
            left = exp(log_s + gone.log - inner)
        stayed = 1 - left
        value += count * (log_rising[x] + r * log_alpha + s * log_beta + inner)
        of_r += count * (inverses[x] + log_alpha - stayed * log_a - left * gone.log_alpha)
        of_alpha += count * (r / alpha - (r + x) * (stayed / (alpha + age) + left * gone.per_alpha))
        of_s += count * (log_beta - stayed * log_b + left * (1 / s - gone.log_beta))
        of_beta += count * (s / beta - s * stayed / (beta + age) - (s + 1) * left * gone.per_beta)
    return Height(value, [of_r, of_alpha, of_s, of_beta])


def bg_nbd(at: Sequence[float], kinds: Kinds) -> Height:
    """Of `BgNbd(*at)`."""
    r, alpha, a, b = at
    most = _most(kinds)
    (log_r, per_r), (log_b, per_b), (log_ab, per_ab) = (_rising(one, most) for one in (r, b, a + b))
    log_alpha = log(alpha)
    value = of_r = of_alpha = of_a = of_b = 0.0
    for (x, recency, age), count in kinds.items():
        log_now, log_then = log(alpha + age), log(alpha + recency)
        here = -(r + x) * log_now
        gone = log(a / (b + x - 1)) - (r + x) * log_then if x else -inf
        inner = log_add(here, gone)
        left = exp(gone - inner)
        stayed = 1 - left
        value += count * (log_r[x] + log_b[x] - log_ab[x] + r * log_alpha + inner)
        of_r += count * (per_r[x] + log_alpha - stayed * log_now - left * log_then)
        of_alpha += count * (r / alpha - (r + x) * (stayed / (alpha + age) + left / (alpha + recency)))
        of_a += count * (left / a - per_ab[x])
        of_b += count * (per_b[x] - per_ab[x] - (left / (b + x - 1) if x else 0.0))
    return Height(value, [of_r, of_alpha, of_a, of_b])


def gamma_gamma(at: Sequence[float], kinds: Mapping[Spending, int]) -> Height:
    """Of `GammaGamma(*at)`."""
    p, q, v = at
    log_v, log_gamma_q, digamma_q = log(v), lgamma(q), digamma(q)
    value = of_p = of_q = of_v = 0.0
    for (x, mean), count in kinds.items():
        shape, spent = p * x, x * mean
        whole, log_spent, log_total = shape + q, log(spent), log(spent + v)
        value += count * (
            lgamma(whole) - lgamma(shape) - log_gamma_q + q * log_v + shape * log_spent - log(mean) - whole * log_total
        )
        rise = digamma(whole)
        of_p += count * x * (rise - digamma(shape) + log_spent - log_total)
        of_q += count * (rise - digamma_q + log_v - log_total)
        of_v += count * (q / v - whole / (spent + v))
    return Height(value, [of_p, of_q, of_v])


def _most(kinds: Kinds) -> int:
    return max(history.repeats for history in kinds)


def _rising(start: float, most: int) -> tuple[list[float], list[float]]:
    """For n from 0 to `most`: ln of start (start + 1) … (start + n - 1), and its slope."""
    factors = [start + number for number in range(most)]
    return list(accumulate(map(log, factors), initial=0.0)), list(accumulate((1 / x for x in factors), initial=0.0))


class _Gone(NamedTuple):
    """`log`: ln of the integral, over the moments t, of (alpha + t)^-a (beta + t)^-b. The others are means under it:
    of ln(alpha + t), 1 / (alpha + t), ln(beta + t), 1 / (beta + t)."""

    log: float
    log_alpha: float
    per_alpha: float
    log_beta: float
    per_beta: float


_NEVER: Final = _Gone(-inf, 0.0, 0.0, 0.0, 0.0)


def _gone(alpha: float, a: float, beta: float, b: float, start: float, end: float) -> _Gone:
    if alpha > beta:
        whole, log_beta, per_beta, log_alpha, per_alpha = _gone(beta, b, alpha, a, start, end)
        return _Gone(whole, log_alpha, per_alpha, log_beta, per_beta)
    near, far, apart = alpha + start, beta + start, beta - alpha
    width, points = grid(near, a, far, b, end - start)
    first, slower = log(near), a - 1
    highest = slower * first + b * log(far)
    total = log_alpha = per_alpha = log_beta = per_beta = 0.0
    for place, weight in points:
        logarithm = first + width * place
        now = exp(logarithm)
        log_far = log(now + apart)
        weight *= exp(highest - slower * logarithm - b * log_far)
        total += weight
        log_alpha += weight * logarithm
        per_alpha += weight / now
        log_beta += weight * log_far
        per_beta += weight / (now + apart)
    return _Gone(log(width * total) - highest, log_alpha / total, per_alpha / total, log_beta / total, per_beta / total)
