"""A report of figures: in the terminal, as JSON, or as a page."""

from itertools import accumulate
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from engine.cli.summary import BARS
from engine.cli.whole_files import console_beside, say_written, write_document
from engine.insight.report.content import Bars, Chart, Heat, Lines, Report, Section, written

SHADES = " ░▒▓█"
WIDTH = 60
"""Columns of a chart: it fits a terminal of 80."""
MOST_COLUMNS = 13
"""Columns of a table of cells, at most: month 0 and the year after it."""
LONGEST_NAME = 20
"""Characters that a row's name gets. A longer one is folded, so that no column is left out for it."""


def hand_over(report: Report, html: Path | None, *, as_json: bool) -> None:
    """Write the page if one is asked for, and print the report: as JSON, or in the terminal if there is no page."""
    console = console_beside(html)
    if html:
        write_page(report, html)
    if as_json:
        console.print_json(data=report.as_data())
    elif html:
        say_written(html)
    else:
        show(report, console)


def write_page(report: Report, path: Path) -> None:
    """Write the report as a page."""
    from engine.insight.report.page import page  # Jinja, which figures in the terminal do not need

    write_document(path, page(report))


def show(report: Report, console: Console) -> None:
    """Every section: its definition, figures and charts."""
    period = f"{report.since} until before {report.until}; period {report.period[0]} until before {report.period[1]}"
    console.print(f"[bold]{escape(report.title)}[/]  {escape(report.lead or period)}", highlight=False)
    for section in report.sections:
        _section(section, report.currency, console)


def _section(section: Section, currency: str, console: Console) -> None:
    console.print(f"\n[bold]{escape(section.title)}[/]", highlight=False)
    console.print(f"[dim]{escape(section.definition)}[/]", highlight=False)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(justify="right", style="bold")
    for figure in section.figures:
        value = written(figure.value, figure.unit, currency)
        table.add_row(escape(value), escape(figure.name), f"[dim]{escape(figure.note)}[/]")
    if section.figures:
        console.print(table, highlight=False)
    if section.note:
        console.print(f"[yellow]{escape(section.note)}[/]", highlight=False)
    for chart in section.charts:
        console.print(f"  {chart.title}", highlight=False, markup=False)
        _chart(chart, currency, console)


def _chart(chart: Chart, currency: str, console: Console) -> None:
    if isinstance(chart, Heat):
        console.print(_heat(chart, console.width))
    elif isinstance(chart, Bars):
        top = max(chart.values, default=0) or 1
        wide = max(map(len, chart.labels), default=0)
        for label, value in list(zip(chart.labels, chart.values, strict=True))[:26]:
            bar = "█" * round(value / top * (WIDTH - wide))
            console.print(
                f"  {label:>{wide}} {bar} {written(value, chart.unit, currency)}", highlight=False, markup=False
            )
    else:
        _lines(chart, currency, console)


def _lines(chart: Lines, currency: str, console: Console) -> None:
    """One row of blocks a line, over its whole range from 0."""
    top = max((one for line in chart.lines.values() for one in line if one is not None), default=0) or 1
    wide = max(map(len, chart.lines))
    for name, line in chart.lines.items():
        ends = f"{written(line[0], chart.unit, currency)} … {written(line[-1], chart.unit, currency)}"
        most = max(1, min(WIDTH, console.width - wide - len(ends) - 5))
        sampled = [line[place * len(line) // most] for place in range(most)] if len(line) > most else line
        row = "".join(" " if one is None else BARS[round(max(0.0, one) / top * 8)] for one in sampled)
        console.print(f"  {name:>{wide}} {row}  {ends}", highlight=False, markup=False)


def _heat(chart: Heat, width: int) -> Table:
    most = _fitting(chart, width)
    table = Table(box=None, pad_edge=True, header_style="dim")
    table.add_column("", style="dim")
    for column in chart.columns[:most]:
        table.add_column(column, justify="right")
    for name, cells, shown in zip(chart.rows, chart.cells, chart.shown, strict=True):
        levels = [min(4, int((one or 0) ** 0.5 * 5)) for one in cells[:most]]
        texts = [f"{escape(text)} {SHADES[level]}" for text, level in zip(shown[:most], levels, strict=True)]
        table.add_row(escape(name), *texts)
    return table


def _fitting(chart: Heat, width: int) -> int:
    """How many columns fit. Each has a space at both sides, and a cell a space and its shade."""
    texts = zip(chart.columns, *([f"{text} ." for text in row] for row in chart.shown), strict=True)
    name = min(LONGEST_NAME, max(map(len, chart.rows), default=0))
    taken = accumulate((max(map(len, each)) + 2 for each in texts), initial=name + 2)
    return min(MOST_COLUMNS, sum(one <= width for one in taken) - 1)
