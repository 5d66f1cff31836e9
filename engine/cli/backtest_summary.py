"""A backtest's result in the terminal."""

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding

from engine.backtest.difference import KINDS, Difference
from engine.backtest.report import SHOWN, Backtest, examples_of
from engine.cli.folding import FoldingTable
from engine.cli.summary import chart_of
from engine.model import Outcome
from engine.operate.words import count_of

COLOURS = {"gained": "green", "lost": "red", "moved": "yellow", "rewritten": "cyan"}


def show(backtest: Backtest, console: Console) -> None:
    """Outcomes per rule, outreach over time, what changes with examples, and problems that need attention."""
    console.print(_rules(backtest))
    months: dict[str, int] = {}
    for (_, day), count in backtest.result.new.days.items():
        months[day[:7]] = months.get(day[:7], 0) + count
    console.print(chart_of(months), highlight=False)
    if backtest.result.difference:
        _changes(backtest, backtest.result.difference, console)
    what = f"{count_of(backtest.manifest.events, 'event')}, {backtest.result.new.outreach:,} outreach"
    console.print(f"[bold]{what} in {backtest.seconds:.1f} s ({backtest.rate:,.0f} events/s)[/]", highlight=False)
    for note in _notes(backtest):
        console.print(f"[yellow]{escape(note)}[/]", highlight=False, soft_wrap=True)


def _rules(backtest: Backtest) -> FoldingTable:
    table = FoldingTable(box=None, pad_edge=False, header_style="bold")
    table.add_column("rule")
    columns = [
        one
        for one in SHOWN
        if one is Outcome.FIRED or any(backtest.result.new.outcomes[r, one] for r in backtest.rules)
    ]
    old = backtest.result.old
    for name in [*(["old"] if old else []), *(one.value for one in columns)]:
        table.add_column(name, justify="right")
    for rule in backtest.rules:
        counts = [backtest.result.new.outcomes[rule, one] for one in columns]
        before = [f"{old.fired(backtest.old_id(rule)):,}"] if old else []
        table.add_row(escape(rule), *before, *(f"{count:,}" if count else "[dim]·[/]" for count in counts))
    return table


def _changes(backtest: Backtest, difference: Difference, console: Console) -> None:
    table = FoldingTable(box=None, pad_edge=False, header_style="bold")
    table.add_column("what changes")
    for name in ("the same", *KINDS):
        table.add_column(name, justify="right")
    for rule in backtest.rules:
        counts = [difference.kept[rule], *(difference.of(rule, kind) for kind in KINDS)]
        table.add_row(escape(rule), *(f"{count:,}" if count else "[dim]·[/]" for count in counts))
    console.print(table)
    whose = ", ".join(f"{count:,} {what}" for what, count in sorted(difference.customers.items()))
    console.print(f"\ncustomers: {whose or 'nobody gets anything else'}", highlight=False)
    for one in examples_of(backtest):
        head = f"[{COLOURS[one.kind]}]{one.kind}[/] {escape(f'{one.rule}, {one.customer}, {one.at}')}"
        subject = f" · [dim]{escape(one.subject)}[/]" if one.subject else ""
        console.print(f"  {head}:", highlight=False)
        console.print(Padding(f"{escape(one.why)}{subject}", (0, 0, 0, 4), expand=False), highlight=False)
    console.print()


def _notes(backtest: Backtest) -> list[str]:
    manifest, new = backtest.manifest, backtest.result.new
    notes = [
        f"{count:,} {rule} failed: {reason}"
        for (rule, outcome, reason), count in new.reasons.most_common()
        if outcome is Outcome.FAILED
    ][:5]
    if new.duplicates:
        notes.append(f"{count_of(new.duplicates, 'repeated event')} counted once")
    if manifest.undeclared:
        names = ", ".join(f"{name} ({count:,})" for name, count in sorted(manifest.undeclared.items())[:5])
        notes.append(f"events of types that events.yaml does not declare were passed over: {names}")
    for code, count in sorted(manifest.dead_letters.items()):
        notes.append(f"{count_of(count, 'record')} rejected, {code}; the first: {manifest.first_dead_letter[code]}")
    notes.extend(manifest.lacks)
    if new.failures:
        notes.append(f"{count_of(new.failures, 'input')} could not be decided; the first: {new.first_failure}")
    return notes
