"""Prints the summary of a replay, as text or as JSON."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from engine.cli.folding import FoldingTable
from engine.core.book import RuleBook
from engine.errors import CommandFailed
from engine.model import Outcome
from engine.operate.words import count_of
from engine.replay.summary import Summary

RARE = (Outcome.HELD_OUT, Outcome.EMITTED)
"""Shown where there are any."""
COLUMNS = (
    Outcome.FIRED,
    Outcome.DEFERRED,
    Outcome.CAPPED,
    Outcome.SUPPRESSED,
    Outcome.EXPIRED,
    Outcome.FAILED,
)
BARS = " ▁▂▃▄▅▆▇█"
WIDTH = 40
MOST_TROUBLES = 5
"""Reasons of failures that are told, the most frequent ones."""


def show(summary: Summary, book: RuleBook, console: Console, dead_letters: Path | None) -> None:
    """Outcomes per rule, outreach over time, and problems that need attention."""
    console.print(_rules_table(summary, book))
    console.print(chart_of(summary.months), highlight=False)
    rate = summary.events / summary.seconds if summary.seconds else 0
    what = f"{count_of(summary.events, 'event')}, {summary.fired():,} outreach"
    console.print(f"[bold]{what} in {summary.seconds:.1f} s ({rate:,.0f} events/s)[/]", highlight=False)
    for note in _notes(summary, dead_letters):
        console.print(f"[yellow]{escape(note)}[/]", highlight=False, soft_wrap=True)


def _rules_table(summary: Summary, book: RuleBook) -> FoldingTable:
    table = FoldingTable(box=None, pad_edge=False, header_style="bold")
    table.add_column("rule")
    columns = [*COLUMNS, *(one for one in RARE if any(summary.outcomes[rule.id, one] for rule in book.rules))]
    for outcome in columns:
        table.add_column(outcome.value, justify="right")
    for rule in book.rules:
        counts = [summary.outcomes[rule.id, outcome] for outcome in columns]
        table.add_row(rule.id, *(f"{count:,}" if count else "[dim]·[/]" for count in counts))
    return table


def chart_of(counts: Mapping[str, int]) -> str:
    """Outreach over time as one line of bars, from the first month ("1997-03") to the last."""
    if not counts:
        return ""
    first, last = min(counts), max(counts)
    months = _months(first, last)
    step = -(-len(months) // WIDTH)
    groups = [sum(counts.get(month, 0) for month in months[i : i + step]) for i in range(0, len(months), step)]
    return f"\noutreach {first} {bars_of(groups, max(groups))} {last}\n"


def bars_of(counts: Iterable[int], top: int) -> str:
    """A bar for each count, as high as its part of `top`; only 0 has none."""
    return "".join(BARS[-(-count * (len(BARS) - 1) // top)] for count in counts)


def _months(first: str, last: str) -> list[str]:
    year, month = map(int, first.split("-"))
    months = []
    while (text := f"{year:04}-{month:02}") <= last:
        months.append(text)
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return months


def _notes(summary: Summary, dead_letters: Path | None) -> list[str]:
    troubles = _troubles(summary)
    notes = [
        f"{count:,} {rule} {outcome.value}: {reason}" for (rule, outcome, reason), count in troubles[:MOST_TROUBLES]
    ]
    if further := sum(count for _, count in troubles[MOST_TROUBLES:]):
        notes.append(f"{further:,} more failed for other reasons; --outcomes FILE tells all")
    if summary.duplicates:
        notes.append(f"{count_of(summary.duplicates, 'repeated event')} counted once")
    if summary.undeclared:
        names = ", ".join(f"{name} ({count:,})" for name, count in summary.undeclared.most_common(5))
        notes.append(f"events of types that events.yaml does not declare were passed over: {names}")
    for code, count in summary.dead_letters.most_common():
        notes.append(f"{count_of(count, 'record')} rejected, {code}; the first: {summary.first_dead_letter[code]}")
    if summary.dead_letters:
        notes.append(
            f"what was rejected is in {dead_letters}" if dead_letters else "--dead-letters FILE keeps rejected records"
        )
    if summary.recovered:
        notes.append(f"{summary.recovered:,} outreach of an interrupted run were published first")
    return notes


def _troubles(summary: Summary) -> list[tuple[tuple[str, Outcome, str], int]]:
    failed = [item for item in summary.reasons.items() if item[0][1] is Outcome.FAILED]
    return sorted(failed, key=lambda item: -item[1])


def nothing_usable(dead_letters: Mapping[str, int], firsts: Mapping[str, str]) -> CommandFailed:
    """The error of a history none of whose records could be used. Both: by code."""
    code = max(dead_letters, key=dead_letters.__getitem__)
    message = f"no record could be used; the reason of most is {code}: {firsts[code]}"
    return CommandFailed(message)


def as_data(summary: Summary) -> dict[str, Any]:
    """The summary as JSON."""
    rules: dict[str, dict[str, int]] = {}
    for (rule, outcome), count in sorted(summary.outcomes.items()):
        rules.setdefault(rule, {})[outcome.value] = count
    return {
        "records": summary.records,
        "events": summary.events,
        "duplicates": summary.duplicates,
        "outreach": summary.fired(),
        "seconds": round(summary.seconds, 3),
        "rules": rules,
        "months": dict(sorted(summary.months.items())),
        "dead_letters": dict(summary.dead_letters),
        "undeclared": dict(summary.undeclared),
    }
