"""What a reviewer demands of a plan, such as `outreach < 2x`: parsed and checked, for `engine plan --expect`.

A demand holds only if it holds at the end of the interval that is worse for it: a small sample is no proof.
"""

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from engine.core.book import RuleBook
from engine.errors import UsageError
from engine.lang.diagnostics import with_closest
from engine.plan.estimate import Size, Sums
from engine.plan.live import OF_EACH, ONLY_NEW, TOTALS

_FORM: Final = re.compile(r"\s*([a-z_0-9]+(?:\.[A-Za-z0-9_-]+)?)\s*(<=|>=|<|>)\s*([0-9]+(?:\.[0-9]+)?)\s*(x|%)?\s*")
_COMPARE: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True)
class Demand:
    """`number` is a factor of what it is with the live rules if `relative`."""

    text: str
    name: str
    sign: str
    number: float
    relative: bool

    def holds(self, sums: Mapping[str, Sums], size: Size) -> bool:
        """Whether the plan meets it for sure."""
        found = sums.get(self.name, Sums())
        if self.relative:
            if not (found.old_squares or found.new_squares):
                return self.sign != ">"  # nothing is less than, and as much as, twice nothing
            total, limit = found.difference(size, self.number), 0.0
        else:
            total, limit = found.total_new(size), self.number
        return _COMPARE[self.sign](total.high if "<" in self.sign else total.low, limit)


def check_counted(demand: Demand, old: RuleBook, new: RuleBook) -> None:
    """Raises UsageError for what is never counted, such as an unknown rule: it would be below any limit."""
    name, _, of = demand.name.partition(".")
    if not of:
        return
    if name not in OF_EACH:
        message = f"--expect '{demand.text}': '{name}' is counted for all rules together"
        raise UsageError(message)
    rules = (*new.by_id, *(rule for rule in old.by_id if rule not in new.renamed))
    known: Mapping[str, Collection[str]] = {"rule": rules, "segment": new.segments, "points": new.points}
    kind = OF_EACH[name]
    if of not in known[kind]:
        raise UsageError(with_closest(f"--expect '{demand.text}': unknown {kind} '{of}'", of, known[kind]))


def parse(text: str) -> Demand:
    """Raises UsageError."""
    match = _FORM.fullmatch(text)
    if match is None or match[1].partition(".")[0] not in TOTALS:
        message = f"--expect '{text}': write a name, a sign and a number, such as 'outreach < 2x', 'at_once <= 500' or"
        message = f"{message} 'outreach.win-back < 150%'; names: {', '.join(TOTALS)}, or one of them with .RULE"
        raise UsageError(message)
    name, sign, number, unit = match.groups()
    if unit and name.partition(".")[0] in ONLY_NEW:
        message = f"--expect '{text}': {name} is a difference from the live rules; write a number, not a factor"
        raise UsageError(message)
    return Demand(text.strip(), name, sign, float(number) / (100 if unit == "%" else 1), bool(unit))
