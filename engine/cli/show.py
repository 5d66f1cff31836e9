"""`engine show`: draws a journey, in the terminal or as SVG."""

from html import escape
from itertools import pairwise
from pathlib import Path
from textwrap import wrap
from typing import Annotated, Final

import typer

from engine.cli.console import out
from engine.cli.opening import open_project
from engine.cli.options import RulesDir, TemplatesDir, settings_of
from engine.cli.whole_files import say_written, write_document
from engine.core.book import Rule
from engine.core.facts import Fact
from engine.core.journeys.outline import Mark, Row, outline
from engine.core.journeys.steps import Journey
from engine.core.triggers.base import DateTrigger
from engine.errors import UsageError
from engine.lang.diagnostics import with_closest

SIGNS: Final[dict[Mark, str]] = {
    "send": "✉", "emit": "⚑", "wait": "◷", "if": "?", "then": "├", "else": "├", "stop": "■"
}  # fmt: skip
COLOURS: Final[dict[Mark, str]] = {
    "send": "#2f6f4f", "emit": "#7a4f9a", "wait": "#8a6d1f", "if": "#355f9e", "then": "#355f9e", "else": "#355f9e",
    "stop": "#8c3b3b",
}  # fmt: skip
INDENT, GAP, BOX, LINE, LEFT = 28, 14, 440, 18, 20
"""Pixels of the SVG: per depth, between boxes, a box's width, a line of text, and the margin."""
TEXT_WIDTH = 58
"""Characters of a line in a box; more would leave it."""


def show(
    rule: Annotated[str, typer.Argument(help="The id of a rule with steps.")],
    svg: Annotated[Path | None, typer.Option(help="Write the picture to this SVG file instead; - for stdout.")] = None,
    rules: RulesDir = None,
    templates: TemplatesDir = None,
) -> None:
    """Draw a journey: its steps, waits and branches, and what ends it.

    Example: engine show first-record --svg first-record.svg
    """
    book = open_project(settings_of(rules=rules, templates=templates)).book
    found = book.by_id.get(rule)
    journey = found.action.journey if found is not None else None
    if found is None or journey is None:
        names = [each.id for each in book.journeys]
        message = f"there is no journey '{rule}'; journeys: {', '.join(names) or 'none'}"
        raise UsageError(with_closest(message, rule, names))
    if svg is not None:
        write_document(svg, drawing(found, journey))
        say_written(svg)
    else:
        out.print("\n".join(lines(found, journey)), markup=False, highlight=False, soft_wrap=True)


def lines(rule: Rule, journey: Journey) -> list[str]:
    """The picture for a terminal."""
    head = [rule.id, *wrap(rule.why, 76), "", f"● begins with {_begins(rule)}"]
    body = [line for row in outline(journey) for line in _row(row)]
    return [*head, *body, "│", "● completed", "", *_ends(rule, journey)]


def _row(row: Row) -> list[str]:
    rail = "│  " * row.depth
    condition = f"  if {row.condition}" if row.condition else ""
    if row.mark in ("then", "else"):
        return [f"{rail}├─ {row.mark}: {row.text}"]
    named = f"{row.name}  " if row.name else ""
    return [f"{rail}│", f"{rail}{SIGNS[row.mark]} {named}{row.text}{condition}"]


def _begins(rule: Rule) -> str:
    trigger = rule.trigger
    ends = trigger.ends.segments | trigger.ends.points
    dates = {trigger.field} if isinstance(trigger, DateTrigger) else set()  # not the zone, which it follows too
    about = ", ".join(sorted(trigger.listens or trigger.segments or ends or dates))
    begins = f"{trigger.kind}: {about}" if about else trigger.kind
    return f"{begins}, one run for each {rule.match}" if rule.match else begins


def _ends(rule: Rule, journey: Journey) -> list[str]:
    goal = [f"goal: {_fact(journey.goal)} ends it at once, and counts"] if journey.goal is not None else []
    return goal + [f"exit: {_fact(fact)} ends it at once" for fact in rule.exits]


def _fact(fact: Fact) -> str:
    where = f" where {fact.where.text}" if fact.where is not None else ""
    return f"{fact.text}{where}{f', of the same {fact.match},' if fact.match else ''}"


def drawing(rule: Rule, journey: Journey) -> str:
    """The picture as SVG."""
    rows, parts, top, tops = outline(journey), [], LEFT + 2 * LINE, list[tuple[int, int]]()
    parts.append(_text(LEFT, LEFT + 4, rule.id, "bold"))
    parts.append(_text(LEFT, LEFT + LINE + 4, f"begins with {_begins(rule)}"))
    for row in rows:
        text = _words(row)
        height = len(text) * LINE + 12
        left = LEFT + row.depth * INDENT
        parts.append(_box(left, top, height, COLOURS[row.mark], dashed=row.mark in ("then", "else")))
        parts += [_text(left + 12, top + 4 + LINE * (place + 1) - 4, line) for place, line in enumerate(text)]
        tops.append((left, top))
        top += height + GAP
    joints = [_joint(left, one, two) for (left, one), (_, two) in pairwise(tops)]
    for line in (piece for end in _ends(rule, journey) for piece in wrap(end, TEXT_WIDTH)):
        parts.append(_text(LEFT, top + 4, line))
        top += LINE
    width = LEFT * 2 + BOX + INDENT * max((row.depth for row in rows), default=0)
    style = "font: 13px system-ui, sans-serif; fill: #1c1c1c"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{top + LEFT}" style="{style}">'
    return "\n".join(
        [head, f'<rect width="{width}" height="{top + LEFT}" fill="#ffffff"/>', *joints, *parts, "</svg>\n"]
    )


def _words(row: Row) -> list[str]:
    said = " ".join(filter(None, (row.mark, row.name and f"{row.name}:", row.text)))
    condition = wrap(f"if {row.condition}", TEXT_WIDTH) if row.condition else []
    return [*wrap(said, TEXT_WIDTH), *condition]


def _box(left: int, top: int, height: int, colour: str, *, dashed: bool) -> str:
    dash = ' stroke-dasharray="4 3"' if dashed else ""
    return (
        f'<rect x="{left}" y="{top}" width="{BOX}" height="{height}" rx="6" fill="#fbfaf7" stroke="{colour}"'
        f' stroke-width="1.5"{dash}/>'
    )


def _joint(left: int, top: int, below: int) -> str:
    return f'<path d="M{left + 14} {top} V{below}" stroke="#9a9a9a" fill="none"/>'


def _text(left: int, base: int, text: str, weight: str = "normal") -> str:
    return f'<text x="{left}" y="{base}" font-weight="{weight}">{escape(text)}</text>'
