"""What became of one customer in a backtest: messages, outcomes, failures."""

from collections.abc import Sequence

import msgspec

from engine.core.effects import Decision
from engine.errors import MakesForOthers
from engine.model import OutcomeRecord, Outreach
from engine.ports import OUTREACH, Entry


class Decided:
    """What became of one customer. `outreach` is rendered; `entries` are the same, encoded."""

    __slots__ = ("duplicates", "entries", "failures", "outcomes", "outreach")

    def __init__(self) -> None:
        self.outreach: list[Outreach] = []
        self.entries: list[Entry] = []
        self.outcomes: list[OutcomeRecord] = []
        self.duplicates = 0
        self.failures: list[str] = []

    def add(self, decision: Decision, entries: Sequence[Entry]) -> None:
        """Add a decision that was carried out: its effects became these entries. Raises MakesForOthers."""
        for effect, entry in zip(decision.effects, entries, strict=True):
            if isinstance(effect, Outreach):
                self.outreach.append(effect)
                self.entries.append(entry)
            elif not effect.is_copy:
                raise MakesForOthers(effect.rule)
        self.outcomes += decision.outcomes

    def drop_repeats(self) -> None:
        """Keep each message once: an event repeated after `dedupe` decides it again, with the same id."""
        if len(self.outreach) > 1 and len({one.id for one in self.outreach}) < len(self.outreach):
            first = {one.id: one for one in reversed(self.outreach)}
            self.outreach = [one for one in self.outreach if first[one.id] is one]
            entries = {entry.id: entry for entry in reversed(self.entries)}
            self.entries = [entry for entry in self.entries if entries[entry.id] is entry]


def messages_of(entries: Sequence[Entry]) -> list[Entry]:
    """The outreach among the entries; copies of the customer's own events have happened. Raises MakesForOthers."""
    messages = []
    for entry in entries:
        if entry.destination == OUTREACH:
            messages.append(entry)
            continue
        made = msgspec.json.decode(entry.value)
        if made["customer"] != made["because_of"]:
            raise MakesForOthers(made["rule"])
    return messages
