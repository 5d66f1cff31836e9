"""Figures in a terminal of 80 columns."""

from io import StringIO

from rich.console import Console

from engine.cli.figures import show
from engine.insight.report.content import Chart, Figure, Heat, Lines, Report, Section


def printed(section: Section, currency: str = "USD") -> str:
    report = Report("1997-01-01", "1998-07-01", ("1998-04-01", "1998-07-01"), "UTC", currency, [section])
    console = Console(file=StringIO(), width=80)
    show(report, console)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def shown(chart: Chart) -> list[str]:
    return printed(Section("cohorts", "Cohorts", "Who buys.", charts=[chart])).split("Who buys.\n")[1].splitlines()


def test_a_table_of_cohorts_shows_the_months_that_fit_and_breaks_no_cell() -> None:
    months = [str(number) for number in range(18)]
    cells: list[list[float | None]] = [[0.12] * 18] * 2
    lines = shown(Heat("Share", ["Jan 97", "Feb 97"], months, cells, [["12%"] * 18] * 2, "months"))
    assert [line.split()[:3] for line in lines[1:]] == [["0", "1", "2"], ["Jan", "97", "12%"], ["Feb", "97", "12%"]]
    assert lines[1].split() == months[:10]


def test_a_line_of_a_year_and_its_ends_stay_on_one_line() -> None:
    again: list[float | None] = [0.0, *[0.456] * 399]
    lines = shown(Lines("Again", list(range(400)), {"bought again": again}, "days"))
    assert len(lines) == 2
    assert lines[1].endswith("  0.0 % … 45.6 %")


def test_surveys_and_currencies_of_customers_may_have_any_name() -> None:
    """The archive has them as they came in events: no name may be read as markup, let alone end the report."""
    figures = [Figure("spent", "spent [/b]", 12.0, "money"), Figure("again", "again", 3.0, "money")]
    text = printed(Section("nps", "Net promoter score: [/bold]", "Who is glad.", figures), "[red]")
    assert "Net promoter score: [/bold]" in text
    assert "12.00 [red]  spent [/b]" in text
