"""What a mode found: rows of figures and the goals they answer, as tables for a terminal, for Markdown and as JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.markup import escape
from rich.table import Table

Value = str | float | None


@dataclass(frozen=True)
class Goal:
    """What is to be reached. `at_most`: the figure is better when it is smaller."""

    what: str
    figure: float | None
    wanted: float
    at_most: bool = False

    @property
    def reached(self) -> bool | None:
        """None where the figure could not be had in this run."""
        if self.figure is None:
            return None
        return self.figure <= self.wanted if self.at_most else self.figure >= self.wanted


@dataclass
class Section:
    """What one mode found. `how` says what was measured, in a sentence or two; rows have the same keys."""

    title: str
    how: str
    rows: list[dict[str, Value]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    seconds: float = 0.0
    """How long the mode took, with loading and reading back."""

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        goals = [asdict(goal) | {"reached": goal.reached} for goal in self.goals]
        return {"title": self.title, "how": self.how, "rows": self.rows, "goals": goals, "seconds": round(self.seconds)}


def figure(row: Mapping[str, Value], name: str) -> float:
    """A figure of a row that is a number."""
    value = row[name]
    assert isinstance(value, int | float)
    return value


def rich_table(title: str, rows: Sequence[Mapping[str, Value]]) -> Table:
    """For a terminal."""
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=None, pad_edge=False)
    for number, name in enumerate(rows[0]):
        table.add_column(name, justify="left" if number == 0 else "right")
    for row in rows:
        table.add_row(*(escape(shown(value)) for value in row.values()))
    return table


def markdown_table(rows: Sequence[Mapping[str, Value]]) -> str:
    """For a file."""
    names = list(rows[0])
    lines = [names, ["---", *["---:"] * (len(names) - 1)], *([shown(value) for value in row.values()] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def turned(rows: Sequence[Mapping[str, Value]]) -> list[dict[str, Value]]:
    """A row a figure, a column a run: there are more figures than runs. The first figure names the run."""
    head, *figures = rows[0]
    return [{head: name, **{shown(row[head]): row[name] for row in rows}} for name in figures]


def goal_rows(sections: Iterable[Section]) -> list[dict[str, Value]]:
    """All goals together."""
    words = {True: "yes", False: "no", None: "not measured"}
    return [
        {
            "goal": goal.what,
            "measured": goal.figure,
            "wanted": f"{'<=' if goal.at_most else '>='} {shown(goal.wanted)}",
            "reached": words[goal.reached],
        }
        for section in sections
        for goal in section.goals
    ]


def shown(value: Value) -> str:
    """Three digits that matter, and thousands apart."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if value and abs(value) < 1:
        return f"{value:.3f}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.1f}"
