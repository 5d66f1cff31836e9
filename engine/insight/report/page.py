"""The report as one HTML page, readable on a phone and on paper.

Commands with `--html` write it. The page must load nothing and run no script, so that it can be mailed as a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.insight.report.content import Bars, Heat, Lines, Report, Unit, written

WIDTH, HEIGHT = 640.0, 230.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 10.0, 12.0, 40.0
ROW, LETTER = 34.0, 6.2
"""The height of a bar that lies, with its label, and the width of a letter of a label."""


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its position and label."""

    at: float
    text: str


def page(report: Report) -> str:
    """The report as HTML."""
    loader = FileSystemLoader(Path(__file__).parent)
    templates = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    templates.filters["written"] = lambda value, unit: written(value, unit, report.currency)
    templates.globals.update(drawn=_drawn, enumerate=enumerate)
    return templates.get_template("page.html.j2").render(report=report, width=WIDTH, height=HEIGHT, left=LEFT)


def _drawn(chart: Lines | Bars | Heat) -> dict[str, Any]:
    if isinstance(chart, Lines):
        return _lines(chart)
    if isinstance(chart, Heat):
        return {"levels": _levels(chart)}
    return _bars(chart) if _labels_fit(chart) else _rows(chart)


FIFTHS = (0, 0.25, 0.5, 0.75, 1)


def _lines(chart: Lines) -> dict[str, Any]:
    values = [one for line in chart.lines.values() for one in line if one is not None]
    values += [high for _, high in chart.band] + (chart.x if chart.diagonal else [])
    top = _round_up(max(values, default=1.0))
    right = top if chart.diagonal else max(chart.x, default=0.0) or 1.0
    across = [_across(one, right) for one in chart.x]
    lines = {name: _points(across, line, top) for name, line in chart.lines.items()}
    join = _stepped if chart.steps else _joined
    return {
        "paths": {name: join(points) for name, points in lines.items()},
        "dots": [point for points in lines.values() for point in points] if chart.diagonal else [],
        "band": _band(across, chart.band, top),
        "diagonal": (LEFT, _down(0, top), _across(top, top), _down(top, top)) if chart.diagonal else (),
        "y": [Tick(_down(share * top, top), _scale(share * top, chart.unit)) for share in FIFTHS],
        "x": _x_ticks(chart, across, right),
    }


def _scale(value: float, unit: Unit) -> str:
    return f"{100 * value:.3g} %" if unit == "share" else f"{value:,.6g}"


def _points(across: list[float], line: Sequence[float | None], top: float) -> list[tuple[float, float]]:
    return [(x, _down(y, top)) for x, y in zip(across, line, strict=True) if y is not None]


def _band(across: list[float], band: list[tuple[float, float]], top: float) -> str:
    if not band:
        return ""
    upper = _stepped(_points(across, [high for _, high in band], top))
    lower = _stepped(_points(across, [low for low, _ in band], top), backwards=True)
    return f"{upper}{lower.replace('M', 'L', 1)}Z"


def _x_ticks(chart: Lines, across: list[float], right: float) -> list[Tick]:
    if chart.labels:
        every = max(1, -(-len(chart.labels) // 6))
        return [Tick(x, text) for x, text in list(zip(across, chart.labels, strict=True))[::every]]
    if chart.diagonal:
        return [Tick(_across(share * right, right), f"{100 * share * right:.0f} %") for share in FIFTHS]
    days = range(0, int(right) + 1, 60 if right > 180 else 30 if right > 60 else 7)
    return [Tick(_across(day, right), str(day)) for day in days]


def _every(chart: Bars) -> int:
    """Every how many bars one has its label below it."""
    return max(1, len(chart.labels) // 10)


def _step(chart: Bars) -> float:
    return (WIDTH - LEFT - RIGHT) / max(1, len(chart.labels))


def _labels_fit(chart: Bars) -> bool:
    return LETTER * max(map(len, chart.labels), default=0) <= _step(chart) * _every(chart)


def _rows(chart: Bars) -> dict[str, Any]:
    """Bars that lie, each below its label: long names beside each other would print over each other."""
    top = max(chart.values, default=0.0) or 1.0
    rows = [
        (TOP + ROW * place, round(value / top * WIDTH, 1), label, value)
        for place, (value, label) in enumerate(zip(chart.values, chart.labels, strict=True))
    ]
    return {"rows": rows, "height": TOP + ROW * len(rows)}


def _bars(chart: Bars) -> dict[str, Any]:
    top = _round_up(max(chart.values, default=1.0))
    step = _step(chart)
    floor = HEIGHT - BOTTOM
    bars = [
        (LEFT + step * (place + 0.1), _down(value, top), step * 0.8, floor - _down(value, top), label, value)
        for place, (value, label) in enumerate(zip(chart.values, chart.labels, strict=True))
    ]
    shown = list(enumerate(chart.labels))[:: _every(chart)]
    ticks = [Tick(LEFT + step * (place + 0.5), label) for place, label in shown]
    scale = [Tick(_down(share * top, top), _scale(share * top, chart.unit)) for share in (0, 0.5, 1)]
    return {"bars": bars, "x": ticks, "y": scale}


def _across(value: float, high: float) -> float:
    return round(LEFT + value / high * (WIDTH - LEFT - RIGHT), 1)


def _down(value: float, top: float) -> float:
    return round(HEIGHT - BOTTOM - value / (top or 1) * (HEIGHT - TOP - BOTTOM), 1)


def _joined(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) if points else ""


def _stepped(points: list[tuple[float, float]], *, backwards: bool = False) -> str:
    corners = points[:1]
    for (_, level), (x, y) in pairwise(points):
        corners += [(x, level), (x, y)]
    return _joined(corners[::-1] if backwards else corners)


def _round_up(value: float) -> float:
    """The next of 1, 1.2, 1.6, 2, 2.5, 4, 5 and 8 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** len(str(int(value))) if value >= 1 else 1.0
    while power / 10 >= value:
        power /= 10
    return next(
        power * share
        for share in (0.1, 0.12, 0.16, 0.2, 0.25, 0.4, 0.5, 0.8, 1.0)
        if power * share >= value * (1 - 1e-9)
    )


def _levels(chart: Heat) -> list[list[int]]:
    """The strength of each cell's colour, 0 to 100, relative to the highest value below 100 %."""
    parts = [cell for row in chart.cells for cell in row if cell is not None and cell < 1]
    highest = max(parts, default=1.0) or 1.0
    return [
        [0 if cell is None or cell >= 1 else round(100 * (cell / highest) ** 0.7) for cell in row]
        for row in chart.cells
    ]
