"""Computes the coordinates of the demo page's charts (inline SVG)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

HEIGHT = 160
STEP = 44
"""Units from one month's column to the next."""


@dataclass
class Block:
    """One purpose's share of a month's column."""

    kind: str
    y: float
    height: float
    title: str


@dataclass
class Column:
    """One month. `x` is its left edge, `top` where its number stands."""

    label: str
    x: int
    top: float
    total: int
    blocks: list[Block]


@dataclass
class Chart:
    """Columns of messages by month, marketing at the bottom."""

    width: int
    columns: list[Column]
    kinds: list[str]

    @classmethod
    def of(cls, outreach: Sequence[dict[str, Any]]) -> "Chart":
        counts = Counter((it["at"][:7], it["purpose"]) for it in outreach)
        kinds = sorted({purpose for _, purpose in counts}, key=lambda kind: (kind != "marketing", kind))
        span = months(outreach)
        highest = max((sum(counts[month, kind] for kind in kinds) for month in span), default=1)
        columns = [
            _column(month, STEP * i, [(k, counts[month, k]) for k in kinds], highest) for i, month in enumerate(span)
        ]
        return cls(max(STEP * len(columns), 1), columns, kinds)


def _column(month: str, x: int, counts: list[tuple[str, int]], highest: int) -> Column:
    blocks, y = [], float(HEIGHT)
    label = date.fromisoformat(f"{month}-01").strftime("%b %y")
    for kind, count in counts:
        height = HEIGHT * count / highest
        y -= height
        blocks.append(Block(kind, round(y, 1), round(height, 1), f"{label}: {count:,} {kind}"))
    return Column(label, x, round(y, 1), sum(count for _, count in counts), blocks)


def months(outreach: Sequence[dict[str, Any]]) -> list[str]:
    """Every month from the first message's to the last one's, as YYYY-MM."""
    if not outreach:
        return []
    first, last = (pick(it["at"][:7] for it in outreach) for pick in (min, max))
    numbers = [int(month[:4]) * 12 + int(month[5:]) - 1 for month in (first, last)]
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in range(numbers[0], numbers[1] + 1)]


def sparkline(outreach: Sequence[dict[str, Any]], span: Sequence[str]) -> str:
    """The points of a line over the months, 100 wide and 20 high."""
    counts = Counter(it["at"][:7] for it in outreach)
    highest = max(counts.values(), default=1)
    step = 100 / max(len(span) - 1, 1)
    return " ".join(f"{i * step:.1f},{19 - 18 * counts[month] / highest:.1f}" for i, month in enumerate(span))
