"""Whether predicted probabilities come true: the Brier score, bins for a picture, and whether the order is right.

Brier (1950), "Verification of forecasts expressed in terms of probability".
"""

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import fsum
from typing import Final, NamedTuple

BINS: Final = 10


class Bin(NamedTuple):
    """A bin of customers with nearly equal predictions: the mean prediction, and the share for whom it came true."""

    customers: int
    predicted: float
    observed: float


class Calibration(NamedTuple):
    """`brier` is the mean squared error; `base` that of predicting the overall share for everybody.

    `ranking`: the chance that one who did it was predicted higher than one who did not (AUC; .5 is a coin).
    """

    brier: float
    base: float
    ranking: float
    bins: list[Bin]


def calibration(predicted: Sequence[float], happened: Sequence[bool]) -> Calibration:
    """Bins hold equally many customers, in the order of their predictions. At least one customer is needed."""
    count, share = len(predicted), sum(happened) / len(happened)
    squares = fsum((guess - did) ** 2 for guess, did in zip(predicted, happened, strict=True))
    pairs = sorted(zip(predicted, happened, strict=True))
    edges = [count * number // BINS for number in range(BINS + 1)]
    groups = [pairs[start:end] for start, end in pairwise(edges) if start < end]
    return Calibration(squares / count, share * (1 - share), _ranking(pairs), [_bin(group) for group in groups])


def _bin(group: Sequence[tuple[float, bool]]) -> Bin:
    predicted, happened = zip(*group, strict=True)
    return Bin(len(group), fsum(predicted) / len(group), sum(happened) / len(group))


def _ranking(pairs: Sequence[tuple[float, bool]]) -> float:
    """Mann and Whitney's statistic, equal predictions counting half; .5 if all or none of them did it."""
    won, behind = 0.0, 0
    positives = sum(did for _, did in pairs)
    negatives = len(pairs) - positives
    for _, group in groupby(pairs, key=lambda pair: pair[0]):
        outcomes = [did for _, did in group]
        did = sum(outcomes)
        won += did * (behind + (len(outcomes) - did) / 2)
        behind += len(outcomes) - did
    return won / (positives * negatives) if positives and negatives else 0.5
