"""Counts of what a run did, for people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from engine.core.zones import iso
from engine.errors import BadInputFile
from engine.model import Outcome
from engine.worker.result import Result


@dataclass
class Summary:
    """Counts of one run. `months` maps "1997-03" to the number of outreach decided for it."""

    records: int = 0
    events: int = 0
    duplicates: int = 0
    commits: int = 0
    outcomes: Counter[tuple[str, Outcome]] = field(default_factory=Counter)
    reasons: Counter[tuple[str, Outcome, str]] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    first_dead_letter: dict[str, str] = field(default_factory=dict)
    """Reason code -> place and reason of the first dead letter."""
    undeclared: Counter[str] = field(default_factory=Counter)
    recovered: int = 0
    broken: BadInputFile | None = None
    """The file that could not be read to its end."""
    seconds: float = 0.0

    def add(self, result: Result) -> None:
        self.commits += 1
        self.events += result.events
        self.duplicates += result.duplicates
        for outcome in result.outcomes:
            self.outcomes[outcome.rule, outcome.outcome] += 1
            if outcome.outcome is Outcome.FIRED:
                self.months[iso(outcome.at)[:7]] += 1
            elif outcome.outcome in (Outcome.FAILED, Outcome.CAPPED):
                self.reasons[outcome.rule, outcome.outcome, outcome.reason] += 1

    def reject(self, code: str, place: str, reason: str) -> None:
        self.dead_letters[code] += 1
        self.first_dead_letter.setdefault(code, f"{place}: {reason}")

    def fired(self) -> int:
        return sum(count for (_, outcome), count in self.outcomes.items() if outcome is Outcome.FIRED)


def sum_of(shares: Sequence[Summary]) -> Summary:
    """The sum of runs over the same records, each for a share of the customers; records are counted by the first."""
    total = replace(shares[0])
    for one in shares[1:]:
        total.events += one.events
        total.duplicates += one.duplicates
        total.commits += one.commits
        total.outcomes += one.outcomes
        total.reasons += one.reasons
        total.months += one.months
        total.dead_letters += one.dead_letters
        total.first_dead_letter = one.first_dead_letter | total.first_dead_letter
    return total
