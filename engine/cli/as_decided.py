"""`engine replay --as-decided`: what production has decided, decided again from an archive, and compared."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import typer
from rich.markup import escape

from engine.cli.console import complain, print_as_json, say
from engine.config import Settings
from engine.errors import UsageError
from engine.operate.words import count_of
from engine.replay.comparison import Comparison, Difference
from engine.wiring.rule_folders import RuleFolders, rules_in

DIFFERENT = 4
"""The exit code where an outcome did not come out as it was recorded."""


def as_decided(settings: Settings, events: Sequence[Path], books: Sequence[Path], *, as_json: bool) -> None:
    """Compare one archive; print what differs."""
    from engine.wiring.as_decided import compare  # DuckDB is a tenth of a start, of no use to other replays

    if len(events) != 1 or not events[0].is_dir():
        message = "--as-decided takes one archive (`engine archive` makes it), with its events and outcomes"
        raise UsageError(message)
    folders = [RuleFolders(settings.rules, settings.templates), *map(rules_in, books)]
    found, lacks = compare(settings, events[0], folders)
    if as_json:
        print_as_json({"differ": found.differ, "lacks": lacks, **msgspec.to_builtins(found)})
    else:
        _show(found, lacks)
    if found.differ or found.undecidable:
        raise typer.Exit(DIFFERENT)


def _show(found: Comparison, lacks: Sequence[str]) -> None:
    for one in lacks:
        complain(f"the archive does not have everything: {one}")
    if found.lost:
        made = count_of(found.lost.total(), "event")
        most = ", ".join(f"{who} ({n:,})" for who, n in found.lost.most_common(3))
        complain(
            f"{made} that rules have made for {count_of(len(found.lost), 'other customer')} are not in the archive, so"
            f" what came of them is not decided again: {most}"
        )
    if found.returned:
        complain(
            f"{count_of(found.returned, 'customer')} were decided by one revision, by another, and by the first again,"
            " and the archive tells of no roll-out: whether what the other one did was taken back is not known"
        )
    say(f"{found.customers:,} customers, {found.events:,} events: {found.same:,} outcomes are the same, byte for byte")
    for revision, count in found.missing.most_common():
        say(f"{count:,} were decided by the rules {revision}, which were not given (--book)")
    if found.undecidable:
        say(f"{found.undecidable:,} inputs cannot be decided: in a worker each is a dead letter")
    for kind, count in found.kinds.items():
        say(f"[bold]{count:,} {kind}[/]")
        for example in (one for one in found.examples if one.kind == kind):
            _show_example(example)


def _show_example(example: Difference) -> None:
    say(f"  {escape(example.customer)} {escape(example.rule)} {escape(example.input)}")
    for name, value in (("recorded", example.recorded), ("again", example.again)):
        if value:
            say(f"    {name:>8} {escape(value)}")
