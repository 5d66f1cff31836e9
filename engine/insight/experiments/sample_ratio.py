"""Whether the arms have the shares they were meant to have: if not, something is broken and no figure can be believed.

Lindon and Malek (2020), "Anytime-valid inference for multinomial count data": may be looked at daily, where a
chi-square test raises a false alarm in 6 to 29 %.
"""

from collections.abc import Sequence
from math import lgamma, log
from typing import Final

CONCENTRATION: Final = 100.0
"""The Dirichlet prior's concentration: how near the planned shares a broken split is expected to be."""
ALARM: Final = log(100)
"""A log Bayes factor this high comes without a cause in at most 1 of 100 experiments, however often it is looked at."""


def log_bayes_factor(counts: Sequence[int], shares: Sequence[float]) -> float:
    """ln of how much better "the split is off" explains the counts than the planned shares (in any unit) do.

    An arm without a share is left out; customers in it are another fault.
    """
    kept = [(count, share) for count, share in zip(counts, shares, strict=True) if share > 0]
    whole, total = sum(share for _, share in kept), sum(count for count, _ in kept)
    factor = lgamma(CONCENTRATION) - lgamma(CONCENTRATION + total)
    for count, share in kept:
        prior = CONCENTRATION * share / whole
        factor += lgamma(prior + count) - lgamma(prior) - count * log(share / whole)
    return factor


def is_off(counts: Sequence[int], shares: Sequence[float]) -> bool:
    """Whether to raise the alarm."""
    return log_bayes_factor(counts, shares) >= ALARM
