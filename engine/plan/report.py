"""A plan for those who review it: text for a terminal, Markdown for a pull request, and the sections of a page.

`engine plan` prints one of them. All show the same tables, made here once.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from engine.core.zones import DAY, iso, to_millis
from engine.insight.report.content import Heat, Lines, Report, Section
from engine.operate.words import count_of
from engine.plan.build import Plan
from engine.plan.classify import OF_COUPONS, OF_EXPERIMENTS, OF_POINTS, PlannedChange
from engine.plan.estimate import Estimate
from engine.plan.live import ONLY_NEW, TOTALS
from engine.worker.kept_history import INCOMPLETE

_UNKEPT: Final = f"{INCOMPLETE}; `keep` in events.yaml keeps it ahead"


class Table(NamedTuple):
    """A table: its title, what it tells in a sentence, its columns and its rows, the first cell of which is a name."""

    title: str
    definition: str
    columns: list[str]
    rows: list[list[str]]
    is_text: bool = False
    """Its cells are words, not numbers."""


def tables(plan: Plan) -> Iterator[Table]:
    """Every table of the plan that has rows."""
    for table in (
        _rules(plan),
        _cautions(plan),
        _totals(plan),
        _timers(plan),
        _waiting(plan),
        _forecast(plan),
        _past(plan),
        _demands(plan),
    ):
        if table.rows:
            yield table


def heading(plan: Plan) -> str:
    """One sentence: from which to which revision, and by how many customers."""
    size, looked = plan.size, "every one"
    if not size.is_all:
        looked = f"a sample of {size.looked_at:,}, with 95 % intervals"
    return (
        f"{plan.base.revision} → {plan.revision}: {len(plan.changed)} of {len(plan.rules)} rules change, for"
        f" {count_of(size.customers, 'customer')} at {plan.base.clock or 'no moment'} ({looked})"
    )


def shown(estimate: Estimate) -> str:
    """A total with its interval."""
    if estimate.low == estimate.high:
        return f"{estimate.value:z,.0f}"
    return f"{_rounded(estimate.value)} ({_rounded(estimate.low)} to {_rounded(estimate.high)})"


def _rounded(value: float) -> str:
    """To two digits more than the magnitude would be sure of."""
    digits = max(0, len(f"{abs(value):.0f}") - 3)
    return f"{round(value, -digits):z,.0f}"


def _rules(plan: Plan) -> Table:
    rows = [
        [f"{one.rule} (was {one.was})" if one.was else one.rule, one.kind.value, one.meaning or "renamed"]
        for one in plan.changed
    ]
    met = "customers who are there meet it silently"
    rows += [[f"segment {one.rule}", one.kind.value, met + one.offer] for one in plan.segments]
    rows += [[f"points {one.rule}", one.kind.value, OF_POINTS[one.kind] + one.offer] for one in plan.points]
    rows += [[f"coupon {one.rule}", one.kind.value, OF_COUPONS[one.kind] + one.offer] for one in plan.coupons]
    rows += [[f"experiment {one.rule}", one.kind.value, _of_experiment(one)] for one in plan.experiments]
    rows += [[f"events.yaml {one.event}".strip(), one.kind.value, one.so] for one in plan.events]
    rows += [["policy.yaml", "guard", f"another {name.replace('_', ' ')}, for every rule"] for name in plan.policy]
    return Table(
        "What changes", "Rules as compiled: comments and order do not count.", ["rule", "kind", "so"], rows, True
    )


def _of_experiment(change: PlannedChange) -> str:
    meaning = OF_EXPERIMENTS[change.kind]
    anew = f". If it is {change.like} renamed, keep the id: under another one all are exposed anew"
    return meaning + anew if change.like else meaning


def _cautions(plan: Plan) -> Table:
    said = [(one.rule, caution) for one in plan.rules for caution in one.cautions]
    said += [(reader.removeprefix("rule "), f"asks for {asked}: {_UNKEPT}") for reader, asked in plan.unkept]
    rows = [[", ".join(who for who, what in said if what == so), so] for so in dict.fromkeys(what for _, what in said)]
    definition = "What the change does to customers that no number here tells."
    return Table("What to mind", definition, ["rule", "so"], rows, True)


def _totals(plan: Plan) -> Table:
    rows = []
    for name, what in TOTALS.items():
        found = plan.sum_of(name)
        if not (found.old or found.new):
            continue
        only_new = name in ONLY_NEW
        old = "" if only_new else shown(found.total_old(plan.size))
        change = "" if only_new else shown(found.difference(plan.size))
        rows.append([what, old, shown(found.total_new(plan.size)), change])
        if name == "levels_due":
            rows += _of_rules(plan, name)
    definition = (
        f"What becomes of the customers who are there within {count_of(plan.days, 'day')} if nobody does anything: with"
        " the live rules, and with the new ones from now on."
    )
    return Table("Customers who are there", definition, ["", "live rules", "new rules", "difference"], rows)


def _of_rules(plan: Plan, name: str) -> Iterator[list[str]]:
    for one in plan.rules:
        found = plan.sum_of(f"{name}.{one.rule}")
        if found.old or found.new:
            old, new = found.total_old(plan.size), found.total_new(plan.size)
            yield [f"of {one.rule}", shown(old), shown(new), shown(found.difference(plan.size))]


def _timers(plan: Plan) -> Table:
    rows = []
    for one in plan.rules:
        sums = [plan.sum_of(f"{what}.{one.rule}") for what in ("armed", "moved", "dropped", "at_once")]
        if any(found.new for found in sums):
            rows.append([one.rule, *(shown(found.total_new(plan.size)) for found in sums)])
    definition = "Timers of each rule, against those with the live rules; and messages that are due in that moment."
    return Table("Timers", definition, ["rule", "armed", "moved", "dropped", "due at once"], rows)


def _waiting(plan: Plan) -> Table:
    rows = []
    for name, found in sorted(plan.sums.items()):
        if name.startswith("waits.") and (found.old, found.old_squares) != (found.new, found.new_squares):
            rule, _, step = name.removeprefix("waits.").partition(" ")
            rows.append(
                [f"{rule}, before {step}", shown(found.total_old(plan.size)), shown(found.total_new(plan.size))]
            )
    definition = "Customers within journeys whose steps change, and where they stand with each rule book."
    return Table("Within journeys", definition, ["step", "live rules", "new rules"], rows)


def _forecast(plan: Plan) -> Table:
    rows = []
    for one in plan.rules:
        found = plan.sum_of(f"outreach.{one.rule}")
        if found.old or found.new:
            rows.append([one.rule, shown(found.total_old(plan.size)), shown(found.total_new(plan.size))])
    definition = f"Messages within {count_of(plan.days, 'day')}, after all guards, if nobody does anything."
    return Table("Forecast by rule", definition, ["rule", "live rules", "new rules"], rows)


def _past(plan: Plan) -> Table:
    rules = plan.past["difference"]["rules"] if plan.past else {}
    kinds = "kept", "gained", "lost", "moved", "rewritten"
    rows = [[rule, *(f"{counts[kind]:,}" for kind in kinds)] for rule, counts in rules.items()]
    definition = "Messages over the history, had the new rules been live then (docs/backtest.md)."
    return Table("The past", definition, ["rule", "the same", *kinds[1:]], rows)


def _demands(plan: Plan) -> Table:
    rows = [[text, "holds" if holds else "does not hold"] for text, holds in plan.demands.items()]
    return Table("Expected", "At the end of the interval that is worse for it.", ["", ""], rows, True)


def days(plan: Plan) -> tuple[list[str], list[float], list[float]]:
    """The days of the forecast, and the messages of each with the live rules and with the new ones."""
    clock = to_millis(datetime.fromisoformat(plan.base.clock)) if plan.base.clock else 0
    labels = [iso(clock + place * DAY)[:10] for place in range(plan.days)]
    sums = [plan.sum_of(f"day.{place}") for place in range(plan.days)]
    old = [one.total_old(plan.size).value if one.old else 0.0 for one in sums]
    return labels, old, [one.total_new(plan.size).value if one.new else 0.0 for one in sums]


def markdown(plan: Plan) -> str:
    """For a comment on a pull request, or a job's summary."""
    lines = ["### Plan of the rules", "", heading(plan), ""]
    lines += [f"> ⚠️ {note}\n" for note in plan.notes]
    for table in tables(plan):
        lines += [f"**{table.title}.** {table.definition}", ""]
        lines += [_row(table.columns), _row(["---", *["---" if table.is_text else "---:"] * (len(table.columns) - 1)])]
        lines += [*(_row(row) for row in table.rows), ""]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def report(plan: Plan) -> Report:
    """For a page."""
    labels, old, new = days(plan)
    sections = [_section(table) for table in tables(plan)]
    if any((*old, *new)):
        lines: dict[str, list[float | None]] = {"new": [*new], "live": [*old]}
        numbers = [float(place) for place in range(len(labels))]
        chart = Lines("Messages by day", numbers, lines, "day", labels, unit="count")
        definition = "Days of 24 hours from now on, if nobody does anything."
        sections.insert(1, Section("forecast", "Forecast", definition, charts=[chart]))
    first = labels[0] if labels else ""
    lead = heading(plan)
    return Report(
        first, labels[-1] if labels else "", ("", ""), "", "", sections, "Plan of the rules", lead, "engine plan"
    )


def _section(table: Table) -> Section:
    rows = [row[0] or " " for row in table.rows]
    cells: list[list[float | None]] = [[None] * (len(table.columns) - 1) for _ in rows]
    chart = Heat(table.title, rows, table.columns[1:], cells, [row[1:] for row in table.rows], "")
    return Section(table.title.lower().replace(" ", "-"), table.title, table.definition, charts=[chart])
