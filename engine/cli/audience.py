"""`engine audience`: writes a segment as a list for another program, such as an ad platform."""

import csv
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import complain
from engine.cli.opening import open_project
from engine.cli.options import Data, Namespace, RulesDir, Store, TemplatesDir, settings_of
from engine.cli.whole_files import STANDARD, whole_file
from engine.operate.ad_platforms import FORMS
from engine.operate.audience import AudienceQuery, Counts, channels_of, export
from engine.operate.words import count_of
from engine.wiring.store import open_customers
from engine.wiring.wall_clock import wall_clock


class Platform(StrEnum):
    """Ad platforms whose files have names and forms of their own."""

    GOOGLE = "google"
    META = "meta"


def export_segment(
    segment: Annotated[str, typer.Argument(help="The segment, by its id.")],
    level: Annotated[list[str] | None, typer.Option(help="Only this level; may be given several times.")] = None,
    hashed: Annotated[
        bool, typer.Option("--hashed", help="SHA-256 of the addresses, and no ids of customers.")
    ] = False,
    platform: Annotated[
        Platform | None, typer.Option("--for", help="Hashed, with the columns and the form that this platform reads.")
    ] = None,
    purpose: Annotated[
        str, typer.Option(help="What customers must have consented to, where policy.yaml asks for it.")
    ] = "marketing",
    output: Annotated[Path | None, typer.Option("--out", help="The CSV file; standard output if missing.")] = None,
    store: Store = None,
    data: Data = None,
    namespace: Namespace = None,
    rules: RulesDir = None,
    templates: TemplatesDir = None,
) -> None:
    """Write the customers of a segment as CSV: their ids and addresses, or hashed as ad platforms want it.

    Left out is everybody to whom no message of the purpose could be sent: by the policy's suppression and consent, by
    the senders' suppression list, in the holdout. Workers may be running.

    Example: engine audience export vip --for google --out vip.csv
    """
    settings = settings_of(store=store, data=data, namespace=namespace, rules=rules, templates=templates)
    book = open_project(settings).book
    form = FORMS[platform or ("hashed" if hashed else "plain")]
    wanted, counts = AudienceQuery(segment, form, wall_clock(), frozenset(level or ()), purpose), Counts()
    channels_of(book, wanted)  # says what is wrong before a file is made
    with open_customers(settings) as (opened, suppressions):
        _write(export(opened, suppressions, book, wanted, counts), output)
    complain(f"{count_of(counts.members, 'customer')} in {segment}, {counts.exported:,} exported")
    for reason, number in counts.left_out.most_common():
        complain(f"  left out: {number:,} {reason}")


def _write(rows: Iterable[Sequence[str]], output: Path | None) -> None:
    with whole_file(output or STANDARD, private=True) as file:
        usual, quoted = (csv.writer(file, _Lines, quoting=how) for how in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL))
        for row in rows:  # Python's module takes a lone \r for nothing to quote, and readers take it for the row's end
            (quoted if any("\r" in value for value in row) else usual).writerow(row)


class _Lines(csv.excel):
    """RFC 4180, but with the line ends of text files."""

    lineterminator = "\n"
