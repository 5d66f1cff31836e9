"""Compares what two rule books decide for the same customers: who gains and who loses a message, and why.

A message of the one book is that of the other if rule, customer and occurrence are the same; a rule that was renamed
(`was`) is the same rule. Examples are chosen by a hash, so that they do not depend on how the work was shared out.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nsmallest
from typing import Final, Literal
from zlib import crc32

import msgspec

from engine.backtest.decided import Decided
from engine.core.book import RuleBook
from engine.core.zones import iso
from engine.model import Outcome, Outreach

EXAMPLES: Final = 3
"""Examples of one kind of change of one rule."""

Kind = Literal["gained", "lost", "moved", "rewritten"]
KINDS: Final[tuple[Kind, ...]] = ("gained", "lost", "moved", "rewritten")
Key = tuple[str, str]
"""Rule, by its new id, and occurrence."""


class Example(msgspec.Struct, frozen=True):
    """One message that changes. `at`: when it is decided, in the new book unless it is lost; ISO 8601."""

    kind: Kind
    rule: str
    customer: str
    occurrence: str
    at: str
    why: str
    subject: str

    @property
    def rank(self) -> tuple[int, str, str]:
        return crc32(f"{self.customer}\0{self.occurrence}".encode()), self.customer, self.occurrence


@dataclass
class Difference:
    """Sums over customers. `changes`: (rule, kind) -> messages; `kept`: rule -> messages that are the same.

    `customers` counts those who only gain, only lose, both, and whose messages only change.
    """

    changes: Counter[tuple[str, Kind]] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)
    customers: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[str, Kind], list[Example]] = field(default_factory=dict)

    def plus(self, other: "Difference") -> "Difference":
        total = Difference(
            self.changes + other.changes, self.kept + other.kept, self.customers + other.customers, {**self.examples}
        )
        for examples in other.examples.values():
            for one in examples:
                total._remember(one)
        return total

    def of(self, rule: str, kind: Kind) -> int:
        return self.changes[rule, kind]

    def total(self, kind: Kind) -> int:
        return sum(count for (_, one), count in self.changes.items() if one == kind)

    def _remember(self, example: Example) -> None:
        kept = self.examples.get((example.rule, example.kind), [])
        chosen = nsmallest(EXAMPLES, [*kept, example], key=lambda one: one.rank)
        self.examples[example.rule, example.kind] = chosen


class Comparison:
    """Compares customers under an old and a new book, and adds them to `difference`."""

    def __init__(self, old: RuleBook, new: RuleBook) -> None:
        self._old = {new.renamed.get(rule, rule) for rule in old.by_id}
        self._new = new
        self.difference = Difference()

    def add(self, old: Decided, new: Decided) -> None:
        """Add a customer."""
        if not (old.outreach or new.outreach):
            return
        before = {self._key(one): one for one in old.outreach}
        after = {self._key(one): one for one in new.outreach}
        kinds = set()
        for key, one in after.items():
            kind = _kind(before[key], one) if key in before else "gained"
            if kind is None:
                self.difference.kept[key[0]] += 1
            else:
                kinds.add(kind)
                self._count(kind, key, one, before.get(key), old)
        for key in before.keys() - after.keys():
            kinds.add("lost")
            self._count("lost", key, before[key], None, new)
        self._whose(kinds)

    def _key(self, outreach: Outreach) -> Key:
        return self._new.renamed.get(outreach.rule, outreach.rule), outreach.occurrence

    def _whose(self, kinds: Iterable[Kind]) -> None:
        kinds = set(kinds)
        if {"gained", "lost"} <= kinds:
            self.difference.customers["gain and lose"] += 1
        elif kinds:
            whose = next((one for one in ("gained", "lost") if one in kinds), "changed")
            self.difference.customers[{"gained": "gain", "lost": "lose"}.get(whose, "change only")] += 1

    def _count(self, kind: Kind, key: Key, one: Outreach, earlier: Outreach | None, other: Decided) -> None:
        self.difference.changes[key[0], kind] += 1
        known = self.difference.examples.get((key[0], kind), ())
        place = crc32(f"{one.customer}\0{one.occurrence}".encode())
        if len(known) == EXAMPLES and place > known[-1].rank[0]:
            return  # most messages are no example: their reason is not worth looking for
        why = self._why(kind, key, one, earlier, other)
        self.difference._remember(Example(kind, key[0], one.customer, one.occurrence, iso(one.at), why, one.subject))

    def _why(self, kind: Kind, key: Key, one: Outreach, earlier: Outreach | None, other: Decided) -> str:
        if kind == "moved" and earlier is not None:
            return f"was decided {iso(earlier.at)}"
        if kind == "rewritten" and earlier is not None:
            return f"was: {earlier.subject}" if earlier.subject != one.subject else "its text differs"
        found = self._end_of(key, other)
        if kind == "gained":
            if key[0] not in self._old:
                return "a new rule"
            return f"with the old rules {found}" if found else "the rule did not come true in the old rules"
        if key[0] not in self._new.by_id:
            return "the rule is gone"
        return found or "the rule does not come true in the new rules"

    def _end_of(self, key: Key, other: Decided) -> str:
        """What the other book decided about the same firing, last."""
        for one in reversed(other.outcomes):
            named = self._new.renamed.get(one.rule, one.rule), one.occurrence
            if named == key and one.outcome is not Outcome.FIRED:
                return f"{one.outcome.value}: {one.reason}"
        return ""


def _kind(old: Outreach, new: Outreach) -> Kind | None:
    """How the message changes; None: it stays as it is."""
    if old.at != new.at:
        return "moved"
    same = (old.channel, old.subject, old.text, old.html) == (new.channel, new.subject, new.text, new.html)
    return None if same else "rewritten"
