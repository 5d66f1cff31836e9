"""`engine schema`: prints the JSON Schemas of the YAML files and of the outreach record."""

from pathlib import Path
from typing import Annotated

import typer

from engine.cli.console import out
from engine.cli.options import refuse_ignored
from engine.errors import UsageError
from engine.lang.schema import FILES, FOLDER, schema_text, write_schemas
from engine.wire import outreach_schema as outreach_form

OUTREACH = "outreach"
NAMES = (*FILES, OUTREACH)


def schema(
    name: Annotated[str, typer.Argument(help=f"Of what: {', '.join(NAMES)}.")] = "rules",
    write: Annotated[bool, typer.Option("--write", help="Write those of all files into --to instead.")] = False,
    to: Annotated[
        Path, typer.Option(help="The folder for --write.", show_default="where the engine has its own")
    ] = FOLDER,
) -> None:
    """Print the JSON Schema of a kind of file, for editors that complete and check, or of the outreach record.

    Example: engine schema events > events.schema.json
    """
    if name not in NAMES:
        message = f"there is no schema {name}; there are {', '.join(NAMES)}"
        raise UsageError(message)
    refuse_ignored("with --write", {"--to": to != FOLDER and not write})
    if not write:
        typer.echo(outreach_form.schema_text() if name == OUTREACH else schema_text(name), nl=False)
        return
    for path in write_schemas(to):
        out.print(str(path), markup=False, highlight=False)
