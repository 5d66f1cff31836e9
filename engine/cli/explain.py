"""`engine explain`: shows why a customer did or did not get an outreach."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from engine.cli.console import out, say
from engine.cli.folding import FoldingTable
from engine.cli.opening import open_project
from engine.cli.options import AsJson, Data, Namespace, RulesDir, Store, TemplatesDir, refuse_ignored, settings_of
from engine.core.book import RuleBook
from engine.core.explain import PointsView, RuleView, SegmentView, explain as views_of, points, segments
from engine.core.zones import iso, iso_or_none
from engine.errors import UsageError
from engine.operate.customers import FoundCustomer, add_endings, find, outcome_in_words, rule_and_step
from engine.replay.replay import Share
from engine.wiring.books import stored_project
from engine.wiring.replay import HistoryFiles, moment_of, replay_into
from engine.wiring.store import open_sending, open_store


def explain(
    customer: Annotated[str, typer.Argument(help="The customer's id.")],
    rule: Annotated[str, typer.Argument(help="Only this rule.")] = "",
    events: Annotated[
        list[Path] | None, typer.Option(help="Replay these events in memory first, instead of reading a store.")
    ] = None,
    until: Annotated[str, typer.Option(help="With --events: let the clock run to here; as for replay.")] = "",
    rules: RulesDir = None,
    templates: TemplatesDir = None,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    as_json: AsJson = False,
) -> None:
    """Show a customer's armed timers and past outcomes, and for each rule why it has not fired.

    Example: engine explain 0042 win-back --events events.jsonl.gz
    """
    refuse_ignored("with --events", {"--until": until and not events})
    settings = settings_of(rules=rules, templates=templates, store=store, data=data, namespace=namespace)
    project = open_project(settings)
    book = project.book
    if events:
        _check_rule(book, rule)
    in_use = settings.model_copy(update={"store": "memory"}) if events else settings
    with open_store(in_use) as opened:
        if events:
            share = Share(customer.__eq__) if not book.makes_for_others else None  # else by others, too
            summary = replay_into(opened, project, HistoryFiles(events, moment_of(until)), share=share)
            if summary.broken:
                raise summary.broken
        found = find(opened, customer)
        if found.trial not in ("", book.revision):
            book = stored_project(opened, found.trial).book
    _check_rule(book, rule)
    views = [view for view in views_of(book, found.state, customer, found.clock) if rule in ("", view.rule)]
    history = [one for one in found.history if rule in ("", one["rule"])]
    if not events:
        with open_sending(settings) as (claims, _):
            add_endings(history, claims)
    if as_json:
        out.print_json(data=_as_data(customer, found, book, views, history))
    else:
        _show(customer, found, book, views, history)


def _check_rule(book: RuleBook, rule: str) -> None:
    if rule and rule not in book.by_id:
        message = f"there is no rule {rule}; there are {', '.join(book.by_id)}"
        raise UsageError(message)


def _show(
    customer: str, found: FoundCustomer, book: RuleBook, views: list[RuleView], history: list[dict[str, Any]]
) -> None:
    state = found.state
    counts = ", ".join(f"{known.count} {name}" for name, known in sorted(state.events.items())) or "no events"
    say(f"[bold]{escape(customer)}[/] at {iso(found.clock)}: {counts}")
    if state.profile:
        profile = sorted(_profile(book, found).items())
        out.print(f"profile: {', '.join(f'{k}={v!r}' for k, v in profile)}", markup=False, highlight=False)
    if state.identified:
        out.print(f"became {state.became} at {iso(state.identified)}", markup=False, highlight=False)
    if state.exposed:
        variants = ", ".join(f"{variant} in {id_}" for id_, variant in sorted(state.exposed.items()))
        out.print(f"exposed to experiments: {variants}", markup=False, highlight=False)
    if found.trial:
        out.print(f"revision {book.revision} decides this customer: see `engine apply`", highlight=False)
    if history:
        out.print(_history_table(history, book.revision))
    if of_segments := segments(book, state):
        out.print(_segments_table(of_segments))
    if of_points := points(book, state, found.clock):
        out.print(_points_table(of_points))
    out.print(_rules_table(views))


def _profile(book: RuleBook, found: FoundCustomer) -> dict[str, Any]:
    """The profile with times in ISO 8601."""
    kinds = {name: field.kind for name, field in book.catalog.profile.items()}
    return {
        name: iso(value) if kinds.get(name) == "time" and isinstance(value, int) else value
        for name, value in found.state.profile.items()
    }


def _table(title: str, *columns: str) -> FoldingTable:
    table = FoldingTable(title=title, title_justify="left", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column == "at")
    return table


def _history_table(history: list[dict[str, Any]], revision: str) -> FoldingTable:
    table = _table("What became of it, newest first", "at", "rule", "outcome", "why")
    for one in history:
        by = "" if one["revision"] == revision else f" (revision {one['revision']})"
        table.add_row(
            one["at"],
            rule_and_step(one),
            escape(outcome_in_words(one)),
            escape(f"{one['reason']}{by}"),
        )
    return table


def _rules_table(views: list[RuleView]) -> FoldingTable:
    table = _table("\nHow each rule stands", "rule", "waits", "would be stopped now by")
    for view in views:
        held = f"; held by quiet hours until {iso(view.deferred[0])}" if view.deferred else ""
        table.add_row(view.rule, escape(view.waits + held), escape("\n".join(view.stops) or "nothing"))
    return table


def _segments_table(views: list[SegmentView]) -> FoldingTable:
    table = _table("\nWhere the customer stands in segments", "segment", "stands", "as long as")
    for view in views:
        table.add_row(view.segment, escape(_stands(view)), escape(view.condition))
    return table


def _points_table(views: list[PointsView]) -> FoldingTable:
    table = _table("\nPoints", "points", "balance", "pending", "what comes")
    for view in views:
        coming = [f"{view.expiring} end at {iso(view.expires_at)}"] if view.expires_at else []
        if view.changes and view.changes != view.expires_at:
            coming.append(f"the balance changes at {iso(view.changes)}")
        table.add_row(view.points, str(view.balance), str(view.pending), "; ".join(coming) or "nothing")
    return table


def _stands(view: SegmentView) -> str:
    parts = [view.level if view.level != "none" else "outside"]
    if view.since:
        parts[0] += f" since {iso(view.since)}"
    if view.kept_until:
        after = "" if view.next == view.level else f", then {view.next} as things are"
        parts.append(f"kept until {iso(view.kept_until)}{after}")
    if view.looks and view.looks != view.kept_until:
        parts.append(f"looked at again at {iso(view.looks)} if nothing happens before")
    return "; ".join(parts)


def _as_data(
    customer: str, found: FoundCustomer, book: RuleBook, views: list[RuleView], history: list[dict[str, Any]]
) -> dict[str, object]:
    return {
        "customer": customer,
        "clock": iso(found.clock),
        "revision": book.revision,
        "profile": _profile(book, found),
        "became": found.state.became,
        "exposed": found.state.exposed,
        "events": {name: known.count for name, known in found.state.events.items()},
        "segments": [_segment_as_data(view) for view in segments(book, found.state)],
        "points": [_points_as_data(view) for view in points(book, found.state, found.clock)],
        "rules": [_rule_as_data(view) for view in views],
        "history": history,
    }


def _segment_as_data(view: SegmentView) -> dict[str, object]:
    return {
        "segment": view.segment,
        "level": view.level,
        "since": iso_or_none(view.since),
        "kept_until": iso_or_none(view.kept_until),
        "next": view.next,
        "looks": iso_or_none(view.looks),
    }


def _points_as_data(view: PointsView) -> dict[str, object]:
    return {
        "points": view.points,
        "balance": view.balance,
        "pending": view.pending,
        "expiring": view.expiring,
        "expires_at": iso_or_none(view.expires_at),
        "changes": iso_or_none(view.changes),
    }


def _rule_as_data(view: RuleView) -> dict[str, object]:
    return {
        "rule": view.rule,
        "why": view.why,
        "waits": view.waits,
        "armed": [iso(due) for due in view.armed],
        "deferred": [iso(due) for due in view.deferred],
        "stops": list(view.stops),
    }
