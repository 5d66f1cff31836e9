"""Counts what a backtest of one rule book decided: per rule, per day, by outcome and reason.

Each process adds up its customers; the sums of all processes are the result, in whatever order they come.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from engine.backtest.decided import Decided
from engine.core.zones import LocalDays, iso_date
from engine.model import Outcome

QUARTER_HOUR: Final = 900_000
"""Milliseconds. Days begin at a multiple of it in every zone, so one look-up serves a quarter of an hour."""
MAX_QUARTERS: Final = 500_000
"""Quarters of an hour whose day is kept: 14 years, 50 MB. A history of placeholder dates would have more."""
MAX_REASONS: Final = 10_000
"""Different reasons that are counted, at most. Without it reasons that quote data would fill the memory."""
FIRED: Final = Outcome.FIRED
"""Asked for each outcome, which costs less than a look into the enum."""
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z|\b\d+[dhms]\b( \d+[hms]\b)*(?= after its moment)")


@dataclass
class Tally:
    """Sums over customers. `days`: (rule, "2026-01-31") -> outreach; `reached`: customers with any outreach."""

    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, Outcome, str]] = field(default_factory=Counter)
    days: Counter[tuple[str, str]] = field(default_factory=Counter)
    reached: int = 0
    duplicates: int = 0
    failures: int = 0
    first_failure: str = ""

    def add(self, decided: Decided, days: "Days") -> None:
        """Add a customer."""
        self.duplicates += decided.duplicates
        self.reached += bool(decided.outreach)
        for outreach in decided.outreach:
            self.days[outreach.rule, days[outreach.at // QUARTER_HOUR]] += 1
        for one in decided.outcomes:
            rule, outcome = one.rule, one.outcome
            self.outcomes[rule, outcome] += 1
            if outcome is not FIRED:
                key = rule, outcome, without_moments(one.reason)
                if key in self.reasons or len(self.reasons) < MAX_REASONS:
                    self.reasons[key] += 1
        if decided.failures:
            self.failures += len(decided.failures)
            self.first_failure = min(filter(None, (self.first_failure, decided.failures[0])))

    def plus(self, other: "Tally") -> "Tally":
        return Tally(
            self.outcomes + other.outcomes,
            self.reasons + other.reasons,
            self.days + other.days,
            self.reached + other.reached,
            self.duplicates + other.duplicates,
            self.failures + other.failures,
            min(filter(None, (self.first_failure, other.first_failure)), default=""),
        )

    @property
    def outreach(self) -> int:
        """Messages, each once. A repeated event may decide one twice: then `outcomes` has it twice."""
        return sum(self.days.values())

    def fired(self, rule: str) -> int:
        return self.outcomes[rule, Outcome.FIRED]

    def reasons_of(self, rule: str, number: int) -> list[tuple[Outcome, str, int]]:
        """The most frequent reasons why the rule did not send."""
        found = [(outcome, reason, count) for (whose, outcome, reason), count in self.reasons.items() if whose == rule]
        return sorted(found, key=lambda one: (-one[2], one[1]))[:number]


@lru_cache(100_000)
def without_moments(reason: str) -> str:
    """The reason without what differs from customer to customer, so that equal reasons count together."""
    return _MOMENT.sub("…", reason)


class Days(dict[int, str]):
    """The days of a zone, such as "2026-01-31", by the number of the quarter of an hour since 1970."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self._numbers = LocalDays(zone)

    def __missing__(self, quarter: int) -> str:
        day = iso_date(self._numbers.of(quarter * QUARTER_HOUR))
        if len(self) < MAX_QUARTERS:
            self[quarter] = day
        return day
