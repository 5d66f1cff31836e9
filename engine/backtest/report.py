"""A backtest's result for people and programs: as JSON, and as the sections of a page.

`engine backtest` prints the one and writes the other. Every number comes from `tally` and `difference`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from engine.backtest.difference import KINDS, Difference, Example
from engine.backtest.history import Manifest
from engine.backtest.run import Result
from engine.backtest.tally import Tally
from engine.core.book import RuleBook
from engine.core.zones import iso
from engine.insight.report.content import Bars, Chart, Figure, Heat, Lines, Report, Section
from engine.model import Outcome
from engine.operate.words import count_of

REASONS: Final = 5
"""Reasons of one rule that are shown."""
MAX_POINTS: Final = 400
"""Days of a chart; a longer history is shown by weeks or months."""


@dataclass(frozen=True)
class Backtest:
    """One backtest that has ended: the books, the history, and what came of it in so many seconds."""

    book: RuleBook
    against: RuleBook | None
    manifest: Manifest
    result: Result
    seconds: float

    @property
    def rules(self) -> list[str]:
        """Ids in file order; those that only the old book has come last."""
        old = (self.book.renamed.get(rule, rule) for rule in self.against.by_id) if self.against else ()
        return list(dict.fromkeys([*self.book.by_id, *old]))

    def old_id(self, rule: str) -> str:
        """What the rule is called in the old book."""
        return self.book.id_in(self.against, rule) if self.against else rule

    @property
    def rate(self) -> float:
        return self.manifest.events / self.seconds if self.seconds else 0.0


def as_data(backtest: Backtest) -> dict[str, Any]:
    """The result as plain values, for JSON."""
    manifest, result = backtest.manifest, backtest.result
    data: dict[str, Any] = {
        "records": manifest.records,
        "events": manifest.events,
        "customers": manifest.customers,
        "duplicates": result.new.duplicates,
        "from": iso(manifest.first) if manifest.events else None,
        "to": iso(manifest.clock) if manifest.events else None,
        "dead_letters": manifest.dead_letters,
        "undeclared": manifest.undeclared,
        "undecidable": result.new.failures,
        "lacks": manifest.lacks,
        "revision": backtest.book.revision,
        "outreach": result.new.outreach,
        "reached": result.new.reached,
        "seconds": round(backtest.seconds, 3),
        "rules": {rule: _rule(result.new, rule) for rule in backtest.book.by_id},
    }
    if backtest.against and result.old and result.difference:
        data["against"] = {
            "revision": backtest.against.revision,
            "outreach": result.old.outreach,
            "reached": result.old.reached,
            "rules": {rule: _rule(result.old, rule) for rule in backtest.against.by_id},
        }
        data["difference"] = _difference(backtest, result.difference)
    return data


def _rule(tally: Tally, rule: str) -> dict[str, Any]:
    return {
        "outcomes": {one.value: count for (whose, one), count in sorted(tally.outcomes.items()) if whose == rule},
        "days": {day: count for (whose, day), count in sorted(tally.days.items()) if whose == rule},
        "reasons": [
            {"outcome": outcome.value, "reason": reason, "count": count}
            for outcome, reason, count in tally.reasons_of(rule, REASONS)
        ],
    }


def _difference(backtest: Backtest, difference: Difference) -> dict[str, Any]:
    return {
        "customers": dict(difference.customers),
        "rules": {
            rule: {"kept": difference.kept[rule], **{kind: difference.of(rule, kind) for kind in KINDS}}
            for rule in backtest.rules
        },
        "examples": [
            {"kind": one.kind, "rule": one.rule, "customer": one.customer, "occurrence": one.occurrence}
            | {"at": one.at, "why": one.why, "subject": one.subject}
            for one in examples_of(backtest)
        ],
    }


def examples_of(backtest: Backtest) -> Iterator[Example]:
    """By rule and kind."""
    if (difference := backtest.result.difference) is None:
        return
    for rule in backtest.rules:
        for kind in KINDS:
            yield from difference.examples.get((rule, kind), ())


def report(backtest: Backtest) -> Report:
    """The result as a report, for a page."""
    sections = [_overview(backtest), _rules(backtest), *_reasons(backtest), *_changes(backtest)]
    manifest = backtest.manifest
    first, last = (iso(moment)[:10] for moment in (manifest.first, manifest.clock))
    zone = str(backtest.book.policy.zones.default)
    title = "What the change would have sent" if backtest.against else "What the rules would have sent"
    lead = (
        f"{count_of(manifest.events, 'event')} of {count_of(manifest.customers, 'customer')} from {first} to {last},"
        f" decided as engine replay decides them. Days begin at midnight in {zone}."
    )
    return Report(first, last, (first, last), zone, "", sections, title, lead, "engine backtest")


def _overview(backtest: Backtest) -> Section:
    result = backtest.result
    figures = [
        Figure("outreach", "messages", result.new.outreach, "count"),
        Figure("reached", "customers who get any", result.new.reached, "count"),
    ]
    if result.old and result.difference:
        figures += [
            Figure("outreach_old", "messages with the old rules", result.old.outreach, "count"),
            *(Figure(kind, f"messages {kind}", result.difference.total(kind), "count") for kind in KINDS),
            *(
                Figure(f"customers_{place}", f"customers who {what}", count, "count")
                for place, (what, count) in enumerate(sorted(result.difference.customers.items()))
            ),
        ]
    chart = _course(backtest)
    return Section("overview", "Messages", "What passed every guard, by day.", figures, [chart] if chart else [])


def _course(backtest: Backtest) -> Chart | None:
    """Messages over time, new against old."""
    new = _by_day(backtest.result.new)
    old = _by_day(backtest.result.old) if backtest.result.old else {}
    if not (new or old):
        return None
    groups = list(_groups(min({*new, *old}), max({*new, *old})))
    lines = {"new": _sums(new, groups)} | ({"old": _sums(old, groups)} if backtest.result.old else {})
    labels = [first for first, _ in groups]
    return Lines(
        "Messages by day" if groups[0][0] == groups[0][1] else "Messages by period",
        [float(place) for place in range(len(groups))],
        lines,
        "first day",
        labels,
        unit="count",
    )


def _by_day(tally: Tally) -> dict[str, int]:
    days: dict[str, int] = {}
    for (_, day), count in tally.days.items():
        days[day] = days.get(day, 0) + count
    return days


def _groups(first: str, last: str) -> Iterator[tuple[str, str]]:
    """Days, or groups of days (first, last), at most MAX_POINTS."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    length = -(-((end - start).days + 1) // MAX_POINTS)
    while start <= end:
        until = start + timedelta(days=length - 1)
        yield start.isoformat(), until.isoformat()
        start = until + timedelta(days=1)


def _sums(days: dict[str, int], groups: list[tuple[str, str]]) -> list[float | None]:
    sums, place = [0.0] * len(groups), 0
    for day in sorted(days):
        while groups[place][1] < day:
            place += 1
        sums[place] += days[day]
    return [*sums]


SHOWN: Final = (
    Outcome.FIRED,
    Outcome.DEFERRED,
    Outcome.CAPPED,
    Outcome.SUPPRESSED,
    Outcome.EXPIRED,
    Outcome.HELD_OUT,
    Outcome.FAILED,
    Outcome.EMITTED,
)


def _rules(backtest: Backtest) -> Section:
    result = backtest.result
    columns = [one.value for one in SHOWN]
    rows = [[f"{result.new.outcomes[rule, one]:,}" for one in SHOWN] for rule in backtest.rules]
    if result.old:
        columns.append("fired, old rules")
        rows = [
            [*row, f"{result.old.fired(backtest.old_id(rule)):,}"]
            for row, rule in zip(rows, backtest.rules, strict=True)
        ]
    charts: list[Chart] = [table("Decisions", backtest.rules, columns, rows)]
    fired = [float(result.new.fired(rule)) for rule in backtest.rules]
    if len(fired) > 1 and any(fired):
        charts.append(Bars("Messages by rule", backtest.rules, fired, ""))
    definition = (
        "How each rule's firings ended after all guards: conditions, reentry, freshness, consent, quiet hours, caps"
        " (docs/rules.md). A deferred firing ends a second time."
    )
    return Section("rules", "Rule by rule", definition, charts=charts)


def _reasons(backtest: Backtest) -> list[Section]:
    rows = [
        (rule, [outcome.value, f"{count:,}", reason])
        for rule in backtest.book.by_id
        for outcome, reason, count in backtest.result.new.reasons_of(rule, REASONS)
    ]
    if not rows:
        return []
    chart = table("Reasons", [rule for rule, _ in rows], ["outcome", "firings", "reason"], [row for _, row in rows])
    definition = f"The {REASONS} most frequent reasons why each rule's firings did not become a message at once."
    return [Section("reasons", "Why not", definition, charts=[chart])]


def _changes(backtest: Backtest) -> list[Section]:
    difference = backtest.result.difference
    if difference is None:
        return []
    kept = [
        [f"{difference.kept[rule]:,}", *(f"{difference.of(rule, kind):,}" for kind in KINDS)] for rule in backtest.rules
    ]
    charts: list[Chart] = [table("Messages that change", backtest.rules, ["the same", *KINDS], kept)]
    examples = list(examples_of(backtest))
    if examples:
        rows = [[one.kind, one.customer, one.at, one.why, one.subject] for one in examples]
        columns = ["change", "customer", "at", "why", "subject"]
        charts.append(table("Examples", [one.rule for one in examples], columns, rows))
    definition = (
        "A message is gained or lost if only the new or only the old rules decide it for a customer and an occasion,"
        " moved if it is decided at another moment, rewritten if only its text differs."
    )
    return [Section("changes", "What changes", definition, charts=charts)]


def table(title: str, rows: list[str], columns: list[str], shown: list[list[str]]) -> Heat:
    """A table without colours."""
    return Heat(title, rows, columns, [[None] * len(columns) for _ in rows], shown, "")
