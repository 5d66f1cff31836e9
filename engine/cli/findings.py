"""Prints the findings of `run --check` and `doctor` as a list with ok, warn and fail, or as JSON."""

from collections.abc import Iterable
from dataclasses import asdict

import typer
from rich.markup import escape

from engine.cli.console import out
from engine.cli.folding import FoldingTable
from engine.operate.findings import Finding, Level

_COLORS = {Level.OK: "green", Level.WARN: "yellow", Level.FAIL: "red"}


def report(findings: Iterable[Finding], *, as_json: bool) -> None:
    """Print the findings and exit: 0 when all is well, 1 when something fails, 3 with only warnings."""
    found = list(findings)
    if as_json:
        out.print_json(data=[asdict(one) for one in found])
    else:
        out.print(_table(found))
    levels = {one.level for one in found}
    raise typer.Exit(1 if Level.FAIL in levels else 3 if Level.WARN in levels else 0)


def _table(findings: list[Finding]) -> FoldingTable:
    table = FoldingTable(show_header=False, box=None, pad_edge=False)
    for _ in range(3):
        table.add_column()
    for one in findings:
        color = _COLORS[one.level]
        advice = f"\n[dim]→ {escape(one.advice)}[/]" if one.advice else ""
        table.add_row(f"[{color}]{one.level.value}[/]", escape(one.what), escape(one.says) + advice)
    return table
