"""When a score falls below a threshold, the slow way: by bisection of the formula."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from engine.arithmetic.bg_nbd import BgNbd
from engine.arithmetic.history import PurchaseHistory
from engine.arithmetic.pareto_nbd import ParetoNbd
from engine.core.zones import DAY, from_millis

LONGEST = 20 * 366 * 86_400
"""Seconds of silence after which a score counts as never falling below."""


def falls_at(
    model: ParetoNbd | BgNbd,
    moments: Sequence[int],
    below: float = 0.5,
    within: int = 0,
    zone: ZoneInfo = ZoneInfo("UTC"),  # noqa: B008 - a value
    longest: int = LONGEST,
) -> int | None:
    """When silence after the last of these purchases (epoch ms) brings the score below; None: it takes longer."""
    days = sorted({from_millis(moment, zone).toordinal() for moment in moments})
    recency = (days[-1] - days[0]) / 7

    def is_below(seconds: int) -> bool:
        history = PurchaseHistory(len(days) - 1, recency, recency + seconds / (7 * 86_400))
        return (model.buys_within(history, within / (7 * DAY)) if within else model.alive(history)) < below

    low, high = -1, longest
    if not is_below(high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_below(middle) else (middle, high)
    return max(moments) + high * 1000
