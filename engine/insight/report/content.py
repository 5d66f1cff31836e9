"""The parts of a report: sections with a definition, figures and charts.

`build` makes them; the terminal, the page and JSON show them. They hold values and no layout.
"""

from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Literal

Unit = Literal["share", "count", "money", "days", "number"]


@dataclass(frozen=True)
class Figure:
    """One number with its name. `value` None: there is no data for it, or it is beyond what a number holds."""

    id: str
    name: str
    value: float | None
    unit: Unit
    note: str = ""
    less_is_better: bool = False
    """Whether a goal is reached at or below it."""

    def __post_init__(self) -> None:
        if self.value is not None and not isfinite(self.value):
            object.__setattr__(self, "value", None)


@dataclass(frozen=True)
class Lines:
    """Lines over numbers or labels; `band`: low and high around the first line. Values are shares unless said."""

    title: str
    x: list[float]
    lines: dict[str, list[float | None]]
    x_name: str
    labels: list[str] = field(default_factory=list)
    band: list[tuple[float, float]] = field(default_factory=list)
    steps: bool = False
    diagonal: bool = False
    unit: Unit = "share"
    kind: str = "lines"


@dataclass(frozen=True)
class Bars:
    """A chart with one bar per label."""

    title: str
    labels: list[str]
    values: list[float]
    x_name: str
    unit: Unit = "count"
    kind: str = "bars"


@dataclass(frozen=True)
class Heat:
    """A table whose cells are coloured by their value; None: not there yet. `shown`: what stands in a cell."""

    title: str
    rows: list[str]
    columns: list[str]
    cells: list[list[float | None]]
    shown: list[list[str]]
    x_name: str
    kind: str = "heat"


Chart = Lines | Bars | Heat


@dataclass(frozen=True)
class Section:
    """`definition` says in one sentence what its figures are; `note` what to beware of."""

    id: str
    title: str
    definition: str
    figures: list[Figure] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    note: str = ""


@dataclass(frozen=True)
class Report:
    """`until` is exclusive, `period` the one that retention is told of."""

    since: str
    until: str
    period: tuple[str, str]
    zone: str
    currency: str
    sections: list[Section]
    title: str = "How customers stay"
    lead: str = ""
    """What the page says below its title; "": the periods of a report on purchases."""
    made_by: str = "engine metrics"

    def as_data(self) -> dict[str, Any]:
        """The report as plain values, for JSON."""
        return asdict(self)

    def figure(self, id_: str) -> Figure | None:
        return next((one for section in self.sections for one in section.figures if one.id == id_), None)


def written(value: float | None, unit: Unit, currency: str = "") -> str:
    """A figure formatted for people: without a sign where it rounds to zero (`z`)."""
    if value is None:
        return "n/a"
    if unit == "share":
        return f"{100 * value:z.1f} %"
    if unit == "count":
        return f"{value:z,.0f}"
    if unit == "money":
        return f"{value:z,.2f} {currency}".strip() if abs(value) < 1000 else f"{value:z,.0f} {currency}".strip()
    number = f"{value:z.3f}" if abs(value) < 1 else f"{value:z,.1f}"
    return f"{number} days" if unit == "days" else number
