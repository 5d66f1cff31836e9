"""The tenth of CDNOW that the papers use, in plain Python: independent of every query of the engine."""

import gzip
import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path

from engine.arithmetic.history import PurchaseHistory
from engine.insight.models.gamma_gamma import Spending

FILE = Path(__file__).parents[2] / "engine" / "demo" / "cdnow_sample.jsonl.gz"
CALIBRATION_END = date(1997, 9, 30)
WEEKS_AFTER = 39
"""From the end of the calibration to the end of the data."""


@dataclass(frozen=True)
class Purchase:
    customer: str
    at: datetime
    amount: float


@dataclass(frozen=True)
class Watched:
    """A customer until the end of the calibration, and on how many days they bought in the 39 weeks after."""

    customer: str
    history: PurchaseHistory
    spending: Spending | None
    bought_after: int


@cache
def purchases() -> tuple[Purchase, ...]:
    with gzip.open(FILE, "rt") as lines:
        events = [json.loads(line) for line in lines]
    return tuple(Purchase(one["customer_id"], datetime.fromisoformat(one["ts"]), one["amount"]) for one in events)


@cache
def customers() -> tuple[Watched, ...]:
    days: dict[str, dict[date, float]] = defaultdict(lambda: defaultdict(float))
    for one in purchases():
        days[one.customer][one.at.date()] += one.amount
    return tuple(_watched(customer, spent) for customer, spent in days.items())


def _watched(customer: str, spent: dict[date, float]) -> Watched:
    known = sorted(day for day in spent if day <= CALIBRATION_END)
    first, last = known[0], known[-1]
    repeats = len(known) - 1
    spending = Spending(repeats, sum(spent[day] for day in known[1:]) / repeats) if repeats else None
    history = PurchaseHistory(repeats, (last - first).days / 7, (CALIBRATION_END - first).days / 7)
    return Watched(customer, history, spending, len(spent) - len(known))


def histories() -> list[PurchaseHistory]:
    return [one.history for one in customers()]
